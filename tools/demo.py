"""`make demo`, `make demo-yaml` and `make demo-full`: the real Pulumi engine with an emulated ngrok API.

The first one runs the root project. The second one runs examples/yaml with the provider plugin. The third one runs
examples/bind with a real BIND, where the emulator looks up the records. Each writes only to its own folder, such as
`.build/demo`, where its state is, too, and ends all processes that it starts.
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
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tools import bind, environment, languages, pulumi_cli
from tools.steps import BUILD, GRACE_SECONDS, ROOT, StepError, ended, exit_status

API_KEY = "demo-key"
EMULATOR_SECONDS = 30


@dataclass(frozen=True)
class Demo:
    """One of the demos.

    Attributes:
        make: Its name in the Makefile.
        project: The folder of its Pulumi.yaml.
        stack: The name of its stack.
        next: What is shown at the end.
        host: The language host of its programs, which use the provider plugin; None for Python.
    """

    make: str
    project: Path
    stack: str
    next: str
    host: languages.Host | None = None

    @property
    def folder(self) -> Path:
        """The folder of everything that the demo makes."""
        return BUILD / self.make

    @property
    def ingresses(self) -> Path:
        """The file in which the emulator keeps the ingresses."""
        return self.folder / "agent-ingresses.json"

    @property
    def config(self) -> Path:
        """The config file of the stack. It is kept out of the project's folder."""
        return self.folder / f"Pulumi.{self.stack}.yaml"


QUICKSTART = Demo(
    "demo",
    ROOT,
    "agin-demo",
    """
What next:
  make demo                     run it again: nothing has changed, so nothing is done
  make demo DESCRIPTION="…"     change the description: an update in place
  make demo-shell               a shell for commands such as pulumi preview, pulumi refresh, pulumi stack
  make demo-destroy             destroy the ingress and everything the demo made
  make demo-full                the whole of it: DNS records, certificate and agent, with a real BIND
  make demo-yaml                the same in YAML, with the provider plugin
With an ngrok API key, `pulumi up` runs the same program on ngrok's API: see examples/quickstart/README.md
""",
)

IN_YAML = Demo(
    "demo-yaml",
    ROOT / "examples" / "yaml",
    "agin-demo-yaml",
    """
What next:
  make demo-yaml                      run it again: nothing has changed, so nothing is done
  make demo-yaml DESCRIPTION="…"      change the description: an update in place
  make demo-yaml-destroy              destroy the ingress and everything the demo made
With an ngrok API key, `pulumi up` runs the same program on ngrok's API: see examples/yaml/README.md
""",
    languages.YAML,
)

DOMAIN = "connect.acme.com"
FULL = Demo(
    "demo-full",
    ROOT / "examples" / "bind",
    "agin-demo-full",
    """
What next:
  make demo-full                run it again: nothing has changed, so nothing is done
  make demo-full-shell          a shell for commands such as pulumi-agin doctor, pulumi preview, dig
  make demo-full-destroy        destroy the ingress, its records, and everything the demo made
With an ngrok API key and a name server of yours, `pulumi up` runs the same program: see examples/bind/README.md
""",
)


def up(demo: Demo, description: str | None) -> None:
    with alone(), running(demo) as env:
        config_before = demo.config.read_bytes()
        if description is not None:
            pulumi(env, "config", "set", "description", description)
        try:
            pulumi(env, "up", "--yes")
        except StepError:
            # Otherwise a description that is refused would fail every later run.
            demo.config.write_bytes(config_before)
            raise
        pulumi(env, "stack", "output")
    show(demo.next)


def up_full() -> None:
    bind.ensure()
    with alone(), name_server(FULL.folder) as server, running(FULL, dns=server.address) as env:
        bring_up_full(server, env)
        show(f"\n$ dig @127.0.0.1 -p {server.port} +norecurse {DOMAIN} NS   # the delegation, as the world sees it")
        show("".join(f"{DOMAIN}. NS {target}\n" for target in server.referral(DOMAIN)).rstrip())
        pulumi(env, "stack", "output", "agent_config")
    show(FULL.next)


def bring_up_full(server: bind.Bind, env: Mapping[str, str]) -> None:
    [key] = server.keys
    values = {"server": "127.0.0.1", "port": server.port, "zone": server.zone, "domain": DOMAIN}
    plain = [part for name, value in values.items() for part in ("--plaintext", f"{name}={value}")]
    pulumi(env, "config", "set-all", *plain, "--plaintext", f"tsigKeyName={key.name}")
    # Not on the command line, which other users of this machine can see.
    pulumi(env, "config", "set", "--secret", "tsigSecret", stdin=key.secret)
    pulumi(env, "up", "--yes")


def shell() -> None:
    with alone(), running(QUICKSTART) as env:
        open_shell(QUICKSTART, env)


