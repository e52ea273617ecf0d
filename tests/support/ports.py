"""Ports for servers, chosen before the servers start, and ports of servers that have ended."""

from __future__ import annotations

import random
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress


def free_port() -> int:
    """Returns a free port of 127.0.0.1 that the system does not assign to other servers or connections."""
    while True:
        port = random.randrange(20000, 32000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@contextmanager
def closed_port(url: str) -> Iterator[None]:
    """Holds the port of an ended server, so that connections are refused and no other server gets the port."""
    with socket.socket() as holder:
        # The ended server's connections may still use the port.
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        holder.bind(("127.0.0.1", int(url.rpartition(":")[2])))
        yield
