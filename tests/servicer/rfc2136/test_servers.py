"""Rfc2136Delegation at servers of all kinds: their zones, keys, connections, and wrong or lost responses."""

from __future__ import annotations

import errno
import socket
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

import dns.message
import dns.rcode
import dns.rrset
import dns.tsig
import pytest

from pulumi_agin.lifecycle.operation import Failed
from pulumi_agin.lifecycle.shell_commands import explain_line
from tests.support.bind import Bind, Key
from tests.support.flaky_proxy import (
    Outage,
    Rule,
    before_updates,
    between,
    is_update,
    lose_updates,
    respond,
    unsigned_response,
)
from tests.support.ports import free_port
from tests.support.records import (
    DOMAIN,
    KEY,
    OTHERS,
    TARGETS,
    UNSETTLED,
    Delegation,
    delegate,
    inputs,
    outputs,
    records,
    rejection,
    unsettled,
    unsigned,
)
from tools.bind import Programs

ZONE = """
alias CNAME elsewhere
text TXT x
name.empty TXT x
children DNAME elsewhere.acme.net.
delegated NS ns1.x.net.
*.cname CNAME www.acme.net.
alias.cname CNAME elsewhere
*.cname-of-zone CNAME ns1
*.a A 192.0.2.1
*.parent CNAME www.acme.net.
"""

NEW = [TARGETS[0], "ns-3.awsdns-01.com."]

ALIASES = ["alias.acme.com", "alias.cname.acme.com"]
BESIDE_WILDCARDS = ["x.cname.acme.com", "x.cname-of-zone.acme.com", "x.a.acme.com", "parent.acme.com"]

POWERLESS_KEY = Key("powerless")
KEYS_OF_OTHER_ALGORITHMS = [
    Key(name, [DOMAIN], algorithm=f"hmac-{name}") for name in ("md5", "sha1", "sha224", "sha384", "sha512")
]


@pytest.fixture(scope="module")
def running_bind(tmp_path_factory: pytest.TempPathFactory, bind_programs: Programs) -> Iterator[Bind]:
    key = Key(KEY.name, [DOMAIN, *ALIASES, *BESIDE_WILDCARDS])
    bind = Bind(bind_programs, tmp_path_factory.mktemp("bind"), [key, POWERLESS_KEY, *KEYS_OF_OTHER_ALGORITHMS])
    (bind.folder / "zone").write_text(bind._zone() + ZONE)
    with bind:
        yield bind


@pytest.fixture
def delegation() -> Delegation:
    return Delegation()


@pytest.mark.parametrize("name", ["connect", "text", "empty", "alias"])
def test_refresh_finds_no_records(name: str, delegation: Delegation, bind: Bind) -> None:
    assert delegation.read(outputs(bind.port, domain=f"{name}.acme.com")) is None


@pytest.mark.parametrize("domain", ALIASES)
def test_no_records_are_created_beside_an_alias(domain: str, delegation: Delegation, bind: Bind) -> None:
    # BIND itself would report success.
    given, kept = inputs(bind.port, domain=domain), outputs(bind.port, domain=domain)
    for action, call in (
        ("create", lambda: delegation.create(given)),
        ("create", lambda: delegation.create({**given, "adopt": True})),
        ("update", lambda: delegation.update(kept, given)),
    ):
        assert rejection(call) == (
            f"could not {action} the NS records of {domain} at 127.0.0.1:{bind.port}: {domain} is an alias (CNAME) of "
            f"elsewhere.acme.com., so {domain} can have no NS records; remove that record"
        )