def shell_full() -> None:
    bind.ensure()
    with alone(), name_server(FULL.folder) as server, running(FULL, dns=server.address) as env:
        if not has_ingress(FULL):
            bring_up_full(server, env)
        show(
            f"""
Try this, and see what is right and what is wrong:
  pulumi-agin doctor {DOMAIN} --dns {server.address}
Take the NS records away, and bring them back:
  pulumi destroy --yes --target-dependents --target '**Rfc2136Delegation**'
  pulumi up --yes
"""
        )
        open_shell(FULL, env)


def has_ingress(demo: Demo) -> bool:
    """Whether the demo's emulator has an ingress."""
    kept = demo.ingresses
    return kept.exists() and bool(json.loads(kept.read_text(encoding="utf-8"))["ingresses"])


def open_shell(demo: Demo, env: Mapping[str, str]) -> None:
    show(f"pulumi works on the demo's stack here. The emulated ngrok API is {env['NGROK_API_BASE_URL']},")
    show(f"until this shell ends; its log is {demo.folder / 'emulator.log'}. Leave with exit.")
    # An interactive shell reads start-up files, which may change PATH and the prompt.
    start_up = demo.folder / "bashrc"
    start_up.write_text(
        f"[ -f ~/.bashrc ] && . ~/.bashrc\nexport PATH={shlex.quote(env['PATH'])}\nPS1='(agin demo) \\w \\$ '\n",
        encoding="utf-8",
    )
    bash = shutil.which("bash")
    interactive = ["--rcfile", str(start_up), "-i"] if sys.stdin.isatty() else []
    foreground([bash, *interactive] if bash else ["sh"], {**env, "PS1": "(agin demo) $ "})


def destroy(demo: Demo) -> None:
    if not is_there(demo):
        return
    with alone(), running(demo) as env:
        show("The ingress is protected, as a fleet depends on it: Pulumi deletes it only when told that it may.")
        pulumi(env, "state", "unprotect", "--all", "--yes")
        destroy_stack(demo, env)


def destroy_full() -> None:
    if not is_there(FULL):
        return
    bind.ensure()
    with alone(), name_server(FULL.folder) as server, running(FULL, dns=server.address) as env:
        destroy_stack(FULL, env)


def is_there(demo: Demo) -> bool:
    if not demo.folder.exists():
        show(f"There is nothing to destroy: make {demo.make} has not been run.")
    return demo.folder.exists()


def destroy_stack(demo: Demo, env: Mapping[str, str]) -> None:
    pulumi(env, "destroy", "--yes")
    pulumi(env, "stack", "rm", demo.stack, "--yes")
    shutil.rmtree(demo.folder)
    show("The demo is gone, and so is its folder.")


@contextmanager
def running(demo: Demo, *, dns: str | None = None) -> Iterator[Mapping[str, str]]:
    """Runs the emulator and selects the stack. Yields the environment to run pulumi in."""
    user = environment.user()
    cli = pulumi_cli.ensure(pulumi_cli.from_environment(), python=user / "bin" / "python")
    # Not the environment, where there is a host: the plugin is installed, and the engine would warn of one on PATH.
    programs = [languages.ensure(demo.host, cli) if demo.host else user / "bin", cli]
    demo.folder.mkdir(parents=True, exist_ok=True)
    env = pulumi_environment(demo.folder, demo.project, demo.stack, user, programs)
    # Keeps the config of the stack out of the project's folder. pulumi reads options from such variables, too.
    env["PULUMI_OPTION_CONFIG_FILE"] = str(demo.config)
    with emulator(demo, user, env, dns) as url:
        env["NGROK_API_BASE_URL"] = url
        if demo.host:
            install_plugin(user, env)
        select_stack(demo, env)
        if any((demo.folder / "state" / ".pulumi" / "locks").rglob("*.json")):
            show("\nAn earlier run was cut off and left the stack locked.")
            pulumi(env, "cancel", "--yes")
        yield env


@contextmanager
def name_server(parent: Path) -> Iterator[bind.Bind]:
    """Runs BIND. It keeps its records, and its port, which is part of the stack's config, in a folder in `parent`."""
    folder = parent / "bind"
    folder.mkdir(parents=True, exist_ok=True)
    remembered = folder / "port"
    port = int(remembered.read_text(encoding="utf-8")) if remembered.exists() else 0
    with bind.Bind(folder, [bind.Key("agin", [DOMAIN])], port=port) as server:
        remembered.write_text(str(server.port), encoding="utf-8")
        show(f"$ named   # 127.0.0.1:{server.port}, a primary server of {server.zone}")
        yield server


@contextmanager
def alone() -> Iterator[None]:
    """Makes sure that only one demo runs at a time: two would change the same stack."""
    BUILD.mkdir(exist_ok=True)
    with (BUILD / "demo.lock").open("w") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise StepError(
                "The demo is running already, in another terminal or in the demo-shell that this is: end that first."
            ) from None
        yield


