"""The Python environments, which uv makes with the versions in `tools/locks/dev.txt`.

`make env` makes the one for development, and `make lock` the lock. The lock has constraints. A uv.lock would name a
package index, and Pulumi would run the projects in this repository with uv.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from collections.abc import Sequence
from pathlib import Path

from tools.steps import BUILD, ROOT, StepError, exit_status, hash_of, locked, made_once, run

UV = BUILD / "uv" / "bin" / "uv"
LOCK = ROOT / "tools" / "locks" / "dev.txt"
CONSTRAINTS = ("--constraints", str(LOCK), "--build-constraints", str(LOCK))

# This Python's version, such as 3.13.
OWN = "{}.{}".format(*sys.version_info)
# The folders of Pythons. PATH has only those of pyenv's that are selected; its commands fail for the others.
PYENV = [str(each) for each in Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")).glob("versions/3.*/bin")]
PYTHONS = os.pathsep.join([*PYENV, os.environ["PATH"]])

# The DNS providers in `make test`: for each form of records, one with and one without limits of the TTL.
MAIN_DNS_EXTRAS = ("aws", "cloudflare", "digitalocean", "gandi")


def supported_pythons() -> list[str]:
    """Returns the Pythons in the classifiers of pyproject.toml, such as 3.10, from the lowest on."""
    return re.findall(r":: Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def find_python(version: str) -> str | None:
    """Returns the interpreter of a version such as 3.13 if this machine has one."""
    return sys.executable if version == OWN else shutil.which(f"python{version}", path=PYTHONS)


def user(version: str = OWN) -> Path:
    """Makes an environment like a user's, with the package and its dependencies only.

    Tests make it when they need it, so several processes may do that at the same time. uv installs the package again
    only if its sources have changed.
    """
    python = find_python(version)
    if python is None:
        raise StepError(f"Python {version} is not on this machine.")
    folder = BUILD / f"user-{version}"
    with locked(folder):
        if not folder.exists():
            run(f"making .build/{folder.name}", [UV, "venv", "--python", python, folder])
        # Pulumi runs programs without writing bytecode, so all of it is written here.
        options = ("--compile-bytecode", "--requirements", "tools/user.txt")
        pip_install(f"preparing .build/{folder.name}", "--python", str(folder), *options)
    return folder


def dns_packages(extras: Sequence[str] = ()) -> Path:
    """Makes a folder with packages of DNS providers, to append to a path: those of some extras, or of all.

    They are not in the development environment, where type checkers would read more than half a gigabyte of them.
    """
    chosen = [f"--extra={each}" for each in extras] or ["--all-extras"]

    def install(folder: Path) -> None:
        options = ["--target", str(folder), "--requirements", "pyproject.toml", *chosen]
        pip_install("installing the packages of DNS providers, up to a minute", "--python", sys.executable, *options)

    name = "-".join(["dns-packages", OWN, *(extras or ["all"]), hash_of([LOCK])])
    return made_once(BUILD / name, install)


def pip_install(title: str, *options: str) -> None:
    run(title, [UV, "pip", "install", *CONSTRAINTS, *options])


if __name__ == "__main__":
    sys.exit(exit_status(lambda: print(user())))
