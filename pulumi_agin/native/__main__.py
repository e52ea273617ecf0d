"""Command `python -m pulumi_agin.native`: the plugin without its console script on PATH."""

from __future__ import annotations

from . import main

if __name__ == "__main__":
    main()
