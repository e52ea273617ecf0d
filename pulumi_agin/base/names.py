"""Names in one form: DNS names and base URLs as they are compared and stored, and properties as the engine has them."""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from urllib.parse import urlsplit

# RFC 1035, 2.3.4, without the dot and the length byte of the root.
DOMAIN_MAX_BYTES = 253
LABEL_MAX_BYTES = 63

EXAMPLE_DOMAIN = "connect.acme.com"

# The only hosts for which plain http is allowed.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

_DEFAULT_PORTS = {"https": 443, "http": 80}

# Only one dot at the end of a name is removed. A name with two dots there, or with a space before the dot, is invalid.
# It stays unchanged, so that validation rejects it.
_DOT_OF_THE_ROOT = re.compile(r"(?<![\s.])\.\Z")


def canonical_domain(domain: str) -> str:
    """Returns a domain trimmed, in lower case and without the root's dot, as ngrok stores it."""
    return _DOT_OF_THE_ROOT.sub("", domain.strip().lower())


def canonical_ns_targets(targets: Iterable[str]) -> list[str]:
    """Returns names in lower case, with one trailing dot, sorted, each once.

    ngrok returns them with and without dots, in any order.
    """
    return sorted({canonical_domain(target).rstrip(".") + "." for target in targets})


def canonical_region_domains(domains: Iterable[str]) -> list[str]:
    """Returns domains in their canonical form, sorted, each once."""
    return sorted({canonical_domain(domain) for domain in domains})


def canonical_base_url(base_url: str) -> str:
    """Returns a valid base URL with its scheme and host in lower case, without a default port or a slash at the end."""
    parts = urlsplit(base_url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    port = "" if parts.port in (None, _DEFAULT_PORTS.get(parts.scheme)) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}{parts.path.rstrip('/')}"


@functools.cache
def camel_case(name: str) -> str:
    """Returns the engine's name of a property: zoneId for zone_id. Names that begin with an underscore are the same."""
    if name.startswith("_") or name != name.lower():
        return name
    return re.sub(r"_([a-z0-9])", lambda match: match[1].upper(), name)
