"""BIND's programs for the tests and the demo. Nothing is downloaded or installed: apt and Homebrew are scripts."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from tools import bind
from tools.bind import Programs, find_or_make
from tools.steps import StepError

INSTALL = "\nInstall BIND with: sudo apt-get install bind9 bind9-dnsutils"


@pytest.fixture(autouse=True)
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of PATH, which has only what the scripts need."""
    folder = tmp_path / "path"
    folder.mkdir()
    for name in ("sh", "mkdir", "touch", "chmod", "ls"):
        (folder / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(folder))
    monkeypatch.setattr(bind, "SBIN", ())
    monkeypatch.setattr(bind, "FOLDER", tmp_path / "build" / "bind")
    return folder


def write_program(folder: Path, name: str, body: str = "") -> str:
    (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / name).chmod(0o755)
    return str(folder / name)


def write_apt(path: Path, program: str) -> None:
    """Writes an apt-get, and a dpkg-deb that unpacks a library and programs with this command."""
    write_program(path, "apt-get", "mkdir -p cache/archives; touch cache/archives/bind9.deb")
    write_program(
        path,
        "dpkg-deb",
        f"""
mkdir -p "$3/usr/sbin" "$3/usr/bin" "$3/usr/lib/some-system"
touch "$3/usr/lib/some-system/libdns.so.1"
for program in sbin/named bin/dig; do
  printf '#!/bin/sh\\n{program}\\n' > "$3/usr/$program"
  chmod +x "$3/usr/$program"
done""",
    )


def test_programs_of_the_system_are_used(path: Path) -> None:
    system = Programs(write_program(path, "named"), write_program(path, "dig"))
    assert find_or_make() == system


def test_homebrew_installs_what_is_missing(path: Path) -> None:
    programs = Programs(str(path / "named"), str(path / "dig"))
    made = " ".join(programs)
    write_program(path, "brew", f'[ "$*" = "install bind" ] && touch {made} && chmod +x {made}')
    assert find_or_make() == programs


def test_missing_package_managers_are_reported_with_a_command() -> None:
    with pytest.raises(StepError, match=r"neither apt-get nor brew .*: sudo dnf install bind bind-utils$"):
        find_or_make()


def test_failure_of_apt_is_reported_with_a_command(path: Path) -> None:
    write_apt(path, "")
    write_program(path, "apt-get", "echo no network; exit 100")
    with pytest.raises(StepError, match=rf"no network{INSTALL}$"):
        find_or_make()
    assert not bind.FOLDER.exists()


def test_unpacked_programs_find_the_unpacked_libraries(path: Path) -> None:
    write_apt(path, "ls $LD_LIBRARY_PATH")
    for program in find_or_make():
        assert subprocess.check_output([program]) == b"libdns.so.1\n"


def test_unpacked_programs_that_fail_are_reported_with_a_command(path: Path) -> None:
    write_apt(path, "echo no such library; exit 127")
    with pytest.raises(StepError, match=rf"no such library{INSTALL}$"):
        find_or_make()
