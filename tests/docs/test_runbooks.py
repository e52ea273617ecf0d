"""The repairs of docs/operate/runbooks.md, run exactly as written, with the emulator and BIND."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import dns.query
import dns.tsigkeyring
import dns.update
import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tools.bind import Programs

pytestmark = pytest.mark.rest

PAGE = (Path(__file__).parents[2] / "docs" / "operate" / "runbooks.md").read_text()
SECTIONS = dict(re.findall(r"^#{2,3} (.*?)\n(.*?)(?=^#{2,3} |\Z)", PAGE, re.MULTILINE | re.DOTALL))
DOMAIN = "connect.acme.com"
KEY = Key("agin", [DOMAIN])
NEW_KEY = API_KEY.replace("2tst", "2new")
OPTS = "pulumi.ResourceOptions()"
PROGRAM = f"""
import pulumi
import pulumi_agin as agin

ingress = agin.AgentIngress("connect", domain="{DOMAIN}", opts={OPTS})
secret = pulumi.Config().require_secret("tsigSecret")
bind = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", secret, port=PORT)
agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=bind)
"""


def commands(section: str) -> list[str]:
    return blocks(SECTIONS[section], "sh")


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.fixture
def project(project: Project, bind: Bind) -> Project:
    """A project whose stack has the ingress and its records."""
    project.config(secret={"tsigSecret": KEY.secret, "agin:apiKey": API_KEY})
    (project.folder / "__main__.py").write_text(PROGRAM.replace("PORT", str(bind.port)))
    project.up(env={"NGROK_API_KEY": ""})
    return project


def assert_repaired(project: Project, emulator: Emulator, bind: Bind) -> None:
    doctor = f"pulumi-agin doctor {DOMAIN} --dns {bind.address}"
    assert "wrong" not in project.shell(doctor, env={"NGROK_API_KEY": ""})
    assert bind.referral(DOMAIN) == ns_targets(emulator, DOMAIN)
    project.preview("--expect-no-changes", env={"NGROK_API_KEY": ""})


def test_deleted_records_and_ingress_are_restored(project: Project, emulator: Emulator, bind: Bind) -> None:
    update = dns.update.Update("acme.com", keyring=dns.tsigkeyring.from_text({KEY.name: KEY.secret}))
    update.delete(f"{DOMAIN}.", "NS")
    dns.query.tcp(update, "127.0.0.1", port=bind.port, timeout=10)
    shown = project.shell(f"pulumi-agin doctor --dns {bind.address}", fails=True, env={"NGROK_API_KEY": ""})
    assert "it is not delegated" in shown
    project.typed(commands("Records were deleted")[0], NGROK_API_KEY="")
    assert_repaired(project, emulator, bind)

    [ingress] = emulator.ingresses()
    emulator.delete_ingress(ingress["id"])
    project.typed(commands("An ingress was deleted")[0], NGROK_API_KEY="")
    assert emulator.ingresses()[0]["id"] != ingress["id"]
    assert_repaired(project, emulator, bind)


def test_api_key_is_rotated(project: Project, emulator: Emulator, bind: Bind) -> None:
    before = emulator.ingresses()
    emulator.add_key(NEW_KEY, account_of=API_KEY)
    project.typed(commands("Rotate the API key")[0], stdin=f"{NEW_KEY}\n", NGROK_API_KEY="")
    emulator.remove_key(API_KEY)
    project.refresh("--expect-no-changes", env={"NGROK_API_KEY": ""})
    assert emulator.ingresses() == before


def test_lost_state_is_imported(project: Project, emulator: Emulator, bind: Bind) -> None:
    [ingress] = emulator.ingresses()
    project.pulumi("state", "delete", "--all", "--force", "--yes")
    show_ids, import_all, check = commands("Without a backup")
    assert ingress["id"] in project.typed(show_ids, NGROK_API_KEY="")
    imports = {OPTS: f'pulumi.ResourceOptions(import_="{ingress["id"]}")'}
    imports["port="] = f'opts=pulumi.ResourceOptions(import_="{DOMAIN}"), port='
    project.edit(imports)
    emulator.clear_requests()
    project.typed(import_all, NGROK_API_KEY="")
    assert {each["method"] for each in emulator.requests()} == {"GET"}
    project.edit({after: before for before, after in imports.items()})
    project.typed(check, NGROK_API_KEY="")
    assert_repaired(project, emulator, bind)
