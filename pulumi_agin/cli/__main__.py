"""`python -m pulumi_agin.cli`: the command line if its script is not installed."""

import sys

from . import main

sys.exit(main())
