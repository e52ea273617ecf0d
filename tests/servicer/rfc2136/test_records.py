"""Lifecycle of an Rfc2136Delegation at a real BIND."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.lifecycle.operation import Call
from tests.support.bind import Bind, Key
from tests.support.flaky_proxy import between, is_update
from tests.support.ports import free_port
from tests.support.records import (
    DOMAIN,
    KEY,
    NEW,
    OTHERS,
    TARGETS,
    Delegation,
    delegate,
    failure,
    inputs,
    records,
)
from tools.bind import Programs

from .conftest import BESIDE_ALIASES, KEYS_OF_OTHER_ALGORITHMS, POWERLESS_KEY

UNKNOWN = object()
PREVIEW = Call(is_unknown=lambda value: value is UNKNOWN)


def test_check_returns_canonical_inputs(delegation: Delegation) -> None:
    given = inputs(
        53,
        domain=" Connect.ACME.com. ",
        zone="ACME.com.",
        ns_targets=["NS-2.awsdns-28.net", "ns-1.awsdns-38.org.", "ns-2.awsdns-28.net."],
        ttl=300.0,
        server="NS1.Acme.com.",
        tsig_secret=f"{KEY.secret}\n",
        tsig_algorithm=None,
    )
    assert delegation.lifecycle.check(Call(), given) == (inputs(53, server="ns1.acme.com"), [])
    unknown = inputs(53, ns_targets=[UNKNOWN, "ns1.x.net"], domain=UNKNOWN)
    assert delegation.lifecycle.check(PREVIEW, unknown) == (unknown, [])


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("domain", "https://connect.acme.com", "property domain must be a valid DNS name"),
        ("domain", "acme.com", "the domain acme.com is not below the apex of the zone acme.com"),
        ("zone", None, "property zone is required"),
        ("ns_targets", ["192.0.2.1"], "property ns_targets.0 must be a DNS name, not an IP address"),
        ("ns_targets", [5], "property ns_targets.0 must be a string; got a number"),
        ("ttl", 2**31, "property ttl must be less than or equal to 2147483647"),
        ("server", "ns1 x", "property server must be a host name or an IP address, without brackets or port, such as"),
        ("port", 0, "property port must be greater than or equal to 1"),
        ("tsig_secret", "hunter2!", "property tsig_secret must be base64, like the `secret` in the key file"),
        ("tsig_secret", None, "set both tsig_key_name and tsig_secret, or neither"),
        ("tsig_algorithm", "sha256", "property tsig_algorithm must be 'hmac-sha1', 'hmac-sha224',"),
        ("__import", "old.acme.com", f"the option import_ is not the domain {DOMAIN}: change or remove it"),
    ],
)
def test_check_reports_a_problem(name: str, value: object, problem: str, delegation: Delegation) -> None:
    [found] = delegation.lifecycle.check(Call(), inputs(53, **{name: value})).failures
    assert found.reason.startswith(problem)
    assert "hunter2" not in found.reason


def test_check_reports_all_problems_at_once(delegation: Delegation) -> None:
    given = inputs(53, domain="Connect.ACME.com.", zone="Other.", ttl=-1, tsig_secret=None, __import="old.acme.com")
    reasons = [each.reason for each in delegation.lifecycle.check(Call(), given).failures]
    assert [reason.partition(" ")[0] for reason in reasons] == ["property", "set", "the", "the"]


@pytest.mark.parametrize(
    ("change", "changed", "replacing"),
    [
        ({}, [], []),
        ({"__import": DOMAIN}, [], []),
        ({"ttl": 60}, ["ttl"], []),
        ({"ns_targets": UNKNOWN}, ["ns_targets"], []),
        ({"tsig_key_name": None, "tsig_secret": None}, ["tsig_key_name", "tsig_secret"], []),
        ({"domain": UNKNOWN}, ["domain"], ["domain"]),
        ({"zone": "com"}, ["zone"], ["zone"]),
    ],
)
def test_diff(change: dict[str, Any], changed: list[str], replacing: list[str], delegation: Delegation) -> None:
    difference = delegation.diff(inputs(53), inputs(53, **change))
    assert (difference.changed, difference.replacing) == (changed, replacing)


def test_whole_life(delegation: Delegation, bind: Bind) -> None:
    given = inputs(bind.port, ttl=60)
    state = delegation.create(given)
    assert state == given
    assert records(bind) == (TARGETS, 60)
    assert delegation.refresh(state) == (DOMAIN, state, given)

    delegate(bind, DOMAIN, OTHERS, ttl=77)
    refreshed = delegation.refresh(state)
    assert refreshed is not None
    assert refreshed.outputs == refreshed.inputs == {**state, "ns_targets": OTHERS, "ttl": 77}
    assert delegation.update(refreshed.outputs, given) == state
    assert records(bind) == (TARGETS, 60)
    assert delegation.update(state, inputs(bind.port, ns_targets=NEW)) == inputs(bind.port, ns_targets=NEW)
    assert records(bind) == (NEW, 300)

    delegation.delete(inputs(bind.port, ns_targets=NEW))
    assert records(bind) == ([], 0)
    assert delegation.refresh(state) is None
    delegation.delete(state)
    # An update creates records that are gone.
    delegation.update(state, given)
    assert records(bind) == (TARGETS, 60)
    assert delegation.warnings == []


def test_key_is_added_and_removed_in_place(delegation: Delegation, tmp_path: Path, bind_programs: Programs) -> None:
    with Bind(bind_programs, tmp_path, [Key(KEY.name)], unsigned=True) as bind:
        unsigned = inputs(bind.port, tsig_key_name=None, tsig_secret=None)
        state = delegation.create(unsigned)
        assert state == unsigned
        assert "BADSIG" in failure(lambda: delegation.update(state, inputs(bind.port, tsig_secret="AAAA")))
        signed = delegation.update(state, inputs(bind.port))
        delegation.update(signed, unsigned)
        delegation.delete(unsigned)
        assert records(bind) == ([], 0)


@pytest.mark.parametrize("key", KEYS_OF_OTHER_ALGORITHMS, ids=lambda key: key.algorithm)
def test_every_algorithm(key: Key, delegation: Delegation, bind: Bind) -> None:
    delegation.create(inputs(bind.port, tsig_key_name=key.name, tsig_secret=key.secret, tsig_algorithm=key.algorithm))
    assert records(bind) == (TARGETS, 300)


# -- what others have -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("existing", [OTHERS, TARGETS], ids=["others", "equal"])
def test_create_leaves_existing_records_alone(existing: list[str], delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, existing)
    # Not even equal ones become ours: a renamed resource would get its own, which the old one then deletes.
    assert failure(lambda: delegation.create(inputs(bind.port))).startswith(
        f"{DOMAIN} already has NS records at the server, which are left unchanged: {', '.join(existing)} (TTL 300). If "
        "this stack has them under another name, add an alias"
    )
    assert records(bind) == (existing, 300)


@pytest.mark.parametrize("existing", [[*TARGETS, *OTHERS], OTHERS])
def test_update_leaves_records_alone_that_are_not_in_the_state(
    existing: list[str], delegation: Delegation, bind: Bind
) -> None:
    delegate(bind, DOMAIN, existing)
    message = failure(lambda: delegation.update(inputs(bind.port), inputs(bind.port, ns_targets=NEW)))
    assert message.startswith(f"{DOMAIN} has NS records that are not in the state, which are left unchanged: ")
    assert message.endswith("After a `pulumi refresh`, the next `pulumi up` replaces them")
    assert records(bind) == (existing, 300)


@pytest.mark.parametrize("existing", [NEW, [*TARGETS, NEW[1]], []])
def test_update_replaces_what_an_earlier_update_may_have_left(
    existing: list[str], delegation: Delegation, bind: Bind
) -> None:
    # It failed, so that the state has the old values, and then arrived after all.
    delegate(bind, DOMAIN, existing)
    delegation.update(inputs(bind.port), inputs(bind.port, ns_targets=NEW))
    assert records(bind) == (NEW, 300)


@pytest.mark.parametrize("existing", [[*TARGETS, *OTHERS], OTHERS])
def test_delete_leaves_values_that_are_not_in_the_state_and_names_them(
    existing: list[str], delegation: Delegation, bind: Bind
) -> None:
    delegate(bind, DOMAIN, existing)
    delegation.delete(inputs(bind.port))
    assert records(bind) == (OTHERS, 300)
    assert delegation.warnings == [
        f"{DOMAIN} still has NS records at the server that are not in the state: {OTHERS[0]}. If they delegate it to "
        "ngrok, delete them there, because somebody else could take the domain over"
    ]


def test_records_that_appear_just_before_a_write_are_left_alone(delegation: Delegation, bind: Bind) -> None:
    def rule(message: bytes, ask: Callable[[], bytes]) -> bytes:
        if is_update(message):
            delegate(bind, DOMAIN, OTHERS)
        return ask()

    with between(bind, rule) as port:
        message = failure(lambda: delegation.create(inputs(port)))
        assert "another client changed its records at the same time" in message
        assert records(bind) == (OTHERS, 300)
        delegate(bind, DOMAIN, TARGETS)
        message = failure(lambda: delegation.update(inputs(port), inputs(port, ns_targets=NEW)))
        assert "another client changed its records at the same time" in message
    assert records(bind) == (OTHERS, 300)


@pytest.mark.parametrize(
    ("domain", "problem"),
    [
        ("alias.acme.com", "the name is an alias (CNAME), or another client changed"),
        # Records beside a wildcard are possible.
        ("x.cname.acme.com", ""),
        ("a.delegated.acme.com", "the server has no authority for this name in the zone acme.com"),
    ],
)
def test_names_beside_other_records(domain: str, problem: str, delegation: Delegation, bind: Bind) -> None:
    assert domain in BESIDE_ALIASES
    given = inputs(bind.port, domain=domain)
    if problem:
        assert problem in failure(lambda: delegation.create(given))
    else:
        delegation.create(given)
        delegation.delete(given)
        assert delegation.refresh(given) is None


@pytest.mark.parametrize("name", ["text", "empty"])
def test_name_without_ns_records_is_gone(name: str, delegation: Delegation, bind: Bind) -> None:
    assert delegation.refresh(inputs(bind.port, domain=f"{name}.acme.com")) is None


# -- wrong settings -------------------------------------------------------------------------------------------

WRONG: list[tuple[dict[str, Any], str]] = [
    ({"zone": "com"}, "the server has no authority for this name in the zone com; check that it is the primary server"),
    ({"tsig_key_name": "unknown"}, "the server returned BADKEY: it has no key with this name and algorithm; check"),
    (
        {"tsig_algorithm": "hmac-sha512"},
        "the server returned BADKEY: it has no key with this name and algorithm; check",
    ),
    ({"tsig_secret": "AAAA"}, "the server returned BADSIG: it has another secret for this key; check tsig_secret"),
]


@pytest.mark.parametrize(("wrong", "problem"), WRONG)
def test_wrong_zone_or_key_fails_and_is_told_once_in_a_preview(
    wrong: dict[str, Any], problem: str, delegation: Delegation, bind: Bind
) -> None:
    given = inputs(bind.port, **wrong)
    place = f"the NS records of {DOMAIN} at 127.0.0.1 port {bind.port}"
    assert failure(lambda: delegation.create(given)).startswith(f"could not create {place}: {problem}")
    assert failure(lambda: delegation.update(inputs(bind.port), given)).startswith(
        f"could not update {place}: {problem}"
    )
    assert failure(lambda: delegation.delete(given)).startswith(f"could not delete {place}: ")
    told = delegation.lifecycle.preview_problem(PREVIEW, given)
    assert told.startswith(f"could not read {place}: {problem}")
    assert told.endswith(". This preview checks no other records at this server")
    assert KEY.secret not in told
    assert delegation.lifecycle.preview_problem(PREVIEW, {**given, "domain": "other.acme.com"}) == ""


def test_key_without_permission(delegation: Delegation, bind: Bind) -> None:
    given = inputs(bind.port, tsig_key_name=POWERLESS_KEY.name, tsig_secret=POWERLESS_KEY.secret)
    assert "the server returned REFUSED: it does not allow this" in failure(lambda: delegation.create(given))
    assert records(bind) == ([], 0)


def test_missing_dnspython(delegation: Delegation, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pulumi_agin.rfc2136.primary_server", None)
    install = "NS records by DNS updates need a package that is not installed: pip install 'pulumi-agin[rfc2136]'"
    assert failure(lambda: delegation.create(inputs(53))) == install
    assert delegation.lifecycle.preview_problem(PREVIEW, inputs(53)).startswith(install)


# -- previews -------------------------------------------------------------------------------------------------


def test_preview_tells_of_existing_records_and_of_a_dead_server(delegation: Delegation, bind: Bind) -> None:
    problem = delegation.lifecycle.preview_problem
    assert problem(PREVIEW, inputs(bind.port)) == ""
    delegate(bind, DOMAIN, OTHERS)
    taken = f"{DOMAIN} already has NS records at the server, which are left unchanged: ns1.other.net. (TTL 300). If"
    assert problem(PREVIEW, inputs(bind.port)).startswith(taken)
    # A new ingress gets its name servers in the update.
    assert problem(PREVIEW, inputs(bind.port, ns_targets=UNKNOWN)).startswith(taken)
    assert problem(PREVIEW, inputs(bind.port, domain=UNKNOWN)) == ""
    dead = inputs(free_port())
    assert "no connection (Connection refused); check server and port. This preview" in problem(PREVIEW, dead)
    assert sum(delegation.clock.pauses) <= 5
    assert problem(PREVIEW, dead) == ""


# -- imports --------------------------------------------------------------------------------------------------


def test_import_writes_nothing(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    # This key can't write.
    changes = {"tsig_key_name": POWERLESS_KEY.name, "tsig_secret": POWERLESS_KEY.secret}
    given = inputs(bind.port, __import=DOMAIN, **changes)
    assert delegation.lifecycle.preview_problem(PREVIEW, given) == ""
    created = delegation.create(given)
    assert created == {**inputs(bind.port, **changes), "_import_mark": created["_import_mark"]}


@pytest.mark.parametrize(
    ("existing", "ttl", "shown"),
    [(TARGETS, 60, f"{', '.join(TARGETS)} (TTL 60)"), (OTHERS, 300, "ns1.other.net. (TTL 300)"), ([], 300, "none")],
)
def test_import_of_other_records_fails(
    existing: list[str], ttl: int, shown: str, delegation: Delegation, bind: Bind
) -> None:
    delegate(bind, DOMAIN, existing, ttl=ttl)
    given = inputs(bind.port, __import=DOMAIN)
    expected = f"the NS records of {DOMAIN} can't be imported, because the server has {shown}, and the program has"
    assert failure(lambda: delegation.create(given)).startswith(expected)
    assert delegation.lifecycle.preview_problem(PREVIEW, given).startswith(expected)
    for unknown in (UNKNOWN, [UNKNOWN]):
        assert delegation.lifecycle.preview_problem(PREVIEW, {**given, "ns_targets": unknown}) == ""
    assert records(bind)[0] == existing


@pytest.mark.parametrize("case", ["imported", "imported by an earlier run", "created"])
def test_records_under_another_name_are_kept(case: str, delegation: Delegation, bind: Bind) -> None:
    old, given = Delegation("old", delegation), inputs(bind.port, __import=DOMAIN)
    if case == "created":
        # Somebody had deleted the old resource's.
        delegation.create(inputs(bind.port))
    else:
        delegate(bind, DOMAIN, TARGETS)
    if case == "imported":
        delegation.create(given)
    if case == "imported by an earlier run":
        # It was interrupted between the two: the engine compares the new resource before it deletes the old one.
        delegation.diff(inputs(bind.port), given)
    old.delete(inputs(bind.port))
    assert records(bind) == (TARGETS, 300)
    assert old.warnings[0].startswith(f"the NS records of {DOMAIN} were not deleted, because another resource of")
    # A resource that the program no longer has deletes its records.
    Delegation("old").delete(inputs(bind.port))
    assert records(bind) == ([], 0)


def test_replaced_records_are_deleted_under_their_old_name(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    delegation.diff(inputs(bind.port), inputs(bind.port, domain="other.acme.com"))
    Delegation("old", delegation).delete(inputs(bind.port))
    assert records(bind) == ([], 0)


def test_replacement_of_an_import_keeps_the_records(delegation: Delegation, bind: Bind) -> None:
    delegate(bind, DOMAIN, TARGETS)
    delegation.create(inputs(bind.port, __import=DOMAIN))
    delegation.delete(inputs(bind.port))
    assert records(bind) == (TARGETS, 300)


def test_import_by_an_id_fails(delegation: Delegation) -> None:
    assert "can't be imported by an ID" in failure(lambda: delegation.lifecycle.read(Call(), DOMAIN))
