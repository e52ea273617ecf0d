"""Rfc2136Delegation through the engine, with a real BIND. Its calls are tested in tests/servicer."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle import urns
from tests.support.bind import Bind, Key
from tests.support.flaky_proxy import Outage, between
from tests.support.project import Project
from tests.support.records import delegate, serial
from tests.support.result import Result
from tools.bind import Programs

NAMES = [
    "adopted-1",
    "adopted-2",
    "drifted",
    "removed",
    "rotated",
    "moved",
    "moved-new",
    "settled",
    "refreshed",
    "deleted",
    "replaced",
    "tainted",
    "forced",
    "records",
]
KEY = Key("agin", [f"{name}.acme.com" for name in NAMES])
NEW_KEY = Key("new", ["rotated.acme.com"])

TARGETS = ["ns1.x.net.", "ns2.x.net."]


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY, NEW_KEY]) as running:
        yield running


@pytest.fixture
def project(project: Project) -> Project:
    """A project whose programs find the secrets of the keys in the environment."""
    project.environment |= {"SECRET": KEY.secret, "NEW_SECRET": NEW_KEY.secret}
    return project


PROGRAM = """
import os
from pulumi_agin.dns import Rfc2136Delegation

def delegate(name, **others):
    arguments = dict(
        domain=f"{name}.acme.com", ns_targets=["ns2.x.net.", "ns1.x.net"], ttl=300, server="127.0.0.1", port=PORT,
        zone="acme.com", tsig_key_name="agin", tsig_secret=os.environ["SECRET"],
    )
    return Rfc2136Delegation(name, **{**arguments, **others})

"""


def referrals(bind: Bind, names: list[str]) -> dict[str, list[str]]:
    return {name: bind.referral(f"{name}.acme.com") for name in names}


def assert_no_secret(project: Project, *results: Result) -> None:
    """Asserts that no secret of a key is in the state, in another file of the project, or in what was printed."""
    texts = {**project.files(), **{f"output {number}": result.output for number, result in enumerate(results)}}
    assert any("Rfc2136Delegation" in text for name, text in texts.items() if name.startswith("state"))
    for secret in (KEY.secret, NEW_KEY.secret):
        assert [name for name, text in texts.items() if secret in text] == []


def test_fleet_on_bind(project: Project, bind: Bind) -> None:
    program = PROGRAM.replace("PORT", str(bind.port))
    rest = 'delegate("drifted")\ndelegate("removed")\ndelegate("rotated")\ndelegate("moved")\n'
    for name in ("adopted-1", "adopted-2"):
        delegate(bind, f"{name}.acme.com", TARGETS, KEY)

    # As after an `up` that was killed before it wrote its state.
    project.program(program + rest + 'delegate("adopted-1")\ndelegate("adopted-2")\n')
    failed = project.pulumi("up", "--yes", "--continue-on-error", fails=True)
    warned = failed.output.partition("Updating (")[0]
    for name in ("adopted-1", "adopted-2"):
        left_alone = f"already has NS records at 127.0.0.1:{bind.port}, which are left unchanged: {', '.join(TARGETS)}"
        assert f"will fail unless it deletes these records first: {name}.acme.com {left_alone}" in warned
        assert f"error: {name}.acme.com {left_alone}" in failed
    assert "; if an interrupted run created them, adopt=True adopts them" in failed
    assert not failed.has_traceback
    created = ["drifted", "removed", "rotated", "moved"]
    assert referrals(bind, created) == dict.fromkeys(created, TARGETS)

    before = serial(bind)
    adopted = 'delegate("adopted-1", adopt=True)\ndelegate("adopted-2", adopt=True)\n'
    project.program(program + rest + adopted)
    adopting = project.preview_and_up()
    preview = adopting.output.partition("Updating (")[0]
    assert preview.count("already match the program, so they will be adopted, and nothing is written there") == 2
    assert "2 created" in adopting
    assert serial(bind) == before

    # The records change at the server, and the domain and the key of two others in the program.
    delegate(bind, "drifted.acme.com", ["ns9.x.net"], KEY)
    delegate(bind, "removed.acme.com", [], KEY)
    changed = """
        delegate("drifted")
        delegate("removed")
        delegate("rotated", tsig_key_name="new", tsig_secret=os.environ["NEW_SECRET"])
        moved = delegate("moved", domain="moved-new.acme.com")
        pulumi.export("ns_targets", moved.ns_targets)
    """
    project.program(program + dedent(changed) + adopted)
    updated = project.up("--refresh", "--diff")
    assert '"ns9.x.net." => "ns1.x.net."' in updated
    for count in ("1 created", "2 updated", "1 replaced"):
        assert count in updated
    there = ["adopted-1", "adopted-2", "drifted", "removed", "rotated", "moved-new"]
    assert referrals(bind, [*there, "moved"]) == dict.fromkeys(there, TARGETS) | {"moved": []}
    assert project.outputs()["ns_targets"] == TARGETS

    assert_no_secret(project, failed, adopting, updated, project.destroy())
    assert referrals(bind, there) == {name: [] for name in there}


def unsettled(project: Project) -> dict[str, Any]:
    """Returns the values that the server may have, by the names of unsettled delegations."""
    delegations = project.of_type("pulumi-python:dynamic/agin:Rfc2136Delegation")
    kept = {each["urn"].rpartition("::")[2]: each["outputs"].get("_unsettled_ns_targets") for each in delegations}
    return {name: values for name, values in kept.items() if values}


def test_writes_of_unknown_outcome_are_settled(project: Project, bind: Bind) -> None:
    names = ["settled", "refreshed", "deleted"]
    outages = {name: Outage() for name in names}
    with ExitStack() as proxies:
        program = PROGRAM
        for name, outage in outages.items():
            port = proxies.enter_context(between(bind, outage))
            timeouts = "opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='5s'))"
            program += f'delegate("{name}", port={port}, {timeouts})\n'
        project.program(program.replace("PORT", "53"))
        failed = project.up("--continue-on-error", fails=True)
        possible = f"The state keeps all possible values ({', '.join(TARGETS)}): run `pulumi up` again"
        assert failed.output.count(possible) >= 3
        assert not failed.has_traceback
        assert referrals(bind, names) == dict.fromkeys(names, TARGETS)
        assert unsettled(project) == dict.fromkeys(names, TARGETS)
        for outage in outages.values():
            outage.is_over = True

        urns = {each: f"urn:pulumi:dev::test::pulumi-python:dynamic/agin:Rfc2136Delegation::{each}" for each in names}
        # With --diff, both list every changed output, including hidden ones.
        refreshed = project.refresh("--diff", "--target", urns["refreshed"])
        assert set(unsettled(project)) == {"settled", "deleted"}
        settled = project.up("--diff", "--target", urns["settled"])
        assert set(unsettled(project)) == {"deleted"}
        assert "_unsettled" not in refreshed.output + settled.output
        assert referrals(bind, names) == dict.fromkeys(names, TARGETS)
        assert_no_secret(project, failed, refreshed, settled)
        project.destroy()
    assert referrals(bind, names) == {name: [] for name in names}


REPLACED = """
import os

