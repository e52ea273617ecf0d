"""The program in Go of the docs, compiled with the generated SDK. No test runs it."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.support.pages import blocks
from tools.pulumi_cli import GO_FLAGS

PAGE = Path(__file__).parents[2] / "docs" / "guides" / "languages.md"


@pytest.mark.weekly
def test_program_of_the_docs_compiles(sdks: Path, tmp_path: Path) -> None:
    modules = (sdks / "go" / "go.mod").read_text()
    [name] = re.findall("^module (.*)$", modules, re.M)
    needed = f"require {name} v0.0.0\n\nreplace {name} => {sdks / 'go'}\n"
    (tmp_path / "go.mod").write_text(f"{modules.replace(f'module {name}', 'module program')}\n{needed}")
    (tmp_path / "go.sum").write_text((sdks / "go" / "go.sum").read_text())
    [program] = blocks(PAGE.read_text(), "go")
    (tmp_path / "main.go").write_text(program)
    # All modules are in the cache since the SDK was made.
    env = {**os.environ, "GOPROXY": "off", "GOWORK": "off"}
    command = ["go", "build", *GO_FLAGS, "-o", os.devnull, "."]
    built = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
