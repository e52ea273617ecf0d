"""Rfc2136Delegation in the plugin process, against a real BIND, and through a line that loses and forges."""

from __future__ import annotations

import base64
import contextlib
import os
import pickle
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rrset
import dns.tsig
import dns.update
import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.progress import Progress
from pulumi_agin.api.retry import Deadline
from pulumi_agin.dns_update import DnsUpdateError, NsSet, PrimaryServer, TsigKey
from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider
from pulumi_agin.dynamic.servicer import ProviderError, PythonVocabulary
from pulumi_agin.lifecycle.process import Process
from pulumi_agin.nameservers import Server
from tests.support.clock import Clock
from tests.support.flaky_proxy import Outage, Rule, between, is_update
from tests.support.plugin import RFC2136_DELEGATION, UNKNOWN, DynamicPlugin, Plugin, PluginError, both_front_ends
from tests.support.ports import free_port
from tools.bind import Bind, Key

DOMAIN = "connect.acme.com"
TARGETS = ["ns-1.awsdns-38.org.", "ns-2.awsdns-28.net."]
OTHERS = ["ns1.other.net."]
KEY = Key("agin", [DOMAIN])

# Enough for a try, and for one repetition, which comes after a second at most.
SECONDS = 1.5


def of_delegations(front_end: type[Plugin] = DynamicPlugin, **environment: str) -> Plugin:
    """A plugin whose calls are for a delegation."""
    return front_end({**os.environ, **environment}, resource=RFC2136_DELEGATION)


@pytest.fixture(scope="module")
def process(front_end: type[Plugin]) -> Iterator[Plugin]:
    """One for all tests."""
    with of_delegations(front_end) as running:
        yield running
    assert KEY.secret not in running.printed


@pytest.fixture
def plugin(process: Plugin, request: pytest.FixtureRequest) -> Plugin:
    """Calls about a resource that no other test has: the process remembers which ones are in the program."""
    return process.of(name=request.node.name)


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    """A primary server of acme.com, with a key that may change the NS records of connect.acme.com."""
    with Bind(tmp_path / "bind", [KEY, Key("powerless")]) as running:
        yield running


def inputs(port: int, /, **others: Any) -> dict[str, Any]:
    """The checked inputs for a server on this machine."""
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
        "take_over": False,
        **others,
    }


def outputs(port: int, /, **others: Any) -> dict[str, Any]:
    return {name: value for name, value in inputs(port, **others).items() if name != "take_over"}


def unsigned(given: dict[str, Any]) -> dict[str, Any]:
    """The same inputs, or outputs, without a key."""
    return {name: value for name, value in given.items() if name not in ("tsig_key_name", "tsig_secret")}


def unsigned_response(message: bytes) -> dns.message.Message:
    """A response to a query, without a signature."""
    query = dns.message.from_wire(message, keyring=False)
    # dnspython before 2.8 would sign the response, which takes the key.
    query.tsig = None
    return dns.message.make_response(query)


def found(bind: Bind) -> tuple[list[str], int]:
    """The values and the TTL of the records that BIND has."""
    query = dns.message.make_query(DOMAIN, "NS", flags=0)
    for records in dns.query.tcp(query, "127.0.0.1", 5, bind.port).authority:
        if str(records.name) == f"{DOMAIN}.":
            return sorted(map(str, records)), records.ttl
    return [], 0


