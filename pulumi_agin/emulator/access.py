"""The check of `Host` and `Origin`, which rejects requests of web pages in a developer's browser.

A page can send requests to this machine, and its host name can point here (DNS rebinding). The browser puts both into
these headers, which no page can change.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from email.message import Message
from ipaddress import ip_address
from urllib.parse import urlsplit

from .dns_lookup import is_ip

_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")


class Access:
    """The hosts that requests may name."""

    def __init__(self, host: str, *, allow_remote: bool, allowed_hosts: Collection[str]) -> None:
        """Raises ValueError if one of the allowed hosts is not a name. `host` is where the emulator listens."""
        names = ["localhost", *allowed_hosts]
        for name in allowed_hosts:
            if not _NAME.fullmatch(_canonical(name)):
                raise ValueError(f"{name!r} is not a host name: use it without http:// and without a port.")
        if allow_remote:
            names += [name for name in (host, socket.gethostname()) if name and not is_ip(name)]
        self._names = dict.fromkeys(map(_canonical, names))
        # Any address, because an address, unlike a name, always leads to the same machine.
        self._allow_remote = allow_remote

    def rejection(self, headers: Message) -> tuple[int, str] | None:
        """Returns the status and the message of a rejection, or None."""
        host = headers.get("host", "")
        if not self._is_own(host):
            addresses = "any IP address" if self._allow_remote else "127.0.0.1, [::1]"
            return 421, (
                f"The emulator does not accept the host {host!r}. It accepts "
                f"{', '.join([addresses, *self._names])}, and the names given with --allow-host (in Python: "
                "allowed_hosts)."
            )
        if "origin" in headers:
            return 403, (
                f"The emulator does not respond to web pages, and one sent this request (Origin: {headers['origin']!r})"
                ". Send the request from outside a browser, for example with curl."
            )
        return None

    def _is_own(self, host: str) -> bool:
        try:
            name = _canonical(urlsplit(f"//{host}").hostname or "")
        except ValueError:
            return False
        return name in self._names or (is_ip(name) and (self._allow_remote or ip_address(name).is_loopback))


def _canonical(name: str) -> str:
    return name.lower().removesuffix(".")
