"""A stand-in for Pulumi's CLI, which prints the config and the state of one stack."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

# The message of the real CLI.
NO_STACK = "no stack selected; please use `pulumi stack select` or `pulumi stack init` to choose one"


class StubCli:
    """`pulumi` in the folder of a project."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        (folder / "Pulumi.yaml").write_text("name: test\nruntime: python\n")

    def stack(self, resources: Sequence[Mapping[str, Any]] = (), **config: str) -> None:
        """Makes it print a stack. The names in `config` are without `agin:`."""
        deployment = {"deployment": {"resources": list(resources)}}
        (self._folder / "stack.json").write_text(json.dumps(deployment))
        values = {f"agin:{name}": {"value": value, "secret": True} for name, value in config.items()}
        (self._folder / "config.json").write_text(json.dumps(values))
        self._write(f"exec /bin/cat '{self._folder}'/\"$1\".json")

    def fail(self, message: str) -> None:
        """Makes each of its commands fail, after a warning."""
        self._write(f"printf 'warning: there is a newer version\\nerror: {message}\\n' >&2; exit 255")

    def hang(self) -> None:
        """Makes it run until it is killed."""
        self._write("exec /bin/sleep 3600")

    @property
    def calls(self) -> list[str]:
        return (self._folder / "calls").read_text().splitlines()

    def _write(self, script: str) -> None:
        pulumi = self._folder / "pulumi"
        pulumi.write_text(f"#!/bin/sh\nprintf '%s\\n' \"$*\" >>'{self._folder}/calls'\n{script}\n")
        pulumi.chmod(0o755)
