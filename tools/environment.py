"""The Python environments, which uv makes with the versions in `tools/locks/dev.txt`.

`python3 -m tools.environment dev` makes `.build/venv` for development. It does nothing if its sources have not changed.
`python3 -m tools.environment lock` updates the lock for pyproject.toml; `lock --upgrade` also selects the newest
versions. The lock has constraints: with a uv.lock, Pulumi would run the projects in this repository with uv.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.steps import BUILD, ROOT, cache, exit_status, hash_of, locked, made_once, run

DEV = BUILD / "venv"
USER = BUILD / "user"
DIST = BUILD / "dist"
LOCK = ROOT / "tools" / "locks" / "dev.txt"
PYPROJECT = ROOT / "pyproject.toml"
# Pulumi runs programs without writing bytecode, so all of it is written when packages are installed.
COMPILED = "--compile-bytecode"
EMULATOR = "--extra=emulator"
CONSTRAINTS = ("--constraints", str(LOCK), "--build-constraints", str(LOCK))
LOCKED = (*CONSTRAINTS, "--require-hashes")

# The DNS providers in `make test`: for each form of records, one with and one without limits of the TTL.
MAIN_DNS_EXTRAS = ("aws", "cloudflare", "digitalocean", "gandi")


def dev() -> Path:
    """Makes the environment with an editable install and all tools."""
    return _make(DEV, sys.executable, *LOCKED, EMULATOR, "--group", "dev", editable=True)


def user() -> Path:
    """Makes an environment like a user's, with the package and its dependencies only."""
    return _make(USER, sys.executable, *LOCKED, EMULATOR, COMPILED)


def of_python(version: str, python: str) -> Path:
    """Makes an environment of another Python, with the package and the dependencies of the tests."""
    return _make(BUILD / "versions" / version, python, *LOCKED, EMULATOR, COMPILED, "--group", "test")


def versions(python: str, resolution: str, extras: str = EMULATOR) -> Path:
    """Makes an environment with the package and the dependencies of the tests, in their lowest or highest versions.

    `python` is an interpreter; `resolution` is `lowest-direct` or `highest`, as in uv.
    """
    folder = BUILD / "versions" / f"{Path(python).name}-{resolution}"
    # There may be newer versions than in the last run.
    shutil.rmtree(folder, ignore_errors=True)
    # Nothing is built from source: that needs compilers, and users install wheels.
    only_wheels = ("--only-binary", ":all:")
    return _make(folder, python, "--resolution", resolution, *only_wheels, "--group", "test", extras)


def _make(folder: Path, python: str, *options: str, editable: bool = False) -> Path:
    """Makes an environment, or installs the package again if only its sources have changed.

    Tests make environments when they need them, so several processes may need the same one at the same time.
    """
    name = folder.relative_to(ROOT)
    sources = "editable" if editable else _hash_of_sources()
    made_of = [f"{ROOT} {Path(python).resolve()} {sys.version.split()[0]} {hash_of([LOCK, PYPROJECT])}", sources]
    stamp = folder / "made-of.txt"
    install = ("pip", "install", "--python", str(folder))
    with locked(folder, str(name)):
        stamped = stamp.read_text(encoding="utf-8").splitlines() if stamp.exists() else []
        if stamped[:1] != made_of[:1]:
            # Pulumi uses pip to list the packages of a program's environment.
            uv(f"making {name}", "venv", "--seed", "--clear", "--python", python, str(folder))
            uv(f"installing the packages of {name}", *install, "--requirements", "pyproject.toml", *options)
        if stamped != made_of:
            stamp.unlink(missing_ok=True)
            package = ("--editable", ".") if editable else ("--reinstall-package", "pulumi-agin", COMPILED, ".")
            # The package itself has no hash, so it comes after its dependencies.
            uv(f"installing pulumi-agin in {name}", *install, *CONSTRAINTS, "--no-deps", *package)
            stamp.write_text("\n".join(made_of), encoding="utf-8")
    return folder


