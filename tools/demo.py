"""`make demo`: the real Pulumi engine with an emulated ngrok API.

By default, it runs the root project. `YAML=1` runs examples/yaml with the provider plugin. `FULL=1` runs
examples/bind with a real BIND, where the emulator looks up the records. Each writes only to its own folder, which
also holds its state, and ends all processes that it starts.
"""

from __future__ import annotations

import argparse
import fcntl
import json
import os
import re
import runpy
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support.bind import Bind, Key
from tests.support.ports import free_port, is_free
from tools import bind, environment, pulumi_cli
from tools.steps import BUILD, ROOT, STOP_SECONDS, StepError, end, exit_status

# The emulator's own key.
API_KEY = "emulator-key"
DOMAIN = "connect.acme.com"


@dataclass(frozen=True)
class Demo:
    """One of the demos: the variable of `make demo` that selects it, the folder of its Pulumi.yaml, and its stack."""

    variable: str
    project: Path
    stack: str

    @property
    def is_yaml(self) -> bool:
        """Whether its program is in YAML, and uses the provider plugin."""
        return self.variable == "YAML=1"

    @property
    def has_bind(self) -> bool:
        """Whether it has a BIND, for the NS records."""
        return self.variable == "FULL=1"

    @property
    def folder(self) -> Path:
        """The folder of everything that the demo makes."""
        return BUILD / self.stack

    @property
    def config(self) -> Path:
        """The config file of the stack. It is kept out of the project's folder."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    @property
    def ingresses(self) -> Path:
        """The file in which the emulator stores the ingresses."""
        return self.folder / "agent-ingresses.json"


DEMOS = {
    "quickstart": Demo("", ROOT, "agin-demo"),
    "yaml": Demo("YAML=1", ROOT / "examples" / "yaml", "agin-demo-yaml"),
    "full": Demo("FULL=1", ROOT / "examples" / "bind", "agin-demo-full"),
}


def up(demo: Demo, description: str | None) -> None:
    with running(demo) as env:
        config_before = demo.config.read_bytes()
        if description is not None:
            pulumi(env, "config", "set", "description", description)
        try:
            pulumi(env, "up", "--yes")
        except StepError:
            # Otherwise a description that is rejected would fail every later run.
            demo.config.write_bytes(config_before)
            raise
        if demo.has_bind:
            host, port = env["AGIN_DEMO_DNS"].split(":")
            query = [f"@{host}", "-p", port, "+norecurse", "+noall", "+authority", DOMAIN, "NS"]
            show(f"\n# The delegation, as every resolver sees it:\n$ {shlex.join(['dig', *query])}")
            foreground([bind.find_or_make().dig, *query], env)
    show_next_steps(demo)


def show_next_steps(demo: Demo) -> None:
    def row(command: str, what: str) -> None:
        show(f"  make {' '.join(command.split()):<32} {what}")

    show("\nNext steps:")
    row(f"demo {demo.variable}", "run it again: nothing has changed, so nothing is done")
    if not demo.has_bind:
        row(f'demo {demo.variable} DESCRIPTION="…"', "change the description: an update in place")
    row(f"demo-shell {demo.variable}", f"a shell for commands such as pulumi preview, pulumi-agin doctor {DOMAIN}")
    row("demo-destroy", "destroy the ingress and everything that the demos made")
    if demo.variable == "":
        row("demo FULL=1", "the complete setup in 30 seconds: BIND, NS records, certificate and agent configuration")
        row("demo YAML=1", "the same in YAML, with the provider plugin")
    example = "examples/quickstart" if demo.project == ROOT else demo.project.relative_to(ROOT)
    show(f"With an ngrok API key, `pulumi up` runs it on ngrok's API: see {example}/README.md")


def shell(demo: Demo) -> None:
    with running(demo) as env:
        if not demo.ingresses.exists() or not json.loads(demo.ingresses.read_text(encoding="utf-8"))["ingresses"]:
            pulumi(env, "up", "--yes")
        show(
            f"\npulumi works on the demo's stack here. The emulated ngrok API is {env['NGROK_API_BASE_URL']},\n"
            f"until this shell ends; its log is {demo.folder / 'emulator.log'}. Leave with exit."
        )
        if demo.has_bind:
            show(
                f"Try this, and see which checks pass:\n  pulumi-agin doctor {DOMAIN} --dns {env['AGIN_DEMO_DNS']}\n"
                "Remove the NS records, and create them again:\n"
                "  pulumi destroy --yes --target-dependents --target '**Rfc2136Delegation**'\n"
                "  pulumi up --yes\n"
            )
        # The start-up files of a shell may change PATH and the prompt.
        command = ["bash", "--norc"] if shutil.which("bash") else ["sh"]
        foreground(command, {**env, "PS1": "(agin demo) $ "})


def destroy() -> None:
    """Destroys the resources and folders of all demos."""
    made = [demo for demo in DEMOS.values() if demo.folder.exists()]
    if not made:
        show("There is nothing to destroy: make demo has not been run.")
    for demo in made:
        with running(demo) as env:
            if not demo.has_bind:
                show("The ingress is protected, because a fleet depends on it. So its protection is removed first.")
                pulumi(env, "state", "unprotect", "--all", "--yes")
            pulumi(env, "destroy", "--yes")
        shutil.rmtree(demo.folder)
        show("The demo and its folder are removed.")


@contextmanager
def running(demo: Demo) -> Iterator[Mapping[str, str]]:
    """Runs the emulator, and BIND if the demo has one. Yields the environment to run pulumi in."""
    with ExitStack() as stack:
        stack.enter_context(alone())
        programs = bind.find_or_make() if demo.has_bind else None
        user = environment.user()
        cli = pulumi_cli.find_or_make()
        # The engine would warn of a plugin on PATH in addition to an installed one.
        scripts = pulumi_cli.find_or_make_host(pulumi_cli.YAML, cli) if demo.is_yaml else user / "bin"
        (demo.folder / "state").mkdir(parents=True, exist_ok=True)
        env = pulumi_environment(demo, user, [scripts, cli])
        server = stack.enter_context(name_server(demo, programs)) if programs else None
        if server is not None:
            env["AGIN_DEMO_DNS"] = server.address
        env["NGROK_API_BASE_URL"] = stack.enter_context(emulator(demo, user, env, server))
        set_up_stack(demo, env, user, server)
        if any((demo.folder / "state" / ".pulumi" / "locks").rglob("*.json")):
            show("\nAn earlier run was cut off and left the stack locked.")
            pulumi(env, "cancel", "--yes")
        yield env


@contextmanager
def alone() -> Iterator[None]:
    """Holds a lock, because two demos at a time would change the same stack."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "demo.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StepError(
                "The demo is running already, in another terminal or in the demo-shell that this is: end that first."
            ) from None
        yield


