"""Rfc2136Delegation in a Python program, with the real engine and BIND. Its calls are tested in tests/servicer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.flaky_proxy import Lossy, between
from tests.support.ports import free_port
from tests.support.project import Project
from tests.support.records import delegate
from tests.support.result import Result
from tools.bind import Programs

TYPE = "pulumi-python:dynamic/agin:Rfc2136Delegation"
NAMES = ["imported", "taken", "drifted", "removed", "rotated", "moved", "moved-new", "lost"]
KEY = Key("agin", [f"{name}.acme.com" for name in NAMES])
NEW_KEY = Key("new", ["rotated.acme.com"])
TARGETS = ["ns1.x.net.", "ns2.x.net."]

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


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY, NEW_KEY]) as running:
        yield running


@pytest.fixture
def project(project: Project) -> Project:
    """A project whose programs find the secrets of the keys in the environment."""
    project.environment |= {"SECRET": KEY.secret, "NEW_SECRET": NEW_KEY.secret}
    return project


def write_program(project: Project, port: int, text: str) -> None:
    project.program(PROGRAM.replace("PORT", str(port)) + dedent(text))


def referrals(bind: Bind, names: list[str]) -> dict[str, list[str]]:
    return {name: bind.referral(f"{name}.acme.com") for name in names}


def assert_no_secret(project: Project, *results: Result) -> None:
    """Asserts that no secret of a key is in the state, in another file of the project, or in what was printed."""
    texts = {**project.files(), **{f"output {number}": result.output for number, result in enumerate(results)}}
    assert any("Rfc2136Delegation" in text for name, text in texts.items() if name.startswith("state"))
    for secret in (KEY.secret, NEW_KEY.secret):
        assert [name for name, text in texts.items() if secret in text] == []


def test_life_of_records(project: Project, bind: Bind) -> None:
    for name in ("imported", "taken"):
        delegate(bind, f"{name}.acme.com", TARGETS, KEY)
    imported = 'opts=pulumi.ResourceOptions(import_="imported.acme.com")'
    write_program(project, bind.port, f'delegate("imported", {imported})\ndelegate("taken")')
    first = project.pulumi("up", "--yes", "--continue-on-error", fails=True)
    preview, _, update = first.output.partition("Updating (")
    taken = "taken.acme.com already has NS records at the server, which are left unchanged: ns1.x.net., ns2.x.net."
    assert f"warning: {taken}" in preview
    assert f"error: {taken}" in update
    assert not first.has_traceback
    assert project.names(TYPE) == {"imported"}

    # Under another name, with the option left: the old one is deleted, and the records stay.
    names = ["drifted", "removed", "rotated", "moved"]
    others = "".join(f'delegate("{name}")\n' for name in names)
    renamed = f'Renamed = delegate("renamed", domain="imported.acme.com", {imported})\n'
    write_program(project, bind.port, others + renamed)
    second = project.pulumi("up", "--yes", "--diff")
    assert "the NS records of imported.acme.com were not deleted, because another resource of the program has" in second
    assert referrals(bind, ["imported", *names]) == dict.fromkeys(["imported", *names], TARGETS)
    assert "unchanged" in project.up("--expect-no-changes")

    # The records change at the server, and the domain and the key of two others in the program.
    delegate(bind, "drifted.acme.com", ["ns9.x.net."], KEY)
    delegate(bind, "removed.acme.com", [], KEY)
    changed = """
        delegate("drifted")
        delegate("removed")
        delegate("rotated", tsig_key_name="new", tsig_secret=os.environ["NEW_SECRET"])
        moved = delegate("moved", domain="moved-new.acme.com")
        pulumi.export("ns_targets", moved.ns_targets)
    """
    write_program(project, bind.port, dedent(changed) + renamed)
    third = project.up("--refresh", "--diff")
    assert '"ns9.x.net." => "ns1.x.net."' in third
    for count in ("1 created", "2 updated", "1 replaced"):
        assert count in third
    there = ["imported", "drifted", "removed", "rotated", "moved-new"]
    assert referrals(bind, [*there, "moved"]) == dict.fromkeys(there, TARGETS) | {"moved": []}
    assert project.outputs()["ns_targets"] == TARGETS

    assert_no_secret(project, first, second, third, project.destroy())
    assert referrals(bind, there) == {name: [] for name in there}


def test_update_of_unknown_outcome_fails_and_a_destroy_after_a_refresh_is_complete(
    project: Project, bind: Bind
) -> None:
    timeouts = "opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(update='3s'))"
    write_program(project, bind.port, 'delegate("lost", ns_targets=["ns1.old.net"])')
    project.up()
    rule = Lossy(loses_reads=True)
    with between(bind, rule) as port:
        write_program(project, port, f'delegate("lost", {timeouts})')
        assert "It is unknown whether the server has carried it out" in project.up(fails=True)
        assert bind.referral("lost.acme.com") == TARGETS
        rule.seen, rule.times = 0, 0
        project.refresh()
        project.destroy()
    assert bind.referral("lost.acme.com") == []


def test_dead_server_and_rejected_key_are_one_warning_in_a_preview(project: Project, bind: Bind) -> None:
    wrong = 'tsig_key_name="new", tsig_secret=os.environ["SECRET"]'
    text = f"""
        ingress = agin.AgentIngress("connect", domain="connect.acme.com")
        for name in ("drifted", "removed"):
            delegate(f"{{name}}", {wrong})
            delegate(f"{{name}}-dead", port={free_port()})
        # Its values are unknown.
        delegate("connect", ns_targets=ingress.ns_targets, {wrong})
    """
    write_program(project, bind.port, text)
    preview = project.pulumi("preview")
    assert preview.diagnostics.count("warning: ") == 2
    assert preview.diagnostics.count("the server returned BADSIG: it has another secret for this key") == 1
    assert preview.diagnostics.count("no connection (Connection refused); check server and port") == 1
    assert not preview.has_traceback
    for secret in (KEY.secret, NEW_KEY.secret):
        assert secret not in preview.output


REPLACED = """
import os

bind = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", os.environ["SECRET"], port=PORT)
ingress = agin.AgentIngress("site", domain="DOMAIN")
agin.AgentIngressDelegation("site", ingress, bind)
"""


def test_domain_of_a_delegation_changes(project: Project, bind: Bind, emulator: Emulator) -> None:
    for domain in ("moved.acme.com", "moved-new.acme.com"):
        project.program(REPLACED.replace("PORT", str(bind.port)).replace("DOMAIN", domain))
        assert "warning: moved-new" not in project.pulumi("up", "--yes", "--diff")
        [ingress] = emulator.ingresses()
        live = {f"{target}." for target in ingress["ns_targets"]}
        assert set(bind.referral(domain)) == live
    assert bind.referral("moved.acme.com") == []
    project.destroy()
    assert bind.referral("moved-new.acme.com") == []