def test_preview_of_a_create_warns_if_the_server_has_a_problem_with_it(bind: Bind) -> None:
    delegate(bind, DOMAIN, [])
    wrong_secret = "d3Jvbmc="
    cases: dict[str, dict[str, Any]] = {
        "(BADSIG): it has a different secret for this key; check tsig_secret": {"tsig_secret": wrong_secret},
        "it is not the primary server of the zone acme.org": {"zone": "acme.org", "domain": "connect.acme.org"},
        "alias.acme.com is an alias (CNAME) of elsewhere.acme.com.": {"domain": ALIASES[0]},
        "no connection (Connection refused); check server and port": {"port": free_port()},
    }
    for problem, changes in cases.items():
        delegation, given = Delegation(), inputs(bind.port, **changes)
        warning = delegation.preview(given)
        # Only a problem with the name itself is one of each record, and is certain.
        is_of_name = "alias" in problem
        will = "will" if is_of_name else "may"
        read = f"could not read the NS records of {given['domain']} at 127.0.0.1:"
        assert warning.startswith(f"`pulumi up` on this machine {will} fail: {read}")
        assert problem in warning
        assert bool(delegation.preview(given)) == is_of_name
    delegation = Delegation()
    assert delegation.preview(inputs(bind.port)) == ""
    # After Ctrl-C, there is no warning. Where the location is not known, nothing is read.
    assert delegation.preview(inputs(free_port()), is_cancelled=lambda: True) == ""
    for name in ("server", "domain", "tsig_secret"):
        unknown = {**inputs(free_port()), name: None}
        assert delegation.preview(unknown, is_unknown=lambda value: value is None) == ""


def test_preview_of_a_create_warns_of_existing_records(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, OTHERS)
    exists = (
        f"{DOMAIN} already has NS records at 127.0.0.1:{bind.port}, which are left unchanged: ns1.other.net. (TTL 300)"
    )
    advice = "If a resource of this stack that was renamed or moved in the program has them, use"
    warning = delegation.preview(inputs(bind.port))
    will_fail = f"`pulumi up` on this machine will fail unless it deletes these records first: {exists}"
    assert warning.startswith(f"{will_fail}. The program declares {', '.join(TARGETS)}")
    # A new Agent Ingress gets its name servers in the update.
    warning = delegation.preview(inputs(bind.port, ns_targets=None), is_unknown=lambda value: value is None)
    assert warning.startswith(f"{will_fail}. {advice}")
    # It does not advise to remove them: they may be its own, if it is being replaced.
    assert "remove" not in warning
    assert warning.endswith("pulumi-agin explain taken-records")


def test_silent_server_costs_a_preview_ten_seconds(delegation: Delegation, bind: Bind) -> None:
    began = delegation.clock.now
    with between(bind, lambda message, ask: None) as port:
        for number in range(30):
            delegation.preview(inputs(port, domain=f"d{number}.acme.com"))
    [warning] = delegation.warnings
    assert "could not read the NS records of d0.acme.com" in warning
    assert (
        "no response, because the server closed the connection. This preview checks no other records at this server"
        in warning
    )
    assert delegation.clock.now - began <= 10


@pytest.mark.parametrize("domain", BESIDE_WILDCARDS)
def test_records_are_created_beside_a_wildcard(domain: str, delegation: Delegation, bind: Bind) -> None:
    given, kept = inputs(bind.port, domain=domain), outputs(bind.port, domain=domain)
    assert delegation.create(given) == kept
    assert records(bind, domain) == (TARGETS, 300)
    assert "already has NS records" in rejection(lambda: delegation.create(given))
    delegation.delete(kept)
    assert delegation.read(kept) is None
    delegation.update(kept, given)
    assert delegation.read(kept) == kept
    delegation.delete(kept)
    delegation.create({**given, "adopt": True})
    assert records(bind, domain) == (TARGETS, 300)


@pytest.mark.parametrize("key", KEYS_OF_OTHER_ALGORITHMS, ids=lambda key: key.algorithm)
def test_every_algorithm_works(key: Key, delegation: Delegation, bind: Bind) -> None:
    with_key = {"tsig_key_name": key.name, "tsig_secret": key.secret, "tsig_algorithm": key.algorithm}
    delegation.create(inputs(bind.port, **with_key))
    assert records(bind) == (TARGETS, 300)


