"""Rfc2136Delegation and records that exist already: its own, equal ones to adopt, and those of others."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pulumi.runtime.proto import engine_pb2

from tests.support.bind import Bind
from tests.support.flaky_proxy import before_updates, between
from tests.support.plugin import RFC2136_DELEGATION, UNKNOWN, Plugin, both_front_ends
from tests.support.records import DOMAIN, KEY, OTHERS, TARGETS, delegate, inputs, outputs, records, rejection
from tools.bind import Programs

LEFT_ALONE = "which are left unchanged"


@pytest.fixture(scope="module")
def session(front_end: type[Plugin]) -> Iterator[Plugin]:
    with front_end(os.environ, resource=RFC2136_DELEGATION) as running:
        yield running


@pytest.fixture
def plugin(session: Plugin, request: pytest.FixtureRequest) -> Plugin:
    """Calls for a separate resource, because the process records which resources are in the program."""
    return session.of(name=request.node.name)


@pytest.fixture
def alone(front_end: type[Plugin]) -> Iterator[Plugin]:
    """A separate process, for deletes: after a failed create, it keeps the records of the domain of all tests."""
    with front_end(os.environ, resource=RFC2136_DELEGATION) as running:
        yield running


@pytest.fixture
def port(bind: Bind) -> Iterator[int]:
    """Yields a separate port of BIND, because the process records the owners of a server's records."""
    with between(bind, lambda message, ask: ask()) as port:
        yield port


@pytest.mark.parametrize("existing", [OTHERS, TARGETS], ids=["others", "equal"])
@both_front_ends
def test_create_leaves_existing_records_alone(existing: list[str], plugin: Plugin, port: int, bind: Bind) -> None:
    delegate(bind, DOMAIN, existing)
    # Not even equal ones are adopted: a renamed resource would adopt its own, which the old one then deletes.
    message = rejection(lambda: plugin.create(inputs(port)))
    assert f"{DOMAIN} already has NS records at 127.0.0.1:{port}, {LEFT_ALONE}: {existing[0]}" in message
    assert plugin.aliases in message
    is_equal = existing == TARGETS
    assert (f"; if an interrupted run created them, {plugin.adopt} adopts them\n" in message) == is_equal
    assert message.endswith("pulumi-agin explain taken-records")
    assert records(bind) == (existing, 300)


