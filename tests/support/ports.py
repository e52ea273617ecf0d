"""Ports for servers, chosen before the servers start."""

from __future__ import annotations

import random
import socket


def free_port() -> int:
    """Returns a free port of 127.0.0.1 that the system does not assign to other servers or connections."""
    while not is_free(port := random.randrange(20000, 32000)):
        pass
    return port


def is_free(port: int) -> bool:
    try:
        with socket.create_server(("127.0.0.1", port)):
            return True
    except OSError:
        return False