@pytest.mark.parametrize(
    ("wrong", "problem"),
    [
        (
            {"zone": "com"},
            "connect.acme.com is in the zone acme.com, so its records would have no effect in the zone com; set zone",
        ),
        (
            {"domain": "a.acme.org", "zone": "acme.org"},
            "the server returned REFUSED: it is not the primary server of the zone acme.org, or rejects this machine",
        ),
        ({"domain": "a.delegated.acme.com"}, "a.delegated.acme.com is in the zone delegated.acme.com, so its records"),
        (
            {"domain": "a.children.acme.com"},
            "children.acme.com is an alias (DNAME) of elsewhere.acme.net., so a.children",
        ),
        ({"tsig_key_name": "unknown"}, 'it rejects the key "unknown" (BADKEY): it has no key with this name and'),
        ({"tsig_algorithm": "hmac-sha512"}, 'it rejects the key "agin" (BADKEY)'),
        ({"tsig_secret": "AAAA"}, 'it rejects the key "agin" (BADSIG): it has a different secret for this key;'),
    ],
)
def test_wrong_zone_or_key_fails(wrong: dict[str, Any], problem: str, delegation: Delegation, bind: Bind) -> None:
    given, kept = inputs(bind.port, **wrong), outputs(bind.port, **wrong)
    place = f"the NS records of {given['domain']} at 127.0.0.1:{bind.port}"
    for action, call in (
        ("create", lambda: delegation.create(given)),
        ("read", lambda: delegation.read(kept)),
        ("update", lambda: delegation.update(kept, given)),
    ):
        message = rejection(call)
        assert message.startswith(f"could not {action} {place}: {problem}")
        assert message.endswith("pulumi-agin explain rejected-key`)") == ("the key" in problem)


def test_key_without_grants_fails(delegation: Delegation, bind: Bind) -> None:
    given = inputs(bind.port, tsig_key_name=POWERLESS_KEY.name, tsig_secret=POWERLESS_KEY.secret)
    assert rejection(lambda: delegation.create(given)).endswith(
        'the server returned REFUSED: the key "powerless" is not allowed to change the NS records of connect.acme.com; '
        'in BIND, allow it with `update-policy { grant "powerless" name connect.acme.com. NS; };` in the zone acme.com'
    )


def test_update_tries_a_new_key(delegation: Delegation, tmp_path: Path, bind_programs: Programs) -> None:
    with Bind(bind_programs, tmp_path, [Key(KEY.name)], unsigned=True) as bind:
        signed, without_key = outputs(bind.port), unsigned(outputs(bind.port))
        delegation.create(unsigned(inputs(bind.port)))
        assert "(BADSIG)" in rejection(lambda: delegation.update(without_key, inputs(bind.port, tsig_secret="AAAA")))
        assert delegation.update(without_key, inputs(bind.port)) == signed
        assert delegation.update(signed, unsigned(inputs(bind.port))) == without_key
        assert records(bind) == (TARGETS, 300)


def test_unsigned_calls_fail_at_a_server_that_requires_a_key(delegation: Delegation, bind: Bind) -> None:
    given, kept = unsigned(inputs(bind.port)), unsigned(outputs(bind.port))
    for rcode, zone, call in (
        ("REFUSED", "acme.com", lambda: delegation.create(given)),
        ("REFUSED", "acme.com", lambda: delegation.update(kept, given)),
        ("REFUSED", "acme.org", lambda: delegation.read({**kept, "domain": "a.acme.org", "zone": "acme.org"})),
        ("NOTAUTH", "acme.org", lambda: delegation.delete({**kept, "domain": "a.acme.org", "zone": "acme.org"})),
    ):
        assert rejection(call).endswith(
            f"at 127.0.0.1:{bind.port}: the server returned {rcode}: it requires a key, or is not the primary server "
            f"of the zone {zone}; check server and zone, and set tsig_key_name and tsig_secret "
            f"(`{explain_line('rejected-key')}`)"
        )


