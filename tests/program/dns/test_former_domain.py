"""The check that NS records change with the domain of their Agent Ingress, as the engine returns them in a run."""

from __future__ import annotations

from typing import Any, cast

import pulumi
import pytest
from pulumi.runtime.mocks import MockMonitor

import pulumi_agin as agin
from tests.support.delegations import DELEGATION
from tests.support.mocks import TYPE, Engine, Mocks, Monitor, run

FORMER, DOMAIN = "connect.acme.com", "edge.acme.com"


class Registered(Mocks):
    """The resources that the engine returns, which may be those of the last run."""

    def __init__(self) -> None:
        super().__init__()
        self.delegation: dict[str, Any] = {"domain": FORMER}
        self.record: dict[str, Any] = {"name": FORMER}

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        id_, state = super().new_resource(args)
        return id_, {DELEGATION: self.delegation, "my:index:Record": self.record}.get(args.typ, state)


@pytest.fixture
def registered(event_loop: None, settings_of_emulator: None) -> Registered:
    return with_engine(preview=True)


@pytest.fixture
def registered_in_up(event_loop: None, settings_of_emulator: None) -> Registered:
    return with_engine(preview=False)


def with_engine(*, preview: bool) -> Registered:
    mocks = Registered()
    monitor = cast(MockMonitor, Engine(Monitor(mocks)))
    pulumi.runtime.set_mocks(mocks, preview=preview, monitor=monitor)
    return mocks


class InMyDns(pulumi.CustomResource):
    """A record of any package."""

    def __init__(self, records: agin.dns.NsRecords) -> None:
        super().__init__("my:index:Record", records.name, {"name": records.domain}, records.options())


def delegate(domain: pulumi.Input[str] = DOMAIN) -> None:
    ingress = agin.AgentIngress("ingress", domain=domain)
    agin.AgentIngressDelegation("connect", ingress, agin.dns.custom(InMyDns))


def warnings_of(monkeypatch: pytest.MonkeyPatch, program: Any = delegate) -> list[str]:
    logged: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda message, *_: logged.append(message))
    run(program)
    return logged


KEPT = {
    "a name": {"name": FORMER},
    "another spelling": {"name": "Connect.ACME.com."},
    "a name and its zone": {"name": "connect", "zone": "acme.com"},
    "a nested name": {"metadata": {"name": FORMER}, "spec": [{"endpoint": FORMER}]},
    "more names": {"relativeName": "connect", "fqdn": f"{FORMER}."},
}


@pytest.mark.parametrize("record", KEPT.values(), ids=KEPT)
def test_preview_warns_of_a_record_at_the_former_domain(
    record: dict[str, Any], registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.record = record
    assert warnings_of(monkeypatch) == [
        "this update will fail, because it keeps the NS records of connect.acme.com, although the domain of their "
        "Agent Ingress changes to edge.acme.com. The old Agent Ingress could be deleted without them, and an attacker "
        "could hijack the domain. Add --target-dependents, or remove --target, --exclude and ignore_changes"
    ]


def test_update_fails(registered_in_up: Registered) -> None:
    with pytest.raises(pulumi.RunError) as caught:
        run(delegate)
    place, message = str(caught.value).split(": ", 1)
    assert place.startswith("test_former_domain.py:")
    assert message == (
        "this run keeps the NS records of connect.acme.com, although the domain of their Agent Ingress has changed to "
        "edge.acme.com. The old Agent Ingress could be deleted without them, and an attacker could hijack the domain, "
        "so nothing is deleted. Run `pulumi up` with --target-dependents, or without --target, --exclude and "
        "ignore_changes"
    )


def test_a_new_zone_is_another_domain(registered: Registered, monkeypatch: pytest.MonkeyPatch) -> None:
    registered.record = {"name": "connect", "zone": "acme.com"}
    assert len(warnings_of(monkeypatch, lambda: delegate("connect.acme.org"))) == 1
    registered.record = {"name": "connect", "zone": "acme.org"}
    assert warnings_of(monkeypatch, lambda: delegate("connect.acme.org")) == []


SILENT = {
    "a new delegation": ({}, {"name": FORMER}),
    "the same domain": ({"domain": DOMAIN}, {"name": FORMER}),
    "a changed record": ({"domain": FORMER}, {"name": DOMAIN, "comment": FORMER}),
    "another spelling": ({"domain": FORMER}, {"name": "Edge.ACME.com."}),
    "a name and its zone": ({"domain": FORMER}, {"name": "edge", "zone": "acme.com"}),
    "a transformed name": ({"domain": FORMER}, {"name": "transformed.acme.com"}),
    "a new record that is not targeted": ({"domain": FORMER}, {}),
}


@pytest.mark.parametrize(("delegation", "record"), SILENT.values(), ids=SILENT)
def test_other_records_are_silent(
    delegation: dict[str, Any], record: dict[str, Any], registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    registered.delegation, registered.record = delegation, record
    assert warnings_of(monkeypatch) == []


def test_an_unknown_domain_is_silent(registered: Registered, monkeypatch: pytest.MonkeyPatch) -> None:
    registered.to_be_made = {"source"}

    def program() -> None:
        source = pulumi.CustomResource("a:b:Source", "source", {"domain": None})
        delegate(source.id)

    assert warnings_of(monkeypatch, program) == []


def test_an_ingress_of_another_stack_is_silent(registered: Registered, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registered, "new_resource", with_domain(registered.new_resource))

    def program() -> None:
        ingress = agin.AgentIngress.get("ingress", "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk")
        agin.AgentIngressDelegation("connect", ingress, agin.dns.custom(InMyDns))

    assert warnings_of(monkeypatch, program) == []


def with_domain(new_resource: Any) -> Any:
    def read(args: pulumi.runtime.MockResourceArgs) -> Any:
        id_, state = new_resource(args)
        return id_, {**state, "domain": DOMAIN} if args.typ == TYPE else state

    return read


@pytest.mark.parametrize(("name", "count"), [("ingress", 1), ("other", 0)])
def test_only_another_ingress_with_the_former_domain_prevents_the_warning(
    name: str, count: int, registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    urn = f"urn:pulumi:stack::project::pulumi:pulumi:Stack${TYPE}::{name}"
    registered.stack = {urn: {"type": TYPE, "outputs": {"domain": FORMER}}}
    assert len(warnings_of(monkeypatch)) == count


def test_an_ingress_whose_parent_is_renamed_is_not_another_one(
    registered: Registered, monkeypatch: pytest.MonkeyPatch
) -> None:
    urn = f"urn:pulumi:stack::project::test:index:Site${TYPE}::old-ingress"
    registered.stack = {urn: {"type": TYPE, "outputs": {"domain": FORMER}}}

    def program() -> None:
        aliases: list[pulumi.Input[str | pulumi.Alias]] = [pulumi.Alias(name="old")]
        site = pulumi.ComponentResource("test:index:Site", "new", opts=pulumi.ResourceOptions(aliases=aliases))
        ingress = agin.AgentIngress("new-ingress", domain=DOMAIN, opts=pulumi.ResourceOptions(parent=site))
        agin.AgentIngressDelegation("connect", ingress, agin.dns.custom(InMyDns))

    assert len(warnings_of(monkeypatch, program)) == 1
