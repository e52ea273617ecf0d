"""A stub in place of the adapter for RFC 2136, which another branch writes."""

from __future__ import annotations

from typing import Any

from .adapter import Adapter


class Rfc2136Delegation:
    """NS records at a server that accepts DNS updates."""


def rfc2136(
    server: Any,
    zone: Any,
    tsig_key_name: Any = None,
    tsig_secret: Any = None,
    tsig_algorithm: Any = "hmac-sha256",
    port: Any = 53,
    opts: Any = None,
) -> Adapter:
    """Not written yet."""
    raise NotImplementedError
