"""What the Makefile calls. Only the standard library: these run before anything is installed."""

import sys

if sys.version_info < (3, 10):  # noqa: UP036
    sys.exit("pulumi-agin needs Python 3.10 or newer; name another one with: make PYTHON=python3.12 …")
