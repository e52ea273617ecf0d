"""What the tests do with the records of their BIND."""

from __future__ import annotations

from collections.abc import Iterable

import dns.query
import dns.rcode
import dns.tsigkeyring
import dns.update

from tools.bind import Bind, Key

DOMAIN = "connect.acme.com"
KEY = Key("agin", [DOMAIN])
SECONDS = 10.0


def delegate(bind: Bind, domain: str, targets: Iterable[str], key: Key = KEY, ttl: int = 300) -> None:
    """Makes these the NS records of the domain, in place of those that it has."""
    update = dns.update.UpdateMessage(
        bind.zone, keyring=dns.tsigkeyring.from_text({key.name: key.secret}), keyalgorithm=key.algorithm
    )
    update.delete(f"{domain}.", "NS")
    for target in targets:
        update.add(f"{domain}.", ttl, "NS", target.rstrip(".") + ".")
    assert dns.query.tcp(update, "127.0.0.1", port=bind.port, timeout=SECONDS).rcode() == dns.rcode.NOERROR
