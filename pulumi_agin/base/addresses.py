"""Addresses of servers: base URLs in canonical form, and the host names of this machine."""

from __future__ import annotations

from urllib.parse import urlsplit

# The only hosts for which plain http is allowed.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

_DEFAULT_PORTS = {"https": 443, "http": 80}


def canonical_base_url(base_url: str) -> str:
    """Returns a valid base URL with its scheme and host in lower case, without a default port or a slash at the end."""
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"
