"""Rfc2136Delegation at servers that are away, and in a network that loses and forges responses."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rrset
import dns.tsig
import pytest

from pulumi_agin.rfc2136.records import UNSETTLED
from tests.support.bind import Bind
from tests.support.flaky_proxy import Lossy, Rule, between, unsigned
from tests.support.ports import free_port
from tests.support.records import DOMAIN, KEY, NEW, OTHERS, TARGETS, Delegation, delegate, failure, inputs, records
from tools.bind import Programs

RESPONSES: dict[str, Callable[[bytes], bytes | None]] = {
    "lost": lambda message: None,
    "stripped": unsigned(dns.rcode.NOERROR),
    "garbled": lambda message: b"HTTP/1.1 400 Bad Request",
    "unsigned REFUSED": unsigned(dns.rcode.REFUSED),
    "unsigned SERVFAIL": unsigned(dns.rcode.SERVFAIL),
}


def unknown(port: int, ns_targets: list[str], ours: list[str]) -> dict[str, Any]:
    """Returns the outputs after a create or an update of unknown outcome."""
    return {**inputs(port, ns_targets=ns_targets), UNSETTLED: sorted(ours)}


# -- settled by a read ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_write_without_a_valid_response_is_settled_by_a_read(
    response: Callable[[bytes], bytes | None], delegation: Delegation, bind: Bind
) -> None:
    changes = {"ns_targets": NEW, "ttl": 60}
    with between(bind, Lossy(response=response)) as port:
        assert delegation.create(inputs(port)) == inputs(port)
        assert records(bind) == (TARGETS, 300)
        assert delegation.update(inputs(port), inputs(port, **changes)) == inputs(port, **changes)
        assert records(bind) == (NEW, 60)
        delegate(bind, DOMAIN, [*NEW, *OTHERS])
        delegation.delete(inputs(port, **changes))
        assert records(bind) == (OTHERS, 300)
        delegate(bind, DOMAIN, NEW)
        delegation.delete(inputs(port, **changes))
    assert records(bind) == ([], 0)
    assert delegation.warnings == []


@pytest.mark.parametrize("arrives", [True, False])
def test_write_is_retried_after_a_lost_response(arrives: bool, delegation: Delegation, bind: Bind) -> None:
    rule = Lossy(arrives, times=1)
    with between(bind, rule) as port:
        assert delegation.create(inputs(port)) == inputs(port)
        rule.seen = 0
        delegation.update(inputs(port), inputs(port, ns_targets=NEW, ttl=60))
        assert records(bind) == (NEW, 60)
        rule.seen = 0
        delegation.delete(inputs(port, ns_targets=NEW))
    assert records(bind) == ([], 0)
    assert delegation.clock.pauses == [1, 1, 1]


@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_write_that_a_read_shows_was_not_carried_out_fails(
    response: Callable[[bytes], bytes | None], delegation: Delegation, bind: Bind
) -> None:
    with between(bind, Lossy(arrives=False, response=response)) as port:
        assert failure(lambda: delegation.create(inputs(port))).startswith("could not create")
        delegate(bind, DOMAIN, TARGETS)
        changed = inputs(port, ns_targets=NEW)
        assert failure(lambda: delegation.update(inputs(port), changed)).startswith("could not update")
        assert failure(lambda: delegation.delete(inputs(port))).startswith("could not delete")
    assert records(bind) == (TARGETS, 300)


def test_records_of_others_that_come_with_a_lost_message_are_left_alone(delegation: Delegation, bind: Bind) -> None:
    rule = Lossy(arrives=False, times=1, meanwhile=lambda: delegate(bind, DOMAIN, OTHERS))
    with between(bind, rule) as port:
        failure(lambda: delegation.create(inputs(port)))
        rule.seen = 0
        delegate(bind, DOMAIN, TARGETS)
        failure(lambda: delegation.update(inputs(port), inputs(port, ns_targets=NEW)))
    assert records(bind) == (OTHERS, 300)


def test_write_leaves_time_for_the_read(delegation: Delegation, bind: Bind) -> None:
    def let_time_pass() -> None:
        delegation.clock.now += 55

    with between(bind, Lossy(meanwhile=let_time_pass)) as port:
        assert delegation.create(inputs(port)) == inputs(port)
    assert delegation.clock.pauses == []


# -- of unknown outcome ---------------------------------------------------------------------------------------


@pytest.fixture(params=["arrived", "did not arrive"])
def created(request: pytest.FixtureRequest, delegation: Delegation, bind: Bind) -> dict[str, Any]:
    """The state after a create whose response and all later ones were lost."""
    with between(bind, Lossy(request.param == "arrived", loses_reads=True)) as port:
        state = delegation.create(inputs(port))
    assert state == unknown(port, TARGETS, TARGETS)
    [warning] = delegation.warnings
    lost = f"the NS records of {DOMAIN} at 127.0.0.1 port {port}: no response, because the server closed the connection"
    assert warning == (
        f"it is unknown whether the server has the new NS records of {DOMAIN}: could not create {lost}, and could not "
        f"read {lost}. The state has all values that may be there, and the next `pulumi up` writes the records again"
    )
    return {**state, "port": bind.port}


def test_create_of_unknown_outcome_is_repeated_by_the_next_up(
    created: dict[str, Any], delegation: Delegation, bind: Bind
) -> None:
    given = inputs(bind.port)
    assert delegation.diff(created, given).is_repeated
    assert delegation.update(created, given) == given
    assert records(bind) == (TARGETS, 300)


def test_delete_finds_the_records_of_a_create_of_unknown_outcome(
    created: dict[str, Any], delegation: Delegation, bind: Bind
) -> None:
    delegation.delete(created)
    assert records(bind) == ([], 0)


@pytest.mark.parametrize(
    ("existing", "found"),
    [(TARGETS, "all"), (TARGETS[:1], "all"), ([], "none"), (OTHERS, "none"), ([*TARGETS, *OTHERS], "mixed")],
)
def test_refresh_after_a_create_of_unknown_outcome(
    existing: list[str], found: str, delegation: Delegation, bind: Bind
) -> None:
    delegate(bind, DOMAIN, existing)
    state = unknown(bind.port, TARGETS, TARGETS)
    refreshed = delegation.refresh(state)
    if found == "all":
        given = inputs(bind.port, ns_targets=existing)
        assert refreshed == (DOMAIN, given, given)
    elif found == "none":
        assert refreshed is None
    else:
        # Those of others never become ours, so that no delete deletes them.
        assert refreshed == (DOMAIN, state, None)
        assert "not in the state" in failure(lambda: delegation.update(state, inputs(bind.port)))
        delegation.delete(state)
        assert records(bind) == (OTHERS, 300)


@pytest.mark.parametrize("arrives", [True, False])
def test_update_of_unknown_outcome_keeps_both_sets_of_values(arrives: bool, delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    with between(bind, Lossy(arrives, loses_reads=True)) as port:
        state = delegation.update(inputs(port), inputs(port, ns_targets=NEW))
    assert state == unknown(port, NEW, [*TARGETS, NEW[1]])
    assert len(delegation.warnings) == 1
    assert records(bind) == (NEW if arrives else TARGETS, 300)
    state = {**state, "port": bind.port}
    # The program may have been reverted meanwhile.
    assert delegation.diff(state, inputs(bind.port)).is_repeated
    Delegation().delete(state)
    assert records(bind) == ([], 0)


def test_create_that_others_change_at_once_is_kept(delegation: Delegation, bind: Bind) -> None:
    mixed = [*TARGETS, *OTHERS]
    rule = Lossy(arrives=False, times=1, meanwhile=lambda: delegate(bind, DOMAIN, mixed))
    with between(bind, rule) as port:
        assert delegation.create(inputs(port)) == unknown(port, TARGETS, TARGETS)
    assert f"and the server has {', '.join(mixed)} (TTL 300)" in delegation.warnings[0]


def test_interrupted_write_is_kept_without_another_try(delegation: Delegation, bind: Bind) -> None:
    rule = Lossy(loses_reads=True)
    delegation.call = replace(delegation.call, is_cancelled=lambda: rule.seen > 0)
    with between(bind, rule) as port:
        assert delegation.create(inputs(port)) == unknown(port, TARGETS, TARGETS)
    assert rule.seen == 1
    assert "it was interrupted" in delegation.warnings[0]


def test_delete_of_unknown_outcome_fails(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    with between(bind, Lossy(loses_reads=True)) as port:
        message = failure(lambda: delegation.delete(inputs(port)))
    assert "no response, because the server closed the connection, and could not read" in message


# -- responses that prove nothing -----------------------------------------------------------------------------


def changed_to_nxdomain(message: bytes, ask: Callable[[], bytes]) -> bytes:
    response = bytearray(ask())
    response[3] = response[3] & 0xF0 | dns.rcode.NXDOMAIN
    return bytes(response)


def nxdomain_of_a_resolver(message: bytes, ask: Callable[[], bytes]) -> bytes:
    query = dns.message.from_wire(message, keyring=dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.NXDOMAIN)
    response.authority.append(dns.rrset.from_text("acme.com.", 60, "IN", "SOA", "ns1. host. 1 3600 600 86400 60"))
    return response.to_wire()


def of_another_query(message: bytes, ask: Callable[[], bytes]) -> bytes:
    return bytes([message[0] ^ 1]) + ask()[1:]


NOT_SIGNED = "its response is not validly signed with the key, so it is not trusted"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (lambda message, ask: unsigned(dns.rcode.NXDOMAIN)(message), NOT_SIGNED),
        (changed_to_nxdomain, NOT_SIGNED),
        (nxdomain_of_a_resolver, "the server has no authority for this name in the zone acme.com; check that it is"),
        (of_another_query, "its response is not a DNS message; check server and port"),
        (lambda message, ask: b"", "its response is not a DNS message; check server and port"),
        (lambda message, ask: b"\xff" * 500, "its response is not a DNS message; check server and port"),
    ],
)
def test_invalid_response_does_not_mean_gone(rule: Rule, problem: str, delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    with between(bind, rule) as port:
        assert problem in failure(lambda: delegation.refresh(inputs(port)))


@pytest.mark.parametrize(
    ("rcode", "problem"),
    [
        (dns.rcode.NOTIMP, "it does not support DNS UPDATE (RFC 2136); check server and port"),
        # PowerDNS responds so to a wrong key.
        (dns.rcode.NOTAUTH, "it is not the primary server of the zone, or does not accept the key; check server, zone"),
        (dns.rcode.NOTZONE, "the domain is not in the zone; check zone"),
        (dns.rcode.YXDOMAIN, "see its log"),
    ],
)
def test_rejection_names_the_next_step(
    rcode: dns.rcode.Rcode, problem: str, delegation: Delegation, bind: Bind
) -> None:
    with between(bind, Lossy(arrives=False, response=unsigned(rcode))) as port:
        message = failure(lambda: delegation.create(inputs(port)))
    assert f"the server returned {dns.rcode.to_text(rcode)}: {problem}" in message


def test_difference_of_clocks_is_reported(delegation: Delegation, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    message = failure(lambda: delegation.create(inputs(bind.port)))
    assert "BADTIME: the clocks of this machine and of the server differ by more than 5 minutes" in message


# -- no connection, and retries -------------------------------------------------------------------------------


def test_call_waits_for_a_server_that_restarts(
    delegation: Delegation, tmp_path: Path, bind_programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bind(bind_programs, tmp_path, [KEY]) as bind:
        bind.stop()
        sleep = delegation.clock.sleep

        def start_during_the_second(seconds: float) -> None:
            sleep(seconds)
            if delegation.clock.pauses == [1, 1]:
                bind.start()

        monkeypatch.setattr(delegation.clock, "sleep", start_during_the_second)
        delegation.create(inputs(bind.port))
        assert records(bind) == (TARGETS, 300)
    assert delegation.lines == [
        f"waiting to create the NS records of {DOMAIN} at 127.0.0.1 port {bind.port} (1 second elapsed, limit 60 "
        "seconds): no connection (Connection refused); check server and port",
        "",
    ]


@pytest.mark.parametrize(
    ("error", "seconds"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), 23),
        (TimeoutError(), 23),
        (socket.gaierror(socket.EAI_AGAIN, "Try again"), 23),
        (socket.gaierror(socket.EAI_NONAME, "Unknown"), 0),
    ],
)
def test_server_without_a_connection_is_tried_for_30_seconds(
    error: OSError, seconds: float, delegation: Delegation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    port = free_port()
    for call in (
        lambda: delegation.create(inputs(port)),
        lambda: delegation.refresh(inputs(port)),
        lambda: delegation.delete(inputs(port)),
    ):
        before = delegation.clock.now
        message = failure(call)
        assert message.endswith("; check server and port")
        # Nothing was sent, so no read follows.
        assert "and could not read" not in message
        assert delegation.clock.now - before == seconds


def test_silent_server_times_out(delegation: Delegation) -> None:
    delegation.call = replace(delegation.call, timeout_seconds=0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        message = failure(lambda: delegation.create(inputs(port)))
    assert message.startswith(
        f"could not create the NS records of {DOMAIN} at 127.0.0.1 port {port}: no response within"
    )


def test_servfail_is_retried(delegation: Delegation, bind: Bind) -> None:
    # Without a key, it proves that the server has undone the update.
    state = inputs(bind.port, tsig_key_name=None, tsig_secret=None)
    with between(bind, Lossy(arrives=False, times=1, response=unsigned(dns.rcode.SERVFAIL))) as port:
        message = failure(lambda: delegation.create({**state, "port": port}))
        # BIND rejects the second attempt, because it requires a key.
        assert "REFUSED" in message
        delegation.create(inputs(port))
    assert records(bind) == (TARGETS, 300)
