"""What the Makefile runs. Most modules use only the standard library: they run before anything is installed."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit("pulumi-agin needs Python 3.10 or newer; name another one with: make PYTHON=python3.12 …")
