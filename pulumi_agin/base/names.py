"""Names of DNS: domains, hosts and servers in the form in which they are compared and stored, and their limits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import ip_address

# RFC 1035, 2.3.4, without the dot and the length byte of the root.
DOMAIN_MAX_BYTES = 253
LABEL_MAX_BYTES = 63

# RFC 2181, 8.
LONGEST_TTL_SECONDS = 2**31 - 1

DNS_PORT = 53

EXAMPLE_DOMAIN = "connect.acme.com"

# The only hosts for which plain http is allowed.
LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "::1")

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


def zone_problem(domain: str, zone: str) -> str:
    """Returns the reason that a zone can't delegate a domain; "" if it can. Both names are canonical."""
    if domain == zone:
        return (
            f"the domain {domain} is the apex of the zone {zone}, whose NS records are the zone's own: only a "
            f"name below it can be delegated, such as connect.{zone}"
        )
    if not domain.endswith(f".{zone}"):
        return f"the domain {domain} is not in the zone {zone or '(empty)'}: use the zone that contains {domain}"
    return ""


def is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


@dataclass(frozen=True)
class Server:
    """A DNS server: an IP address or a name, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"
