"""NS records in a real BIND, and the Rfc2136Delegation that manages them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import dns.message
import dns.query
import dns.rcode
import dns.tsig
import dns.update
import pytest

from pulumi_agin.dynamic.phrasing import PythonPhrasing
from pulumi_agin.lifecycle.claims import Claims
from pulumi_agin.lifecycle.operation import Call, Failed, PartlyDone
from pulumi_agin.lifecycle.services import Services
from pulumi_agin.rfc2136.lifecycle import NsRecordsLifecycle
from tests.support.bind import Bind, Key
from tests.support.clock import Clock
from tests.support.plugin import PluginError

DOMAIN = "connect.acme.com"
KEY = Key("agin", [DOMAIN, "new.acme.com", "old.acme.com"])
SECONDS = 10.0

TARGETS = ["ns-1.awsdns-38.org.", "ns-2.awsdns-28.net."]
OTHERS = ["ns1.other.net."]

UNSETTLED = "_unsettled_ns_targets"
"""The output with the values that the server may have after a write of unknown outcome."""


def delegate(bind: Bind, domain: str, targets: Iterable[str], key: Key = KEY, *, ttl: int = 300) -> None:
    """Replaces the NS records of the domain."""
    signature = dns.tsig.Key(key.name, key.secret, key.algorithm)
    update = dns.update.UpdateMessage(bind.zone, keyring=signature)
    update.delete(f"{domain}.", "NS")
    for target in targets:
        update.add(f"{domain}.", ttl, "NS", target.rstrip(".") + ".")
    assert dns.query.tcp(update, "127.0.0.1", port=bind.port, timeout=SECONDS).rcode() == dns.rcode.NOERROR


def records(bind: Bind, domain: str = DOMAIN) -> tuple[list[str], int]:
    """Returns the NS records of the domain, and their TTL."""
    query = dns.message.make_query(domain, "NS", flags=0)
    for found in dns.query.tcp(query, "127.0.0.1", port=bind.port, timeout=SECONDS).authority:
        if str(found.name) == f"{domain}.":
            return sorted(map(str, found)), found.ttl
    return [], 0


def serial(bind: Bind) -> int:
    """Returns the serial number of the zone, which each change of a record increments."""
    answer = dns.query.tcp(dns.message.make_query(bind.zone, "SOA"), "127.0.0.1", SECONDS, bind.port)
    [soa] = answer.answer[0]
    return int(soa.serial)


def inputs(port: int, /, **changes: Any) -> dict[str, Any]:
    return {
        "domain": DOMAIN,
        "zone": "acme.com",
        "ns_targets": TARGETS,
        "ttl": 300,
        "server": "127.0.0.1",
        "port": port,
        "tsig_key_name": KEY.name,
        "tsig_secret": KEY.secret,
        "tsig_algorithm": KEY.algorithm,
        "adopt": False,
        **changes,
    }


def outputs(port: int, /, **changes: Any) -> dict[str, Any]:
    return without(inputs(port, **changes), "adopt")


def unsigned(properties: dict[str, Any]) -> dict[str, Any]:
    return without(properties, "tsig_key_name", "tsig_secret")


def without(properties: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in properties.items() if name not in names}


class Delegation:
    """A resource that is called without a plugin process, and uses the test's clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.lines: list[str] = []
        self.warnings: list[str] = []
        services = Services(
            PythonPhrasing(), self.lines.append, self.clock, warn=lambda sentence, urn: self.warnings.append(sentence)
        )
        self._lifecycle = NsRecordsLifecycle(services, Claims())
        self._call = Call("urn:pulumi:dev::test::pulumi-python:dynamic/agin:Rfc2136Delegation::connect")

    def create(self, inputs: Mapping[str, Any], **call: Any) -> dict[str, Any]:
        return self._lifecycle.create(self._call._replace(**call), inputs).outputs

    def preview(self, inputs: Mapping[str, Any], **call: Any) -> str:
        """Returns the new warnings of the preview of a create."""
        before = len(self.warnings)
        self._lifecycle.preview_create(self._call._replace(**call), inputs)
        return "\n".join(self.warnings[before:])

    def read(self, kept: Mapping[str, Any]) -> dict[str, Any] | None:
        """Refreshes. Returns the outputs, or None if the records are gone."""
        existing = self._lifecycle.read(self._call._replace(outputs_before=kept), DOMAIN)
        return existing and existing.outputs

    def update(self, kept: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, Any]:
        return self._lifecycle.update(self._call._replace(outputs_before=kept), DOMAIN, inputs)

    def delete(self, kept: Mapping[str, Any]) -> None:
        self._lifecycle.delete(self._call._replace(outputs_before=kept), DOMAIN)


def rejection(call: Callable[[], object]) -> str:
    """Returns the message of a call that fails and does not change the state."""
    message, kept = _failure(call)
    assert kept is None
    return message


def unsettled(call: Callable[[], object]) -> tuple[str, dict[str, Any]]:
    """Returns the message of a call that fails after a write of unknown outcome, and the outputs that the state has."""
    message, kept = _failure(call)
    assert kept is not None
    return message, kept


def _failure(call: Callable[[], object]) -> tuple[str, dict[str, Any] | None]:
    with pytest.raises((PluginError, Failed)) as caught:
        call()
    error = caught.value
    message = str(error)
    assert all(line.isprintable() for line in message.split("\n"))
    assert KEY.secret not in message
    if isinstance(error, PluginError):
        assert error.clean
        assert KEY.secret not in error.text
        return message, error.kept.outputs if error.kept else None
    return message, dict(error.outputs) if isinstance(error, PartlyDone) else None
