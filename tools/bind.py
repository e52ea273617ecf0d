"""BIND's `named` and `dig`: those of this machine, or of the packages of Debian or Ubuntu.

The packages are unpacked into `.build/bind`, without root and without installing them.
"""

from __future__ import annotations

import os
import shutil
from typing import NamedTuple

from tools.steps import BUILD, StepError, made_once, run

FOLDER = BUILD / "bind"
# named is in a folder that is not on the PATH of all users.
SBIN = ("/usr/local/sbin", "/usr/sbin", "/sbin", "/opt/homebrew/sbin")
ADVICE = "Install BIND so that named and dig are on PATH, as with: sudo apt-get install bind9 bind9-dnsutils"

# With folders of its own, apt still reads which packages the system has. Its update fails if any source of the system
# fails. The wrappers find the unpacked libraries.
UNPACK = r"""
mkdir state cache bin
apt="apt-get -q -o Dir::State=$PWD/state -o Dir::Cache=$PWD/cache -o Debug::NoLocking=true -o APT::Sandbox::User=root"
$apt update || true
$apt install --download-only --yes --no-install-recommends bind9 bind9-dnsutils
for package in cache/archives/*.deb; do dpkg-deb --extract "$package" root; done
for program in sbin/named bin/dig; do
  cat >"bin/${program##*/}" <<END
#!/bin/sh
usr=\$(dirname "\$0")/../root/usr
LD_LIBRARY_PATH=\$(echo "\$usr"/lib/*-linux-gnu*) exec "\$usr/$program" "\$@"
END
done
chmod +x bin/named bin/dig
bin/named -v
rm -r state cache
"""


class Programs(NamedTuple):
    """The paths of BIND's programs."""

    named: str
    dig: str


def find_or_make() -> Programs:
    """Returns the paths of usable programs."""
    found = find(*SBIN)
    if found is None:
        title = "unpacking BIND from this system's packages, in less than a minute"
        try:
            made_once(FOLDER, lambda folder: run(title, ["sh", "-ec", UNPACK], cwd=folder))
        except StepError as error:
            raise StepError(f"{error}\n{ADVICE}") from None
        found = find(str(FOLDER / "bin"))
    assert found, FOLDER
    return found


def find(*folders: str) -> Programs | None:
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *folders])
    named, dig = (shutil.which(name, path=path) for name in Programs._fields)
    return Programs(named, dig) if named and dig else None
