"""Which requests are answered at all. It keeps out the web pages that a developer's browser shows.

A page can send requests to this machine, and a name of its own can lead here (DNS rebinding). But its browser then
says so, in `Host`, `Origin` and `Sec-Fetch-Site`, which no page can change.
"""

from __future__ import annotations

import re
import socket
from collections.abc import Collection
from ipaddress import ip_address
from typing import NamedTuple

from starlette.datastructures import Headers

from pulumi_agin.emulator.delegation import is_ip

_PLACE = re.compile(r"(?:\[(?P<v6>[^\[\]]+)\]|(?P<name>[^\[\]:/@\s]+))(?::(?P<port>[0-9]{0,5}))?")
_NAME = re.compile(r"[a-z0-9_-]+(\.[a-z0-9_-]+)*")
_SHOWN_CHARACTERS = 100


class Refusal(NamedTuple):
    """The answer to a request that is not answered."""

    status: int
    sentence: str


class Access:
    """Knows the hosts that the emulator is reached by.

    Args:
        host: Where it listens.
        allow_remote: Whether other machines may ask. They may use any IP address, as a name cannot lead there.
        allowed_hosts: Further names that it is reached by, without a port.

    Raises:
        ValueError: One of them is no host name.
    """

    def __init__(self, host: str, *, allow_remote: bool, allowed_hosts: Collection[str]) -> None:
        self._allow_remote = allow_remote
        names = ["localhost", *allowed_hosts]
        for name in allowed_hosts:
            if not _NAME.fullmatch(_canonical(name)):
                raise ValueError(f"{name!r} is not a host name: give it without http:// and without a port.")
        if allow_remote:
            names += [name for name in (host, socket.gethostname()) if name and not is_ip(name)]
        self._names = dict.fromkeys(map(_canonical, names))

    def refusal(self, headers: Headers) -> Refusal | None:
        """Why a request is not answered; None where it is."""
        hosts = headers.getlist("host")
        place = _place(hosts[0]) if len(hosts) == 1 else None
        if place is None or not self._is_own(place[0]):
            sent_to = f"the host {_shown(hosts[0])}" if hosts else "a request without a Host header"
            return Refusal(
                421,
                f"The emulator does not answer to {sent_to}. It answers to {self._own()}, and to the names that "
                "--allow-host gives (in Python: allowed_hosts).",
            )
        for origin in headers.getlist("origin"):
            scheme, _, rest = origin.lower().partition("://")
            if scheme != "http" or _place(rest) != place:
                return _foreign("Origin", origin)
        # A GET by an image or a link has no Origin.
        for site in headers.getlist("sec-fetch-site"):
            if site not in ("none", "same-origin"):
                return _foreign("Sec-Fetch-Site", site)
        return None

    def _is_own(self, name: str) -> bool:
        if name in self._names:
            return True
        return is_ip(name) and (self._allow_remote or ip_address(name).is_loopback)

    def _own(self) -> str:
        addresses = "any IP address" if self._allow_remote else "127.0.0.1, [::1]"
        return ", ".join([addresses, *self._names])


def _foreign(header: str, value: str) -> Refusal:
    return Refusal(
        403,
        f"The emulator does not answer web pages of other sites, and one sent this request ({header}: "
        f"{_shown(value)}). Send the request from outside a browser, for example with curl.",
    )


def _place(authority: str) -> tuple[str, int] | None:
    """The host and port of `HOST` or `HOST:PORT`, in the one form that all spellings share; None for other texts."""
    match = _PLACE.fullmatch(authority)
    if not match:
        return None
    name = _canonical(match["v6"] or match["name"])
    return str(ip_address(name)) if is_ip(name) else name, int(match["port"] or 80)


def _canonical(name: str) -> str:
    return name.lower().removesuffix(".")


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN_CHARACTERS else text[:_SHOWN_CHARACTERS] + "…")
