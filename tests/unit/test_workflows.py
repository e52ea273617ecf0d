"""The workflows: the Pythons that CI runs, and the README of a release."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tests.support.workflows import jobs, run_release_step
from tools.environment import supported_pythons

README = """\
<img src="docs/pictures/agents.svg">

[Errors][], [a heading](#status), [all](docs/index.md#where-to-go) and [prices](https://ngrok.com/pricing).

[errors]: docs/reference/errors.md
[api key]: https://dashboard.ngrok.com/api-keys
"""


def test_ci_runs_every_supported_python() -> None:
    supported = supported_pythons()
    assert supported[0] == "3.10"
    assert jobs("ci")["versions"]["strategy"]["matrix"]["python"] == supported
    steps = jobs("ci")["test"]["steps"]
    [pythons] = [step["with"]["python"] for step in steps if step.get("uses", "").endswith("/set-up")]
    assert {*pythons.split()} == {*supported}


def test_release_makes_the_links_of_the_readme_absolute(tmp_path: Path) -> None:
    place = "https://github.com/acme/agin"
    (tmp_path / "README.md").write_text(README)
    (tmp_path / "pyproject.toml").write_text("[project.urls]\n")
    with pytest.raises(subprocess.CalledProcessError):
        run_release_step("README.md", tmp_path)
    (tmp_path / "pyproject.toml").write_text(f'[project.urls]\nRepository = "{place}"\n')
    run_release_step("README.md", tmp_path)
    linked = README.replace("(docs/", f"({place}/blob/v1.2.3/docs/").replace(": docs/", f": {place}/blob/v1.2.3/docs/")
    expected = linked.replace('"docs/', f'"{place}/raw/v1.2.3/docs/')
    assert (tmp_path / "README.md").read_text() == expected
