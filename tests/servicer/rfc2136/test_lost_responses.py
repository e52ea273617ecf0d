"""Rfc2136Delegation at servers that are away, and in a network that loses and forges responses."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import dns.message
import dns.rcode
import dns.rrset
import dns.tsig
import pytest

from tests.support.bind import Bind
from tests.support.flaky_proxy import Lossy, Rule, between, unsigned
from tests.support.records import DOMAIN, KEY, NEW, OTHERS, TARGETS, Delegation, delegate, failure, inputs, records
from tools.bind import Programs

RESPONSES: dict[str, Callable[[bytes], bytes | None]] = {
    "lost": lambda message: None,
    "unsigned": unsigned(dns.rcode.NOERROR),
    "garbled": lambda message: b"HTTP/1.1 400 Bad Request",
    "SERVFAIL": unsigned(dns.rcode.SERVFAIL),
}


# -- updates without a response ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "did not arrive"])
@pytest.mark.parametrize("response", RESPONSES.values(), ids=RESPONSES)
def test_write_is_settled_by_a_read_and_then_sent_again_if_it_did_not_arrive(
    response: Callable[[bytes], bytes | None], arrives: bool, delegation: Delegation, bind: Bind
) -> None:
    rule = Lossy(arrives, times=1, response=response)
    with between(bind, rule) as port:
        given, changed = inputs(port), inputs(port, ns_targets=NEW, ttl=60)
        assert delegation.create(given) == given
        assert records(bind) == (TARGETS, 300)
        rule.seen = 0
        assert delegation.update(given, changed) == changed
        assert records(bind) == (NEW, 60)
        rule.seen = 0
        delegation.delete(changed)
        assert records(bind) == ([], 0)
    assert delegation.warnings == []


def test_write_that_never_arrives_is_sent_twice_and_fails(delegation: Delegation, bind: Bind) -> None:
    rule = Lossy(arrives=False)
    with between(bind, rule) as port:
        for verb, call, existing in (
            ("create", lambda: delegation.create(inputs(port)), []),
            ("update", lambda: delegation.update(inputs(port), inputs(port, ns_targets=NEW)), TARGETS),
            ("delete", lambda: delegation.delete(inputs(port)), TARGETS),
        ):
            delegate(bind, DOMAIN, existing)
            rule.seen = 0
            place = f"the NS records of {DOMAIN} at 127.0.0.1 port {port}"
            assert failure(call) == f"could not {verb} {place}: no response (the server closed the connection)"
            assert rule.seen == 2
            assert records(bind)[0] == existing


def test_records_of_others_that_come_while_a_message_is_lost_are_left_alone(delegation: Delegation, bind: Bind) -> None:
    rule = Lossy(arrives=False, times=1, meanwhile=lambda: delegate(bind, DOMAIN, OTHERS))
    with between(bind, rule) as port:
        assert "already has NS records" in failure(lambda: delegation.create(inputs(port)))
        rule.seen = 0
        delegate(bind, DOMAIN, TARGETS)
        changed = inputs(port, ns_targets=NEW)
        assert "not in the state" in failure(lambda: delegation.update(inputs(port), changed))
    assert records(bind) == (OTHERS, 300)


@pytest.mark.parametrize("arrives", [True, False], ids=["arrived", "did not arrive"])
def test_write_of_unknown_outcome_fails_and_its_repetition_settles_it(
    arrives: bool, delegation: Delegation, bind: Bind
) -> None:
    """The state after each of the failures is the one before it."""
    given, changed = inputs(bind.port), inputs(bind.port, ns_targets=NEW)

    def assert_unknown(call: Callable[[int], object]) -> None:
        with between(bind, Lossy(arrives, loses_reads=True)) as port:
            message = failure(lambda: call(port))
        lost = "no response (the server closed the connection)"
        assert message.endswith(
            f" port {port}: {lost}, and reading them failed: {lost}. It is unknown whether the server has carried it "
            "out, so run the same command again, or `pulumi refresh`, before you change the program"
        )

    assert_unknown(lambda port: delegation.create({**given, "port": port}))
    assert records(bind)[0] == (TARGETS if arrives else [])
    if arrives:
        # The state has no records. The preview of the next run says what is there.
        assert failure(lambda: delegation.create(given)).endswith("Otherwise, import or delete them")
    else:
        delegation.create(given)

    assert_unknown(lambda port: delegation.update(given, {**changed, "port": port}))
    assert records(bind)[0] == (NEW if arrives else TARGETS)
    delegation.update(given, changed)
    assert records(bind)[0] == NEW

    assert_unknown(lambda port: delegation.delete({**changed, "port": port}))
    assert records(bind)[0] == ([] if arrives else NEW)
    delegation.delete(changed)
    assert records(bind)[0] == []
    assert delegation.warnings == []


def test_delete_after_an_update_of_unknown_outcome_names_what_is_left(delegation: Delegation, bind: Bind) -> None:
    # The update failed, so that the state has the old values, and had arrived.
    delegate(bind, DOMAIN, NEW)
    delegation.delete(inputs(bind.port))
    assert records(bind)[0] == NEW[1:]
    [warning] = delegation.warnings
    assert warning.startswith(f"{DOMAIN} still has NS records at the server that are not in the state: {NEW[1]}. If")


def test_interrupted_write_is_not_sent_again(delegation: Delegation, bind: Bind) -> None:
    rule = Lossy(loses_reads=True)
    delegation.call = replace(delegation.call, is_cancelled=lambda: rule.seen > 0)
    with between(bind, rule) as port:
        assert "it was interrupted. It is unknown whether" in failure(lambda: delegation.create(inputs(port)))
    assert rule.seen == 1


# -- responses that prove nothing -------------------------------------------------------------------------------------


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
NO_DNS = "its response is not a DNS message; check server and port"


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (lambda message, ask: unsigned(dns.rcode.NXDOMAIN)(message), NOT_SIGNED),
        (changed_to_nxdomain, NOT_SIGNED),
        (nxdomain_of_a_resolver, "the server has no authority for this name in the zone acme.com; check that it is"),
        (of_another_query, NO_DNS),
        (lambda message, ask: b"", NO_DNS),
        (lambda message, ask: b"\xff" * 500, NO_DNS),
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
    rule = Lossy(arrives=False, response=unsigned(rcode))
    with between(bind, rule) as port:
        message = failure(lambda: delegation.create(inputs(port)))
    assert f"the server returned {dns.rcode.to_text(rcode)}: {problem}" in message
    assert rule.seen == 1


def test_difference_of_clocks_is_reported(delegation: Delegation, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    message = failure(lambda: delegation.create(inputs(bind.port)))
    assert "BADTIME: the clocks of this machine and of the server differ by more than 5 minutes" in message


# -- servers that are away --------------------------------------------------------------------------------------------


def test_call_waits_for_a_server_that_restarts(
    delegation: Delegation, tmp_path: Path, bind_programs: Programs, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Bind(bind_programs, tmp_path, [KEY]) as bind:
        bind.stop()
        sleep = delegation.clock.sleep

        def start_during_the_fourth_second(seconds: float) -> None:
            sleep(seconds)
            if delegation.clock.pauses == [1, 1, 1, 1]:
                bind.start()

        monkeypatch.setattr(delegation.clock, "sleep", start_during_the_fourth_second)
        delegation.create(inputs(bind.port))
        assert records(bind) == (TARGETS, 300)
    assert delegation.lines == [
        f"waiting to create the NS records of {DOMAIN} at 127.0.0.1 port {bind.port} (2 seconds elapsed, limit 30 "
        "seconds): no connection (Connection refused); check server and port",
    ]


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "Connection refused"),
        (TimeoutError(), "timed out"),
    ],
)
def test_server_without_a_connection_is_tried_until_the_call_ends(
    error: OSError, problem: str, delegation: Delegation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    for call in (delegation.create, delegation.refresh, delegation.delete):
        for seconds, tried in ((None, 28), (10, 8)):
            delegation.call = replace(delegation.call, timeout_seconds=seconds)
            before = delegation.clock.now
            assert failure(lambda call=call: call(inputs(53))).endswith(  # type: ignore[misc]
                f" at 127.0.0.1 port 53: no connection ({problem}); check server and port"
            )
            assert delegation.clock.now - before == tried


def test_silent_server_times_out(delegation: Delegation) -> None:
    delegation.call = replace(delegation.call, timeout_seconds=0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        message = failure(lambda: delegation.create(inputs(port)))
    place = f"the NS records of {DOMAIN} at 127.0.0.1 port {port}"
    assert message == f"could not create {place}: no response (timed out)"
