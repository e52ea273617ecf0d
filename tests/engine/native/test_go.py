"""The Go code of the reference, compiled with the generated SDK. No test runs it."""

from __future__ import annotations

import os
import re
import subprocess
import textwrap
from pathlib import Path

import pytest

from tests.support.pages import blocks
from tools.pulumi_cli import GO_FLAGS

REFERENCE = Path(__file__).parents[3] / "docs" / "reference"
# The first page has a program, which the others continue in this order.
PAGES = ["agent-ingress", "rfc2136-delegation", "certificate-validation", "provider", "functions"]
PULUMI = '\t"github.com/pulumi/pulumi/sdk/v3/go/pulumi"\n'
CONFIG = '\t"github.com/pulumi/pulumi/sdk/v3/go/pulumi/config"\n'
END = "\t\treturn nil\n"


def program() -> str:
    """Returns the program of the first page, with the code of the others at its end."""
    [first], *others = [blocks((REFERENCE / f"{page}.md").read_text(), "go") for page in PAGES]
    more = "\n".join(code for page in others for code in page)
    assert (first.count(PULUMI), first.count(END)) == (1, 1)
    return first.replace(PULUMI, PULUMI + CONFIG).replace(END, textwrap.indent(f"\n{more}", "\t\t") + END)


@pytest.mark.main
def test_all_go_code_of_the_reference_is_in_the_program() -> None:
    pages = {page.stem: blocks(page.read_text(), "go") for page in REFERENCE.glob("*.md")}
    assert {page for page, found in pages.items() if found} == set(PAGES)


@pytest.mark.weekly
def test_program_of_the_reference_compiles(sdks: Path, tmp_path: Path) -> None:
    modules = (sdks / "go" / "go.mod").read_text()
    [name] = re.findall("^module (.*)$", modules, re.M)
    needed = f"require {name} v0.0.0\n\nreplace {name} => {sdks / 'go'}\n"
    (tmp_path / "go.mod").write_text(f"{modules.replace(f'module {name}', 'module program')}\n{needed}")
    (tmp_path / "go.sum").write_text((sdks / "go" / "go.sum").read_text())
    (tmp_path / "main.go").write_text(program())
    # All modules are in the cache since the SDK was made.
    env = {**os.environ, "GOPROXY": "off", "GOWORK": "off"}
    command = ["go", "build", *GO_FLAGS, "-o", os.devnull, "."]
    built = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True, check=False)
    assert built.returncode == 0, built.stderr
    formatted = subprocess.run(["gofmt", "-d", "main.go"], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert formatted.stdout == ""
