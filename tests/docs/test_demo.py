"""`make demo` and the other demos, run in a copy of the repository so that a developer's own demo is not affected."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pulumi_agin.cli.doctor import CHECKS
from tests.support.pages import blocks

ROOT = Path(__file__).parents[2]
WHOLE_CHAIN = (
    (ROOT / "docs" / "tutorial.md").read_text().partition("\n### Run the full demo\n")[2].partition("\n## ")[0]
)
DEMO, DEMO_SHELL, IN_SHELL, REMOVE_DEMO = blocks(WHOLE_CHAIN, "sh")


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the working tree in a new repository, in which nothing is built."""
    copy = tmp_path_factory.mktemp("demo") / "checkout"
    list_files = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    for name in subprocess.run(list_files, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines():
        if (ROOT / name).is_file():
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, copy / name)
    for command in ("init -q", "add -A", "-c user.name=t -c user.email=t@t commit -qm all"):
        subprocess.run(["git", *command.split()], cwd=copy, check=True)
    return copy


def make(checkout: Path, path: Path, *arguments: str, stdin: str = "") -> str:
    # A Python outside any virtual environment, as on a fresh machine. The CLI is on PATH: it takes minutes to build.
    python = Path(sys.base_prefix) / "bin" / "python3"
    run = subprocess.run(
        ["make", *arguments, f"PYTHON={python}"],
        cwd=checkout,
        env={
            **{name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "MAKEFLAGS")},
            "PATH": f"{path}:{os.environ['PATH']}",
        },
        input=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=400,
        check=False,
    )
    assert run.returncode == 0, run.stdout
    return run.stdout


def assert_nothing_is_left(checkout: Path) -> None:
    status = subprocess.run(["git", "status", "--porcelain"], cwd=checkout, capture_output=True, text=True, check=True)
    assert status.stdout == ""
    assert not list((checkout / ".build").glob("agin-demo*/"))
    processes = subprocess.run(["pgrep", "-af", str(checkout)], capture_output=True, text=True, check=False)
    assert processes.stdout == ""


def test_tutorial_runs_the_full_demo() -> None:
    assert DEMO == "cd ../pulumi-agin\nmake demo FULL=1\n"
    assert (DEMO_SHELL, REMOVE_DEMO) == ("make demo-shell FULL=1\n", "make demo-destroy\ncd ../acme\n")


# What the shell of a demo with a description suggests.
CHANGE = "pulumi config set description 'other devices'\npulumi up --yes\n"


@pytest.mark.rest
def test_demo_creates_changes_and_destroys(checkout: Path, cli: Path) -> None:
    first = make(checkout, cli, "demo")
    assert "2 created" in first
    assert "ns_targets" in first
    assert "Next steps:" in first
    assert not (checkout / ".build" / "venv").exists(), "the demo must not create a development environment"
    [installed] = (checkout / ".build").glob("user-*/lib/*/site-packages/pulumi_agin")
    installed_at = installed.stat().st_ctime_ns
    again = make(checkout, cli, "demo")
    assert "2 unchanged" in again
    assert installed.stat().st_ctime_ns == installed_at, "an unchanged package must not be installed again"
    assert "1 updated" in make(checkout, cli, "demo-shell", stdin=CHANGE)
    destroyed = make(checkout, cli, "demo-destroy")
    assert "protected" in destroyed
    assert "2 deleted" in destroyed
    assert "nothing to destroy" in make(checkout, cli, "demo-destroy")
    assert_nothing_is_left(checkout)


@pytest.mark.weekly
def test_full_demo_ends_with_a_certificate(checkout: Path, cli: Path) -> None:
    full = make(checkout, cli, "demo", "FULL=1")
    assert "renews_at" in full
    assert len(re.findall(r"^connect\.acme\.com\.\s.*\sNS\s+ns-", full, re.M)) == 4
    assert 'connect_url: "connect.acme.com:443"' in full
    assert "5 unchanged" in make(checkout, cli, "demo", "FULL=1")
    # The command that the shell suggests, and those of the tutorial, as a user would paste them.
    [doctor] = re.findall("^  (pulumi-agin doctor .*)$", make(checkout, cli, "demo-shell", "FULL=1"), re.M)
    typed = make(checkout, cli, "demo-shell", "FULL=1", stdin=f"{doctor} && echo valid\nset -e\n{IN_SHELL}")
    assert re.search("^valid$", typed, re.M)
    # Each doctor has a line for the key, the ingress and each check.
    assert len(re.findall(r"^ok  ", typed, re.M)) == 2 * (2 + len(CHECKS))
    assert 'agent:\n  connect_url: "connect.acme.com:443"\n  connect_cas: "host"\n' in typed
    assert "5 deleted" in make(checkout, cli, "demo-destroy")
    assert_nothing_is_left(checkout)


@pytest.mark.weekly
@pytest.mark.usefixtures("yaml_host")
def test_demo_in_yaml_creates_changes_and_destroys(checkout: Path, cli: Path) -> None:
    first = make(checkout, cli, "demo", "YAML=1")
    assert "2 created" in first
    assert "nsTargets" in first
    assert "Warning" not in first
    assert "1 updated" in make(checkout, cli, "demo-shell", "YAML=1", stdin=CHANGE)
    destroyed = make(checkout, cli, "demo-destroy")
    assert "protected" in destroyed
    assert "2 deleted" in destroyed
    assert_nothing_is_left(checkout)
