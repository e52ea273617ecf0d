"""BIND's `named` and `dig`, which are found, unpacked or installed.

The sources are tried in this order:

1. this machine: PATH, and where Debian and Homebrew install them;
2. the packages of Debian or Ubuntu, which are unpacked into `.build/bind`, without root and without installing them;
3. Homebrew, which installs them.
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import NamedTuple

from tools.steps import BUILD, StepError, exit_status, locked, made_once, run

FOLDER = BUILD / "bind"
# named is in a folder that is not on the PATH of all users.
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/sbin", "/home/linuxbrew/.linuxbrew/sbin")

# apt reads which packages the system has, and downloads the missing ones.
APT_CONF = """\
Dir::State "{folder}/state";
Dir::Cache "{folder}/cache";
Debug::NoLocking "true";
// As root, apt would download as a user who can't write to these folders.
APT::Sandbox::User "root";
// The system's hooks write to other folders.
#clear APT::Update;
"""
# The update also fails if any other source of the system fails.
UNPACK = """\
mkdir state cache
apt-get -q -c apt.conf update || true
apt-get -q -c apt.conf install --download-only --yes --no-install-recommends bind9 bind9-dnsutils
for package in cache/archives/*.deb; do dpkg-deb --extract "$package" ../root; done
"""
WRAPPER = """\
#!/bin/sh
LD_LIBRARY_PATH={libraries} exec "${{0%/*}}/../{program}" "$@"
"""


class Programs(NamedTuple):
    """The paths of BIND's programs."""

    named: str
    dig: str


def find_or_make() -> Programs:
    """Returns the paths of usable programs."""
    found = _find()
    if found:
        return found
    if shutil.which("apt-get"):
        made_once(FOLDER, "BIND", _unpack)
    elif shutil.which("brew"):
        with locked(FOLDER, "BIND"):
            # Another process may have installed it.
            if not _find():
                run("running brew install bind", ["brew", "install", "bind"])
    else:
        raise StepError(
            "BIND's named or dig is missing, and there is neither apt-get nor brew to get it with. Install both so "
            "that they are on PATH, as on Fedora with: sudo dnf install bind bind-utils"
        )
    found = _find()
    if not found:
        raise StepError(
            f"There is still no named or dig on PATH or in {FOLDER}. Remove that folder, and run this again."
        )
    return found


def _find() -> Programs | None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *SBIN, str(FOLDER / "bin")])
    named, dig = (shutil.which(name, path=path) for name in Programs._fields)
    return Programs(named, dig) if named and dig else None


def _unpack(folder: Path) -> None:
    apt = folder / "apt"
    apt.mkdir(parents=True)
    (apt / "apt.conf").write_text(APT_CONF.format(folder=apt), encoding="utf-8")
    try:
        run("unpacking BIND from this system's packages: less than a minute", ["sh", "-ec", UNPACK], cwd=apt)
        shutil.rmtree(apt)
        # Relative to the wrappers, because the folder is renamed.
        libraries = sorted({library.parent.relative_to(folder) for library in folder.glob("root/**/lib/*/*.so*")})
        (folder / "bin").mkdir()
        for program in ("root/usr/sbin/named", "root/usr/bin/dig"):
            if (folder / program).exists():
                wrapper = folder / "bin" / Path(program).name
                path = ":".join(f'"${{0%/*}}/../{each}"' for each in libraries)
                wrapper.write_text(WRAPPER.format(libraries=path, program=program), encoding="utf-8")
                wrapper.chmod(0o755)
                run(f"checking {wrapper.name}", [wrapper, "-v"])
    except StepError as error:
        raise StepError(f"{error}\nInstall BIND with: sudo apt-get install bind9 bind9-dnsutils") from None


if __name__ == "__main__":
    sys.exit(exit_status(find_or_make))
