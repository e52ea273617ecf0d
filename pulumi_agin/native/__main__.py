"""`python -m pulumi_agin.native`: the plugin, where its console script is not on PATH."""

from __future__ import annotations

from . import main

if __name__ == "__main__":
    main()
