"""The Python environments, which uv makes with the versions in `tools/locks/dev.txt`.

`make env` makes the one for development, and `make lock` the lock. The lock has constraints. A uv.lock would name a
package index, and Pulumi would run the projects in this repository with uv.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import sys
from collections.abc import Sequence
from importlib import metadata
from pathlib import Path

from tools.steps import BUILD, ROOT, StepError, hash_of, locked, made_once, run

UV = BUILD / "uv" / "bin" / "uv"
DIST = BUILD / "dist"
LOCK = ROOT / "tools" / "locks" / "dev.txt"
CONSTRAINTS = ("--constraints", str(LOCK), "--build-constraints", str(LOCK))

# This Python's version, such as 3.13.
OWN = "{}.{}".format(*sys.version_info)
# PATH has only those of pyenv's Pythons that are selected.
PYENV = [str(each) for each in Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin")]

# The DNS providers in `make test`: for each form of records, one with and one without limits of the TTL.
MAIN_DNS_EXTRAS = ("aws", "cloudflare", "digitalocean", "gandi")


def supported_pythons() -> list[str]:
    """Returns the Pythons in the classifiers of pyproject.toml, such as 3.10, from the lowest on."""
    classifier = r'^ +"Programming Language :: Python :: (3\.\d+)"'
    return re.findall(classifier, (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE)


def find_python(version: str) -> str | None:
    """Returns the interpreter of a version such as 3.13 if this machine has one."""
    if version == OWN:
        return sys.executable
    # First in pyenv: its commands on PATH fail for versions that are not selected.
    return shutil.which(f"python{version}", path=os.pathsep.join([*PYENV, os.environ["PATH"]]))


def user(version: str = OWN) -> Path:
    """Makes an environment like a user's, with the package and its dependencies only.

    Tests make it when they need it, so several processes may do that at the same time. uv installs the package again
    only if its sources have changed.
    """
    python = find_python(version)
    if python is None:
        raise StepError(f"Python {version} is not on this machine.")
    folder = BUILD / f"user-{version}"
    with locked(folder, folder.name):
        if not folder.exists():
            uv(f"making .build/{folder.name}", "venv", "--python", python, str(folder))
        # Pulumi runs programs without writing bytecode, so all of it is written here.
        install = ("pip", "install", "--python", str(folder), *CONSTRAINTS, "--compile-bytecode")
        uv(f"preparing .build/{folder.name}", *install, "--requirements", "tools/user.txt")
    return folder


def dns_packages(extras: Sequence[str] = ()) -> Path:
    """Makes a folder with packages of DNS providers, to append to a path: those of some extras, or of all.

    They are not in the development environment, where type checkers would read more than half a gigabyte of them.
    """
    chosen = [f"--extra={each}" for each in extras] or ["--all-extras"]
    digest = hashlib.sha256(" ".join([sys.version, hash_of([LOCK]), *chosen]).encode()).hexdigest()[:16]
    install = ("pip", "install", "--python", sys.executable, *CONSTRAINTS, "--requirements", "pyproject.toml", *chosen)

    def make(folder: Path) -> None:
        uv("installing the packages of DNS providers: up to a minute", *install, "--target", str(folder))

    return made_once(BUILD / f"dns-packages-{digest}", "the packages of DNS providers", make)


def build_wheel(folder: Path) -> Path:
    """Builds the wheel into an empty or new folder, and returns its file."""
    uv("building the wheel", "build", "--wheel", "--build-constraints", str(LOCK), "--out-dir", str(folder))
    [wheel] = folder.glob("*.whl")
    return wheel


def check_lowest(folder: Path) -> None:
    """Checks that an environment has exactly the lowest versions of the package's requirements, with all extras."""
    path = [str(each) for each in folder.glob("lib/python*/site-packages")]
    installed = {normalized(each.name): each.version for each in metadata.distributions(path=path)}
    [package] = metadata.distributions(name="pulumi-agin", path=path)
    for requirement in package.requires or []:
        [(name, bound)] = re.findall(r"^([\w-]+).*?>=([\d.]+)", requirement)
        version = installed.get(normalized(name), "no version")
        if not re.fullmatch(rf"{re.escape(bound)}(\.0)*", version):
            raise StepError(f"The lowest {name} that pyproject.toml allows is {bound}, but {version} is installed.")


def normalized(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def uv(title: str, *arguments: str) -> None:
    run(title, [UV, *arguments])
