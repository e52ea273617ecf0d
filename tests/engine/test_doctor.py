"""`pulumi-agin doctor` in a project's folder: it uses the stack's key, and prints commands that can be pasted."""

from __future__ import annotations

from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs


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
    project.config(secret={"ngrok:apiKey": OTHER_ACCOUNTS_KEY})
    emulator.remove_key(OTHER_ACCOUNTS_KEY)
    key = Key("agin", ["connect.acme.com", "devices.acme.com"])
    with Bind(bind_programs, tmp_path / "bind", [key]) as bind:
        command = f"pulumi-agin doctor --all --dns {bind.address}"
        refused = project.shell(f"{command} --stack dev", fails=True)
        assert refused.startswith("API key        wrong    could not list the Agent Ingresses: ")
        line = command_for("API key: set a key that ngrok accepts", refused)
        project.shell(f"printf %s {API_KEY} | {line}")

        alone = project.shell(f"pulumi-agin doctor connect.acme.com --dns {bind.address}", fails=True)
        assert "ngrok accepts the key from the config of the stack dev (ngrok:apiKey)" in alone
        assert "delegation     wrong " in alone

        fleet = project.shell(command, fails=True)
        assert "2 Agent Ingresses: 2 wrong\n" in fleet
        assert project.shell(command_for("to see how to fix the first one", fleet), fails=True) == alone
        for each in emulator.ingresses():
            delegate(bind, each["domain"], each["ns_targets"], key)
        assert "2 Agent Ingresses: 2 ok\n" in project.shell(command)


def test_ingress_deleted_at_ngrok_is_found_and_created_again(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    key = Key("agin", ["connect.acme.com"])
    with Bind(bind_programs, tmp_path / "bind", [key]) as bind:
        project.config(secret={"tsig": key.secret})
        project.program(
            f"""
            ingress = agin.AgentIngress("connect", domain="connect.acme.com", opts=pulumi.ResourceOptions(protect=True))
            secret = pulumi.Config().require_secret("tsig")
            dns = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", secret, port={bind.port})
            agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=dns)
            """
        )
        project.up()
        command = f"pulumi-agin doctor --all --dns {bind.address}"
        assert "1 Agent Ingress: 1 ok\n" in project.shell(command)

        [ingress] = emulator.ingresses()
        emulator.delete_ingress(ingress["id"])
        fleet = project.shell(command, fails=True)
        assert "1 Agent Ingress: 1 wrong\n" in fleet
        assert "ngrok no longer has it: pulumi up --refresh creates it again" in fleet
        alone = project.shell(command_for("to see how to fix the first one", fleet), fails=True)
        assert "delegation     wrong " in alone
        line = command_for("if it was deleted on purpose, first remove it and its delegation from the program", alone)
        project.shell(line, env={"PULUMI_SKIP_CONFIRMATIONS": "true"})
        assert "1 Agent Ingress: 1 ok\n" in project.shell(command)
