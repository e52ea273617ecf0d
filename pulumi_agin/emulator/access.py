"""Decides which requests are answered, and refuses those of web pages in a developer's browser.

A page can send requests to this machine, and its host name can point here (DNS rebinding). The browser says so in
`Host`, `Origin` and `Sec-Fetch-Site`, which no page can change.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Mapping
from ipaddress import ip_address
from typing import NamedTuple

from .delegation import is_ip

_PLACE = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>[^\[\]:/@\s]+))(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_EXCERPT_CHARACTERS = 100


class Refusal(NamedTuple):
    """The answer to a request that is refused."""

    status: int
    sentence: str


class Access:
    """Checks the headers of requests."""

    def __init__(self, host: str, *, allow_remote: bool, allowed_hosts: Collection[str]) -> None:
        """Prepares the names that the emulator answers to.

        Args:
            host: The address that the emulator listens on.
            allow_remote: Whether other machines may send requests. They may use any IP address, because an address,
                unlike a name, always leads to the same machine.
            allowed_hosts: Further names under which clients reach the emulator, without a port.

        Raises:
            ValueError: One of `allowed_hosts` is not a host name.
        """
        self._allow_remote = allow_remote
        names = ["localhost", *allowed_hosts]
        for name in allowed_hosts:
            if not _NAME.fullmatch(_canonical(name)):
                raise ValueError(f"{name!r} is not a host name: give it without http:// and without a port.")
        if allow_remote:
            names += [name for name in (host, socket.gethostname()) if name and not is_ip(name)]
        self._names = dict.fromkeys(map(_canonical, names))

    def refusal(self, headers: Mapping[str, list[str]]) -> Refusal | None:
        """Returns why a request is refused, or None if it is not.

        Args:
            headers: All values of each header, by its name in lower case.
        """
        hosts = headers.get("host", [])
        place = _place(hosts[0]) if len(hosts) == 1 else None
        if place is None or not self._is_own(place[0]):
            sent_to = f"the host {_excerpt(hosts[0])}" if hosts else "a request without a Host header"
            return Refusal(
                421,
                f"The emulator does not answer to {sent_to}. It answers to {self._own_names()}, and to the names that "
                "--allow-host gives (in Python: allowed_hosts).",
            )
        for origin in headers.get("origin", []):
            scheme, _, rest = origin.lower().partition("://")
            if scheme != "http" or _place(rest) != place:
                return _foreign_page("Origin", origin)
        # A GET by an image or a link has no Origin.
        for site in headers.get("sec-fetch-site", []):
            if site not in ("none", "same-origin"):
                return _foreign_page("Sec-Fetch-Site", site)
        return None

    def _is_own(self, name: str) -> bool:
        if name in self._names:
            return True
        return is_ip(name) and (self._allow_remote or ip_address(name).is_loopback)

    def _own_names(self) -> str:
        addresses = "any IP address" if self._allow_remote else "127.0.0.1, [::1]"
        return ", ".join([addresses, *self._names])


def _foreign_page(header: str, value: str) -> Refusal:
    return Refusal(
        403,
        f"The emulator does not answer web pages of other sites, and one sent this request ({header}: "
        f"{_excerpt(value)}). Send the request from outside a browser, for example with curl.",
    )


def _place(authority: str) -> tuple[str, int] | None:
    """Returns the host and port of `HOST` or `HOST:PORT` in canonical form, or None for any other text."""
    match = _PLACE.fullmatch(authority)
    if not match:
        return None
    name = _canonical(match["v6"] or match["name"])
    return str(ip_address(name)) if is_ip(name) else name, int(match["port"] or 80)


def _canonical(name: str) -> str:
    return name.lower().removesuffix(".")


def _excerpt(text: str) -> str:
    return repr(text if len(text) <= _EXCERPT_CHARACTERS else text[:_EXCERPT_CHARACTERS] + "…")