def somebody(bind: Bind, *targets: str, ttl: int = 300) -> None:
    """Somebody else sets the records, or removes them."""
    update = dns.update.UpdateMessage("acme.com", keyring=dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
    update.delete(f"{DOMAIN}.", "NS")
    if targets:
        update.add(f"{DOMAIN}.", ttl, "NS", *targets)
    assert dns.query.tcp(update, "127.0.0.1", 5, bind.port).rcode() == dns.rcode.NOERROR


def losing(
    answers: int, *, arrives: bool = True, meanwhile: Callable[[], None] | None = None
) -> tuple[Rule, list[str]]:
    """Loses the answers to the first updates, or the updates themselves. The list tells of each, as they come."""
    seen: list[str] = []

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        if not is_update(message):
            return ask()
        seen.append("lost" if len(seen) < answers else "answered")
        answer = ask() if arrives or seen[-1] == "answered" else None
        if seen[-1] == "answered":
            return answer
        if meanwhile:
            meanwhile()
        return None

    return rule, seen


def answering(
    rcode: dns.rcode.Rcode, *, to: Callable[[bytes], bool] = is_update, times: int | None = None, arrives: bool = False
) -> Rule:
    """Answers without a signature in BIND's place; arrives: after BIND did what it was asked to."""
    left = [times]

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        if not to(message) or left[0] == 0:
            return ask()
        if left[0] is not None:
            left[0] -= 1
        if arrives:
            ask()
        answer = unsigned_response(message)
        answer.set_rcode(rcode)
        return answer.to_wire()

    return rule


def failed(call: Callable[[], object]) -> PluginError:
    with pytest.raises(PluginError) as caught:
        call()
    message = caught.value.message
    assert caught.value.clean
    assert message.isprintable()
    assert KEY.secret not in message
    assert KEY.secret not in caught.value.text
    return caught.value


def refused(call: Callable[[], object]) -> str:
    """The sentence that a call fails with. The state is then as it was before."""
    error = failed(call)
    assert error.kept is None
    return error.message


def unsettled(call: Callable[[], object]) -> tuple[str, dict[str, Any]]:
    """The sentence that a call fails with, and the outputs that the state then has."""
    error = failed(call)
    assert error.kept is not None
    assert error.kept.id == DOMAIN
    return error.message, error.kept.outputs


def test_the_provider_stands_in_states_by_this_name_in_every_protocol() -> None:
    for protocol in (4, 5):
        pickled = pickle.dumps(Rfc2136Provider(), protocol)
        assert b"pulumi_agin.dynamic.rfc2136" in pickled
        assert b"Rfc2136Provider" in pickled
        assert len(base64.b64encode(pickled)) < 150


# -- check ------------------------------------------------------------------------------------------------


@both_front_ends
def test_check_makes_everything_canonical(plugin: Plugin) -> None:
    given = inputs(
        53,
        domain=" Connect.ACME.com. ",
        zone="ACME.com.",
        ns_targets=["NS-2.awsdns-28.net", "ns-1.awsdns-38.org.", "ns-2.awsdns-28.net."],
        server="NS1.Acme.com.",
        tsig_key_name="Agin.",
        tsig_secret=f"{KEY.secret}\n",
        tsig_algorithm="HMAC-SHA256",
    )
    assert plugin.check(given) == (inputs(53, server="ns1.acme.com"), [])
    for server, canonical in (("2001:DB8::53", "2001:db8::53"), ("192.0.2.53", "192.0.2.53")):
        assert plugin.check(inputs(53, server=server)) == (inputs(53, server=canonical), [])


@both_front_ends
def test_check_finds_everything_at_once_and_prints_no_value_that_may_be_secret(plugin: Plugin) -> None:
    _, failures = plugin.check(
        {
            "domain": "https://connect.acme.com",
            "ns_targets": [],
            "ttl": 2**31,
            "server": "",
            "port": 0,
            "tsig_key_name": "my key",
            "tsig_secret": "hunter2!",
            "tsig_algorithm": "sha256",
            "take_over": "yes",
        }
    )
    expected = [
        "property domain must be a name as DNS has it, such as connect.acme.com",
        "property zone is required",
        "property ns_targets must be a list of one name server or more",
        "property ttl must be a whole number of seconds from 0 to 2147483647",
        "property server must be the host name or IP address of the zone's primary server, without brackets or port, "
        "such as ns1.acme.com",
        "property port must be a whole number from 1 to 65535",
        "property tsig_key_name must be a name as DNS has it, such as agin",
        "property tsig_secret must be base64, as it stands after `secret` in the key's file",
        "property tsig_algorithm must be one of hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384, "
        'hmac-sha512, not "sha256"',
        "property take_over must be True or False",
    ]
    assert failures == [plugin.in_words(failure) for failure in expected]


@pytest.mark.parametrize(
    ("wrong", "failure"),
    [
        ({"domain": "acme.com"}, "the domain acme.com is the apex of the zone"),
        ({"domain": "connect.notacme.com"}, "the domain connect.notacme.com is not in the zone acme.com"),
        ({"domain": "x" * 64 + ".acme.com"}, "property domain must be a name"),
        ({"ns_targets": ["ns1.x.net", "192.0.2.1"]}, "property ns_targets has a value that must be a name as DNS"),
        ({"ns_targets": [""]}, "property ns_targets has a value that must be a name as DNS"),
        ({"ttl": -1}, "property ttl must be"),
        ({"ttl": 0.5}, "property ttl must be"),
        ({"ttl": True}, "property ttl must be"),
        ({"port": 65536}, "property port must be"),
        ({"port": "53"}, "property port must be"),
        ({"server": "ns1.acme.com:53"}, "property server must be"),
        ({"server": "[::1]"}, "property server must be"),
        ({"tsig_secret": ""}, "property tsig_secret must be base64"),
        ({"tsig_algorithm": "gss-tsig"}, "property tsig_algorithm must be one of"),
    ],
)
def test_check_refuses(wrong: dict[str, Any], failure: str, plugin: Plugin) -> None:
    [shown] = plugin.check(inputs(53, **wrong))[1]
    assert shown.startswith(plugin.in_words(failure))


@both_front_ends
def test_check_takes_a_whole_key_or_none(plugin: Plugin) -> None:
    none = unsigned(inputs(53))
    assert plugin.check({**none, "tsig_key_name": None, "tsig_secret": None}) == (none, [])
    for half in ("tsig_key_name", "tsig_secret"):
        for value in (inputs(53)[half], UNKNOWN):
            [failure] = plugin.check({**none, half: value})[1]
            assert failure == plugin.in_words(
                f"property {half} is only half of a key: give both tsig_key_name and tsig_secret, or neither if the "
                "server accepts unsigned updates"
            )


@both_front_ends
def test_check_leaves_alone_what_is_unknown(plugin: Plugin) -> None:
    unknown = dict.fromkeys(inputs(53), UNKNOWN)
    checked, failures = plugin.check(unknown)
    assert (set(checked), failures) == (set(unknown), [])
    assert plugin.check(inputs(53, ns_targets=[UNKNOWN, "ns-1.x.net"]))[1] == []
    assert len(plugin.check({**unknown, "ttl": -1, "ns_targets": [UNKNOWN, "x y"]})[1]) == 2


@both_front_ends
def test_a_missing_dnspython_is_told_in_the_preview_and_by_what_runs_no_program(
    front_end: type[Plugin], tmp_path: Path
) -> None:
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules['dns'] = None")
    with of_delegations(front_end, PYTHONPATH=str(tmp_path)) as plugin:
        install = plugin.in_words(
            "dns.rfc2136 needs a package that is not installed here: pip install 'pulumi-agin[rfc2136]'"
        )
        assert plugin.check(inputs(53))[1] == [install]
        assert refused(lambda: plugin.read(DOMAIN, outputs(53), inputs(53))) == install


@pytest.mark.parametrize("place", ["dns.py", "dns/__init__.py"])
def test_a_module_of_the_project_that_hides_dnspython_is_named_and_not_run(
    place: str, front_end: type[Plugin], tmp_path: Path
) -> None:
    module = tmp_path / place
    module.parent.mkdir(exist_ok=True)
    module.write_text("raise SystemExit('the program ran in the plugin')")
    with of_delegations(front_end, PYTHONPATH=str(tmp_path)) as plugin:
        hidden = f"dns.rfc2136 needs dnspython, whose module `dns` is hidden by {module}: rename that module"
        assert plugin.check(inputs(53, port=0))[1] == [hidden, "property port must be a whole number from 1 to 65535"]
        assert refused(lambda: plugin.create(inputs(53))) == hidden


def test_a_folder_of_the_project_hides_nothing(front_end: type[Plugin], tmp_path: Path) -> None:
    (tmp_path / "dns").mkdir()
    with of_delegations(front_end, PYTHONPATH=str(tmp_path)) as plugin:
        assert plugin.check(inputs(53))[1] == []


# -- diff -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "answer"),
    [
        ({}, (False, [])),
        ({"take_over": True}, (False, [])),
        ({"ns_targets": OTHERS}, (True, [])),
        ({"ttl": 60}, (True, [])),
        ({"server": "ns2.acme.com"}, (True, [])),
        ({"port": 5353}, (True, [])),
        ({"tsig_key_name": "other"}, (True, [])),
        ({"tsig_secret": "AAAA"}, (True, [])),
        ({"tsig_algorithm": "hmac-sha512"}, (True, [])),
        ({"ns_targets": UNKNOWN}, (True, [])),
        # Of another name, the new ones can be there before the old ones go.
        ({"domain": "other.acme.com"}, (True, ["domain"])),
        ({"domain": UNKNOWN}, (True, ["domain"])),
        ({"domain": "connect.acme.net", "zone": "acme.net"}, (True, ["domain", "zone"])),
        ({"zone": "com"}, (True, ["zone"])),
    ],
)
@both_front_ends
def test_diff(change: dict[str, Any], answer: tuple[bool, list[str]], plugin: Plugin) -> None:
    assert plugin.diff(outputs(53), inputs(53, **change)) == answer


@both_front_ends
def test_a_key_comes_and_goes_in_place(plugin: Plugin) -> None:
    signed, none = inputs(53), unsigned(inputs(53))
    assert plugin.diff(unsigned(outputs(53)), none) == (False, [])
    assert plugin.diff(unsigned(outputs(53)), signed) == (True, [])
    assert plugin.diff(outputs(53), none) == (True, [])


def test_diff_never_looks_at_the_provider(plugin: Plugin) -> None:
    assert plugin.diff({**outputs(53), "__provider": "another spelling"}, inputs(53)) == (False, [])


# -- create -----------------------------------------------------------------------------------------------


@both_front_ends
def test_create_makes_the_records(plugin: Plugin, bind: Bind) -> None:
    assert plugin.create(inputs(bind.port, ttl=60)) == (DOMAIN, outputs(bind.port, ttl=60))
    assert found(bind) == (TARGETS, 60)


@pytest.mark.parametrize("there", [OTHERS, TARGETS], ids=["others", "equal ones"])
@both_front_ends
def test_create_takes_nothing_over_unless_told_to(there: list[str], plugin: Plugin, bind: Bind) -> None:
    somebody(bind, *there)
    # Not even equal ones: a resource that was renamed would take its own, which the old one then deletes.
    message = refused(lambda: plugin.create(inputs(bind.port)))
    assert f"{DOMAIN} has NS records already at 127.0.0.1:{bind.port}, which are left alone: {there[0]}" in message
    assert "(TTL 300)" in message
    assert (
        plugin.in_words("Otherwise, to adopt them, set take_over=True, or else remove them") in message
        or there == OTHERS
    )
    assert plugin.in_words("ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])") in message
    assert ("an interrupted run may have made them" in message) == (there == TARGETS)
    assert found(bind) == (there, 300)


@contextlib.contextmanager
def reading_only(bind: Bind) -> Iterator[int]:
    """The port of a line to BIND over which no update goes."""
    updates: list[bytes] = []

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        if is_update(message):
            updates.append(message)
        return ask()

    with between(bind, rule) as port:
        yield port
    assert updates == []


@both_front_ends
def test_take_over_adopts_what_is_exactly_declared_without_an_update(plugin: Plugin, bind: Bind) -> None:
    somebody(bind, *TARGETS)
    with reading_only(bind) as port:
        given = inputs(port, take_over=True)
        assert plugin.check(given) == (given, [])
        line = plugin.shown_line()
        assert f"the NS records of {DOMAIN} exist at 127.0.0.1:{port} as the program declares them" in line
        assert plugin.create(given) == (DOMAIN, outputs(port))
    plugin.delete(DOMAIN, outputs(bind.port))
    assert found(bind) == ([], 0)


