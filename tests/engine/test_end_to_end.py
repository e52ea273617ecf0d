"""From a domain to a working connect URL in one `pulumi up`. Only ngrok is emulated.

The programs are examples/bind and one of the docs in YAML. The name server is a real BIND, whose key may change the NS
records of two names and nothing else. The emulator issues a certificate only once the right records are there.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tools.bind import Programs

ROOT = Path(__file__).parents[2]
EXAMPLES, DOCS = ROOT / "examples", ROOT / "docs"
KEY = Key("agin", ["connect.acme.com", "devices.acme.com"])
AUTHTOKEN = "2k5_an-authtoken"


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.fixture
def emulator(bind: Bind) -> Iterator[Emulator]:
    with Emulator(API_KEY, dns=bind.address) as running:
        running.configure(job_after_seconds=0, issue_after_seconds=1)
        yield running


def configure(project: Project, bind: Bind) -> None:
    """Sets the config that the example's README lists."""
    place = {"server": "127.0.0.1", "port": bind.port, "zone": "acme.com", "domain": "connect.acme.com"}
    project.config(plain={**place, "tsigKeyName": KEY.name}, secret={"tsigSecret": KEY.secret, "authtoken": AUTHTOKEN})


def assert_no_secret(project: Project) -> None:
    for secret in (KEY.secret, AUTHTOKEN):
        assert [name for name, text in project.files().items() if secret in text] == []


@pytest.mark.main
def test_domain_to_agent_config_and_destroy(project: Project, emulator: Emulator, bind: Bind) -> None:
    (project.folder / "__main__.py").write_text((EXAMPLES / "bind" / "__main__.py").read_text())
    configure(project, bind)
    first = project.up()
    assert "5 created" in first, "the stack, the ingress, the delegation, its records, and the certificate"
    shown = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets").output)
    assert bind.referral("connect.acme.com") == ns_targets(emulator, "connect.acme.com") == shown["ns_targets"]
    [ingress] = emulator.ingresses()
    assert shown["agent_ingress_id"] == ingress["id"]
    assert shown["renews_at"]
    assert yaml.safe_load(shown["agent_config"]) == {
        "version": 3,
        "agent": {"connect_url": "connect.acme.com:443", "connect_cas": "host", "authtoken": AUTHTOKEN},
    }
    emulator.clear_requests()
    assert "5 unchanged" in project.up()
    assert emulator.requests() == []

    # ngrok's name servers change.
    emulator.set_ingress(ingress["id"], {"ns_targets": ["ns-1.example.net", "ns-2.example.net"]})
    assert "1 updated" in project.up("--refresh")
    assert bind.referral("connect.acme.com") == ["ns-1.example.net.", "ns-2.example.net."]

    # Another domain: first a new ingress, records and certificate are created, then the old ones are deleted.
    project.config(plain={"domain": "devices.acme.com"})
    moved = " ".join(project.up().output.split())
    steps = [
        "dynamic/agin:AgentIngress connect created replacement",
        "dynamic/agin:Rfc2136Delegation connect created replacement",
        "dynamic/agin:AgentIngressCertificateValidation connect created replacement",
        "dynamic/agin:Rfc2136Delegation connect deleted original",
        "dynamic/agin:AgentIngress connect deleted original",
    ]
    assert [moved.index(step) for step in steps] == sorted(moved.index(step) for step in steps)
    assert bind.referral("connect.acme.com") == []
    assert bind.referral("devices.acme.com") == ns_targets(emulator, "devices.acme.com")

    project.destroy()
    assert bind.referral("devices.acme.com") == []
    assert emulator.ingresses() == []
    assert_no_secret(project)


def test_yaml_program_of_the_docs(yaml_project: Project, emulator: Emulator, bind: Bind) -> None:
    project = yaml_project
    # The second page continues the first one.
    pages = [
        (DOCS / "reference" / f"{name}.md").read_text() for name in ("rfc2136-delegation", "certificate-validation")
    ]
    program, more = (yaml.safe_load(code) for page in pages for code in blocks(page, "yaml"))
    program["resources"] |= more["resources"]
    program["outputs"] = more["outputs"]
    program["resources"]["connect"]["properties"]["certificateManagementPolicy"] = {"authority": "letsencrypt"}
    program["resources"]["records"]["properties"] |= {"server": "127.0.0.1", "port": bind.port}
    program["config"]["authtoken"] = {"type": "string", "secret": True}
    ingress = {name: f"${{connect.{name}}}" for name in ("domain", "certificateManagementPolicy")}
    config = {"function": "agin:agentConfig", "arguments": {**ingress, "authtoken": "${authtoken}"}, "return": "yaml"}
    program["variables"] = {"agentConfig": {"fn::invoke": config}}
    program["outputs"] |= {"agentConfig": "${agentConfig}", "nsTargets": "${records.nsTargets}"}
    project.yaml_program(yaml.safe_dump(program))
    project.config(secret={"tsigSecret": KEY.secret, "authtoken": AUTHTOKEN})
    first = project.up()
    assert "4 created" in first, "the stack, the ingress, its records, and the certificate"
    assert "Warning" not in first
    shown = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets").output)
    assert bind.referral("connect.acme.com") == ns_targets(emulator, "connect.acme.com") == shown["nsTargets"]
    assert shown["renewsAt"]
    assert yaml.safe_load(shown["agentConfig"])["agent"] == {
        "connect_url": "connect.acme.com:443",
        "connect_cas": "host",
        "authtoken": AUTHTOKEN,
    }
    project.destroy()
    assert bind.referral("connect.acme.com") == []
    assert emulator.ingresses() == []
    assert_no_secret(project)
