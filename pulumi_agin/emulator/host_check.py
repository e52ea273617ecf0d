"""The check of `Host` and `Origin`, which rejects requests of web pages in a developer's browser.

A page can send requests to this machine, and its host name can point here (DNS rebinding). The browser puts both into
these headers, which no page can change.
"""

from __future__ import annotations

import socket
from collections.abc import Collection
from email.message import Message
from ipaddress import ip_address
from urllib.parse import urlsplit


class HostCheck:
    """The hosts that requests may name."""

    def __init__(self, host: str, *, allow_remote: bool, allowed_hosts: Collection[str]) -> None:
        """`host` is where the emulator listens."""
        own = [host, socket.gethostname()] if allow_remote else []
        self._names = set(map(_canonical, ["localhost", *own, *allowed_hosts]))
        # Any address, because an address, unlike a name, always leads to the same machine.
        self._allow_remote = allow_remote

    def rejection(self, headers: Message) -> tuple[int, str] | None:
        """Returns the status and the message of a rejection, or None."""
        if not self._is_own(headers.get("host", "")):
            addresses = "any IP address" if self._allow_remote else "loopback addresses"
            names = "localhost, and the names given with --allow-host (in Python: allowed_hosts)"
            return 421, f"The emulator accepts only these hosts: {addresses}, {names}."
        if "origin" in headers:
            return 403, "The emulator does not respond to web pages. Use, for example, curl."
        return None

    def _is_own(self, host: str) -> bool:
        try:
            name = _canonical(urlsplit(f"//{host}").hostname or "")
        except ValueError:
            return False
        return name in self._names or (is_ip(name) and (self._allow_remote or ip_address(name).is_loopback))


def _canonical(name: str) -> str:
    return name.lower().removesuffix(".")


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