@pytest.mark.parametrize(
    ("there", "ttl", "advice"),
    [
        (TARGETS, 60, "to adopt them, set ttl to 60, or else remove them"),
        ([*TARGETS, *OTHERS], 300, f"to adopt them, remove {OTHERS[0]} there, or else remove them"),
        (TARGETS[:1], 60, f"to adopt them, add {TARGETS[1]} there and set ttl to 60, or else remove them"),
        (OTHERS, 300, "remove them"),
    ],
    ids=["another TTL", "one more", "one less", "others"],
)
@both_front_ends
def test_take_over_changes_nothing_and_the_check_shows_both(
    there: list[str], ttl: int, advice: str, plugin: Plugin, bind: Bind
) -> None:
    somebody(bind, *there, ttl=ttl)
    with reading_only(bind) as port:
        given = inputs(port, take_over=True)
        [failure] = plugin.check(given)[1]
        assert failure.startswith(
            f"{DOMAIN} has NS records already at 127.0.0.1:{port}, which are left alone: {', '.join(sorted(there))} "
            f"(TTL {ttl}). The program declares {', '.join(TARGETS)} (TTL 300). If another resource of this stack"
        )
        assert failure.endswith(f". Otherwise, {advice}")
    # Whatever changed after the check.
    given = inputs(bind.port, take_over=True)
    assert failure.replace(str(port), str(bind.port)) == refused(lambda: plugin.create(given))
    assert found(bind) == (sorted(there), ttl)


@both_front_ends
def test_take_over_creates_where_nothing_is(plugin: Plugin, bind: Bind) -> None:
    given = inputs(bind.port, take_over=True)
    assert plugin.check(given) == (given, [])
    plugin.create(given)
    assert found(bind) == (TARGETS, 300)
    # It stays in the program, and the records drift: the state has them, so nothing is to be adopted.
    somebody(bind, *OTHERS)
    assert plugin.check(given, given) == (given, [])
    # As the second check of a replacement.
    assert plugin.check(given) == (given, [])


def test_the_check_says_why_it_can_not_read_what_is_to_be_adopted(plugin: Plugin, bind: Bind) -> None:
    elsewhere = {"domain": "connect.acme.org", "zone": "acme.org"}
    [failure] = plugin.check(inputs(bind.port, take_over=True, **elsewhere))[1]
    assert "it answered REFUSED: it does not have the zone acme.org" in failure
    # What is not known yet can't be read.
    assert plugin.check(inputs(bind.port, take_over=True, **{**elsewhere, "server": UNKNOWN}))[1] == []


@both_front_ends
@pytest.mark.parametrize("targets", [[TARGETS[0], UNKNOWN], UNKNOWN], ids=["in part", "at all"])
def test_the_ingress_of_records_to_adopt_must_exist(targets: Any, plugin: Plugin, bind: Bind) -> None:
    given = inputs(bind.port, take_over=True, ns_targets=targets)
    assert plugin.check(given)[1] == []
    somebody(bind, *TARGETS)
    [failure] = plugin.check(given)[1]
    assert failure.startswith(f"{DOMAIN} has NS records already at 127.0.0.1:{bind.port}, which are left alone: ")
    assert "an Agent Ingress that is to be created gets name servers of its own" in failure


def test_a_create_whose_answer_was_lost_knows_its_own_records(plugin: Plugin, bind: Bind) -> None:
    rule, seen = losing(1)
    with between(bind, rule) as port:
        assert plugin.create(inputs(port), timeout=20)[0] == DOMAIN
    assert seen == ["lost", "answered"]
    assert found(bind) == (TARGETS, 300)


def test_a_create_whose_answer_was_lost_takes_no_other_records_for_its_own(plugin: Plugin, bind: Bind) -> None:
    rule, _ = losing(1, arrives=False, meanwhile=lambda: somebody(bind, *OTHERS))
    with between(bind, rule) as port:
        assert "which are left alone" in refused(lambda: plugin.create(inputs(port), timeout=20))
    assert found(bind) == (OTHERS, 300)


def test_equal_records_that_were_there_before_a_lost_answer_are_not_taken_over(plugin: Plugin, bind: Bind) -> None:
    somebody(bind, *TARGETS)
    rule, _ = losing(1)
    with between(bind, rule) as port:
        assert "which are left alone" in refused(lambda: plugin.create(inputs(port), timeout=20))


def test_records_that_are_there_hide_no_wrong_zone(plugin: Plugin, bind: Bind) -> None:
    somebody(bind, *TARGETS)
    message = refused(lambda: plugin.create(inputs(bind.port, zone="com")))
    assert "it is not the primary server of the zone com; check server and zone" in message
    assert found(bind) == (TARGETS, 300)


def test_records_that_the_zone_does_not_have_are_said_to_be_elsewhere(plugin: Plugin, bind: Bind) -> None:
    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        if is_update(message):
            somebody(bind)
        return ask()

    somebody(bind, *TARGETS)
    with between(bind, rule) as port:
        message = refused(lambda: plugin.create(inputs(port)))
    assert "it has NS records of that name, but none in the zone acme.com: they are in another zone" in message


def test_equal_records_that_come_between_are_not_taken_over_without_a_lost_answer(plugin: Plugin, bind: Bind) -> None:
    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        if is_update(message):
            somebody(bind, *TARGETS)
        return ask()

    with between(bind, rule) as port:
        assert "which are left alone" in refused(lambda: plugin.create(inputs(port)))


# -- update, delete, read ---------------------------------------------------------------------------------


@both_front_ends
def test_update_replaces_all_records_in_one_message(plugin: Plugin, bind: Bind) -> None:
    plugin.create(inputs(bind.port))
    somebody(bind, "ns9.drifted.net.")
    rule, seen = losing(1)
    with between(bind, rule) as port:
        news = inputs(port, ns_targets=OTHERS, ttl=60)
        assert plugin.update(DOMAIN, outputs(port), news, timeout=20) == outputs(port, ns_targets=OTHERS, ttl=60)
    # And once more, as the answer was lost.
    assert seen == ["lost", "answered"]
    assert found(bind) == (OTHERS, 60)


@both_front_ends
def test_an_update_to_a_new_key_tries_it_and_changes_no_record(plugin: Plugin, tmp_path: Path) -> None:
    new = Key("new", [DOMAIN], algorithm="hmac-sha512")
    with Bind(tmp_path, [KEY, new]) as bind:
        old = outputs(bind.port)
        plugin.create(inputs(bind.port))
        wrong = inputs(bind.port, tsig_key_name="new", tsig_secret="AAAA", tsig_algorithm="hmac-sha512")
        assert "(BADSIG)" in refused(lambda: plugin.update(DOMAIN, old, wrong))
        right = {**wrong, "tsig_secret": new.secret}
        assert plugin.update(DOMAIN, old, right)["tsig_secret"] == new.secret
        assert found(bind) == (TARGETS, 300)


def test_a_server_that_moved_gets_the_records_unless_somebody_elses_are_there(
    plugin: Plugin, bind: Bind, tmp_path: Path
) -> None:
    plugin.create(inputs(bind.port))
    with Bind(tmp_path / "moved", [KEY]) as moved:
        somebody(moved, *OTHERS)
        olds, news = outputs(bind.port), inputs(moved.port)
        assert "which are left alone: ns1.other.net." in refused(lambda: plugin.update(DOMAIN, olds, news))
        # What it had here before is its own, as after a transfer of the zone.
        plugin.update(DOMAIN, {**olds, "ns_targets": OTHERS}, news)
        assert found(moved) == (TARGETS, 300)
        somebody(moved, "ns9.other.net.")
        message = refused(lambda: plugin.update(DOMAIN, olds, {**news, "take_over": True}))
        assert "left alone: ns9.other.net. (TTL 300). The program declares" in message
        assert message.endswith(". Otherwise, remove them")
        assert found(moved) == (["ns9.other.net."], 300)
    assert found(bind) == (TARGETS, 300)


