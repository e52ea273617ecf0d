"""BIND's programs for the tests and the demo. Nothing is downloaded or installed: apt is a script."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools import bind
from tools.steps import StepError

# It unpacks a library, and programs that begin with this line.
DPKG = """\
mkdir -p "$3/usr/sbin" "$3/usr/bin" "$3/usr/lib/some-linux-gnu"
touch "$3/usr/lib/some-linux-gnu/libdns.so.1"
for program in sbin/named bin/dig; do
  printf '#!/bin/sh\\n{line}\\n' >"$3/usr/$program"
  chmod +x "$3/usr/$program"
done
"""


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of PATH, which has only what the scripts need."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name in ("sh", "mkdir", "touch", "chmod", "cat", "rm", "dirname", "ls"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(bind, "SBIN", ())
    monkeypatch.setattr(bind, "FOLDER", tmp_path / "build" / "bind")
    return folder


def write_program(folder: Path, name: str, body: str = "") -> None:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


def write_packages(path: Path, line: str) -> None:
    write_program(path, "apt-get", "mkdir -p cache/archives; touch cache/archives/bind9.deb")
    write_program(path, "dpkg-deb", DPKG.format(line=line))


def test_programs_of_the_system_are_used(path: Path) -> None:
    write_program(path, "named")
    write_program(path, "dig")
    assert bind.find_or_make() == (str(path / "named"), str(path / "dig"))


def test_unpacked_programs_find_the_unpacked_libraries(path: Path) -> None:
    write_packages(path, "ls $LD_LIBRARY_PATH")
    for program in bind.find_or_make():
        assert subprocess.check_output([program]) == b"libdns.so.1\n"


@pytest.mark.parametrize("line", [None, "echo no such library; exit 127"], ids=["no apt", "programs fail"])
def test_failure_is_reported_with_a_command(path: Path, line: str | None) -> None:
    if line:
        write_packages(path, line)
    with pytest.raises(StepError, match=r"not found|no such library") as caught:
        bind.find_or_make()
    assert str(caught.value).endswith(f"\n{bind.ADVICE}")
    assert not bind.FOLDER.exists()