D = pulumi.ResourceOptions(delete_before_replace=True)

def site(name, opts=None, opts_of_records=None, adopt=False):
    bind = agin.dns.rfc2136(
        "127.0.0.1", "acme.com", "agin", os.environ["SECRET"], port=PORT, adopt=adopt, opts=opts_of_records
    )
    ingress = agin.AgentIngress(name, domain=f"{name}.acme.com", opts=opts)
    agin.AgentIngressDelegation(name, ingress, bind)

site("replaced", D)
site("tainted", D, adopt=True)
site("records", opts_of_records=D)
site("forced")
"""


def test_replacements_never_advise_to_remove_their_own_records(
    project: Project, bind: Bind, emulator: Emulator
) -> None:
    names = ["replaced", "tainted", "records", "forced"]
    project.program(REPLACED.replace("PORT", str(bind.port)))
    project.up()
    before = {each["domain"].partition(".")[0]: each["id"] for each in emulator.ingresses()}
    ingresses = {name: f"urn:pulumi:dev::test::{project.INGRESS}::{name}" for name in names}
    [records] = [each["urn"] for each in project.of_type(urns.RFC2136_DELEGATION) if each["urn"].endswith("::records")]

    # Replaced before the records that depend on it, or the records alone.
    project.pulumi("state", "taint", "--yes", ingresses["tainted"])
    replaced = project.pulumi("up", "--yes", "--replace", ingresses["replaced"], "--replace", records)
    assert "remove them" not in replaced
    # The engine does not send the plugin that this create is a replacement, nor its options.
    met = re.findall("will fail unless it deletes these records first: (\\S+) already", replaced.diagnostics)
    assert met == ["records.acme.com"]
    after = {each["domain"].partition(".")[0]: each["id"] for each in emulator.ingresses()}
    assert {name for name in names if before[name] != after[name]} == {"replaced", "tainted"}
    live = {each["domain"]: sorted(f"{target}." for target in each["ns_targets"]) for each in emulator.ingresses()}
    assert {f"{name}.acme.com": targets for name, targets in referrals(bind, names).items()} == live

    # Without the option, the ingress itself is in the way.
    project.pulumi("state", "taint", "--yes", ingresses["forced"])
    failed = project.up(fails=True)
    assert "pulumi-agin explain taken-domain`. Import it only if" in failed.messages["forced"]
    project.pulumi("state", "untaint", "--yes", ingresses["forced"])
    assert "unchanged" in project.up("--expect-no-changes")