@both_front_ends
def test_delete_removes_its_own_records_and_no_others(plugin: Plugin, bind: Bind) -> None:
    plugin.create(inputs(bind.port))
    somebody(bind, *TARGETS, "ns9.other.net.")
    rule, seen = losing(1)
    with between(bind, rule) as port:
        plugin.delete(DOMAIN, outputs(port), timeout=20)
    assert seen == ["lost", "answered"]
    assert found(bind) == (["ns9.other.net."], 300)
    somebody(bind)
    plugin.delete(DOMAIN, outputs(bind.port))


@both_front_ends
def test_delete_leaves_what_a_resource_of_the_program_has(plugin: Plugin, bind: Bind) -> None:
    old, new = plugin.of(name="old"), plugin.of(name="new")
    given, kept = inputs(bind.port), outputs(bind.port)
    old.create(given)
    # It was renamed, and takes over: the old one goes after it has come.
    new.check(given)
    new.create({**given, "take_over": True})
    old.delete(DOMAIN, {**kept, "ns_targets": [*TARGETS, *OTHERS]})
    assert found(bind) == (TARGETS, 300)
    # In the next run, it is only compared, and what is left of an old one goes.
    with of_delegations(type(plugin)) as next_run:
        next_run.check(given)
        next_run.diff(kept, given)
        next_run.of(name="old").delete(DOMAIN, kept)
        assert found(bind) == (TARGETS, 300)
        # And so it is its own, if it has to go before its replacement.
        next_run.delete(DOMAIN, kept)
    assert found(bind) == ([], 0)


@both_front_ends
def test_a_renaming_that_failed_deletes_no_records(plugin: Plugin, bind: Bind) -> None:
    old, new = plugin.of(name="old"), plugin.of(name="new")
    old.create(inputs(bind.port))
    assert "has NS records already" in refused(lambda: new.create(inputs(bind.port)))
    message = refused(lambda: old.delete(DOMAIN, outputs(bind.port)))
    assert f"are not deleted, because {new.urn} wants them too, and could not be created" in message
    assert found(bind) == (TARGETS, 300)


@both_front_ends
def test_read_follows_what_is_there(plugin: Plugin, bind: Bind) -> None:
    given, kept = inputs(bind.port), outputs(bind.port)
    plugin.create(given)
    assert plugin.read(DOMAIN, kept, given) == (DOMAIN, kept, given)
    somebody(bind, "NS9.Other.net.", "ns1.other.net.", ttl=60)
    drift = {"ns_targets": ["ns1.other.net.", "ns9.other.net."], "ttl": 60}
    assert plugin.read(DOMAIN, kept, given) == (DOMAIN, {**kept, **drift}, {**given, **drift})


@pytest.mark.parametrize("record", ["", "connect TXT x", "below.connect TXT x", "connect CNAME elsewhere"])
def test_gone_is_what_the_primary_server_says_is_gone(record: str, plugin: Plugin, tmp_path: Path) -> None:
    with with_records(tmp_path, record) as bind:
        assert plugin.read(DOMAIN, outputs(bind.port), inputs(bind.port))[0] == ""


@pytest.mark.parametrize(
    ("record", "zone", "sentence"),
    [
        ("", "com", "it has the zone acme.com for connect.acme.com, and not com; set zone to the one that"),
        ("", "acme.org", "it answered REFUSED: it does not have the zone acme.org, or does not let this machine ask"),
        ("connect NS ns1.x.net.", "below", "it delegates connect.acme.com to ns1.x.net., so records of"),
    ],
)
def test_any_other_answer_is_not_gone(record: str, zone: str, sentence: str, plugin: Plugin, tmp_path: Path) -> None:
    domain = {"acme.org": "connect.acme.org", "below": f"below.{DOMAIN}"}.get(zone, DOMAIN)
    here = {"domain": domain, "zone": "acme.com" if zone == "below" else zone}
    with with_records(tmp_path, record) as bind:
        message = refused(lambda: plugin.read(domain, outputs(bind.port, **here), inputs(bind.port, **here)))
        assert message.startswith(f"could not read the NS records of {domain} at 127.0.0.1:{bind.port}: {sentence}")
        # Nor are any made there.
        assert sentence in refused(lambda: plugin.create(inputs(bind.port, **here)))


@pytest.mark.parametrize("with_key", [dict, unsigned], ids=["signed", "unsigned"])
def test_an_answer_without_authority_is_not_gone(
    with_key: Callable[[dict[str, Any]], dict[str, Any]], plugin: Plugin, bind: Bind
) -> None:
    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        query = dns.message.from_wire(message, keyring=dns.tsig.Key(KEY.name, KEY.secret, KEY.algorithm))
        answer = dns.message.make_response(query)
        answer.set_rcode(dns.rcode.NXDOMAIN)
        # As a resolver has it in its cache.
        answer.authority.append(dns.rrset.from_text("acme.com.", 60, "IN", "SOA", "ns1. host. 1 3600 600 86400 60"))
        return answer.to_wire()

    with between(bind, rule) as port:
        message = refused(lambda: plugin.read(DOMAIN, with_key(outputs(port)), with_key(inputs(port))))
    assert "it answered NXDOMAIN without authority for the zone acme.com; check that server is" in message


@pytest.mark.parametrize("others", ["", "* CNAME www.acme.net."], ids=["", "and a wildcard"])
def test_no_records_are_made_beside_an_alias(others: str, plugin: Plugin, tmp_path: Path) -> None:
    # BIND would say that it did.
    with with_records(tmp_path, f"connect CNAME elsewhere\n{others}") as bind:
        given = inputs(bind.port)
        for doing, call in (
            ("create", lambda: plugin.create(given)),
            ("create", lambda: plugin.create({**given, "take_over": True})),
            ("update", lambda: plugin.update(DOMAIN, outputs(bind.port), given)),
        ):
            assert refused(call) == (
                f"could not {doing} the NS records of {DOMAIN} at 127.0.0.1:{bind.port}: {DOMAIN} is an alias (CNAME) "
                "of elsewhere.acme.com., so it can have no NS records; remove that record"
            )
        assert found(bind) == ([], 0)


@pytest.mark.parametrize(
    "wildcard", ["* CNAME www.acme.net.", "* CNAME ns1", "* A 192.0.2.1", "* TXT x", "*.connect CNAME www.acme.net."]
)
def test_a_wildcard_of_the_zone_is_in_the_way_of_nothing(wildcard: str, plugin: Plugin, tmp_path: Path) -> None:
    with with_records(tmp_path, wildcard) as bind:
        given, kept = inputs(bind.port), outputs(bind.port)
        assert plugin.create(given) == (DOMAIN, kept)
        assert found(bind) == (TARGETS, 300)
        assert "has NS records already" in refused(lambda: plugin.create(given))
        assert plugin.read(DOMAIN, kept, given) == (DOMAIN, kept, given)
        plugin.delete(DOMAIN, kept)
        assert plugin.read(DOMAIN, kept, given)[0] == ""
        # As they are repaired after they were removed by hand.
        plugin.update(DOMAIN, kept, given)
        assert found(bind) == (TARGETS, 300)
        plugin.delete(DOMAIN, kept)
        assert plugin.create({**given, "take_over": True})[0] == DOMAIN
        assert found(bind) == (TARGETS, 300)


def test_no_records_are_made_below_an_alias_of_all_below(plugin: Plugin, tmp_path: Path) -> None:
    domain = f"below.{DOMAIN}"
    with with_records(tmp_path, "connect DNAME elsewhere.acme.net.") as bind:
        message = refused(lambda: plugin.create(inputs(bind.port, domain=domain)))
        assert message.endswith(
            f"all names below {DOMAIN} are aliases (DNAME), so records of {domain} would have no effect; remove that "
            "record"
        )


@pytest.mark.parametrize("take_over", [False, True])
def test_records_that_come_and_go_meanwhile_are_somebody_elses(take_over: bool, plugin: Plugin, bind: Bind) -> None:
    with between(bind, answering(dns.rcode.YXRRSET)) as port:
        message = refused(lambda: plugin.create(unsigned(inputs(port, take_over=take_over))))
    assert message.endswith(
        "it answered YXRRSET: somebody else is changing the records of this name right now; run `pulumi up` again"
    )


