"""A Pulumi project for a test: its program, its state, and the CLI's commands, as a user runs them.

`pulumi.automation` is not used, because tests need what it does not have: a command's time limit, its interruption, its
exit status, its stdout and stderr in one order, and an environment without the developer's variables. Each of its `up`
runs four commands, and takes a third more CPU time.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any, ClassVar

from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key
from tests.support.result import STACK, Result

# Enough for the slowest command on a busy machine.
COMMAND_TIMEOUT_SECONDS = 180

# The CLI's summary for an unchanged program with one resource: the resource and the stack.
UNCHANGED = "2 unchanged"

# As `pulumi new typescript` writes it.
TSCONFIG = {
    "compilerOptions": {"strict": True, "target": "es2020", "module": "commonjs", "moduleResolution": "node"},
    "files": ["index.ts"],
}


def listening(port: int) -> str:
    """Returns a line of bash that ends when the program that was just put in the background listens on a port.

    It fails if that program has ended.
    """
    return f"until (exec 3<>/dev/tcp/127.0.0.1/{port}) 2>/dev/null; do kill -0 $!; sleep 0.1; done\n"


def interrupt_twice(process: subprocess.Popen[str]) -> None:
    """Ends a command of the CLI that does not end by itself, and its processes."""
    for _ in range(2):
        process.send_signal(signal.SIGINT)


@dataclass
class Project:
    """A project in `folder`. `cli` and `user_env` are the folders of Pulumi's CLI and the user's Python.

    secrets_provider: the CLI's provider for the secrets of new stacks; None for the passphrase.
    """

    # The type of Agent Ingresses in the state.
    INGRESS: ClassVar[str] = "pulumi-python:dynamic/agin:AgentIngress"

    folder: Path
    cli: Path
    user_env: Path
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    name: str = "test"
    secrets_provider: str | None = None

    def __post_init__(self) -> None:
        (self.folder / "state").mkdir(parents=True, exist_ok=True)
        self.yaml(f"name: {self.name}\nruntime: python\n")
        self.environment = {
            "HOME": str(self.folder),
            "PATH": f"{self.user_env / 'bin'}:{self.cli}:/usr/bin:/bin",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "only for tests",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_COLOR": "1",
            # Python would use the bytecode of the previous program if both were written in the same second and are
            # equally long.
            "PYTHONDONTWRITEBYTECODE": "1",
        } | self.environment
        self.init(STACK)

    def init(self, stack: str) -> None:
        """Makes a stack, and selects it."""
        secrets = ["--secrets-provider", self.secrets_provider] if self.secrets_provider else []
        self.pulumi("stack", "init", stack, *secrets)

    def config(self, *, plain: Mapping[str, object] | None = None, secret: Mapping[str, object] | None = None) -> None:
        flags = [f"--plaintext={name}={value}" for name, value in (plain or {}).items()]
        flags += [f"--secret={name}={value}" for name, value in (secret or {}).items()]
        self.pulumi("config", "set-all", *flags)

    def yaml(self, text: str) -> None:
        """Replaces Pulumi.yaml."""
        (self.folder / "Pulumi.yaml").write_text(text)

    def program(self, text: str) -> None:
        """Replaces the program, and adds the usual imports."""
        (self.folder / "__main__.py").write_text("import pulumi\nimport pulumi_agin as agin\n\n" + dedent(text))

    @property
    def plugin(self) -> str:
        """The part of Pulumi.yaml by which the engine finds the provider plugin without an activated environment."""
        return f"plugins: {{providers: [{{name: agin, path: {self.user_env / 'bin'}}}]}}\n"

    def yaml_program(self, text: str) -> None:
        """Makes this a project in YAML, with another program."""
        self.yaml(f"name: {self.name}\nruntime: yaml\n{self.plugin}{dedent(text)}")

    def typescript_program(self, text: str) -> None:
        """Makes this a project in TypeScript, with another program, and adds the usual imports."""
        self.yaml(f"name: {self.name}\nruntime: nodejs\n{self.plugin}")
        (self.folder / "package.json").write_text(json.dumps({"name": self.name, "private": True}))
        (self.folder / "tsconfig.json").write_text(json.dumps(TSCONFIG))
        imports = 'import * as pulumi from "@pulumi/pulumi";\nimport * as agin from "@pulumi-agin/agin";\n\n'
        (self.folder / "index.ts").write_text(imports + dedent(text))

    def edit(self, changes: Mapping[str, str]) -> None:
        """Replaces strings of the program, all of which it must have."""
        files = [self.folder / name for name in ("__main__.py", "index.ts", "main.go", "Pulumi.yaml")]
        program = next(file for file in files if file.exists())
        text = program.read_text()
        for old, new in changes.items():
            assert old in text, old
            text = text.replace(old, new)
        program.write_text(text)

    def check_types(self) -> None:
        """Checks the types of a program in TypeScript. They must be correct."""
        self.typed("node node_modules/typescript/bin/tsc --noEmit --skipLibCheck")

    def link_package(self, name: str, package: Path) -> None:
        link = self.folder / "node_modules" / name
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(package)

    def add_to_path(self, *folders: str | Path) -> None:
        self.environment["PATH"] = ":".join([self.environment["PATH"], *map(str, folders)])

    @contextlib.contextmanager
    def start(self, *args: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
        """Starts the CLI, with options for its process. It is interrupted at its time limit or the end of the block."""
        pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
        command = [str(self.cli / "pulumi"), *args, "--non-interactive"]
        with subprocess.Popen(command, cwd=self.folder, **{"env": self.environment, **pipes, **options}) as process:
            watchdog = threading.Timer(COMMAND_TIMEOUT_SECONDS, interrupt_twice, [process])
            watchdog.start()
            try:
                yield process
            finally:
                watchdog.cancel()
                interrupt_twice(process)

    def pulumi(
        self,
        *args: str,
        fails: bool = False,
        env: Mapping[str, str] | None = None,
        on_line: Callable[[str], None] | None = None,
    ) -> Result:
        """Runs the CLI. It must succeed, or fail if `fails` is True. `on_line` gets each line when it is printed."""
        lines: list[str] = []
        with self.start(*args, env=self.environment | dict(env or {})) as process:
            assert process.stdout
            for line in process.stdout:
                lines.append(line)
                if on_line:
                    on_line(line)
            process.wait()
        result = Result(process.returncode, "".join(lines))
        assert (result.code != 0) == fails, f"pulumi {' '.join(args)} ended with {result.code}:\n{result.output}"
        return result

    def typed(self, script: str, stdin: str = "", **environment: str) -> str:
        """Runs a reader's commands in the project's folder. All must succeed, except after an exclamation mark.

        Returns the output, which must not contain a key. Ends the commands in the background.
        """
        # A background process would keep a pipe open.
        with (
            tempfile.TemporaryFile("w+") as output,
            subprocess.Popen(
                ["bash", "-euo", "pipefail", "-c", script],
                cwd=self.folder,
                env={**self.environment, "PULUMI_SKIP_CONFIRMATIONS": "true", **environment},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                text=True,
                start_new_session=True,
            ) as process,
        ):
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.communicate(stdin, COMMAND_TIMEOUT_SECONDS)
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGTERM)
            process.wait()
            output.seek(0)
            printed = output.read()
        assert process.returncode == 0, f"{script} ended with {process.returncode}:\n{printed}"
        for key in (API_KEY, OTHER_ACCOUNTS_KEY):
            assert_without_key(printed, key)
        return printed

    def up(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        return self.pulumi("up", "--yes", "--skip-preview", *args, fails=fails, **kwargs)

    def preview(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        return self.pulumi("preview", "--diff", *args, fails=fails, **kwargs)

    def refresh(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        return self.pulumi("refresh", "--yes", "--skip-preview", *args, fails=fails, **kwargs)

    def destroy(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        return self.pulumi("destroy", "--yes", "--skip-preview", *args, fails=fails, **kwargs)

    def outputs(self) -> dict[str, Any]:
        """Returns the outputs of the stack, none of which may be secret."""
        outputs: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json").output)
        assert "[secret]" not in json.dumps(outputs)
        return outputs

    def state(self) -> dict[str, Any]:
        """Returns the state, with encrypted secrets."""
        state: dict[str, Any] = json.loads(self.pulumi("stack", "export").output)
        return state

    def resources(self) -> list[dict[str, Any]]:
        return self.of_type(self.INGRESS)

    def of_type(self, type_: str) -> list[dict[str, Any]]:
        resources: list[dict[str, Any]] = self.state()["deployment"].get("resources", [])
        return [resource for resource in resources if resource["type"] == type_]

    def names(self, type_: str) -> set[str]:
        """Returns the names of the resources of a type in the state."""
        return {resource["urn"].rpartition("::")[2] for resource in self.of_type(type_)}

    def files(self) -> dict[str, str]:
        """Returns every file of the project, its state and Pulumi's home, as strings."""
        return {
            str(path.relative_to(self.folder)): path.read_text(errors="replace")
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        }

    def assert_no_key(self, shown: str, key: str = API_KEY) -> None:
        """Asserts that neither the output nor a file of the project has eight consecutive characters of the key."""
        for name, text in {"the output": shown, **self.files()}.items():
            assert_without_key(text, key, where=name)
