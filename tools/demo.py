"""`make demo`: the real Pulumi engine with an emulated ngrok API.

It runs a copy of examples/quickstart, with `YAML=1` of examples/yaml by the provider plugin, with `FULL=1` of
examples/bind with a real BIND, in which the emulator looks up the records. Each has its own folder in .build, with the
copy and its state. The Python that runs this is that of the environment like a user's, from `tools.environment`.
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

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tools import bind, pulumi_cli
from tools.steps import BUILD, ROOT, StepError, exit_status

DOMAIN = "connect.acme.com"
BIND_KEY = Key("agin", [DOMAIN])
# The examples, and the variables of make that select them.
VARIABLES = {"quickstart": "", "yaml": " YAML=1", "bind": " FULL=1"}
NEXT_STEPS = """
Next steps:
  make demo{variable:<13} run it again: nothing has changed, so nothing is done
  make demo-shell{variable:<7} a shell for commands such as pulumi preview
  make demo-destroy      destroy the ingress and everything that the demos made
To run it on ngrok's API, which charges for the ingress every month, see examples/{example}/README.md"""


def up(example: str) -> None:
    with running(example) as env:
        run(env, "pulumi", "up", "--yes")
        if example == "bind":
            print("\nThe delegation, as the demo's DNS server returns it:")
            host, port = env["AGIN_DEMO_DNS"].split(":")
            dig = bind.find_or_make().dig
            run(env, dig, f"@{host}", "-p", port, "+norecurse", "+noall", "+authority", DOMAIN, "NS")
    print(NEXT_STEPS.format(example=example, variable=VARIABLES[example]))


def shell(example: str) -> None:
    with running(example) as env:
        print(f"\nThe emulated ngrok API is {env['NGROK_API_BASE_URL']}, until you leave this shell with exit. Try:")
        if example == "bind":
            print(f"  pulumi-agin doctor {DOMAIN} --dns {env['AGIN_DEMO_DNS']}")
        else:
            print("  pulumi config set description 'other devices'\n  pulumi up")
        # The start-up files of a shell may change PATH and the prompt.
        run({**env, "PS1": "(agin demo) $ "}, "bash", "--norc", may_fail=True)


def destroy(_example: str) -> None:
    """Destroys the resources and folders of all demos, whatever the example is."""
    made = [example for example in VARIABLES if folder_of(example).exists()]
    if not made:
        print("There is nothing to destroy: make demo has not been run.")
    for example in made:
        with running(example) as env:
            if example != "bind":
                print("The example protects the ingress, as for a fleet. So its protection is removed first.")
                run(env, "pulumi", "state", "unprotect", "--all", "--yes")
            run(env, "pulumi", "destroy", "--yes")
        shutil.rmtree(folder_of(example))
        print("The demo and its folder are removed.")


@contextmanager
def running(example: str) -> Iterator[Mapping[str, str]]:
    """Runs the emulator, and BIND for its example. Yields the environment to run commands in."""
    folder = folder_of(example)
    shutil.copytree(ROOT / "examples" / example, folder / "project", dirs_exist_ok=True)
    env = pulumi_environment(folder)
    if example == "yaml":
        pulumi_cli.add_host("yaml", pulumi_cli.find_or_make())
        with (folder / "project" / "Pulumi.yaml").open("a", encoding="utf-8") as file:
            file.write(f"plugins: {{providers: [{{name: agin, path: {sys.prefix}/bin}}]}}\n")
    with ExitStack() as servers:
        if example == "bind":
            # It keeps its records in this folder.
            dns = Bind(bind.find_or_make(), folder / "bind", [BIND_KEY], port=port_of(folder / "bind"))
            env["AGIN_DEMO_DNS"] = servers.enter_context(dns).address
        ingresses = folder / "agent-ingresses.json"
        emulator = Emulator(port=port_of(folder), file=ingresses, dns=env.get("AGIN_DEMO_DNS"))
        env["NGROK_API_BASE_URL"] = servers.enter_context(emulator).url
        if not (folder / "project" / f"Pulumi.{folder.name}.yaml").exists():
            make_stack(folder.name, env)
        yield env


def make_stack(name: str, env: Mapping[str, str]) -> None:
    run(env, "pulumi", "stack", "select", "--create", name)
    config = {"domain": DOMAIN}
    if "AGIN_DEMO_DNS" in env:
        server, port = env["AGIN_DEMO_DNS"].split(":")
        config |= {"server": server, "port": port, "zone": "acme.com", "tsigKeyName": BIND_KEY.name}
        # Not on the command line, which other users of this machine can see.
        secret = ["pulumi", "config", "set", "--secret", "tsigSecret"]
        subprocess.run(secret, cwd=env["PWD"], env=env, input=BIND_KEY.secret, text=True, check=True)
    run(env, "pulumi", "config", "set-all", *(f"--plaintext={key}={value}" for key, value in config.items()))


def pulumi_environment(folder: Path) -> dict[str, str]:
    """Returns an environment as a user has it, without the caller's settings for Pulumi and ngrok."""
    foreign = re.compile(r"PULUMI_|NGROK_|PYTHONHOME$|PYTHONPATH$")
    (folder / "state").mkdir(exist_ok=True)
    return {
        **{name: value for name, value in os.environ.items() if not foreign.match(name)},
        "PATH": os.pathsep.join([f"{sys.prefix}/bin", str(pulumi_cli.find_or_make()), os.environ["PATH"]]),
        "PWD": str(folder / "project"),
        "VIRTUAL_ENV": sys.prefix,
        # No proxy for processes of this machine.
        "no_proxy": "127.0.0.1",
        "NO_PROXY": "127.0.0.1",
        # The emulator's own key.
        "NGROK_API_KEY": "emulator-key",
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": (folder / "state").as_uri(),
        "PULUMI_CONFIG_PASSPHRASE": "demo",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def folder_of(example: str) -> Path:
    return BUILD / f"agin-demo-{example}"


def port_of(folder: Path) -> int:
    """Returns a port for the server of a folder: always the same, because the stack's config and state contain it."""
    return 20000 + zlib.crc32(os.fsencode(folder)) % 12000


def run(env: Mapping[str, str], *command: str, may_fail: bool = False) -> None:
    """Runs a command in the user's terminal and the demo's project."""
    print(f"\n$ {shlex.join(command)}")
    process = subprocess.Popen(command, cwd=env["PWD"], env=env)
    try:
        status = process.wait()
    except KeyboardInterrupt:
        # The terminal has interrupted the command, too, which finishes its work.
        process.wait()
        raise
    if status != 0 and not may_fail:
        raise StepError(f"{command[0]} {command[1]} ended with exit code {status}.")


def main() -> None:
    # In one order with the output of the commands.
    sys.stdout.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    parser = argparse.ArgumentParser(prog="tools.demo", description="Runs the demo without make.")
    parser.add_argument("command", choices=("up", "shell", "destroy"))
    parser.add_argument("--example", choices=VARIABLES, default="quickstart", help="the example (default: %(default)s)")
    options = parser.parse_args()
    commands = {"up": up, "shell": shell, "destroy": destroy}
    commands[options.command](options.example)


if __name__ == "__main__":
    sys.exit(exit_status(main))