def test_clock_difference_is_reported(delegation: Delegation, bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    message = rejection(lambda: delegation.create(inputs(bind.port)))
    assert 'it rejects the key "agin" (BADTIME): the clocks differ by more than 5 minutes: here it is ' in message
    assert f"here it is {datetime.now(timezone.utc):%Y-%m-%d}" in message


def test_local_server_is_tried_for_5_seconds(delegation: Delegation) -> None:
    port = free_port()
    assert rejection(lambda: delegation.create(inputs(port))) == (
        f"could not create the NS records of {DOMAIN} at 127.0.0.1:{port} after 4 attempts in 5 seconds: no connection "
        "(Connection refused); check server and port"
    )
    # Later calls try only once. Nothing was sent, so no read follows.
    for call in (
        lambda: delegation.create(inputs(port)),
        lambda: delegation.update(outputs(port), inputs(port)),
        lambda: delegation.delete(outputs(port)),
    ):
        assert rejection(call).endswith(f":{port}: no connection (Connection refused); check server and port")
    assert sum(delegation.clock.slept) == 5


def test_update_that_may_have_arrived_is_tried_for_longer(
    delegation: Delegation, bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    outage, connect = Outage(), socket.create_connection

    def refuse(address: tuple[str, int], *args: Any) -> socket.socket:
        if outage.has_begun and address[1] == port:
            raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")
        return connect(address, *args)

    with between(bind, outage) as port:
        # BIND's own port stays open, which the proxy uses.
        monkeypatch.setattr(socket, "create_connection", refuse)
        message, _ = unsettled(lambda: delegation.create(inputs(port)))
    assert "after 6 attempts in 31 seconds (limit: 60 seconds): no connection (Connection refused)" in message


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (TimeoutError(), " after 6 attempts in 30 seconds: no connection within 5 seconds; check server and port"),
        (
            socket.gaierror(socket.EAI_AGAIN, "Try again"),
            " after 6 attempts in 30 seconds: no connection (Try again); check server and port",
        ),
        (socket.gaierror(socket.EAI_NONAME, "Unknown"), ": no connection (Unknown); check server and port"),
    ],
)
def test_other_servers_are_tried_for_30_seconds(
    error: OSError, problem: str, delegation: Delegation, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    message = rejection(lambda: delegation.read(outputs(53, server="ns1.acme.com")))
    assert message == f"could not read the NS records of {DOMAIN} at ns1.acme.com:53{problem}"


@pytest.mark.parametrize(
    "rule",
    [lambda message, ask: unsigned_response(message, dns.rcode.SERVFAIL), lambda *_: None],
    ids=["SERVFAIL", "lost response"],
)
def test_read_has_30_seconds_for_each_outage(
    rule: Rule, delegation: Delegation, bind: Bind, monkeypatch: pytest.MonkeyPatch
) -> None:
    connect, addresses = socket.create_connection, []

    def reach_at_fourth_attempt(address: tuple[str, int], *args: Any) -> socket.socket:
        addresses.append(address)
        if len(addresses) == 4:
            return connect(("127.0.0.1", port), *args)
        raise ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused")

    with between(bind, rule) as port:
        monkeypatch.setattr(socket, "create_connection", reach_at_fourth_attempt)
        message = rejection(lambda: delegation.read(unsigned(outputs(53, server="ns1.acme.com"))))
    assert "after 7 attempts in 45 seconds: no connection" in message
    # The second outage begins after 15 seconds. A read changes nothing, so it does not matter whether one arrived.
    assert delegation.clock.slept == [1, 2, 4, 8, 16, 14]


def test_create_waits_for_a_server_that_restarts(
    delegation: Delegation, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bind_programs: Programs
) -> None:
    with Bind(bind_programs, tmp_path, [KEY]) as bind:
        bind.stop()
        pause = delegation.clock.sleep

        def sleep(seconds: float) -> None:
            pause(seconds)
            if len(delegation.clock.slept) == 2:
                bind.start()

        monkeypatch.setattr(delegation.clock, "sleep", sleep)
        delegation.create(inputs(bind.port))
        assert records(bind) == (TARGETS, 300)
    assert delegation.lines == [
        f"still waiting to create the NS records of {DOMAIN} at 127.0.0.1:{bind.port} (1 second elapsed, limit 5 "
        "seconds): no connection (Connection refused); check server and port; next attempt in 2 seconds",
    ]


def test_silent_server_times_out(delegation: Delegation) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        message = rejection(lambda: delegation.create(inputs(port), timeout_seconds=0.1))
    assert message == (
        f"could not create the NS records of {DOMAIN} at 127.0.0.1:{port}: no response within 0.1 seconds"
    )


def test_servfail_is_retried(delegation: Delegation, bind: Bind) -> None:
    with between(bind, respond(dns.rcode.SERVFAIL, times=1)) as port:
        delegation.create(inputs(port))
    assert records(bind) == (TARGETS, 300)
    with between(bind, respond(dns.rcode.SERVFAIL)) as port:
        message = rejection(lambda: delegation.delete(outputs(port)))
    assert message.endswith("the server returned SERVFAIL; see its log")


@pytest.mark.parametrize(
    ("rcode", "problem"),
    [
        (dns.rcode.NOTIMP, "it does not support DNS UPDATE (RFC 2136), or does not accept this form of it"),
        (dns.rcode.FORMERR, "it does not support DNS UPDATE"),
        # PowerDNS responds so to a wrong key.
        (dns.rcode.NOTAUTH, "it is not the primary server of the zone acme.com, or rejects this machine,"),
        (dns.rcode.REFUSED, "it is not the primary server of the zone acme.com, or rejects this machine,"),
        (dns.rcode.YXDOMAIN, "see its log"),
        (dns.rcode.NOTZONE, f"{DOMAIN} is not in the zone acme.com; check zone"),
    ],
)
def test_unsigned_rejection_is_reported(
    rcode: dns.rcode.Rcode, problem: str, delegation: Delegation, bind: Bind
) -> None:
    with between(bind, respond(rcode)) as port:
        message = rejection(lambda: delegation.create(inputs(port)))
    place = f"the NS records of {DOMAIN} at 127.0.0.1:{port}"
    assert f"could not create {place}: the server returned {dns.rcode.to_text(rcode)}: {problem}" in message


def test_records_that_come_and_go_during_a_create_are_reported(delegation: Delegation, bind: Bind) -> None:
    with between(bind, respond(dns.rcode.YXRRSET)) as port:
        message = rejection(lambda: delegation.create(unsigned(inputs(port))))
    assert message.endswith(
        "the server returned YXRRSET: another client is changing the records of this name; run `pulumi up` again"
    )


def test_unsigned_failure_of_a_prerequisite_is_not_trusted(delegation: Delegation, bind: Bind) -> None:
    with between(bind, respond(dns.rcode.YXRRSET)) as port:
        message, _ = unsettled(lambda: delegation.create(inputs(port)))
    assert 'its response is not validly signed with the key "agin", so it is not trusted' in message


def unsigned_nxdomain(message: bytes, ask: Callable[[], bytes]) -> bytes:
    return unsigned_response(message, dns.rcode.NXDOMAIN)


def changed_to_nxdomain(message: bytes, ask: Callable[[], bytes]) -> bytes:
    response = bytearray(ask())
    response[3] = response[3] & 0xF0 | dns.rcode.NXDOMAIN
    return bytes(response)


def nxdomain_without_authority(message: bytes, ask: Callable[[], bytes]) -> bytes:
    query = dns.message.from_wire(message, keyring=dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
    response = dns.message.make_response(query)
    response.set_rcode(dns.rcode.NXDOMAIN)
    # As from the cache of a resolver.
    response.authority.append(dns.rrset.from_text("acme.com.", 60, "IN", "SOA", "ns1. host. 1 3600 600 86400 60"))
    return response.to_wire()


@pytest.mark.parametrize(
    ("rule", "problem"),
    [
        (unsigned_nxdomain, 'its response is not validly signed with the key "agin", so it is not trusted'),
        (changed_to_nxdomain, 'its response is not validly signed with the key "agin", so it is not trusted'),
        (
            nxdomain_without_authority,
            "the server returned NXDOMAIN without authority for the zone acme.com; check that server",
        ),
        (lambda *_: b"", "its response is not a DNS message; check server and port"),
        (lambda *_: b"\xff" * 500, "its response is not a DNS message; check server and port"),
    ],
)
def test_invalid_response_does_not_mean_gone(rule: Rule, problem: str, delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    with between(bind, rule) as port:
        assert problem in rejection(lambda: delegation.read(outputs(port)))


def unsettled_outputs(port: int, targets: list[str], unsettled: list[str], ttl: int = 300) -> dict[str, Any]:
    """Returns the outputs after a write of unknown outcome, with certain and uncertain targets."""
    return {**outputs(port, ns_targets=targets, ttl=ttl), UNSETTLED: unsettled}


def stripped(message: bytes, ask: Callable[[], bytes]) -> bytes:
    response = ask()
    if not is_update(message):
        return response
    return unsigned_response(message, dns.message.from_wire(response, keyring=False).rcode())


INVALID_RESPONSES: dict[str, Rule] = {
    "lost": Outage(loses_reads=False),
    "stripped": stripped,
    "garbled": Outage(loses_reads=False, response=b"HTTP/1.1 400 Bad Request"),
    "unsigned REFUSED": respond(dns.rcode.REFUSED, arrives=True),
    "unsigned SERVFAIL": respond(dns.rcode.SERVFAIL, arrives=True),
}


@pytest.mark.parametrize("rule", INVALID_RESPONSES.values(), ids=INVALID_RESPONSES)
def test_write_without_a_valid_response_is_verified_by_a_read(rule: Rule, delegation: Delegation, bind: Bind) -> None:
    changes = {"ns_targets": NEW, "ttl": 60}
    with between(bind, rule) as port:
        assert delegation.create(inputs(port)) == outputs(port)
        assert records(bind) == (TARGETS, 300)
        assert delegation.update(outputs(port), inputs(port, **changes)) == outputs(port, **changes)
        assert records(bind) == (NEW, 60)
        delegate(bind, DOMAIN, [*NEW, *OTHERS])
        delegation.delete(outputs(port, **changes))
    assert records(bind) == (OTHERS, 300)


def test_write_is_retried_after_a_lost_response(delegation: Delegation, bind: Bind) -> None:
    with between(bind, lose_updates(1)) as port:
        assert delegation.create(inputs(port)) == outputs(port)
    delegate(bind, DOMAIN, ["ns9.drifted.net."])
    with between(bind, lose_updates(1)) as port:
        delegation.update(outputs(port), inputs(port, ns_targets=NEW, ttl=60))
    assert records(bind) == (NEW, 60)
    with between(bind, lose_updates(1)) as port:
        delegation.delete(outputs(port, ns_targets=NEW))
    assert records(bind) == ([], 0)
    assert delegation.clock.slept == [1, 1, 1]


def test_create_leaves_records_of_others_alone(delegation: Delegation, bind: Bind) -> None:
    def interfere(targets: list[str]) -> Callable[[], None]:
        return lambda: delegate(bind, DOMAIN, targets)

    for before, rule, after in (
        ([], lose_updates(1, arrives=False, meanwhile=interfere(OTHERS)), OTHERS),
        # Equal ones too, unless they came with an update whose response was lost.
        ([], before_updates(interfere(TARGETS)), TARGETS),
        (TARGETS, lose_updates(1), TARGETS),
    ):
        delegate(bind, DOMAIN, before)
        with between(bind, rule) as port:
            assert "which are left unchanged" in rejection(partial(delegation.create, inputs(port)))
        assert records(bind) == (after, 300)


@pytest.mark.parametrize(("existing", "loses_a_try"), [([], True), (TARGETS, False)])
def test_update_leaves_records_of_others_alone(
    existing: list[str], loses_a_try: bool, delegation: Delegation, bind: Bind
) -> None:
    def interfere() -> None:
        delegate(bind, DOMAIN, OTHERS)

    delegate(bind, DOMAIN, existing)
    rule = lose_updates(1, arrives=False, meanwhile=interfere) if loses_a_try else before_updates(interfere)
    with between(bind, rule) as port, pytest.raises(Failed):
        delegation.update(unsettled_outputs(port, [], TARGETS), inputs(port, ns_targets=NEW))
    assert records(bind) == (OTHERS, 300)


def test_write_reserves_time_for_the_read(delegation: Delegation, bind: Bind) -> None:
    def let_time_pass() -> None:
        # A call may take 60 seconds, of which the last 10 are for the read.
        delegation.clock.now += 55

    began_at = delegation.clock.now
    with between(bind, lose_updates(2, meanwhile=let_time_pass)) as port:
        assert delegation.create(inputs(port)) == outputs(port)
    assert delegation.clock.now == began_at + 55


def test_interrupted_write_is_not_retried(delegation: Delegation, bind: Bind) -> None:
    outage = Outage(arrives=False)
    with between(bind, outage) as port, pytest.raises(Failed, match="it was interrupted"):
        delegation.create(inputs(port), is_cancelled=lambda: outage.has_begun)
    assert delegation.clock.slept == [1]
    assert records(bind) == ([], 0)


def test_interrupted_call_reports_its_attempts(bind: Bind) -> None:
    unsent, lost = Delegation(), Delegation()
    port = free_port()
    message = rejection(lambda: unsent.create(inputs(port), is_cancelled=lambda: len(unsent.clock.slept) == 2))
    assert message.endswith(f"127.0.0.1:{port} after 2 attempts in 3 seconds: it was interrupted")
    # An interrupted call sends nothing more, so the records are not read back either. The limit of the call is shown
    # only if an update may have arrived: without a connection, the attempts end earlier.
    with between(bind, Outage(loses_reads=False, arrives=False)) as port:
        message, _ = unsettled(lambda: lost.create(inputs(port), is_cancelled=lambda: len(lost.clock.slept) == 2))
    assert f"127.0.0.1:{port} after 2 attempts in 3 seconds (limit: 60 seconds): it was interrupted" in message


def test_create_that_may_arrive_late(delegation: Delegation, bind: Bind) -> None:
    with between(bind, Outage(loses_reads=False, arrives=False)) as port:
        message, kept = unsettled(lambda: delegation.create(inputs(port)))
    assert "may have applied it anyway: it now has no NS records for this name. The state keeps all" in message
    assert kept == unsettled_outputs(port, [], TARGETS)
    # It arrives now.
    delegate(bind, DOMAIN, TARGETS)
    delegation.delete({**kept, "port": bind.port})
    assert records(bind) == ([], 0)


@pytest.mark.parametrize(("targets", "ttl"), [(TARGETS, 60), (TARGETS[:1], 300), ([*TARGETS, *OTHERS], 300)])
def test_create_whose_records_are_changed_by_others(
    targets: list[str], ttl: int, delegation: Delegation, bind: Bind
) -> None:
    rule = lose_updates(1, arrives=False, meanwhile=lambda: delegate(bind, DOMAIN, targets, ttl=ttl))
    with between(bind, rule) as port:
        message, kept = unsettled(lambda: delegation.create(inputs(port)))
    assert f"it now has {', '.join(targets)} (TTL {ttl})" in message
    assert kept == unsettled_outputs(port, [], TARGETS)
    assert records(bind) == (targets, ttl)


@pytest.mark.parametrize("existing", [[], TARGETS[:1], TARGETS, [TARGETS[1], NEW[1]]])
def test_update_replaces_records_that_may_be_its_own(existing: list[str], delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, existing)
    kept = unsettled_outputs(bind.port, [], TARGETS)
    assert delegation.update(kept, inputs(bind.port, ns_targets=NEW)) == outputs(bind.port, ns_targets=NEW)
    assert records(bind) == (NEW, 300)


def test_refresh_and_delete_leave_records_of_others_alone(delegation: Delegation, bind: Bind) -> None:
    kept = unsettled_outputs(bind.port, [], TARGETS)
    assert delegation.read(kept) is None
    delegate(bind, DOMAIN, [TARGETS[0], *OTHERS])
    assert delegation.read(kept) == kept
    assert "which are left unchanged" in rejection(lambda: delegation.update(kept, inputs(bind.port)))
    delegation.delete(kept)
    assert records(bind) == (OTHERS, 300)


@pytest.mark.parametrize("arrives", [False, True])
def test_update_of_unknown_outcome_keeps_both_sets_of_targets(
    arrives: bool, delegation: Delegation, bind: Bind
) -> None:
    delegate(bind, DOMAIN, TARGETS)
    outage = Outage(loses_reads=arrives, arrives=arrives)
    with between(bind, outage) as port:
        message, kept = unsettled(lambda: delegation.update(outputs(port), inputs(port, ns_targets=NEW, ttl=60)))
        assert f"keeps all possible values ({', '.join(sorted({*TARGETS, *NEW}))}): run `pulumi up` again\n" in message
        assert kept == unsettled_outputs(port, TARGETS, [NEW[1]])
        outage.is_over = True
        assert delegation.update(kept, inputs(port)) == outputs(port)
        delegate(bind, DOMAIN, NEW, ttl=60)
        assert delegation.read(kept) == outputs(port, ns_targets=NEW, ttl=60)
        delegation.delete(kept)
    assert records(bind) == ([], 0)


def test_second_update_of_unknown_outcome_keeps_all_targets(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS, ttl=77)
    with between(bind, Outage(loses_reads=False, arrives=False)) as port:
        before = unsettled_outputs(port, TARGETS, OTHERS)
        kept = unsettled(lambda: delegation.update(before, inputs(port, ns_targets=NEW)))[1]
    assert kept == unsettled_outputs(port, TARGETS, sorted([NEW[1], *OTHERS]), ttl=77)


def test_update_of_unknown_outcome_at_another_server(delegation: Delegation, bind: Bind) -> None:
    with between(bind, Outage()) as port:
        message, kept = unsettled(lambda: delegation.update(outputs(53), inputs(port, ns_targets=NEW)))
    assert kept == unsettled_outputs(port, [], sorted({*TARGETS, *NEW}))
    assert "), but not those at 127.0.0.1:53: run `pulumi up` again\n" in message
    delegation.delete({**kept, "port": bind.port})
    assert records(bind) == ([], 0)


def test_delete_of_unknown_outcome_fails_until_it_is_known(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    with between(bind, Outage(loses_reads=False, arrives=False)) as port:
        message = rejection(lambda: delegation.delete(outputs(port)))
    assert f"may have applied it anyway: it now has {', '.join(TARGETS)}" in message
    with between(bind, Outage()) as port:
        message = rejection(lambda: delegation.delete(outputs(port)))
    assert "may have applied it anyway, and reading the records back failed: could not read" in message
    delegation.delete(outputs(bind.port))
    assert records(bind) == ([], 0)


@pytest.mark.parametrize("sign", [dict, unsigned], ids=["signed", "unsigned"])
def test_rejected_retry_does_not_settle_the_first_try(
    sign: Callable[[dict[str, Any]], dict[str, Any]], delegation: Delegation, bind: Bind
) -> None:
    first, retry = Outage(loses_reads=False, arrives=False), respond(dns.rcode.REFUSED)

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        return retry(message, ask) if first.has_begun else first(message, ask)

    with between(bind, rule) as port:
        message, kept = unsettled(lambda: delegation.create(sign(inputs(port))))
    assert "the server returned REFUSED" in message
    assert kept == sign(unsettled_outputs(port, [], TARGETS))


def test_rejection_that_a_read_confirms_is_final(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    # PowerDNS responds so to a key that may only read.
    with between(bind, respond(dns.rcode.REFUSED)) as port:
        assert "the server returned REFUSED" in rejection(lambda: delegation.update(outputs(port), inputs(port)))
        assert rejection(lambda: delegation.delete(outputs(port))).endswith("see its log")
        delegate(bind, DOMAIN, [])
        delegation.delete(outputs(port))