@contextlib.contextmanager
def with_records(folder: Path, record: str) -> Iterator[Bind]:
    """A server whose zone has one more record."""
    bind = Bind(folder, [KEY])
    (folder / "zone").write_text(bind._zone() + f"{record}\n")
    with bind:
        yield bind


@pytest.mark.parametrize("name", ["md5", "sha1", "sha224", "sha384", "sha512"])
def test_every_algorithm_that_check_takes_works(name: str, plugin: Plugin, tmp_path: Path) -> None:
    key = Key(name, [DOMAIN], algorithm=f"hmac-{name}")
    given = {"tsig_key_name": name, "tsig_secret": key.secret, "tsig_algorithm": key.algorithm}
    with Bind(tmp_path, [key]) as bind:
        plugin.create(inputs(bind.port, **given))
        assert found(bind) == (TARGETS, 300)


# -- without a key ----------------------------------------------------------------------------------------


@pytest.fixture
def open_bind(tmp_path: Path) -> Iterator[Bind]:
    """A primary server of acme.com, which whoever is on this machine may change."""
    with Bind(tmp_path / "open", [Key(KEY.name)], unsigned=True) as running:
        yield running


@both_front_ends
def test_a_whole_life_unsigned(plugin: Plugin, open_bind: Bind) -> None:
    given, kept = unsigned(inputs(open_bind.port)), unsigned(outputs(open_bind.port))
    assert plugin.create(given) == (DOMAIN, kept)
    assert found(open_bind) == (TARGETS, 300)
    assert "has NS records already" in refused(lambda: plugin.create(given))
    assert plugin.read(DOMAIN, kept, given) == (DOMAIN, kept, given)

    somebody(open_bind, *OTHERS)
    drift = {"ns_targets": OTHERS}
    assert plugin.read(DOMAIN, kept, given) == (DOMAIN, {**kept, **drift}, {**given, **drift})
    assert plugin.update(DOMAIN, {**kept, **drift}, given) == kept
    assert found(open_bind) == (TARGETS, 300)

    plugin.delete(DOMAIN, kept)
    assert found(open_bind) == ([], 0)
    assert plugin.read(DOMAIN, kept, given)[0] == ""


def test_a_key_is_given_before_the_server_wants_one(plugin: Plugin, open_bind: Bind) -> None:
    signed, none = outputs(open_bind.port), unsigned(outputs(open_bind.port))
    plugin.create(unsigned(inputs(open_bind.port)))
    wrong = inputs(open_bind.port, tsig_secret="AAAA")
    assert "(BADSIG)" in refused(lambda: plugin.update(DOMAIN, none, wrong))
    assert plugin.update(DOMAIN, none, inputs(open_bind.port)) == signed
    assert plugin.update(DOMAIN, signed, unsigned(inputs(open_bind.port))) == none

    open_bind.stop()
    open_bind.unsigned, open_bind.keys = False, [KEY]
    open_bind.start()
    message = refused(lambda: plugin.update(DOMAIN, signed, unsigned(inputs(open_bind.port))))
    assert "it answered REFUSED: it accepts no unsigned updates of the zone acme.com from this address" in message
    assert plugin.update(DOMAIN, none, inputs(open_bind.port)) == signed
    assert found(open_bind) == (TARGETS, 300)


def test_a_server_that_takes_nothing_unsigned(plugin: Plugin, bind: Bind) -> None:
    given, kept = unsigned(inputs(bind.port)), unsigned(outputs(bind.port))
    elsewhere = {**kept, "domain": "connect.acme.org", "zone": "acme.org"}
    for zone, rcode, call in (
        ("acme.com", "REFUSED", lambda: plugin.create(given)),
        ("acme.com", "REFUSED", lambda: plugin.update(DOMAIN, kept, given)),
        ("acme.com", "REFUSED", lambda: plugin.delete(DOMAIN, kept)),
        ("acme.org", "REFUSED", lambda: plugin.read("connect.acme.org", elsewhere, elsewhere)),
        ("acme.org", "NOTAUTH", lambda: plugin.delete("connect.acme.org", elsewhere)),
    ):
        assert refused(call).endswith(
            f"at 127.0.0.1:{bind.port}: it answered {rcode}: it accepts no unsigned updates of the zone {zone} from "
            "this address, or is not its primary server; check server and zone, and give tsig_key_name and "
            "tsig_secret, or allow unsigned updates at the server. Refresh and destroy use the key of the last "
            "`pulumi up`: after a change, run `pulumi up` first, or add --run-program"
        )
    assert found(bind) == ([], 0)


# -- what goes wrong --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        ({"tsig_key_name": "unknown"}, 'it refuses the key "unknown" (BADKEY): it knows no key of this name with hmac'),
        ({"tsig_algorithm": "hmac-sha512"}, 'it refuses the key "agin" (BADKEY)'),
        (
            {"tsig_secret": "AAAA"},
            'it refuses the key "agin" (BADSIG): it has another secret for it; check tsig_secret',
        ),
        (
            {"tsig_key_name": "powerless", "tsig_secret": Key("powerless").secret},
            'it answered REFUSED: the key "powerless" may not change the NS records of connect.acme.com; BIND '
            'allows that by `update-policy { grant "powerless" name connect.acme.com. NS; };` of the zone acme.com',
        ),
    ],
)
def test_a_key_that_is_refused(wrong: dict[str, Any], sentence: str, plugin: Plugin, bind: Bind) -> None:
    given, kept = inputs(bind.port, **wrong), outputs(bind.port, **wrong)
    start = f"NS records of {DOMAIN} at 127.0.0.1:{bind.port}: {sentence}"
    assert refused(lambda: plugin.create(given)).startswith(f"could not create the {start}")
    assert refused(lambda: plugin.update(DOMAIN, kept, given)).startswith(f"could not update the {start}")
    assert refused(lambda: plugin.delete(DOMAIN, kept)).startswith(f"could not delete the {start}")
    if "powerless" not in sentence:
        message = refused(lambda: plugin.read(DOMAIN, kept, given))
        assert message.startswith(f"could not read the {start}")
        assert "Refresh and destroy use the key of the last `pulumi up`" in message
    assert found(bind) == ([], 0)


def test_a_zone_that_is_not_there(plugin: Plugin, bind: Bind) -> None:
    elsewhere = {"domain": "connect.acme.org", "zone": "acme.org"}
    message = refused(lambda: plugin.delete("connect.acme.org", outputs(bind.port, **elsewhere)))
    assert message.endswith(
        "it answered NOTAUTH: it is not the primary server of the zone acme.org; check server and zone"
    )


def test_clocks_that_differ(bind: Bind, monkeypatch: pytest.MonkeyPatch) -> None:
    # In this process, whose clock can be another one.
    monkeypatch.setattr(time, "time", lambda: 1_700_000_000.0)
    with pytest.raises(ProviderError) as caught:
        Rfc2136Provider().create(inputs(bind.port))
    message = str(caught.value)
    assert 'it refuses the key "agin" (BADTIME), as the clocks differ by more than 5 minutes: here it is ' in message
    assert "here it is 2023-11-14 22:13:20 UTC, and there 2" in message
    assert found(bind) == ([], 0)


def primary(clock: Clock, host: str, port: int, lines: list[str] | None = None) -> PrimaryServer:
    """A primary server of acme.com, whose waits take only the clock's time."""
    key = TsigKey(KEY.name, Secret(KEY.secret), KEY.algorithm)
    progress = Progress(None if lines is None else lambda line, _: lines.append(line), clock)
    reachability = Process(PythonVocabulary(), print, clock).reachability(Server(host, port))
    return PrimaryServer(Server(host, port), "acme.com", key, Deadline(60, clock), reachability, progress, str)


