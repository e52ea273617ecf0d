"""The NS records in a state that `pulumi-agin doctor` compares, and those that outlive their Agent Ingress."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.cli.doctor_state import RecordsInState, ingresses_in_state
from pulumi_agin.dns.state_records import ns_record
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.settings import Settings
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY

DYNAMIC, NATIVE = "pulumi-python:dynamic/agin:AgentIngress", "agin:index:AgentIngress"
RFC2136, NATIVE_RFC2136 = "pulumi-python:dynamic/agin:Rfc2136Delegation", "agin:index:Rfc2136Delegation"
DELEGATION = "agin:index:AgentIngressDelegation"
AWS, CLOUDFLARE = "aws:route53/record:Record", "cloudflare:index/dnsRecord:DnsRecord"
GANDI = "gandi:livedns/record:Record"
CUSTOM = "acme:index:Record"
SITE = "acme:index:Site"

OLD, NEW = ["ns-1.old.net.", "ns-2.old.net."], ["ns-1.new.net.", "ns-2.new.net."]
MOVED = "its Agent Ingress now has the domain new.acme.com"
GONE = "the stack no longer has its Agent Ingress"


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:dev::test::{type_}::{name}"


def ingress(domain: Any, type_: str = DYNAMIC, key: str = API_KEY, **resource: Any) -> dict[str, Any]:
    fingerprint = Account(Settings.load({"agin:apiKey": key}.get, {})).fingerprint("agin_1")
    targets = NEW if domain == "new.acme.com" else OLD
    outputs = {"domain": domain, "ns_targets": targets, "_key_fingerprint": fingerprint}
    return resource_of(type_, "ingress", outputs, id="agin_1", **resource)


def resource_of(type_: str, name: str, outputs: Any, **resource: Any) -> dict[str, Any]:
    custom = type_ not in (SITE, DELEGATION)
    return {"urn": urn(type_, name), "type": type_, "custom": custom, "outputs": outputs, **resource}


def component(domain: str, targets: list[str], **resource: Any) -> dict[str, Any]:
    outputs = {"domain": domain, "ns_targets": targets, "agent_ingress_id": "agin_1"}
    return resource_of(DELEGATION, "connect", outputs, **resource)


RECORD_OUTPUTS: dict[str, Any] = {
    AWS: {"zoneId": "Z1", "name": "old.acme.com", "type": "NS", "records": OLD},
    CLOUDFLARE: {"zoneId": "1f", "name": "old.acme.com", "type": "NS", "content": "ns-1.old.net"},
    GANDI: {"zone": "acme.com", "name": "old", "type": "NS", "values": OLD},
    RFC2136: {"domain": "old.acme.com", "ns_targets": OLD},
    NATIVE_RFC2136: {"domain": "old.acme.com", "nsTargets": OLD},
    CUSTOM: {"host": "old"},
}


def record(type_: str, of: str = "", values_from: str = "", **resource: Any) -> dict[str, Any]:
    """Returns a record of old.acme.com. It depends on the ingress of type `of`, its values on one of `values_from`."""
    dependencies = [urn(of, "ingress")] if of else []
    if values_from:
        name = "records" if type_ == AWS else "content"
        resource["propertyDependencies"] = {name: [urn(values_from, "ingress")]}
    return resource_of(type_, "record", RECORD_OUTPUTS[type_], dependencies=dependencies, **resource)


def provider(name: str, **resource: Any) -> dict[str, Any]:
    return resource_of("pulumi:providers:pulumi-python", name, {}, **resource)


IN_DELEGATION = {"parent": urn(DELEGATION, "connect")}
# After an update with --target, the component has the new outputs, and the record the old ones.
UPDATED = component("new.acme.com", NEW)
LEFT = component("old.acme.com", OLD)


def found(*resources: dict[str, Any]) -> list[tuple[str, str, str]]:
    """Returns the domain of each record, what became of its ingress, and the resource with which it stays."""
    account = Account(Settings.load({"agin:apiKey": API_KEY}.get, {}))
    state = RecordsInState(list(resources), ingresses_in_state(list(resources), account, None))
    return [(each.domain, each.fate_of_ingress, each.stays_with) for each in state.all()]


@pytest.mark.parametrize(
    ("resources", "lost"),
    [
        # The ingress has another domain.
        ([UPDATED, ingress("new.acme.com"), record(AWS, DYNAMIC, **IN_DELEGATION)], MOVED),
        ([UPDATED, ingress("new.acme.com"), record(CLOUDFLARE, DYNAMIC, **IN_DELEGATION)], MOVED),
        ([UPDATED, ingress("new.acme.com"), record(RFC2136, DYNAMIC, **IN_DELEGATION)], MOVED),
        ([ingress("new.acme.com", NATIVE), record(NATIVE_RFC2136, NATIVE)], MOVED),
        ([ingress("new.acme.com", NATIVE), record(AWS, NATIVE, NATIVE)], MOVED),
        ([ingress("new.acme.com", NATIVE), record(CLOUDFLARE, NATIVE, NATIVE)], MOVED),
        # It may be in another account.
        ([UPDATED, ingress("new.acme.com", key=OTHER_ACCOUNTS_KEY), record(AWS, DYNAMIC, **IN_DELEGATION)], ""),
        # It is still there.
        ([LEFT, ingress("old.acme.com"), record(AWS, DYNAMIC, **IN_DELEGATION)], ""),
        ([UPDATED, ingress("new.acme.com"), ingress("old.acme.com", delete=True), record(RFC2136, DYNAMIC)], ""),
        ([UPDATED, ingress({"ciphertext": "v1:"}), record(RFC2136, DYNAMIC)], ""),
        # The user gave one set of name servers to two domains.
        ([ingress("new.acme.com") | {"outputs": ingress("old.acme.com")["outputs"] | {"domain": "new.acme.com"}},
          record(RFC2136, DYNAMIC)], ""),
        # The stack has no ingress any more.
        ([LEFT, record(AWS, **IN_DELEGATION)], GONE),
        ([LEFT, record(RFC2136, **IN_DELEGATION)], GONE),
        ([LEFT, record(CUSTOM, **IN_DELEGATION)], GONE),
        ([LEFT, provider("default_3_272_0"), record(AWS, **IN_DELEGATION)], GONE),
        # The values may never have been from an ingress of the stack.
        ([record(RFC2136)], ""),
        ([record(NATIVE_RFC2136)], ""),
        # It may have been another account's.
        ([provider("acct2"), LEFT, record(AWS, **IN_DELEGATION)], ""),
        ([provider("default_1_2_3", parent=urn(SITE, "site")), LEFT, record(AWS, **IN_DELEGATION)], ""),
        ([ingress({"ciphertext": "v1:"}), LEFT, record(AWS, **IN_DELEGATION)], ""),
        # The ingress is another stack's.
        ([ingress("old.acme.com", key=OTHER_ACCOUNTS_KEY, external=True), record(RFC2136, DYNAMIC)], ""),
        (
            [ingress("old.acme.com", external=True), record(RFC2136, DYNAMIC)],
            "ngrok no longer has agin_1, which this stack only reads",
        ),
    ],
)  # fmt: skip
def test_records_that_outlive_their_ingress(resources: list[dict[str, Any]], lost: str) -> None:
    assert found(*resources) == [("old.acme.com", lost, "")]


@pytest.mark.parametrize(
    ("type_", "outputs", "domain"),
    [
        # Route 53 accepts a name without the zone.
        (AWS, {"name": "connect", "fqdn": "Connect.acme.com"}, "connect.acme.com"),
        (AWS, {"name": "connect.sub", "fqdn": "connect.sub.acme.com"}, "connect.sub.acme.com"),
        (AWS, {"name": "connect.acme.com"}, "connect.acme.com"),
        (AWS, {"name": "connect"}, None),
        (CLOUDFLARE, {"name": "connect"}, None),
        (GANDI, {"name": "connect"}, "connect.acme.com"),
    ],
)
def test_own_record_with_a_relative_name(type_: str, outputs: dict[str, str], domain: str | None) -> None:
    record = ns_record(type_, {**RECORD_OUTPUTS[type_], **outputs})
    assert (record and record[0]) == domain


@pytest.mark.parametrize(
    "resources",
    [
        [record(AWS)],
        [record(CLOUDFLARE)],
        # It only waits for the ingress.
        [ingress("new.acme.com", NATIVE), record(AWS, NATIVE)],
        [ingress("new.acme.com", NATIVE), record(AWS, NATIVE, NATIVE) | {"outputs": {"type": "TXT"}}],
        # The next update deletes it, or the stack only reads it.
        [LEFT, record(AWS, delete=True, **IN_DELEGATION)],
        [record(RFC2136, external=True)],
        # A state edited by hand.
        [resource_of(RFC2136, "record", {"domain": 1, "ns_targets": OLD})],
        [resource_of(RFC2136, "record", {"domain": "old.acme.com", "ns_targets": None})],
        [resource_of(DELEGATION, "connect", None), record(CUSTOM, **IN_DELEGATION)],
    ],
)
def test_other_resources_are_no_records(resources: list[dict[str, Any]]) -> None:
    assert found(*resources) == []


IN_SITE = {"parent": urn(SITE, "site")}
SITES = [resource_of(SITE, "site", {}), resource_of(SITE, "zones", {})]
CONNECT = [component("old.acme.com", OLD, **IN_SITE), ingress("old.acme.com", **IN_SITE)]


@pytest.mark.parametrize(
    ("deleted_with", "stays"),
    [
        (urn(DYNAMIC, "ingress"), True),
        (urn(SITE, "site"), True),
        (urn(DELEGATION, "connect"), True),
        (urn(SITE, "zones"), False),
        (urn("aws:route53/zone:Zone", "acme"), False),
    ],
)
@pytest.mark.parametrize("type_", [AWS, RFC2136, CUSTOM])
def test_records_that_stay_with_what_is_deleted(type_: str, deleted_with: str, stays: bool) -> None:
    resource = record(type_, DYNAMIC, deletedWith=deleted_with, **IN_DELEGATION)
    assert found(*SITES, *CONNECT, resource) == [("old.acme.com", "", deleted_with if stays else "")]
