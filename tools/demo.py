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
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.support import bind
from tools import environment, pulumi_cli
from tools.steps import BUILD, GRACE_SECONDS, ROOT, StepError, ended, exit_status

# The emulator's own key.
API_KEY = "emulator-key"
DOMAIN = "connect.acme.com"
EMULATOR_SECONDS = 30


@dataclass(frozen=True)
class Demo:
    """One of the demos."""

    variable: str
    """The variable of `make demo` that selects it, such as " FULL=1"."""
    project: Path
    """The folder of its Pulumi.yaml."""
    stack: str
    is_yaml: bool = False
    """Whether its program is in YAML, and uses the provider plugin."""
    has_bind: bool = False
    """Whether it has a BIND, for the NS records."""

    @property
    def folder(self) -> Path:
        """The folder of everything that the demo makes."""
        return BUILD / self.stack

    @property
    def ingresses(self) -> Path:
        """The file in which the emulator stores the ingresses."""
        return self.folder / "agent-ingresses.json"

    @property
    def config(self) -> Path:
        """The config file of the stack. It is kept out of the project's folder."""
        return self.folder / f"Pulumi.{self.stack}.yaml"

    @property
    def next_steps(self) -> str:
        """The hints at the end of `make demo`."""
        example = "examples/quickstart" if self.project == ROOT else self.project.relative_to(ROOT)
        rows = [(f"make demo{self.variable}", "run it again: nothing has changed, so nothing is done")]
        if not self.has_bind:
            rows.append((f'make demo{self.variable} DESCRIPTION="…"', "change the description: an update in place"))
        rows += [
            (
                f"make demo-shell{self.variable}",
                "a shell for commands such as pulumi preview, pulumi-agin doctor connect.acme.com",
            ),
            ("make demo-destroy", "destroy the ingress and everything that the demos made"),
        ]
        if self.variable == "":
            rows += [
                (
                    "make demo FULL=1",
                    "the complete setup in 30 seconds, with BIND: NS records, certificate and agent configuration",
                ),
                ("make demo YAML=1", "the same in YAML, with the provider plugin"),
            ]
        lines = [f"  {command:<36} {what}" for command, what in rows]
        return "\n".join(
            [
                "",
                "Next steps:",
                *lines,
                f"With an ngrok API key, `pulumi up` runs it on ngrok's API: see {example}/README.md",
            ]
        )


DEMOS = {
    "quickstart": Demo("", ROOT, "agin-demo"),
    "yaml": Demo(" YAML=1", ROOT / "examples" / "yaml", "agin-demo-yaml", is_yaml=True),
    "full": Demo(" FULL=1", ROOT / "examples" / "bind", "agin-demo-full", has_bind=True),
}


# -- up, shell, destroy -----------------------------------------------------------------------------------


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
            show("\n# The delegation, as every resolver sees it:")
            query = [bind.find("dig"), f"@{host}", "-p", port, "+norecurse", "+noall", "+authority", DOMAIN, "NS"]
            show(f"$ {shlex.join(['dig', *query[1:]])}")
            foreground(query, env)
    show(demo.next_steps)


def shell(demo: Demo) -> None:
    with running(demo) as env:
        if not has_ingress(demo):
            pulumi(env, "up", "--yes")
        show(
            f"\npulumi works on the demo's stack here. The emulated ngrok API is {env['NGROK_API_BASE_URL']},\n"
            f"until this shell ends; its log is {demo.folder / 'emulator.log'}. Leave with exit."
        )
        if demo.has_bind:
            dns = env["AGIN_DEMO_DNS"]
            show(
                f"Try this, and see which checks pass:\n  pulumi-agin doctor {DOMAIN} --dns {dns}\n"
                "Remove the NS records, and create them again:\n"
                "  pulumi destroy --yes --target-dependents --target '**Rfc2136Delegation**'\n"
                "  pulumi up --yes\n"
            )
        # An interactive shell reads start-up files, which may change PATH and the prompt.
        start_up = demo.folder / "bashrc"
        start_up.write_text(
            f"[ -f ~/.bashrc ] && . ~/.bashrc\nexport PATH={shlex.quote(env['PATH'])}\nPS1='(agin demo) \\w \\$ '\n",
            encoding="utf-8",
        )
        bash = shutil.which("bash")
        interactive = ["--rcfile", str(start_up), "-i"] if sys.stdin.isatty() else []
        foreground([bash, *interactive] if bash else ["sh"], {**env, "PS1": "(agin demo) $ "})


def destroy() -> None:
    """Destroys the resources and folders of all demos."""
    made = [demo for demo in DEMOS.values() if demo.folder.exists()]
    if not made:
        show("There is nothing to destroy: make demo has not been run.")
    failures = []
    for demo in made:
        try:
            destroy_one(demo)
        except StepError as error:
            failures.append(f"The demo in {demo.folder} could not be destroyed: {error}")
    if failures:
        raise StepError("\n".join(failures))


def destroy_one(demo: Demo) -> None:
    with running(demo) as env:
        if not demo.has_bind:
            show("The ingress is protected, because a fleet depends on it. So its protection is removed first.")
            pulumi(env, "state", "unprotect", "--all", "--yes")
        pulumi(env, "destroy", "--yes")
    shutil.rmtree(demo.folder)
    show("The demo and its folder are removed.")


def has_ingress(demo: Demo) -> bool:
    """Returns whether the demo's emulator has an ingress."""
    kept = demo.ingresses
    return kept.exists() and bool(json.loads(kept.read_text(encoding="utf-8"))["ingresses"])


