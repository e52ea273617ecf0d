"""Scripts of the Makefile. Most modules use only the standard library: they run before anything is installed."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit("pulumi-agin needs Python 3.10 or newer; use another one with: make PYTHON=python3.12 …")
