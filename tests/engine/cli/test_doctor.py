"""`pulumi-agin doctor` in a project's folder: it uses the stack's key, and prints commands that can be pasted."""

from __future__ import annotations

import re
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs

RECORDS = "pulumi-python:dynamic/agin:Rfc2136Delegation"


def command_for(purpose: str, printed: str) -> str:
    """Returns the command that is printed below its purpose."""
    lines = printed.splitlines()
    [number] = [number for number, line in enumerate(lines) if line.endswith(f"{purpose}:")]
    return lines[number + 1].strip()


def test_printed_commands_can_be_pasted(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    create(emulator, "connect.acme.com")
    create(emulator, "devices.acme.com")
    project.config(secret={"agin:apiKey": OTHER_ACCOUNTS_KEY})
    emulator.remove_key(OTHER_ACCOUNTS_KEY)
    key = Key("agin", ["connect.acme.com", "devices.acme.com"])
    with Bind(bind_programs, tmp_path / "bind", [key]) as bind:
        command = f"pulumi-agin doctor --all --dns {bind.address}"
        refused = project.shell(f"{command} --stack dev", fails=True)
        assert refused.startswith("API key        wrong    could not list the Agent Ingresses: ")
        line = command_for("API key: set a key that ngrok accepts", refused)
        project.shell(f"printf %s {API_KEY} | {line}")

        alone = project.shell(f"pulumi-agin doctor connect.acme.com --dns {bind.address}", fails=True)
        assert "ngrok accepts the key from the config of the stack dev (agin:apiKey)" in alone
        assert "delegation     wrong " in alone

        fleet = project.shell(command, fails=True)
        assert "2 domains: 2 wrong\n" in fleet
        assert project.shell(command_for("to see how to fix the first one", fleet), fails=True) == alone
        for each in emulator.ingresses():
            delegate(bind, each["domain"], each["ns_targets"], key)
        assert "2 domains: 2 ok\n" in project.shell(command)


LEFT = """
import os

class Group(pulumi.ComponentResource):
    pass

def delegate(name, domain, option=""):
    ingress = agin.AgentIngress(name, domain=domain, opts=pulumi.ResourceOptions(protect=True))
    inherited = ingress if option == "inherited" else None
    group = Group("acme:index:Group", name, None, pulumi.ResourceOptions(deleted_with=inherited))
    opts = pulumi.ResourceOptions(parent=group, deleted_with=ingress if option == "own" else None)
    dns = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", os.environ["TSIG"], port=PORT)
    agin.AgentIngressDelegation(name, agent_ingress=ingress, dns=dns, opts=opts)

# Not a delegation, which would notice --target.
moved = agin.AgentIngress("moved", domain="moved.acme.com")
agin.dns.Rfc2136Delegation(
    "moved", domain=moved.domain, ns_targets=moved.ns_targets, ttl=300, server="127.0.0.1", port=PORT, zone="acme.com",
    tsig_key_name="agin", tsig_secret=os.environ["TSIG"],
)
delegate("removed", "removed.acme.com")
delegate("kept", "kept.acme.com", "inherited")
delegate("gone", "gone.acme.com")
"""


def test_deleted_ingresses_and_records_that_outlive_theirs_are_found_and_corrected(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    names = ("moved.acme.com", "new.acme.com", "removed.acme.com", "kept.acme.com", "gone.acme.com")
    key = Key("agin", names)
    with Bind(bind_programs, tmp_path / "bind", [key]) as bind:
        project.environment["TSIG"] = key.secret
        program = LEFT.replace("PORT", str(bind.port))
        # The engine passes the option of the parent on to the records.
        project.program(program)
        project.up()
        [record] = [each for each in project.of_type(RECORDS) if each["urn"].endswith("::kept")]
        assert record["deletedWith"] == f"urn:pulumi:dev::test::{project.INGRESS}::kept"

        # The ingress is replaced without its records.
        project.edit({'"moved.acme.com"': '"new.acme.com"'})
        project.up("--target", f"urn:pulumi:dev::test::{project.INGRESS}::moved")
        # Two others are deleted at ngrok, and the refresh removes one of them from the state.
        for each in emulator.ingresses():
            if each["domain"] in ("removed.acme.com", "gone.acme.com"):
                emulator.delete_ingress(each["id"])
        project.refresh("--target", f"urn:pulumi:dev::test::{project.INGRESS}::removed")
        there = [bind.referral(name) for name in names]
        assert [bool(each) for each in there] == [True, False, True, True, True]

        command = f"pulumi-agin doctor --all --dns {bind.address}"
        fleet = project.shell(command, fails=True)
        assert re.findall(r"^(\S+acme\.com) +(\w+)", fleet, re.MULTILINE) == [
            ("gone.acme.com", "wrong"),
            ("moved.acme.com", "wrong"),
            ("removed.acme.com", "wrong"),
            ("kept.acme.com", "wrong"),
            ("new.acme.com", "wrong"),
        ]
        for name, records, lost in (
            ("moved", there[0], "its Agent Ingress now has the domain new.acme.com"),
            ("removed", there[2], "the stack no longer has its Agent Ingress"),
        ):
            alone = project.shell(f"pulumi-agin doctor {name}.acme.com --dns {bind.address}", fails=True)
            types = RECORDS if name == "moved" else "acme:index:Group$agin:index:AgentIngressDelegation"
            urn = f"urn:pulumi:dev::test::{types}::{name}"
            assert f"delegation     wrong    the stack dev has NS records for it as {urn}, but {lost}: " in alone
            lines = [f"  {name}.acme.com. NS {value}\n" for value in records]
            assert "".join(["and no other account has the domain, delete them at the DNS provider:\n", *lines]) in alone
        kept = project.shell(f"pulumi-agin doctor kept.acme.com --dns {bind.address}", fails=True)
        assert f"their option deleted_with names urn:pulumi:dev::test::{project.INGRESS}::kept, so Pulumi" in kept
        line = command_for("remove the option from the records, a parent of theirs or a transform, and run", kept)

        # The option of the delegation itself is rejected.
        project.edit({'"inherited")': '"own")'})
        failed = project.preview(fails=True)
        message = (
            r'__main__\.py:\d+: AgentIngressDelegation "kept": the option deleted_with names "kept", which is an Agent'
        )
        assert re.search(message, failed.output)
        assert not failed.has_traceback

        # The same command corrects all that outlived their ingress.
        project.edit({', "own")': ")"})
        assert command_for("first remove it and its delegation from the program", alone) == line
        project.shell(line, env={"PULUMI_SKIP_CONFIRMATIONS": "true"})
        fleet = project.shell(command, fails=True)
        assert "4 domains: 1 wrong, 3 ok\n" in fleet
        assert bind.referral("moved.acme.com") == []

        # Another one creates the ingress that the refresh left in the state.
        assert "ngrok no longer has it: pulumi up --refresh creates it again" in fleet
        gone = project.shell(command_for("to see how to fix the first one", fleet), fails=True)
        assert "delegation     wrong " in gone
        purpose = "if it was deleted on purpose, first remove it and its delegation from the program"
        project.shell(command_for(purpose, gone), env={"PULUMI_SKIP_CONFIRMATIONS": "true"})
        assert "4 domains: 4 ok\n" in project.shell(command)
        project.pulumi("state", "unprotect", "--all", "--yes")
        project.destroy()
        assert [bind.referral(name) for name in names] == [[], [], [], [], []]