def pulumi_environment(folder: Path, project: Path, stack: str, user: Path, programs: Sequence[Path]) -> dict[str, str]:
    """Returns an environment as after the activation of `user`, without the caller's settings for Pulumi and ngrok.

    Args:
        folder: Where the state and Pulumi's home are.
        project: The folder of Pulumi.yaml.
        stack: The name of the stack.
        user: The environment.
        programs: The folders that come first on PATH.
    """
    foreign = re.compile(r"PULUMI_(?!AGIN_)|NGROK_|PYTHONHOME$|PYTHONPATH$")
    inherited = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    backend = folder / "state"
    backend.mkdir(exist_ok=True)
    return {
        **inherited,
        **{name: _without_proxy(inherited.get(name)) for name in ("no_proxy", "NO_PROXY")},
        "PATH": os.pathsep.join([*map(str, programs), inherited.get("PATH", os.defpath)]),
        "VIRTUAL_ENV": str(user),
        "NGROK_API_KEY": API_KEY,
        "PULUMI_HOME": str(folder / "home"),
        "PULUMI_BACKEND_URL": backend.as_uri(),
        "PULUMI_STACK": stack,
        "PULUMI_OPTION_CWD": str(project),
        "PULUMI_CONFIG_PASSPHRASE": "demo",
        "PULUMI_SKIP_UPDATE_CHECK": "true",
    }


def _without_proxy(hosts: str | None) -> str:
    """Adds the emulator to the hosts for which no proxy is used."""
    return f"{hosts},127.0.0.1" if hosts else "127.0.0.1"


def install_plugin(user: Path, env: Mapping[str, str]) -> None:
    """Installs the plugin as it is in `user`, for this demo alone. It starts the Python there, with what is there."""
    version = runpy.run_path(str(ROOT / "pulumi_agin" / "version.py"))["VERSION"]
    executable = user / "bin" / "pulumi-resource-agin"
    pulumi(env, "plugin", "install", "resource", "agin", version, "--reinstall", "--file", str(executable))


def select_stack(demo: Demo, env: Mapping[str, str]) -> None:
    pulumi(env, "stack", "select", "--create", demo.stack)
    # A new stack writes its config beside Pulumi.yaml, whatever the option says.
    written = demo.project / demo.config.name
    if written.exists():
        written.replace(demo.config)


@contextmanager
def emulator(demo: Demo, user: Path, env: Mapping[str, str], dns: str | None) -> Iterator[str]:
    """Runs `pulumi-agin emulator`, which keeps its ingresses in a file. Yields its URL."""
    log = demo.folder / "emulator.log"
    command: list[str | Path] = [user / "bin" / "pulumi-agin", "emulator", "--port", "0"]
    command += ["--file", demo.ingresses]
    if dns is not None:
        command += ["--dns", dns]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command,
            env={**env, "PYTHONUNBUFFERED": "1"},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            # In a group of its own: after Ctrl-C, pulumi needs the emulator to finish what it has begun.
            start_new_session=True,
        )
    with ended(process):
        url = _url(process, log)
        show(f"$ pulumi-agin emulator{f' --dns {dns}' if dns else ''}   # {url}")
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


def pulumi(env: Mapping[str, str], *arguments: str, stdin: str | None = None) -> None:
    show(f"\n$ pulumi {shlex.join(arguments)}")
    executable = shutil.which("pulumi", path=env["PATH"]) or "pulumi"
    # Python ignores SIGPIPE, and so must pulumi: with `| head`, it would end at once and leave its plugins running.
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
            # The exit code tells if the command ended before it had read this.
            with suppress(BrokenPipeError), process.stdin:
                process.stdin.write(stdin.encode())
        return process.wait()
    except KeyboardInterrupt:
        # The terminal has interrupted the command, too. It gets the time to finish what it has begun.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        _wait_for(process)
        raise
    finally:
        for end in (process.terminate, process.kill):
            if process.poll() is None:
                end()
                _wait_for(process)


def _wait_for(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        return


def show(text: str) -> None:
    print(text, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.demo", description="The demo, without make.")
    commands = parser.add_subparsers(dest="command", required=True)
    for name in ("up", "up-yaml"):
        commands.add_parser(name).add_argument("--description", help="the ingress's description")
    commands.add_parser("shell")
    commands.add_parser("destroy")
    commands.add_parser("destroy-yaml")
    commands.add_parser("up-full")
    commands.add_parser("shell-full")
    commands.add_parser("destroy-full")
    arguments = parser.parse_args()
    run = {
        "up": lambda: up(QUICKSTART, arguments.description),
        "up-yaml": lambda: up(IN_YAML, arguments.description),
        "shell": shell,
        "destroy": lambda: destroy(QUICKSTART),
        "destroy-yaml": lambda: destroy(IN_YAML),
        "up-full": up_full,
        "shell-full": shell_full,
        "destroy-full": destroy_full,
    }
    return exit_status(run[arguments.command])


if __name__ == "__main__":
    sys.exit(main())
