"""The Python environments, which uv creates with the versions in `tools/locks/dev.txt`.

`python3 -m tools.environment dev` creates `.build/venv` for development. `python3 -m tools.environment user` creates
`.build/user`, which has the wheel, like a user's environment. Both change only if their sources have changed.
`python3 -m tools.environment lock` updates the lock for pyproject.toml; `lock --upgrade` also selects the newest
versions. The lock has constraints: with a uv.lock, Pulumi would run the projects in this repository with uv.
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
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tools.steps import BUILD, LOGS, ROOT, StepError, cache, exit_status, locked, made_once, run_step

DEV = BUILD / "venv"
USER = BUILD / "user"
DIST = BUILD / "dist"
LOCK = ROOT / "tools" / "locks" / "dev.txt"
CONSTRAINTS = ("--constraints", str(LOCK), "--build-constraints", str(LOCK))
LOG = LOGS / "environment.log"
STAMP = "agin-stamp.json"

# The packages of DNS providers for `make test`: for each form of records, one with and one without limits of the TTL.
MAIN_DNS_PACKAGES = ("pulumi-aws", "pulumi-cloudflare", "pulumi-digitalocean", "pulumiverse-gandi")


def dev() -> Path:
    """Makes the environment with an editable install and all tools."""
    made_of = _made_of()
    with locked(BUILD / "venv.lock", ".build/venv"):
        if not _is_made(DEV, made_of):
            _make(DEV, ".build/venv", "--editable", ".[emulator]", "--group", "dev")
            _stamp(DEV, made_of)
    return DEV


def user() -> Path:
    """Makes an environment that has only the wheel and its dependencies."""
    return _with_wheel(USER, sys.executable)


def of_python(version: str, python: str) -> Path:
    """Makes an environment of another Python, with the wheel and the dependencies of the tests."""
    return _with_wheel(BUILD / "versions" / version, python, "--group", "test")


def _with_wheel(folder: Path, python: str, *packages: str) -> Path:
    dependencies = {**_made_of(), "interpreter": python}
    made_of = {**dependencies, "sources": _hash_of_sources()}
    name = str(folder.relative_to(ROOT))
    with locked(folder.with_name(f"{folder.name}.lock"), name):
        if _is_made(folder, made_of):
            return folder
        wheel = build_wheel(folder.with_name("dist"))
        if _is_made(folder, dependencies):
            (folder / STAMP).unlink()
            changed = ("--no-deps", "--reinstall", str(wheel))
            uv(f"installing the changed {wheel.name}", "pip", "install", *_of(folder), *changed)
        else:
            # Pulumi runs programs without writing bytecode, so all of it is written here.
            _make(folder, name, "--compile-bytecode", *packages, f"{wheel}[emulator]", python=python)
        _stamp(folder, made_of)
    return folder


def dns_packages(names: Sequence[str] = ()) -> Path:
    """Creates a folder with packages of DNS providers and their dependencies, to append to a path.

    Without names, it has the packages of all extras. They are not in the development environment, where type checkers
    would read more than half a gigabyte of them.
    """
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    every = re.findall(r'"((pulumi(?:verse)?-[a-z0-9-]+)[<>=~][^"]*)"', pyproject)
    requirements = [requirement for requirement, name in every if not names or name in names]
    pins = re.findall(r"^pulumi\S+==\S+", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    digest = hashlib.sha256(" ".join([sys.version, *requirements, *pins]).encode()).hexdigest()[:16]
    title = f"installing the packages of {len(requirements)} DNS providers"

    def make(folder: Path) -> None:
        # Few of the modules are used, so they are not compiled.
        uv(title, "pip", "install", "--python", sys.executable, "--target", str(folder), *CONSTRAINTS, *requirements)

    return made_once(BUILD / f"dns-packages-{digest}", "the packages of DNS providers", make)


def versions(python: str, resolution: str, *, dns_packages: bool = False) -> Path:
    """Makes an environment with the wheel, the dependencies of the tests, and the lowest or highest versions.

    `python` is a version, such as 3.12, or an interpreter; `resolution` is `lowest-direct` or `highest`, as in uv.
    """
    folder = BUILD / "versions" / f"{Path(python).name}-{resolution}"
    wheel = build_wheel(BUILD / "versions" / "dist")
    uv(f"making an environment of Python {python}", "venv", "--seed", "--clear", "--python", python, str(folder))
    # uv chooses the lowest versions only for requirements that it is given, not for those of the wheel. There are no
    # builds from source: they need compilers, and users install wheels.
    options = ("--resolution", resolution, "--only-binary", ":all:", "--requirements", "pyproject.toml")
    install = ("pip", "install", *_of(folder), *options, "--group", "test")
    uv(f"installing the {resolution} versions", *install, "--compile-bytecode", "--extra", "emulator", str(wheel))
    if dns_packages:
        # Few of the modules are used, so they are not compiled.
        uv("installing the packages of the DNS providers", *install, "--all-extras")
    return folder


def lock(*, upgrade: bool = False) -> Path:
    """Updates the lock for pyproject.toml: all extras and tools, for each supported Python."""
    what = ["--universal", "--python-version", "3.10", "--all-extras", "--group", "dev", "pyproject.toml"]
    # No index is named, so that each user installs from their own.
    options = ["--no-header", "--no-emit-index-url", "--no-python-downloads", *(["--upgrade"] if upgrade else [])]
    uv("choosing the versions", "pip", "compile", *options, "--output-file", str(LOCK), *what)
    return LOCK


def build_wheel(folder: Path = DIST) -> Path:
    """Builds the wheel into a folder, which is emptied first, and returns its file."""
    shutil.rmtree(folder, ignore_errors=True)
    options = ("--wheel", "--python", sys.executable, "--build-constraints", str(LOCK), "--out-dir", str(folder))
    try:
        # The build backend is in uv's cache, except for the first time.
        uv("building the wheel", "build", "--offline", *options)
    except StepError:
        uv("fetching the build backend and building the wheel", "build", *options)
    [wheel] = folder.glob("*.whl")
    return wheel


# -- Pythons ----------------------------------------------------------------------------------------------


def supported_pythons() -> list[str]:
    """Returns the Pythons in the classifiers of pyproject.toml, such as 3.10, from the lowest on."""
    pyproject = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'^ +"Programming Language :: Python :: (3\.\d+)"', pyproject, re.MULTILINE)


def find_python(version: str) -> str | None:
    """Returns the interpreter of a version such as 3.13 if this machine has one. Nothing is downloaded."""
    # PATH has only those of pyenv's Pythons that are selected.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin")
    path = os.pathsep.join([*map(str, pyenv), os.environ["PATH"]])
    command = (_uv(), "python", "find", "--no-python-downloads", "--offline", "--system", f"cpython{version}")
    run = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    return run.stdout.strip() if run.returncode == 0 else None


# -- uv ---------------------------------------------------------------------------------------------------


def uv(title: str, *arguments: str) -> None:
    """Runs uv, which is installed from the package index once for this machine."""
    run_step(title, [_uv(), *arguments], log=LOG)


def _uv() -> Path:
    [requirement] = re.findall(r"^uv==\S+", LOCK.read_text(encoding="utf-8"), re.MULTILINE)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    folder = cache() / f"{requirement.replace('==', '-')}-python{version}"
    return made_once(folder, "uv", lambda new: _install_uv(new, requirement)) / "bin" / "uv"


def _install_uv(folder: Path, requirement: str) -> None:
    if importlib.util.find_spec("ensurepip") is None:
        version = f"{sys.version_info.major}.{sys.version_info.minor}"
        raise StepError(
            f"{sys.executable} can't make virtual environments: it has no ensurepip. "
            f"On Debian and Ubuntu install python{version}-venv, or name another Python: make PYTHON=…"
        )
    run_step("making an environment for uv", [sys.executable, "-m", "venv", folder], log=LOG)
    pip = (folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input", requirement)
    run_step(f"installing {requirement} from the package index", pip, log=LOG)


def _make(folder: Path, what: str, *packages: str, python: str = sys.executable) -> None:
    # Pulumi uses pip to list the packages of a program's environment.
    uv(f"making {what}", "venv", "--seed", "--clear", "--python", python, str(folder))
    uv("installing its packages: less than half a minute", "pip", "install", *_of(folder), *CONSTRAINTS, *packages)


def _of(folder: Path) -> tuple[str, str]:
    return "--python", str(folder / "bin" / "python")


# -- stamps -----------------------------------------------------------------------------------------------


def _made_of() -> dict[str, str]:
    hashes = {file.name: hashlib.sha256(file.read_bytes()).hexdigest() for file in (LOCK, ROOT / "pyproject.toml")}
    return {"python": f"{sys.base_prefix} {sys.version}", "folder": str(ROOT), **hashes}


def _hash_of_sources() -> str:
    """Hashes the names and contents of the files that the wheel is made from, besides pyproject.toml."""
    digest = hashlib.sha256()
    for path in sorted([ROOT / "LICENSE", ROOT / "README.md", *(ROOT / "pulumi_agin").rglob("*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path.relative_to(ROOT)}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n".encode())
    return digest.hexdigest()


def _is_made(folder: Path, made_of: Mapping[str, str]) -> bool:
    """Returns whether an environment was made from these files, besides others."""
    try:
        stamp: dict[str, str] = json.loads((folder / STAMP).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return stamp.items() >= made_of.items()


def _stamp(folder: Path, made_of: Mapping[str, str]) -> None:
    (folder / STAMP).write_text(json.dumps(made_of, indent=2), encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python3 -m tools.environment")
    commands = parser.add_subparsers(dest="which", required=True)
    commands.add_parser("dev")
    commands.add_parser("user")
    commands.add_parser("lock").add_argument("--upgrade", action="store_true", help="select the newest versions")
    options = parser.parse_args()
    make: dict[str, Callable[[], Path]] = {"dev": dev, "user": user, "lock": lambda: lock(upgrade=options.upgrade)}
    return exit_status(lambda: print(make[options.which]()))


if __name__ == "__main__":
    sys.exit(main())