# -- background processes ---------------------------------------------------------------------------------


@contextmanager
def running(demo: Demo) -> Iterator[Mapping[str, str]]:
    """Runs the emulator, and BIND if the demo has one. Yields the environment to run pulumi in."""
    with ExitStack() as stack:
        stack.enter_context(alone())
        if pulumi_cli.is_missing():
            show("The Pulumi CLI is not installed. If it must be built with Go, that takes about 4 minutes, once.")
        if demo.has_bind:
            bind.check_installed()
        user = environment.user()
        cli = pulumi_cli.find_or_make()
        host = pulumi_cli.find_or_make_host(pulumi_cli.YAML, cli) if demo.is_yaml else None
        (demo.folder / "state").mkdir(parents=True, exist_ok=True)
        # The engine would warn of a plugin on PATH in addition to an installed one.
        folders = [host or user / "bin", cli]
        env = pulumi_environment(demo, user, folders)
        server = stack.enter_context(name_server(demo)) if demo.has_bind else None
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
    without_proxy = {
        name: ",".join(filter(None, [inherited.get(name), "127.0.0.1"])) for name in ("no_proxy", "NO_PROXY")
    }
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
def name_server(demo: Demo) -> Iterator[bind.Bind]:
    """Runs BIND. It keeps its records, and its port, which is part of the stack's config, in the demo's folder."""
    folder = demo.folder / "bind"
    folder.mkdir(parents=True, exist_ok=True)
    kept = folder / "port"
    port = int(kept.read_text(encoding="utf-8")) if kept.exists() else 0
    with bind.Bind(folder, [bind.Key("agin", [DOMAIN])], port=port) as server:
        kept.write_text(str(server.port), encoding="utf-8")
        show(f"$ named   # 127.0.0.1:{server.port}, a primary server of {server.zone}")
        yield server


@contextmanager
def emulator(demo: Demo, user: Path, env: Mapping[str, str], server: bind.Bind | None) -> Iterator[str]:
    """Runs `pulumi-agin emulator`, which keeps its ingresses in a file. Yields its URL."""
    dns = ["--dns", server.address] if server else []
    log = demo.folder / "emulator.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [user / "bin" / "pulumi-agin", "emulator", "--port", "0", "--file", demo.ingresses, *dns],
            env={**env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # In a separate group: after Ctrl-C, pulumi needs the emulator to finish its work.
            start_new_session=True,
        )
    with ended(process):
        url = _url(process, log)
        show(f"$ {shlex.join(['pulumi-agin', 'emulator', *dns])}   # {url}")
        yield url


def _url(process: subprocess.Popen[bytes], log: Path) -> str:
    until = time.monotonic() + EMULATOR_SECONDS
    while time.monotonic() < until:
        printed = log.read_text(encoding="utf-8", errors="replace")
        found = re.search(r"http://127\.0\.0\.1:\d+(?=\s)", printed)
        if found:
            return found[0]
        if process.poll() is not None:
            raise StepError(f"The emulator ended with exit code {process.returncode}:\n{printed}")
        time.sleep(0.05)
    raise StepError(f"The emulator did not start within {EMULATOR_SECONDS}s. Its log is {log}")


def set_up_stack(demo: Demo, env: Mapping[str, str], user: Path, server: bind.Bind | None) -> None:
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
        values = {"server": "127.0.0.1", "port": server.port, "zone": server.zone, "domain": DOMAIN}
        plain = [part for name, value in values.items() for part in ("--plaintext", f"{name}={value}")]
        pulumi(env, "config", "set-all", *plain, "--plaintext", f"tsigKeyName={key.name}")
        # Not on the command line, which other users of this machine can see.
        pulumi(env, "config", "set", "--secret", "tsigSecret", stdin=key.secret)
    finished.write_text(version, encoding="utf-8")


# -- commands ---------------------------------------------------------------------------------------------


def pulumi(env: Mapping[str, str], *arguments: str, stdin: str | None = None) -> None:
    show(f"\n$ pulumi {shlex.join(arguments)}")
    executable = shutil.which("pulumi", path=env["PATH"]) or "pulumi"
    # pulumi must ignore SIGPIPE, as Python does. With `| head`, it would otherwise end and leave its plugins running.
    code = foreground([executable, *arguments], env, stdin=stdin, restore_signals=False)
    if code != 0:
        raise StepError(f"pulumi {arguments[0]} ended with exit code {code}.")


def foreground(
    command: list[str], env: Mapping[str, str], *, stdin: str | None = None, restore_signals: bool = True
) -> int:
    """Runs a command in the user's terminal, and ends it in any case."""
    pipe = None if stdin is None else subprocess.PIPE
    process = subprocess.Popen(command, cwd=ROOT, env=env, stdin=pipe, restore_signals=restore_signals)
    try:
        if process.stdin is not None and stdin is not None:
            # The exit code shows whether the command ended before it had read this.
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(stdin.encode())
        return process.wait()
    except KeyboardInterrupt:
        # The terminal has interrupted the command, too. It has time to finish its work.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        with suppress(subprocess.TimeoutExpired):
            process.wait(GRACE_SECONDS)
        raise
    finally:
        for end in (process.terminate, process.kill):
            if process.poll() is None:
                end()
                with suppress(subprocess.TimeoutExpired):
                    process.wait(GRACE_SECONDS)


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
