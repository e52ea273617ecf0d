"""Ports for servers that a test has to know before they start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress


def free_port() -> int:
    """Returns a port of 127.0.0.1 that nobody has.

    It is not one that a system hands out by itself. Else another test's server or connection could take it before the
    caller's server does.
    """
    while True:
        port = random.randrange(20000, 32000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