def pulumi_environment(demo: Demo, user: Path, folders: list[Path]) -> dict[str, str]:
    """Returns an environment as after the activation of `user`, without the caller's settings for Pulumi and ngrok."""
    foreign = re.compile(r"PULUMI_|NGROK_|PYTHONHOME$|PYTHONPATH$")
    inherited = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    # No proxy for the emulator.
    without_proxy = {name: f"{inherited.get(name, '')},127.0.0.1".lstrip(",") for name in ("no_proxy", "NO_PROXY")}
    return {
        **inherited,
        **without_proxy,
        "PATH": os.pathsep.join([*map(str, folders), inherited.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(user),
        "NGROK_API_KEY": API_KEY,
        "PULUMI_HOME": str(demo.folder / "home"),
        "PULUMI_BACKEND_URL": (demo.folder / "state").as_uri(),
        "PULUMI_STACK": demo.stack,
        "PULUMI_OPTION_CWD": str(demo.project),
        # Keeps the config of the stack out of the project's folder. pulumi reads options from such variables, too.
        "PULUMI_OPTION_CONFIG_FILE": str(demo.config),
        "PULUMI_CONFIG_PASSPHRASE": "demo",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


@contextmanager
def name_server(demo: Demo, programs: bind.Programs) -> Iterator[Bind]:
    """Runs BIND. It keeps its records, and its port, which is part of the stack's config, in the demo's folder."""
    folder = demo.folder / "bind"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "port"
    port = int(kept.read_text(encoding="utf-8")) if kept.exists() else 0
    with Bind(programs, folder, [Key("agin", [DOMAIN])], port=port) as server:
        kept.write_text(str(server.port), encoding="utf-8")
        show(f"$ named   # 127.0.0.1:{server.port}, a primary server of {server.zone}")
        yield server


@contextmanager
def emulator(demo: Demo, user: Path, env: Mapping[str, str], server: Bind | None) -> Iterator[str]:
    """Runs `pulumi-agin emulator`, which keeps its ingresses in a file. Yields its URL, the same in each run."""
    dns = ["--dns", server.address] if server else []
    log, kept = demo.folder / "emulator.log", demo.folder / "emulator-port"
    if not kept.exists() or not is_free(int(kept.read_text(encoding="utf-8"))):
        kept.write_text(str(free_port()), encoding="utf-8")
    options = ["--port", kept.read_text(encoding="utf-8"), "--file", str(demo.ingresses), *dns]
    command = [str(user / "bin" / "pulumi-agin"), "emulator", *options]
    # In a separate group: after Ctrl-C, pulumi needs the emulator to finish its work.
    with (
        log.open("wb") as errors,
        subprocess.Popen(
            command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, start_new_session=True
        ) as process,
    ):
        try:
            assert process.stdout
            url = process.stdout.readline().decode().strip()
            if not url:
                raise StepError(f"The emulator did not start:\n{log.read_text(encoding='utf-8', errors='replace')}")
            show(f"$ {shlex.join(['pulumi-agin', 'emulator', *dns])}   # {url}")
            yield url
        finally:
            end(process)


def set_up_stack(demo: Demo, env: Mapping[str, str], user: Path, server: Bind | None) -> None:
    """Makes the stack, once for each version of the package."""
    version = runpy.run_path(str(ROOT / "pulumi_agin" / "version.py"))["VERSION"]
    finished = demo.folder / "set-up-of"
    if finished.exists() and finished.read_text(encoding="utf-8") == version:
        return
    pulumi(env, "stack", "select", "--create", demo.stack)
    # Pulumi writes the config of a new stack next to Pulumi.yaml, regardless of the option.
    written = demo.project / demo.config.name
    if written.exists():
        written.replace(demo.config)
    if demo.is_yaml:
        # For this demo alone. It starts the Python in `user`, with the package as it is there.
        executable = user / "bin" / "pulumi-resource-agin"
        pulumi(env, "plugin", "install", "resource", "agin", version, "--reinstall", "--file", str(executable))
    if server:
        [key] = server.keys
        address = ("server=127.0.0.1", f"port={server.port}", f"zone={server.zone}")
        values = (*address, f"domain={DOMAIN}", f"tsigKeyName={key.name}")
        pulumi(env, "config", "set-all", *(part for value in values for part in ("--plaintext", value)))
        # Not on the command line, which other users of this machine can see.
        pulumi(env, "config", "set", "--secret", "tsigSecret", stdin=key.secret)
    finished.write_text(version, encoding="utf-8")


def pulumi(env: Mapping[str, str], *arguments: str, stdin: str | None = None) -> None:
    show(f"\n$ pulumi {shlex.join(arguments)}")
    executable = shutil.which("pulumi", path=env["PATH"]) or "pulumi"
    # pulumi must ignore SIGPIPE, as Python does. With `| head`, it would otherwise end and leave its plugins running.
    code = foreground([executable, *arguments], env, stdin, restore_signals=False)
    if code != 0:
        raise StepError(f"pulumi {arguments[0]} ended with exit code {code}.")


def foreground(
    command: list[str], env: Mapping[str, str], stdin: str | None = None, *, restore_signals: bool = True
) -> int:
    """Runs a command in the user's terminal, and ends it in any case."""
    pipe = None if stdin is None else subprocess.PIPE
    with subprocess.Popen(
        command, cwd=ROOT, env=env, stdin=pipe, text=True, restore_signals=restore_signals
    ) as process:
        try:
            process.communicate(stdin)
        except KeyboardInterrupt:
            # The terminal has interrupted the command, too. It has time to finish its work.
            with suppress(subprocess.TimeoutExpired):
                process.wait(STOP_SECONDS)
            raise
        finally:
            end(process)
    return process.returncode


def show(message: str) -> None:
    print(message, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.demo", description="Runs the demo without make.")
    parser.add_argument("command", choices=("up", "shell", "destroy"))
    parser.add_argument("--demo", choices=DEMOS, default="quickstart", help="the demo to run (default: %(default)s)")
    parser.add_argument("--description", help="the ingress's description")
    options = parser.parse_args()
    demo = DEMOS[options.demo]
    run = {"up": lambda: up(demo, options.description), "shell": lambda: shell(demo), "destroy": destroy}
    return exit_status(run[options.command])


if __name__ == "__main__":
    sys.exit(main())
