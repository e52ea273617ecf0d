"""Command `python -m pulumi_agin.cli`: the command line without its console script on PATH."""

from __future__ import annotations

import sys

from . import main

if __name__ == "__main__":
    sys.exit(main())
