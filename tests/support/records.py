"""NS records in a real BIND, and the Rfc2136Delegation that manages them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any

import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from pulumi_agin.lifecycle.operation import Call, Difference, Existing, FailedError
from pulumi_agin.rfc2136.records import NsRecordsLifecycle
from tests.support.bind import Bind, Key
from tests.support.clock import Clock

DOMAIN = "connect.acme.com"
KEY = Key("agin", [DOMAIN])
SECONDS = 10.0

TARGETS = ["ns-1.awsdns-38.org.", "ns-2.awsdns-28.net."]
NEW = ["ns-1.awsdns-38.org.", "ns-3.awsdns-01.com."]
OTHERS = ["ns1.other.net."]


def delegate(bind: Bind, domain: str, targets: Iterable[str], key: Key = KEY, *, ttl: int = 300) -> None:
    """Replaces the NS records of the domain, as another user would."""
    signature = dns.tsig.Key(key.name, key.secret, key.algorithm)
    update = dns.update.UpdateMessage(bind.zone, keyring=signature)
    update.delete(f"{domain}.", "NS")
    for target in targets:
        # ngrok's values have no trailing dot, and would be relative to the zone.
        update.add(f"{domain}.", ttl, "NS", f"{target.rstrip('.')}.")
    assert dns.query.tcp(update, "127.0.0.1", port=bind.port, timeout=SECONDS).rcode() == dns.rcode.NOERROR


def records(bind: Bind) -> tuple[list[str], int]:
    """Returns the NS records of the domain, and their TTL."""
    return bind.ns_records(DOMAIN)


def inputs(port: int, /, **changes: Any) -> dict[str, Any]:
    """Returns inputs, without those that a change sets to None."""
    values = {
        "domain": DOMAIN,
        "zone": "acme.com",
        "ns_targets": TARGETS,
        "ttl": 300,
        "server": "127.0.0.1",
        "port": port,
        "tsig_key_name": KEY.name,
        "tsig_secret": KEY.secret,
        "tsig_algorithm": KEY.algorithm,
        **changes,
    }
    return {name: value for name, value in values.items() if value is not None}


class Delegation:
    """A resource, whose lifecycle is called with simulated time. `process` is another resource of the same process."""

    def __init__(self, name: str = "connect", process: Delegation | None = None) -> None:
        self.clock: Clock = process.clock if process else Clock()
        self.lifecycle: NsRecordsLifecycle = process.lifecycle if process else NsRecordsLifecycle(self.clock)
        self.lines: list[str] = []
        self.warnings: list[str] = []
        self.call = Call(f"urn::{name}", warn=self.warnings.append, show=self.lines.append)

    def create(self, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return self.lifecycle.create(self.call, inputs).outputs

    def diff(self, before: Mapping[str, Any], inputs: Mapping[str, Any]) -> Difference:
        return self.lifecycle.diff(replace(self.call, outputs_before=before), DOMAIN, inputs)

    def refresh(self, before: Mapping[str, Any]) -> Existing | None:
        inputs = {name: value for name, value in before.items() if not name.startswith("_")}
        return self.lifecycle.read(replace(self.call, outputs_before=before, inputs_before=inputs), DOMAIN)

    def update(self, before: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return self.lifecycle.update(replace(self.call, outputs_before=before), DOMAIN, inputs)

    def delete(self, before: Mapping[str, Any]) -> None:
        self.lifecycle.delete(replace(self.call, outputs_before=before), DOMAIN)


def failure(call: Callable[[], object]) -> str:
    """Returns the message of a call that fails. It is one line, without the secret of the key."""
    with pytest.raises(FailedError) as caught:
        call()
    message = str(caught.value)
    assert message.isprintable()
    assert KEY.secret not in message
    return message