def _hash_of_sources() -> str:
    """Hashes the names and contents of the files that the wheel is made from, besides pyproject.toml."""
    digest = hashlib.sha256()
    for path in sorted([ROOT / "LICENSE", ROOT / "README.md", *(ROOT / "pulumi_agin").rglob("*")]):
        if path.is_file() and "__pycache__" not in path.parts:
            digest.update(f"{path}\0{hash_of([path])}\n".encode())
    return digest.hexdigest()


def dns_packages(extras: Sequence[str] = ()) -> Path:
    """Makes a folder with packages of DNS providers, to append to a path: those of some extras, or of all.

    They are not in the development environment, where type checkers would read more than half a gigabyte of them.
    """
    chosen = [f"--extra={each}" for each in extras] or ["--all-extras"]
    digest = hashlib.sha256(" ".join([sys.version, hash_of([LOCK]), *chosen]).encode()).hexdigest()[:16]
    install = ("pip", "install", "--python", sys.executable, *LOCKED, "--requirements", "pyproject.toml", *chosen)

    def make(folder: Path) -> None:
        uv("installing the packages of DNS providers: up to a minute", *install, "--target", str(folder))

    return made_once(BUILD / f"dns-packages-{digest}", "the packages of DNS providers", make)


def lock(*, upgrade: bool = False) -> Path:
    """Updates the lock for pyproject.toml: all extras and tools, for each supported Python."""
    what = ["--universal", "--python-version", "3.10", "--all-extras", "--group", "dev", "pyproject.toml"]
    # No index is named, so that each user installs from their own.
    options = ["--no-header", "--no-emit-index-url", "--no-python-downloads", *(["--upgrade"] if upgrade else [])]
    uv("choosing the versions", "pip", "compile", "--generate-hashes", *options, "--output-file", str(LOCK), *what)
    return LOCK


def build_wheel(folder: Path) -> Path:
    """Builds the wheel into an empty or new folder, and returns its file."""
    uv("building the wheel", "build", "--wheel", "--build-constraints", str(LOCK), "--out-dir", str(folder))
    [wheel] = folder.glob("*.whl")
    return wheel


def supported_pythons() -> list[str]:
    """Returns the Pythons in the classifiers of pyproject.toml, such as 3.10, from the lowest on."""
    classifier = r'^ +"Programming Language :: Python :: (3\.\d+)"'
    return re.findall(classifier, PYPROJECT.read_text(encoding="utf-8"), re.MULTILINE)


def find_python(version: str) -> str | None:
    """Returns the interpreter of a version such as 3.13 if this machine has one. Nothing is downloaded."""
    # PATH has only those of pyenv's Pythons that are selected.
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob(f"versions/{version}.*/bin")
    path = os.pathsep.join([*map(str, pyenv), os.environ["PATH"]])
    command = (_uv(), "python", "find", "--no-python-downloads", "--offline", "--system", f"cpython{version}")
    found = subprocess.run(command, env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False)
    return found.stdout.strip() if found.returncode == 0 else None


def uv(title: str, *arguments: str) -> None:
    run(title, [_uv(), *arguments])


def _uv() -> Path:
    """Returns the uv of the lock, which pip installs once for this machine."""
    [(requirement, hashes)] = re.findall(r"^(uv==\S+)((?: \\\n +--hash=\S+)+)", LOCK.read_text("utf-8"), re.MULTILINE)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"

    def install(folder: Path) -> None:
        run("making an environment for uv", [sys.executable, "-m", "venv", folder])
        pip = (folder / "bin" / "python", "-m", "pip", "install", "--disable-pip-version-check", "--no-input")
        locked_uv = folder / "requirements.txt"
        locked_uv.write_text(requirement + hashes, encoding="utf-8")
        run(f"installing {requirement}", [*pip, "--require-hashes", "--requirement", locked_uv])

    return made_once(cache() / f"{requirement.replace('==', '-')}-python{version}", "uv", install) / "bin" / "uv"


def main() -> None:
    parser = argparse.ArgumentParser(prog="python3 -m tools.environment")
    parser.add_argument("what", choices=["dev", "lock"])
    parser.add_argument("--upgrade", action="store_true", help="for lock: select the newest versions")
    options = parser.parse_args()
    print(dev() if options.what == "dev" else lock(upgrade=options.upgrade))


if __name__ == "__main__":
    sys.exit(exit_status(main))
