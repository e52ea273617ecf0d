"""`make demo`: the real Pulumi engine with an emulated ngrok API.

By default, it runs a copy of examples/quickstart. `YAML=1` runs examples/yaml with the provider plugin. `FULL=1` runs
examples/bind with a real BIND, where the emulator looks up the records. Each has its own folder in .build, with the
copy and its state, and ends all processes that it starts.
"""

from __future__ import annotations

import argparse
import os
import re
import shlex
import shutil
import subprocess
import sys
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.bind import Bind, Key
from tools import bind, environment, pulumi_cli
from tools.steps import BUILD, ROOT, StepError, end, exit_status

DOMAIN = "connect.acme.com"
# The name of each example's stack, and of the folder in .build.
STACKS = {"quickstart": "agin-demo", "yaml": "agin-demo-yaml", "bind": "agin-demo-full"}
VARIABLES = {"quickstart": "", "yaml": " YAML=1", "bind": " FULL=1"}


def up(example: str) -> None:
    with running(example) as env:
        run(env, "pulumi", "up", "--yes")
        if example == "bind":
            show("\nThe delegation, as the demo's DNS server returns it:")
            host, port = env["AGIN_DEMO_DNS"].split(":")
            dig = bind.find_or_make().dig
            run(env, dig, f"@{host}", "-p", port, "+norecurse", "+noall", "+authority", DOMAIN, "NS")
    show("\nNext steps:")
    for command, effect in (
        (f"demo{VARIABLES[example]}", "run it again: nothing has changed, so nothing is done"),
        (f"demo-shell{VARIABLES[example]}", "a shell for commands such as pulumi preview"),
        ("demo-destroy", "destroy the ingress and everything that the demos made"),
    ):
        show(f"  make {command:<18} {effect}")
    show("With an ngrok API key, `pulumi up` runs it on ngrok's API (ngrok then charges for the ingress every month):")
    show(f"see examples/{example}/README.md")


def shell(example: str) -> None:
    with running(example) as env:
        show(f"\nThe emulated ngrok API is {env['NGROK_API_BASE_URL']}, until you leave this shell with exit. Try:")
        if example == "bind":
            show(f"  pulumi-agin doctor {DOMAIN} --dns {env['AGIN_DEMO_DNS']}")
        else:
            show("  pulumi config set description 'other devices'\n  pulumi up")
        # The start-up files of a shell may change PATH and the prompt.
        command = ["bash", "--norc"] if shutil.which("bash") else ["sh"]
        run({**env, "PS1": "(agin demo) $ "}, *command, may_fail=True)


def destroy() -> None:
    """Destroys the resources and folders of all demos."""
    made = [example for example, stack in STACKS.items() if (BUILD / stack).exists()]
    if not made:
        show("There is nothing to destroy: make demo has not been run.")
    for example in made:
        with running(example) as env:
            if example != "bind":
                show("The ingress is protected, because a fleet depends on it. So its protection is removed first.")
                run(env, "pulumi", "state", "unprotect", "--all", "--yes")
            run(env, "pulumi", "destroy", "--yes")
        shutil.rmtree(BUILD / STACKS[example])
        show("The demo and its folder are removed.")


@contextmanager
def running(example: str) -> Iterator[Mapping[str, str]]:
    """Runs the emulator, and BIND for its example. Yields the environment to run commands in."""
    folder = BUILD / STACKS[example]
    user = environment.user()
    cli = pulumi_cli.find_or_make()
    shutil.copytree(ROOT / "examples" / example, folder / "project", dirs_exist_ok=True)
    env = pulumi_environment(folder, user, cli)
    if example == "yaml":
        env["PATH"] += f"{os.pathsep}{pulumi_cli.find_or_make_host(pulumi_cli.YAML, cli)}"
        with (folder / "project" / "Pulumi.yaml").open("a", encoding="utf-8") as file:
            file.write(f"plugins: {{providers: [{{name: agin, path: {user / 'bin'}}}]}}\n")
    with ExitStack() as servers:
        server = servers.enter_context(name_server(folder)) if example == "bind" else None
        if server:
            env["AGIN_DEMO_DNS"] = server.address
        env["NGROK_API_BASE_URL"] = servers.enter_context(emulator(folder, env))
        make_stack(folder, env, server)
        yield env