def test_nothing_listens(plugin: Plugin) -> None:
    port = free_port()
    clock = Clock()
    server = primary(clock, "127.0.0.1", port)
    with pytest.raises(DnsUpdateError) as caught:
        server.create(DOMAIN, NsSet(tuple(TARGETS), 300))
    assert str(caught.value) == (
        f"could not create the NS records of {DOMAIN} at 127.0.0.1:{port} after 4 tries in 5 seconds: no connection "
        "(Connection refused); check server and port"
    )
    # Other calls need not wait for it again.
    with pytest.raises(
        DnsUpdateError, match=rf"could not read the NS records of {DOMAIN} at 127.0.0.1:{port}: no conn"
    ):
        server.read(DOMAIN)
    assert sum(clock.slept) == 5
    message = refused(lambda: plugin.delete(DOMAIN, outputs(port), timeout=0.1))
    assert f"could not delete the NS records of {DOMAIN} at 127.0.0.1:{port}: no connection (Con" in message
    message = refused(lambda: plugin.delete(DOMAIN, outputs(1, server="ns1.invalid"), timeout=0.1))
    assert f"could not delete the NS records of {DOMAIN} at ns1.invalid:1: its host name can't be resolved (" in message


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (socket.gaierror(socket.EAI_AGAIN, "Try again"), "its host name can't be resolved (Try again); check server"),
        (TimeoutError(), "no connection within 5 seconds; check server and port"),
    ],
)
def test_elsewhere_a_connection_is_tried_for_30_seconds(
    error: OSError, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> socket.socket:
        raise error

    monkeypatch.setattr(socket, "create_connection", fail)
    clock = Clock()
    with pytest.raises(DnsUpdateError) as caught:
        primary(clock, "ns1.acme.com", 53).read(DOMAIN)
    assert str(caught.value) == (
        f"could not read the NS records of {DOMAIN} at ns1.acme.com:53 after 6 tries in 30 seconds: {reason}"
    )
    assert sum(clock.slept) == 30


def test_a_server_that_does_not_answer_in_time(plugin: Plugin) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        message = refused(lambda: plugin.create(inputs(port), timeout=0.2))
    assert f"could not create the NS records of {DOMAIN} at 127.0.0.1:{port}: no answer within 0." in message


def test_a_server_that_is_started_again_is_waited_for(bind: Bind) -> None:
    class Pauses(Clock):
        def sleep(self, seconds: float) -> None:
            super().sleep(seconds)
            if len(self.slept) == 3:
                bind.start()

    lines: list[str] = []
    bind.stop()
    assert primary(Pauses(), "127.0.0.1", bind.port, lines).create(DOMAIN, NsSet(tuple(TARGETS), 300)) is None
    assert lines == [
        f"still waiting to create the NS records of {DOMAIN} at 127.0.0.1:{bind.port}, for 3 seconds (5 seconds at "
        "most): no connection (Connection refused); check server and port",
        "",
    ]
    assert found(bind) == (TARGETS, 300)


def test_a_passing_servfail_is_repeated(plugin: Plugin, bind: Bind) -> None:
    with between(bind, answering(dns.rcode.SERVFAIL, times=1)) as port:
        plugin.create(inputs(port), timeout=20)
    assert found(bind) == (TARGETS, 300)
    with between(bind, answering(dns.rcode.SERVFAIL)) as port:
        message = refused(lambda: plugin.delete(DOMAIN, outputs(port), timeout=0.1))
    assert message.endswith("it answered SERVFAIL; its log says why")


@pytest.mark.parametrize(
    ("rcode", "sentence"),
    [
        (dns.rcode.NOTIMP, "it answered NOTIMP: it does not know DNS UPDATE (RFC 2136), or not this way; check server"),
        (dns.rcode.FORMERR, "it answered FORMERR: it does not know DNS UPDATE"),
        # As PowerDNS refuses a key.
        (dns.rcode.NOTAUTH, "it answered NOTAUTH: it does not have the zone acme.com, does not let this machine ask,"),
        (dns.rcode.REFUSED, "it answered REFUSED: it does not have the zone acme.com, does not let this machine ask,"),
        (dns.rcode.YXDOMAIN, "it answered YXDOMAIN: its log says why"),
        (dns.rcode.NOTZONE, f"it answered NOTZONE: {DOMAIN} is not in the zone acme.com; check zone"),
    ],
)
def test_an_answer_that_is_not_signed(rcode: dns.rcode.Rcode, sentence: str, plugin: Plugin, bind: Bind) -> None:
    with between(bind, answering(rcode)) as port:
        message = refused(lambda: plugin.create(inputs(port)))
    assert f"could not create the NS records of {DOMAIN} at 127.0.0.1:{port}: {sentence}" in message


def test_gone_is_not_believed_without_a_signature(plugin: Plugin, bind: Bind) -> None:
    with between(bind, answering(dns.rcode.NXDOMAIN, to=lambda message: True)) as port:
        message = refused(lambda: plugin.read(DOMAIN, outputs(port), inputs(port)))
    assert "so it is not trusted" in message


def test_an_answer_that_was_changed_on_its_way(plugin: Plugin, bind: Bind) -> None:
    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        answer = bytearray(ask())
        # NOERROR where it said YXRRSET, and no such name where it told the records.
        answer[3] = answer[3] & 0xF0 | (dns.rcode.NOERROR if is_update(message) else dns.rcode.NXDOMAIN)
        return bytes(answer)

    plugin.create(inputs(bind.port))
    with between(bind, rule) as port:
        message = refused(lambda: plugin.read(DOMAIN, outputs(port), inputs(port)))
    assert 'its answer has a signature that is not by the key "agin", so it is not trusted' in message


NO_ANSWERS = [b"", b"\0" * 12, b"HTTP/1.1 400 Bad Request\r\n\r\n", b"\xff" * 500]


@pytest.mark.parametrize("answer", NO_ANSWERS)
def test_what_is_no_dns_server(answer: bytes, plugin: Plugin, bind: Bind) -> None:
    with between(bind, lambda message, ask: answer) as port:
        message = refused(lambda: plugin.create(inputs(port)))
    assert message.endswith(": what it sent is not the answer of a DNS server; check server and port")


# -- a write of unknown outcome ---------------------------------------------------------------------------

HIDDEN = "_unsettled_ns_targets"
NEW = [TARGETS[0], "ns-3.awsdns-01.com."]


def forged(message: bytes, answer: bytes) -> bytes:
    """BIND's answer to an update, with one bit of its signature changed."""
    changed = bytearray(answer)
    # The MAC is the last that varies: after it come the id, an error and a length, of two bytes each.
    changed[-7] ^= 1
    return bytes(changed)


def stripped(message: bytes, answer: bytes) -> bytes:
    """BIND's answer without its signature."""
    response = unsigned_response(message)
    response.set_rcode(dns.message.from_wire(answer, keyring=False).rcode())
    return response.to_wire()


def garbled(message: bytes, answer: bytes) -> bytes:
    return NO_ANSWERS[2]


def refusing(message: bytes, answer: bytes) -> bytes:
    response = dns.message.from_wire(stripped(message, answer))
    response.set_rcode(dns.rcode.REFUSED)
    return response.to_wire()


def on_updates(change: Callable[[bytes, bytes], bytes]) -> Rule:
    """Changes BIND's answers to updates."""
    return lambda message, ask: change(message, ask()) if is_update(message) else ask()


UNKNOWN_OUTCOMES: list[Rule] = [
    Outage(of_looks=False),
    *map(on_updates, (forged, stripped, garbled, refusing)),
    answering(dns.rcode.SERVFAIL, arrives=True),
]
WAYS = ["lost", "forged", "stripped", "garbled", "refused unsigned", "SERVFAIL unsigned"]


@pytest.mark.parametrize("rule", UNKNOWN_OUTCOMES, ids=WAYS)
def test_a_create_that_was_carried_out_is_found_out_by_a_look(rule: Rule, plugin: Plugin, bind: Bind) -> None:
    with between(bind, rule) as port:
        assert plugin.create(inputs(port), timeout=SECONDS) == (DOMAIN, outputs(port))
    assert found(bind) == (TARGETS, 300)


@pytest.mark.parametrize("rule", UNKNOWN_OUTCOMES, ids=WAYS)
def test_an_update_that_was_carried_out_is_found_out_by_a_look(rule: Rule, plugin: Plugin, bind: Bind) -> None:
    plugin.create(inputs(bind.port))
    with between(bind, rule) as port:
        news = inputs(port, ns_targets=NEW, ttl=60)
        assert plugin.update(DOMAIN, outputs(port), news, timeout=SECONDS) == outputs(port, ns_targets=NEW, ttl=60)
    assert found(bind) == (NEW, 60)


@pytest.mark.parametrize("rule", UNKNOWN_OUTCOMES, ids=WAYS)
def test_a_delete_that_was_carried_out_is_found_out_by_a_look(rule: Rule, plugin: Plugin, bind: Bind) -> None:
    plugin.create(inputs(bind.port))
    somebody(bind, *TARGETS, *OTHERS)
    with between(bind, rule) as port:
        plugin.delete(DOMAIN, outputs(port), timeout=SECONDS)
    assert found(bind) == (OTHERS, 300)


def test_a_write_that_is_not_answered_leaves_time_for_the_look(plugin: Plugin, bind: Bind) -> None:
    is_done = threading.Event()
    wrote = threading.Event()

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        answer = ask()
        if is_update(message):
            wrote.set()
            is_done.wait(30)
            return None
        # A slow server: it needs more than the least time that a try gets.
        is_done.wait(0.2 if wrote.is_set() else 0)
        return answer

    with between(bind, rule) as port:
        try:
            assert plugin.create(inputs(port), timeout=4) == (DOMAIN, outputs(port))
        finally:
            is_done.set()


@both_front_ends
def test_a_create_that_nobody_can_tell_of_keeps_what_the_server_may_have(plugin: Plugin, bind: Bind) -> None:
    outage = Outage()
    with between(bind, outage) as port:
        message, kept = unsettled(lambda: plugin.create(inputs(port), timeout=SECONDS))
        assert kept == {**outputs(port, ns_targets=[]), HIDDEN: TARGETS}
        assert message.startswith(f"could not create the NS records of {DOMAIN} at 127.0.0.1:{port} after ")
        assert (
            "no answer, because it ended the connection. The server may have carried it out nevertheless, and a look "
            f"at its records failed: could not read the NS records of {DOMAIN} at 127.0.0.1:{port}"
        ) in message
        assert message.endswith(
            f"So the state keeps every value of this resource that the server may have ({', '.join(TARGETS)}): the "
            "next `pulumi up` sets the records again, `pulumi refresh` takes into the state what the server has, and "
            "`pulumi destroy` deletes the records with any of these values"
        )
        outage.is_over = True
        # Whatever comes next settles it.
        assert plugin.diff(kept, inputs(port)) == (True, [])
        assert plugin.read(DOMAIN, kept, inputs(port)) == (DOMAIN, outputs(port), inputs(port))
        assert plugin.update(DOMAIN, kept, inputs(port)) == outputs(port)
        assert found(bind) == (TARGETS, 300)
        somebody(bind, *TARGETS, *OTHERS)
        plugin.delete(DOMAIN, kept)
        assert found(bind) == (OTHERS, 300)


@pytest.mark.parametrize("take_over", [False, True], ids=["create", "take over"])
def test_a_create_that_did_not_arrive_may_yet(take_over: bool, plugin: Plugin, bind: Bind) -> None:
    with between(bind, Outage(of_looks=False, arrives=False)) as port:
        given = inputs(port, take_over=take_over)
        message, kept = unsettled(lambda: plugin.create(given, timeout=SECONDS))
        assert "may have carried it out nevertheless: it has no NS records of this name now. So the state" in message
        assert kept == {**outputs(port, ns_targets=[]), HIDDEN: TARGETS}
        # It was late.
        somebody(bind, *TARGETS)
        plugin.delete(DOMAIN, {**kept, "port": bind.port})
    assert found(bind) == ([], 0)


@pytest.mark.parametrize(("targets", "ttl"), [(TARGETS, 60), (TARGETS[:1], 300), ([*TARGETS, *OTHERS], 300)])
def test_a_create_of_whose_values_the_server_has_some(targets: list[str], ttl: int, plugin: Plugin, bind: Bind) -> None:
    # Somebody else changed them, after they were made or instead.
    rule, _ = losing(1, arrives=False, meanwhile=lambda: somebody(bind, *targets, ttl=ttl))
    with between(bind, rule) as port:
        message, kept = unsettled(lambda: plugin.create(inputs(port), timeout=20))
    assert f"it now has {', '.join(targets)} (TTL {ttl})" in message
    assert kept == {**outputs(port, ns_targets=[]), HIDDEN: TARGETS}
    assert found(bind) == (targets, ttl)


@pytest.mark.parametrize("there", [[], TARGETS[:1], TARGETS, [TARGETS[1], NEW[1]]])
def test_the_next_update_replaces_what_may_be_its_own(there: list[str], plugin: Plugin, bind: Bind) -> None:
    somebody(bind, *there)
    kept = {**outputs(bind.port, ns_targets=[]), HIDDEN: TARGETS}
    assert plugin.update(DOMAIN, kept, inputs(bind.port, ns_targets=NEW)) == outputs(bind.port, ns_targets=NEW)
    assert found(bind) == (NEW, 300)


def test_a_refresh_of_what_never_came_is_gone(plugin: Plugin, bind: Bind) -> None:
    kept = {**outputs(bind.port, ns_targets=[]), HIDDEN: TARGETS}
    assert plugin.read(DOMAIN, kept, inputs(bind.port))[0] == ""


@pytest.mark.parametrize("outage", [Outage(), Outage(of_looks=False, arrives=False)], ids=["no look", "not arrived"])
@both_front_ends
def test_an_update_that_nobody_can_tell_of_keeps_both_sets_of_values(
    outage: Outage, plugin: Plugin, bind: Bind
) -> None:
    outage.begin_anew()
    plugin.create(inputs(bind.port))
    with between(bind, outage) as port:
        news = inputs(port, ns_targets=NEW, ttl=60)
        message, kept = unsettled(lambda: plugin.update(DOMAIN, outputs(port), news, timeout=SECONDS))
        assert kept == {**outputs(port), HIDDEN: [NEW[1]]}
        assert f"could not update the NS records of {DOMAIN} at 127.0.0.1:{port} after " in message
        assert f"that the server may have ({', '.join(sorted({*TARGETS, *NEW}))}): the next `pulumi up`" in message
        outage.is_over = True
        # Where the program wants the old ones again.
        assert plugin.diff(kept, inputs(port)) == (False, [])
        assert plugin.update(DOMAIN, kept, inputs(port)) == outputs(port)
        # It was late.
        somebody(bind, *NEW, ttl=60)
        refreshed = outputs(port, ns_targets=NEW, ttl=60)
        assert plugin.read(DOMAIN, kept, inputs(port))[1] == refreshed
        plugin.delete(DOMAIN, kept)
    assert found(bind) == ([], 0)


def test_an_update_that_fails_again_forgets_no_value(plugin: Plugin, bind: Bind) -> None:
    somebody(bind, *TARGETS, ttl=77)
    with between(bind, Outage(of_looks=False, arrives=False)) as port:
        olds = {**outputs(port), HIDDEN: OTHERS}
        _, kept = unsettled(lambda: plugin.update(DOMAIN, olds, inputs(port, ns_targets=NEW), timeout=SECONDS))
    assert kept == {**outputs(port, ttl=77), HIDDEN: sorted([NEW[1], *OTHERS])}


def test_an_update_to_another_server_that_nobody_can_tell_of(plugin: Plugin, bind: Bind, tmp_path: Path) -> None:
    plugin.create(inputs(bind.port))
    with Bind(tmp_path / "moved", [KEY]) as moved, between(moved, Outage()) as port:
        news = inputs(port, ns_targets=NEW)
        _, kept = unsettled(lambda: plugin.update(DOMAIN, outputs(bind.port), news, timeout=SECONDS))
        assert kept == {**outputs(port, ns_targets=[]), HIDDEN: sorted({*TARGETS, *NEW})}
        plugin.delete(DOMAIN, {**kept, "port": moved.port})
        assert found(moved) == ([], 0)


@both_front_ends
def test_a_delete_that_nobody_can_tell_of_is_to_do_again(plugin: Plugin, bind: Bind) -> None:
    plugin.create(inputs(bind.port))
    with between(bind, Outage(of_looks=False, arrives=False)) as port:
        message = refused(lambda: plugin.delete(DOMAIN, outputs(port), timeout=SECONDS))
    assert "may have carried it out nevertheless, but it now has ns-1.awsdns-38.org., ns-2.awsdns-28.net." in message
    with between(bind, Outage()) as port:
        message = refused(lambda: plugin.delete(DOMAIN, outputs(port), timeout=SECONDS))
    assert "may have carried it out nevertheless, and a look at its records failed: could not read" in message
    # It had, and there is nothing to do any more.
    plugin.delete(DOMAIN, outputs(bind.port))
    assert found(bind) == ([], 0)


def test_a_later_try_that_is_refused_does_not_tell_of_the_first(plugin: Plugin, bind: Bind) -> None:
    def refused_after(arrives: bool) -> Rule:
        rule, seen = losing(1, arrives=arrives)
        refuse = answering(dns.rcode.REFUSED)
        return lambda message, ask: refuse(message, ask) if seen and is_update(message) else rule(message, ask)

    with between(bind, refused_after(arrives=False)) as port:
        message, kept = unsettled(lambda: plugin.create(inputs(port), timeout=20))
        assert "it answered REFUSED" in message
        assert kept[HIDDEN] == TARGETS
    with between(bind, refused_after(arrives=True)) as port:
        assert plugin.create(inputs(port), timeout=20) == (DOMAIN, outputs(port))


def test_a_refusal_that_a_look_confirms_is_one(plugin: Plugin, bind: Bind) -> None:
    plugin.create(inputs(bind.port))
    # As PowerDNS has a key that may read and not write: the records are the wanted ones, and the key is not taken.
    with between(bind, answering(dns.rcode.REFUSED)) as port:
        assert "it answered REFUSED" in refused(lambda: plugin.update(DOMAIN, outputs(port), inputs(port)))
        assert refused(lambda: plugin.delete(DOMAIN, outputs(port))).endswith("its log says which")
    somebody(bind)
    # Nor is there anything that would be left.
    with between(bind, answering(dns.rcode.REFUSED)) as port:
        plugin.delete(DOMAIN, outputs(port))


def test_what_was_never_sent_is_not_looked_for(plugin: Plugin, bind: Bind) -> None:
    bind.stop()
    for call in (
        lambda: plugin.create(inputs(bind.port), timeout=0.1),
        lambda: plugin.update(DOMAIN, outputs(bind.port), inputs(bind.port), timeout=0.1),
        lambda: plugin.delete(DOMAIN, outputs(bind.port), timeout=0.1),
    ):
        assert refused(call).endswith("no connection (Connection refused); check server and port")


# -- a state that somebody edited -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("edit", "problem"),
    [
        ({"ttl": "x"}, "property ttl must be a whole number of seconds from 0 to 2147483647"),
        ({"ns_targets": 5}, "property ns_targets must be a list of names of name servers"),
        ({"ns_targets": [5]}, "property ns_targets must be a list of names of name servers"),
        ({HIDDEN: "x"}, f"property {HIDDEN} must be a list of names of name servers"),
        ({"port": None}, "property port "),
        ({"domain": 5}, "property domain must be text"),
        ({"server": {}}, "property server must be text"),
        ({"zone": []}, "property zone must be text"),
        ({"tsig_secret": 5}, "property tsig_secret must be text"),
        ({"tsig_key_name": None}, "property t"),
        ({"tsig_algorithm": True}, "property tsig_algorithm must be text"),
    ],
)
@both_front_ends
def test_a_wrong_type_in_the_state_is_named(edit: dict[str, Any], problem: str, plugin: Plugin) -> None:
    edited, given = {**outputs(53), **edit}, inputs(53)
    for call in (
        lambda: plugin.diff(edited, given),
        lambda: plugin.read(DOMAIN, edited, given),
        lambda: plugin.update(DOMAIN, edited, given),
        lambda: plugin.delete(DOMAIN, edited),
    ):
        message = refused(call)
        assert message.startswith(plugin.in_words(f"the state of this resource has been damaged: {problem}"))
        assert message.endswith("Correct it with `pulumi state edit`")


