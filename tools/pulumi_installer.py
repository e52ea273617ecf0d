"""Runs Pulumi's own installer: `python -m tools.pulumi_installer ROOT VERSION`, with a Python that has the SDK."""

from __future__ import annotations

import socket
import subprocess
import sys

from pulumi.automation import PulumiCommand
from semver import VersionInfo

CONNECT_SECONDS = 10


def main() -> int:
    root, version = sys.argv[1:]
    # The SDK has no time limit for the download of the installer's script.
    socket.setdefaulttimeout(CONNECT_SECONDS)
    try:
        PulumiCommand.install(root=root, version=VersionInfo.parse(version))
    except subprocess.CalledProcessError as error:
        print(error.output.decode(errors="replace"))
        return 1
    except OSError as error:
        print(error)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