def make_stack(folder: Path, env: Mapping[str, str], server: Bind | None) -> None:
    """Makes and configures the stack if it does not exist."""
    if (folder / "project" / f"Pulumi.{folder.name}.yaml").exists():
        return
    (folder / "state").mkdir(exist_ok=True)
    run(env, "pulumi", "stack", "select", "--create", folder.name)
    run(env, "pulumi", "config", "set", "domain", DOMAIN)
    if server:
        [key] = server.keys
        address = ("server=127.0.0.1", f"port={server.port}", f"zone={server.zone}")
        plain = [f"--plaintext={each}" for each in (*address, f"tsigKeyName={key.name}")]
        run(env, "pulumi", "config", "set-all", *plain)
        # Not on the command line, which other users of this machine can see.
        run(env, "pulumi", "config", "set", "--secret", "tsigSecret", stdin=key.secret)


def pulumi_environment(folder: Path, user: Path, cli: Path) -> dict[str, str]:
    """Returns an environment as after the activation of `user`, without the caller's settings for Pulumi and ngrok."""
    foreign = re.compile(r"PULUMI_|NGROK_|PYTHONHOME$|PYTHONPATH$")
    inherited = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    # No proxy for the emulator.
    without_proxy = {name: f"{inherited.get(name, '')},127.0.0.1".lstrip(",") for name in ("no_proxy", "NO_PROXY")}
    return {
        **inherited,
        **without_proxy,
        "PATH": os.pathsep.join([str(user / "bin"), str(cli), inherited.get("PATH", os.defpath)]),
        "PWD": str(folder / "project"),
        "VIRTUAL_ENV": str(user),
        # The emulator's own key.
        "NGROK_API_KEY": "emulator-key",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "demo",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def name_server(folder: Path) -> Bind:
    """Returns a BIND, which keeps its records in the demo's folder."""
    return Bind(bind.find_or_make(), folder / "bind", [Key("agin", [DOMAIN])], port=port_of(folder / "bind"))


@contextmanager
def emulator(folder: Path, env: Mapping[str, str]) -> Iterator[str]:
    """Runs `pulumi-agin emulator`, which keeps its ingresses in a file. Yields its URL."""
    options = ["--port", str(port_of(folder)), "--file", str(folder / "agent-ingresses.json")]
    if "AGIN_DEMO_DNS" in env:
        options += ["--dns", env["AGIN_DEMO_DNS"]]
    command = [f"{env['VIRTUAL_ENV']}/bin/pulumi-agin", "emulator", *options]
    log = folder / "emulator.log"
    with log.open("wb") as errors:
        # In a separate group: after Ctrl-C, pulumi needs the emulator to finish its work.
        process = subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        )
    with process:
        try:
            assert process.stdout
            url = process.stdout.readline().decode().strip()
            if not url:
                raise StepError(f"The emulator did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
            show(f"$ {shlex.join(['pulumi-agin', *command[1:]])}")
            yield url
        finally:
            end(process)


def port_of(folder: Path) -> int:
    """Returns a port for the server of a folder: always the same, because the stack's config and state contain it."""
    return 20000 + zlib.crc32(os.fsencode(folder)) % 12000


def run(env: Mapping[str, str], *command: str, may_fail: bool = False, stdin: str | None = None) -> None:
    """Runs a command in the user's terminal and the demo's project."""
    show(f"\n$ {shlex.join(command)}")
    pipe = None if stdin is None else subprocess.PIPE
    with subprocess.Popen(command, cwd=env["PWD"], env=env, stdin=pipe, text=True) as process:
        try:
            process.communicate(stdin)
        except KeyboardInterrupt:
            # The terminal has interrupted the command, too, which finishes its work.
            process.wait()
            raise
    if process.returncode != 0 and not may_fail:
        raise StepError(f"{command[0]} {command[1]} ended with exit code {process.returncode}.")


def show(message: str) -> None:
    print(message, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.demo", description="Runs the demo without make.")
    parser.add_argument("command", choices=("up", "shell", "destroy"))
    parser.add_argument("--example", choices=STACKS, default="quickstart", help="the example (default: %(default)s)")
    options = parser.parse_args()
    commands = {"up": lambda: up(options.example), "shell": lambda: shell(options.example), "destroy": destroy}
    return exit_status(commands[options.command])


if __name__ == "__main__":
    sys.exit(main())