@pytest.mark.parametrize("field", ["domain", "zone", "server", "port", "ns_targets", "ttl", "tsig_algorithm"])
@both_front_ends
def test_what_is_missing_in_the_state_is_named(field: str, plugin: Plugin) -> None:
    edited = {name: value for name, value in outputs(53).items() if name != field}
    problem = plugin.in_words(f"property {field} is required")
    assert problem in refused(lambda: plugin.delete(DOMAIN, edited))


@both_front_ends
def test_a_name_in_the_state_that_is_none(plugin: Plugin, bind: Bind) -> None:
    message = refused(lambda: plugin.delete(DOMAIN, outputs(bind.port, ns_targets=["a..b"])))
    assert message.endswith(plugin.in_words(": a..b. is not a valid DNS name; check ns_targets in the state"))


def test_names_that_no_check_would_take_are_deleted_as_the_server_has_them(plugin: Plugin, bind: Bind) -> None:
    somebody(bind, ".")
    _, kept, _ = plugin.read(DOMAIN, outputs(bind.port), inputs(bind.port))
    assert kept["ns_targets"] == ["."]
    plugin.delete(DOMAIN, kept)
    assert found(bind) == ([], 0)


# -- what happens meanwhile -------------------------------------------------------------------------------


@both_front_ends
def test_an_update_that_nobody_waits_for_any_more_is_not_repeated(front_end: type[Plugin], bind: Bind) -> None:
    # Its engine was killed: whoever then cleaned up would not know of records that are made later.
    rule, seen = losing(1, arrives=False)
    with of_delegations(front_end) as plugin, between(bind, rule) as port:
        plugin.abandon_create(inputs(port), lambda: bool(seen))
        plugin.end()
    assert seen == ["lost"]
    assert found(bind) == ([], 0)