def test_existing_records_do_not_hide_a_wrong_zone(plugin: Plugin, port: int, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    message = rejection(lambda: plugin.create(inputs(port, zone="com")))
    assert "it is not the primary server of the zone com" in message
    assert records(bind) == (TARGETS, 300)


def test_create_succeeds_if_existing_records_go_meanwhile(plugin: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    with between(bind, before_updates(lambda: delegate(bind, DOMAIN, []))) as port:
        assert plugin.create(inputs(port)) == (DOMAIN, outputs(port))
    assert records(bind) == (TARGETS, 300)


@both_front_ends
def test_equal_records_are_adopted_without_an_update(alone: Plugin, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    updates: list[None] = []
    with between(bind, before_updates(lambda: updates.append(None))) as port:
        given = inputs(port, adopt=True)
        assert alone.check(given) == (given, [])
        line, advice = alone.shown_lines()
        assert f"the NS records of {DOMAIN} at 127.0.0.1:{port} already match the program" in line
        assert "if the records to adopt were created by a resource that this run deletes, use" in advice
        # The advice is shown once in a run.
        another = alone.of(name="another")
        assert another.check(given) == (given, [])
        [line] = another.shown_lines()
        assert "already match the program" in line
        assert alone.create(given) == (DOMAIN, outputs(port))
    assert updates == []
    alone.delete(DOMAIN, outputs(bind.port))
    assert records(bind) == ([], 0)


@pytest.mark.parametrize(
    ("existing", "ttl"),
    [(TARGETS, 60), ([*TARGETS, *OTHERS], 300), (TARGETS[:1], 60), (OTHERS, 300)],
    ids=["another TTL", "one more", "one less", "others"],
)
@both_front_ends
def test_adopt_rejects_different_records(existing: list[str], ttl: int, plugin: Plugin, port: int, bind: Bind) -> None:
    delegate(bind, DOMAIN, existing, ttl=ttl)
    given = inputs(port, adopt=True)
    [failure] = plugin.check(given)[1]
    assert failure.startswith(
        f"{DOMAIN} already has NS records at 127.0.0.1:{port}, {LEFT_ALONE}: {', '.join(sorted(existing))} (TTL "
        f"{ttl}). The program declares {', '.join(TARGETS)} (TTL 300). If a resource of this stack that "
        f"was renamed or moved in the program has them, use {plugin.aliases}"
    )
    assert "; otherwise, change the program or the records so that they match\n" in failure
    assert failure.endswith("pulumi-agin explain taken-records")
    assert rejection(lambda: plugin.create(given)) == failure
    assert records(bind) == (sorted(existing), ttl)


@both_front_ends
def test_adopt_creates_records_if_there_are_none(plugin: Plugin, port: int, bind: Bind) -> None:
    given = inputs(port, adopt=True)
    assert plugin.check(given) == (given, [])
    created = f"{DOMAIN} has no NS records to adopt at 127.0.0.1:{port}, so they will be created"
    assert plugin.shown_lines() == [f"pulumi-agin: {created}"]
    plugin.create(given)
    assert records(bind) == (TARGETS, 300)
    # The state has them now, so there is nothing to adopt if they drift.
    delegate(bind, DOMAIN, OTHERS)
    assert plugin.check(given, given) == (given, [])
    # A replacement is checked a second time, without old inputs.
    assert plugin.check(given) == (given, [])


def test_check_reports_that_it_can_not_read_the_records(plugin: Plugin, port: int) -> None:
    elsewhere = {"domain": "connect.acme.org", "zone": "acme.org", "adopt": True}
    [failure] = plugin.check(inputs(port, **elsewhere))[1]
    assert "the server returned REFUSED: it is not the primary server of the zone acme.org" in failure
    # Without a known server, nothing is read.
    assert plugin.check(inputs(port, **{**elsewhere, "server": UNKNOWN}))[1] == []


@pytest.mark.parametrize("targets", [[TARGETS[0], UNKNOWN], UNKNOWN], ids=["one unknown", "all unknown"])
@both_front_ends
def test_adopt_requires_known_targets(targets: Any, plugin: Plugin, port: int, bind: Bind) -> None:
    given = inputs(port, adopt=True, ns_targets=targets)
    assert plugin.check(given)[1] == []
    delegate(bind, DOMAIN, TARGETS)
    [failure] = plugin.check(given)[1]
    assert failure.startswith(f"{DOMAIN} already has NS records at 127.0.0.1:{port}, {LEFT_ALONE}: ")
    assert "a new Agent Ingress gets its own name servers" in failure


@both_front_ends
def test_preview_warns_of_existing_records(plugin: Plugin, port: int, bind: Bind) -> None:
    delegate(bind, DOMAIN, OTHERS)
    given = inputs(port, ns_targets=UNKNOWN)
    plugin.preview_create(given)
    [warning] = [line for line in plugin.engine.lines if line.urn == plugin.urn]
    assert warning.severity == engine_pb2.WARNING
    assert warning.message.startswith(
        "`pulumi up` on this machine will fail unless it deletes these records first: "
        f"{DOMAIN} already has NS records at 127.0.0.1:{port}, {LEFT_ALONE}"
    )
    # In an update, the create itself fails.
    assert plugin.check(given)[1] == []
    assert [line for line in plugin.engine.lines if line.urn == plugin.urn] == [warning]


@pytest.mark.parametrize("adopt", [False, True])
@both_front_ends
def test_replacement_does_not_meet_its_own_records(adopt: bool, plugin: Plugin, port: int, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    # If the ingress is deleted before its replacement is created, the engine compares the records before their check.
    assert plugin.diff(outputs(port), inputs(port, domain=UNKNOWN, ns_targets=UNKNOWN))[1] == ["domain"]
    plugin.preview_create(inputs(port, ns_targets=UNKNOWN, adopt=adopt))
    assert plugin.shown_lines() == []


@both_front_ends
def test_delete_of_a_replaced_resource_keeps_the_records_that_its_replacement_adopted(
    alone: Plugin, port: int, bind: Bind
) -> None:
    delegate(bind, DOMAIN, TARGETS)
    assert alone.check(inputs(port, adopt=True), inputs(port))[1] == []
    alone.create(inputs(port, adopt=True))
    alone.delete(DOMAIN, outputs(port))
    assert records(bind) == (TARGETS, 300)


@both_front_ends
def test_forced_replacement_may_meet_its_own_records(plugin: Plugin, port: int, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    # As in `up --refresh --replace`: nothing has changed, and no later call shows that it is a replacement.
    assert plugin.diff(outputs(port), inputs(port)) == (False, [])
    plugin.preview_create(inputs(port))
    [warning] = plugin.shown_lines()
    assert "will fail unless it deletes these records first" in warning
    # It does not advise to remove its own records. The page has the option for this case.
    assert "remove" not in warning
    assert warning.endswith("pulumi-agin explain taken-records")
    # Without the option, the update fails, too.
    assert rejection(lambda: plugin.create(inputs(port))).endswith("pulumi-agin explain taken-records")


@both_front_ends
def test_delete_keeps_records_that_another_resource_has(alone: Plugin, port: int, bind: Bind) -> None:
    old, new = alone.of(name=f"old {alone.name}"), alone.of(name=f"new {alone.name}")
    given, kept = inputs(port), outputs(port)
    old.create(given)
    # Renamed, with `adopt`: the new resource is created before the old one is deleted.
    new.check(given)
    new.create({**given, "adopt": True})
    old.delete(DOMAIN, {**kept, "ns_targets": [*TARGETS, *OTHERS]})
    assert records(bind) == (TARGETS, 300)


@both_front_ends
def test_delete_keeps_records_that_another_resource_declares(alone: Plugin, port: int, bind: Bind) -> None:
    # The next run after a renaming: the new resource is only compared, and the rest of the old one is deleted.
    delegate(bind, DOMAIN, TARGETS)
    # The check shows that the program has it, and the diff which records it has.
    alone.check(inputs(port))
    alone.diff(outputs(port), inputs(port))
    alone.of(name=f"old {alone.name}").delete(DOMAIN, outputs(port))
    assert records(bind) == (TARGETS, 300)
    # They are its own if it is deleted before its replacement is created.
    alone.delete(DOMAIN, outputs(port))
    assert records(bind) == ([], 0)


@both_front_ends
def test_delete_keeps_records_that_an_update_of_another_resource_has_written(
    alone: Plugin, port: int, bind: Bind
) -> None:
    # A failed run has put the renamed resource into the state, with one of the records.
    delegate(bind, DOMAIN, TARGETS[:1])
    before = outputs(port, ns_targets=TARGETS[:1])
    alone.check(inputs(port))
    alone.diff(before, inputs(port))
    alone.update(DOMAIN, before, inputs(port))
    alone.of(name=f"old {alone.name}").delete(DOMAIN, outputs(port))
    assert records(bind) == (TARGETS, 300)


@pytest.mark.parametrize("zone", ["acme.com", "com"], ids=["records exist", "another error"])
@both_front_ends
def test_delete_fails_after_a_failed_renaming(zone: str, alone: Plugin, port: int, bind: Bind) -> None:
    old, new = alone.of(name=f"old {alone.name}"), alone.of(name=f"new {alone.name}")
    old.create(inputs(port))
    rejection(lambda: new.create(inputs(port, zone=zone)))
    message = rejection(lambda: old.delete(DOMAIN, outputs(port)))
    assert f"are not deleted, because they have the domain of {new.urn}, which could not be created" in message
    assert records(bind) == (TARGETS, 300)


def test_update_to_another_server_keeps_records_of_others(
    plugin: Plugin, port: int, bind: Bind, tmp_path: Path, bind_programs: Programs
) -> None:
    plugin.create(inputs(port))
    with Bind(bind_programs, tmp_path, [KEY]) as moved:
        delegate(moved, DOMAIN, OTHERS)
        before, given = outputs(port), inputs(moved.port)
        assert f"{LEFT_ALONE}: ns1.other.net." in rejection(lambda: plugin.update(DOMAIN, before, given))
        assert records(moved) == (OTHERS, 300)
        message = rejection(lambda: plugin.update(DOMAIN, before, {**given, "adopt": True}))
        assert message.endswith("pulumi-agin explain taken-records")
        assert records(moved) == (OTHERS, 300)
        # Records that it had at the old server are its own, as after a transfer of the zone.
        plugin.update(DOMAIN, {**before, "ns_targets": OTHERS}, given)
        assert records(moved) == (TARGETS, 300)
    assert records(bind) == (TARGETS, 300)
