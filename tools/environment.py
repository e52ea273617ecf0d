"""The Python environments: `.build/venv` to develop in, `.build/user` as a user would have it, and those of versions.

`python3 -m tools.environment dev` and `python3 -m tools.environment user` make one and print its folder. So does
`python3 -m tools.environment dns-sdks` for the packages that have an adapter in pulumi_agin.dns. `tools.versions` makes
the environments in `.build/versions`. Each is made once, and again only when what it was made from has changed.

All of them but those of versions take the versions in `tools/locks/dev.txt`. `python3 -m tools.environment lock` brings
that file in line with pyproject.toml, and `lock --upgrade` takes the newest versions, too.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from tools.steps import BUILD, LOGS, ROOT, StepError, exit_status, run_step

DEV = BUILD / "venv"
USER = BUILD / "user"
VERSIONS = BUILD / "versions"
DNS_SDKS = BUILD / "dns-sdks"
DIST = BUILD / "dist"
LOG = LOGS / "environment.log"
# Constraints, because with a uv.lock Pulumi would run the projects in this repository with uv.
LOCK = ROOT / "tools" / "locks" / "dev.txt"
STAMP = "agin-stamp.json"

Resolution = Literal["lowest", "newest"]
_UV_RESOLUTIONS: dict[Resolution, str] = {"lowest": "lowest-direct", "newest": "highest"}


def dev() -> Path:
    """Makes the environment with an editable install and all tools."""
    wanted = _made_from()
    if _stamp(DEV) == wanted:
        return DEV
    _make(DEV, "[1/2] making the development environment .build/venv")
    title = "[2/2] installing the package, its dependencies and the tools: about a minute"
    _pip(DEV, title, "--build-constraint", str(LOCK), "--editable", ".[emulator]", "--group", "dev")
    _set_stamp(DEV, wanted)
    return DEV


def user() -> Path:
    """Makes an environment that has only the wheel and its dependencies."""
    made_from = _made_from()
    wanted = {**made_from, "sources": sources_hash(ROOT)}
    have = _stamp(USER)
    if have == wanted:
        return USER
    if {**have, "sources": ""} == {**made_from, "sources": ""}:
        (USER / STAMP).unlink()
        wheel = build_wheel("[1/2] building the changed wheel", USER)
        _pip(USER, f"[2/2] installing {wheel.name}", "--force-reinstall", "--no-deps", str(wheel))
    else:
        _make(USER, "[1/3] making .build/user, an environment as a user would have it")
        wheel = build_wheel("[2/3] building the wheel", USER)
        _pip(USER, f"[3/3] installing {wheel.name} and its dependencies", f"{wheel}[emulator]")
    _set_stamp(USER, wanted)
    return USER


def dns_sdks() -> Path:
    """Makes a folder with the packages of the DNS extras and their dependencies, for the end of a path.

    They are not in the development environment, where type checkers would read more than half a gigabyte of them.
    """
    packages = re.findall(r'"(pulumi(?:verse)?-[a-z0-9-]+[<>=~][^"]*)"', (ROOT / "pyproject.toml").read_text("utf-8"))
    # The rest of the two files does not count: this is too much to install again for each change there.
    pins = re.findall(r"^pulumi\S+==\S+", LOCK.read_text("utf-8"), re.MULTILINE)
    wanted = {**_made_from(), "pyproject": " ".join(packages), "lock": " ".join(pins)}
    if _stamp(DNS_SDKS) == wanted:
        return DNS_SDKS
    shutil.rmtree(DNS_SDKS, ignore_errors=True)
    title = f"installing the packages of {len(packages)} DNS providers, 560 MB: less than a minute"
    # To compile all of it takes twice the space and six times as long, and few of the modules are used.
    _pip(dev(), title, "--target", str(DNS_SDKS), "--no-compile", *packages)
    _set_stamp(DNS_SDKS, wanted)
    return DNS_SDKS


def versions(python: Path, resolution: Resolution) -> Path:
    """Makes an environment with the wheel, what the tests need, and the lowest or the newest dependencies.

    The bounds are those of pyproject.toml. If the lowest version of a package has no wheel for this Python, the lowest
    one that has is taken. `versions.txt` in the environment lists all versions.

    Args:
        python: The interpreter.
        resolution: Which versions.

    Raises:
        StepError: No versions can be installed together.
    """
    version = subprocess.run([python, "--version"], capture_output=True, text=True, check=True).stdout.split()[1]
    folder = VERSIONS / f"{version}-{resolution}"
    wanted = {**_made_from(), "python": f"{python} {version}", "sources": sources_hash(ROOT)}
    if _stamp(folder) == wanted:
        return folder
    shutil.rmtree(folder, ignore_errors=True)
    wheel = build_wheel("[1/4] building the wheel", dev())
    title = f"making an environment of Python {version} with the {resolution} versions"
    # With pip, by which Pulumi lists the packages of a program's environment.
    _uv(f"[2/4] {title}", "venv", "--seed", "--python", str(python), str(folder))
    interpreter, listed = folder / "bin" / "python", folder / "versions.txt"
    # No builds from source: they need compilers, and users get wheels.
    choice = ("--python", str(interpreter), "--only-binary", ":all:")
    bounds = ("--resolution", _UV_RESOLUTIONS[resolution], "--extra", "emulator", "pyproject.toml")
    _uv("[3/4] choosing the versions", "pip", "compile", *choice, "--output-file", str(listed), *bounds)
    packages = ("--requirement", str(listed), "--group", "test", str(wheel))
    _uv("[4/4] installing them", "pip", "install", *choice, *packages)
    _set_stamp(folder, wanted)
    return folder


def lock(*, upgrade: bool = False) -> Path:
    """Brings the lock in line with pyproject.toml. It has all extras and all tools, for each Python that is supported.

    Args:
        upgrade: Whether to take the newest versions of everything. Otherwise, what fits stays.
    """
    what = ["--universal", "--python-version", "3.10", "--all-extras", "--group", "dev", "pyproject.toml"]
    # No index is named: whoever installs takes the packages from their own.
    options = ["--no-header", "--no-emit-index-url", "--no-python-downloads", *(["--upgrade"] if upgrade else [])]
    # The development environment can't be made while the lock does not fit, so uv gets one of its own.
    BUILD.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="lock-", dir=BUILD) as folder:
        _make(Path(folder), "[1/2] making an environment for uv")
        _pip(Path(folder), "      installing uv", "uv")
        uv = Path(folder) / "bin" / "uv"
        command: list[str | Path] = [uv, "pip", "compile", *options, "--output-file", LOCK, *what]
        run_step("[2/2] choosing the versions", command, log=LOG)
    return LOCK


def sources_hash(project: Path) -> str:
    """Hashes the names and contents of the files that the wheel is made from, besides pyproject.toml."""
    digest = hashlib.sha256()
    for path in sorted([project / "LICENSE", project / "README.md", *(project / "pulumi_agin").rglob("*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(project)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def build_wheel(title: str, folder: Path, into: Path = DIST) -> Path:
    """Builds the wheel with the development environment, if it is up to date, or else with the one in `folder`.

    The development environment has the build backend. Any other pip fetches that for the time of the build.

    Args:
        title: What is shown.
        folder: An environment with pip.
        into: The folder for the wheel, which is emptied first.
    """
    has_backend = _stamp(DEV) == _made_from()
    python = (DEV if has_backend else folder) / "bin" / "python"
    command: list[str | Path] = [python, "-m", "pip", "wheel", "--no-deps", "--wheel-dir", into, "."]
    command += ["--no-build-isolation"] if has_backend else ["--build-constraint", LOCK]
    shutil.rmtree(into, ignore_errors=True)
    run_step(title, command, log=LOG, env=_pip_environment())
    (wheel,) = into.glob("*.whl")
    return wheel


def _make(folder: Path, title: str) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise StepError(
            f"{sys.executable} cannot make virtual environments: it has no ensurepip.\n"
            f"On Debian and Ubuntu install python{version}-venv, or name another Python: make PYTHON=…"
        )
    shutil.rmtree(folder, ignore_errors=True)
    run_step(title, [sys.executable, "-m", "venv", folder], log=LOG)
    # Most Pythons come with an older one. Constraints of builds need pip 25.3, and Pulumi has pip list the packages in
    # each run of a program, for which older ones take twice as long.
    _pip(folder, "      upgrading its pip", "--upgrade", "pip")


def _pip(folder: Path, title: str, *arguments: str) -> None:
    command: list[str | Path] = [folder / "bin" / "python", "-m", "pip", "install", "--constraint", LOCK, *arguments]
    run_step(title, command, log=LOG, env=_pip_environment())


def _uv(title: str, *arguments: str) -> None:
    run_step(title, [dev() / "bin" / "uv", *arguments], log=LOG)


def _pip_environment() -> dict[str, str]:
    return {**os.environ, "PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_INPUT": "1"}


def _made_from() -> dict[str, str]:
    project, locked = (hashlib.sha256(file.read_bytes()).hexdigest() for file in (ROOT / "pyproject.toml", LOCK))
    return {"python": f"{sys.base_prefix} {sys.version}", "folder": str(ROOT), "pyproject": project, "lock": locked}


def _stamp(folder: Path) -> dict[str, str]:
    """Returns what `folder` was made from. It is empty if the folder was never finished."""
    try:
        stamp: dict[str, str] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stamp


def _set_stamp(folder: Path, made_from: dict[str, str]) -> None:
    (folder / STAMP).write_text(json.dumps(made_from, indent=2), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.environment")
    commands = parser.add_subparsers(dest="which", required=True)
    makers: dict[str, Callable[[], Path]] = {"dev": dev, "user": user, "dns-sdks": dns_sdks, "lock": lock}
    for name, make in makers.items():
        command = commands.add_parser(name)
        command.set_defaults(make=make)
        if make is lock:
            command.add_argument("--upgrade", action="store_true", help="take the newest versions of everything")
    options = parser.parse_args()
    more = {"upgrade": options.upgrade} if options.make is lock else {}
    return exit_status(lambda: print(options.make(**more)))


if __name__ == "__main__":
    sys.exit(main())
