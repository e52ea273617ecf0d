"""A stand-in for Pulumi's CLI, which prints the state and the config of one stack."""

from __future__ import annotations

import json
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The message of the real CLI.
NO_STACK = "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one"


class StubCli:
    """`pulumi` in a folder, for a project in the same folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def write(self, script: str) -> None:
        pulumi = self.folder / "pulumi"
        pulumi.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{self.folder / 'calls'}'\n{script}\n")
        pulumi.chmod(pulumi.stat().st_mode | stat.S_IXUSR)

    def stack(
        self,
        resources: Sequence[Mapping[str, Any]] = (),
        config: Mapping[str, str] | None = None,
        secrets: Mapping[str, str] | None = None,
        *,
        runtime: str = "python",
        secrets_fail: str = "",
    ) -> None:
        """Creates the stack `dev` of the project. `secrets_fail` is the reason that its secrets can't be decrypted."""
        (self.folder / "Pulumi.yaml").write_text(f"name: test\nruntime: {runtime}\n")
        self._file("state.json", json.dumps({"version": 3, "deployment": {"resources": list(resources)}}))
        shown = {key: {"value": value, "secret": False} for key, value in (config or {}).items()}
        shown |= {key: {"secret": True} for key in secrets or {}}
        self._file("config.json", json.dumps(shown))
        for key, value in (secrets or {}).items():
            self._file(key, f"{value}\n")
        get = f"echo 'error: {secrets_fail}' >&2; exit 1" if secrets_fail else f"exec /bin/cat '{self.folder}'/\"$3\""
        self.write(
            f"""case "$*" in
                "stack export"*) exec /bin/cat '{self.folder}/state.json';;
                "config --json"*) exec /bin/cat '{self.folder}/config.json';;
                "stack --show-name"*) echo dev;;
                "config get "*) {get};;
            esac"""
        )

    def fail(self, message: str) -> None:
        """Creates the project, with a CLI that always fails."""
        (self.folder / "Pulumi.yaml").write_text("name: test\nruntime: python\n")
        self.write(f"echo 'error: {message}' >&2; exit 1")

    @property
    def calls(self) -> list[str]:
        path = self.folder / "calls"
        return path.read_text().splitlines() if path.exists() else []

    def _file(self, name: str, text: str) -> None:
        (self.folder / name).write_text(text)