@pytest.mark.parametrize("before", [[], TARGETS], ids=["none", "ours"])
@pytest.mark.parametrize("is_moved", [False, True], ids=["unsettled", "moved"])
@pytest.mark.parametrize("lost", [0, 1], ids=["at once", "while a try is lost"])
def test_records_that_come_before_an_update_arrives_are_somebody_elses(
    before: list[str], is_moved: bool, lost: int, plugin: Plugin, bind: Bind
) -> None:
    somebody(bind, *before)
    came: list[bytes] = []

    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes | None:
        if is_update(message) and not came:
            came.append(message)
            somebody(bind, *OTHERS)
            if lost:
                return None
        return ask()

    with between(bind, rule) as port:
        kept = outputs(bind.port) if is_moved else {**outputs(port, ns_targets=[]), HIDDEN: TARGETS}
        wanted = [*TARGETS[:1], "ns-3.x.net."]
        with pytest.raises(PluginError) as caught:
            plugin.update(DOMAIN, kept, inputs(port, ns_targets=wanted), timeout=20)
    assert found(bind) == (OTHERS, 300)
    if not lost:
        assert "which are left alone" in caught.value.message


def test_of_records_that_are_partly_somebody_elses_a_refresh_takes_none_over(plugin: Plugin, bind: Bind) -> None:
    somebody(bind, TARGETS[0], *OTHERS)
    kept = {**outputs(bind.port, ns_targets=[]), HIDDEN: TARGETS}
    _, refreshed, _ = plugin.read(DOMAIN, kept, inputs(bind.port))
    assert (refreshed["ns_targets"], refreshed[HIDDEN]) == ([], TARGETS)
    assert "which are left alone" in refused(lambda: plugin.update(DOMAIN, refreshed, inputs(bind.port)))
    plugin.delete(DOMAIN, refreshed)
    assert found(bind) == (OTHERS, 300)


@both_front_ends
def test_what_is_imported_without_anything_known_of_it_is_a_sentence(plugin: Plugin) -> None:
    words = plugin.in_words("take_over=True takes over records that exist")
    assert words in refused(lambda: plugin.read(DOMAIN, {}, {}))
