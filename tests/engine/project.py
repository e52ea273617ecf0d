"""A Pulumi project of a test's own: its program, its state, and the real CLI run on it."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import dedent
from typing import Any

# Enough for the slowest command on a busy machine; none waits for luck.
COMMAND_TIMEOUT_SECONDS = 180

# What the CLI says of a program with one resource, which is as it was: that and the stack.
UNCHANGED = "2 unchanged"

PASSPHRASE = "only for tests"


@dataclass
class Result:
    """What a command printed, and how it ended."""

    code: int
    output: str

    @property
    def diagnostics(self) -> str:
        """What the CLI printed at the end under "Diagnostics:", on one line."""
        return " ".join(self.output.partition("Diagnostics:")[2].split())

    @property
    def has_traceback(self) -> bool:
        """Whether something failed without a sentence of its own.

        The engine ends the program of a failing run by SIGINT, and where that meets the SDK, Python tells it in a
        traceback, with any provider.
        """
        tracebacks = self.output.split("Traceback (most recent call last)")[1:]
        # An exception that came of another one is told after it.
        last = [each for each in tracebacks if "During handling of the above exception" not in each]
        return any("KeyboardInterrupt" not in each for each in last)

    def __contains__(self, text: str) -> bool:
        return text in self.output


@dataclass
class Project:
    """`folder` holds the project; `cli` and `user_env` are where Pulumi's CLI and the user's Python are."""

    folder: Path
    cli: Path
    user_env: Path
    environment: dict[str, str] = field(default_factory=dict, repr=False)
    name: str = "test"

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "state").mkdir(exist_ok=True)
        self.yaml(f"name: {self.name}\nruntime: python\n")
        self.environment = {
            "HOME": str(self.folder),
            "PATH": f"{self.user_env / 'bin'}:{self.cli}:/usr/bin:/bin",
            "PULUMI_HOME": str(self.folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{self.folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "NO_COLOR": "1",
        } | self.environment
        self.pulumi("stack", "init", "dev")

    def yaml(self, text: str) -> None:
        """Replaces Pulumi.yaml."""
        (self.folder / "Pulumi.yaml").write_text(text)

    def program(self, text: str) -> None:
        """Replaces the program. The usual imports are there already."""
        (self.folder / "__main__.py").write_text("import pulumi\nimport pulumi_agin as agin\n\n" + dedent(text))

    def pulumi(
        self, *args: str, fails: bool = False, env: Mapping[str, str] | None = None, cwd: Path | None = None
    ) -> Result:
        """Runs the CLI. It must succeed, or fail where `fails` is said."""
        process = subprocess.Popen(
            [str(self.cli / "pulumi"), *args, "--non-interactive"],
            cwd=cwd or self.folder,
            env=self.environment | dict(env or {}),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            text=True,
        )
        with process:
            try:
                output, _ = process.communicate(timeout=COMMAND_TIMEOUT_SECONDS)
            except BaseException:
                # As a user would end it, so that its plugins end too.
                process.send_signal(signal.SIGINT)
                process.send_signal(signal.SIGINT)
                raise
        result = Result(process.returncode, output)
        assert (result.code != 0) == fails, f"pulumi {' '.join(args)} ended with {result.code}:\n{result.output}"
        return result

    def up(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        """`pulumi up`, without its preview."""
        return self.pulumi("up", "--yes", "--skip-preview", *args, fails=fails, **kwargs)

    def preview(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        """`pulumi preview --diff`."""
        return self.pulumi("preview", "--diff", *args, fails=fails, **kwargs)

    def refresh(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        """`pulumi refresh`, without its preview."""
        return self.pulumi("refresh", "--yes", "--skip-preview", *args, fails=fails, **kwargs)

    def destroy(self, *args: str, fails: bool = False, **kwargs: Any) -> Result:
        """`pulumi destroy`, without its preview."""
        return self.pulumi("destroy", "--yes", "--skip-preview", *args, fails=fails, **kwargs)

    def outputs(self) -> dict[str, Any]:
        """The outputs of the stack."""
        outputs: dict[str, Any] = json.loads(self.pulumi("stack", "output", "--json", "--show-secrets").output)
        return outputs

    def state(self) -> dict[str, Any]:
        """The state, as `pulumi stack export` gives it: secrets encrypted."""
        state: dict[str, Any] = json.loads(self.pulumi("stack", "export").output)
        return state

    def resources(self) -> list[dict[str, Any]]:
        """The Agent Ingresses of the state."""
        resources = self.state()["deployment"].get("resources", [])
        return [r for r in resources if r["type"] == "pulumi-python:dynamic/agin:AgentIngress"]

    def files(self) -> dict[str, str]:
        """Every file of the project, its state and Pulumi's home, as text."""
        return {
            str(path.relative_to(self.folder)): path.read_text(errors="replace")
            for path in self.folder.rglob("*")
            if path.is_file() and not path.is_symlink()
        }
