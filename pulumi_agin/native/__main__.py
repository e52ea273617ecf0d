"""Command `python -m pulumi_agin.native`: runs the plugin if its console script is not on PATH."""

from __future__ import annotations

from . import main

if __name__ == "__main__":
    main()
