"""From a domain to a working connect URL in one `pulumi up`, with nothing mocked but ngrok.

The programs are examples/bind, and examples/yaml-bind with the provider plugin. The name server is a real BIND, whose
keys may change the NS records of single names and nothing else; and the emulator issues a certificate only once it sees
the right records there.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY
from tests.support.project import Project
from tools.bind import Bind, Key

EXAMPLES = Path(__file__).parents[2] / "examples"
PROGRAM = (EXAMPLES / "bind" / "__main__.py").read_text()
IN_YAML = (EXAMPLES / "yaml-bind" / "Pulumi.yaml").read_text()

OURS = Key("ours", ["connect.acme.com", "devices.acme.com"])
# Of somebody else's names.
THEIRS = Key("theirs", ["www.acme.com"])

# The stack, the ingress, the delegation, its record, and the validation. In YAML the delegation is the record.
ALL = 5
IN_YAML_ALL = 4


@pytest.fixture
def bind(tmp_path: Path) -> Iterator[Bind]:
    with Bind(tmp_path / "bind", [OURS, THEIRS]) as running:
        yield running


@pytest.fixture
def emulator(bind: Bind) -> Iterator[Emulator]:
    with Emulator(API_KEY, dns=bind.address) as running:
        running.configure(job_after_seconds=0, issue_after_seconds=1)
        yield running


@pytest.fixture
def values(bind: Bind) -> dict[str, str]:
    """What the READMEs of both examples tell to set."""
    place = {"server": "127.0.0.1", "port": str(bind.port), "zone": "acme.com", "domain": "connect.acme.com"}
    return place | signed_by(OURS)


@pytest.fixture
def project(project: Project, values: dict[str, str]) -> Project:
    (project.folder / "__main__.py").write_text(PROGRAM)
    configure(project, **values)
    return project


def configure(project: Project, **values: str) -> None:
    secrets = ("tsigSecret", "authtoken")
    given = [f"--{'secret' if name in secrets else 'plaintext'}={name}={value}" for name, value in values.items()]
    project.pulumi("config", "set-all", *given)


def signed_by(key: Key) -> dict[str, str]:
    return {"tsigKeyName": key.name, "tsigSecret": key.secret}


def remove_by_hand(bind: Bind, name: str) -> None:
    commands = f"server 127.0.0.1 {bind.port}\nzone acme.com\nupdate delete {name}. NS\nsend\n"
    key = f"{OURS.algorithm}:{OURS.name}:{OURS.secret}"
    subprocess.run(["nsupdate", "-y", key], input=commands, text=True, check=True, capture_output=True)


def wanted(emulator: Emulator) -> list[str]:
    """The name servers that ngrok wants."""
    [ingress] = emulator.ingresses()
    return sorted(f"{target.rstrip('.')}." for target in ingress["ns_targets"])


def moves(project: Project, ingress: str, records: str, certificate: str) -> None:
    """Another domain: a new ingress, its records and its certificate, and only then do the old ones go."""
    configure(project, domain="devices.acme.com")
    moved = [" ".join(line.split()) for line in project.up().output.splitlines()]
    created = [f"{each} created replacement" for each in (ingress, records, certificate)]
    steps = [*created, f"{records} deleted original", f"{ingress} deleted original"]
    places = [next(place for place, line in enumerate(moved) if step in line) for step in steps]
    assert places == sorted(places)


def test_one_up_ends_with_a_working_connect_url(project: Project, emulator: Emulator, bind: Bind) -> None:
    first = project.up()
    assert f"{ALL} created" in first
    assert "the certificate of connect.acme.com is issued, after" in first
    assert bind.referral("connect.acme.com") == wanted(emulator) == project.outputs()["ns_targets"]
    outputs = project.outputs()
    [ingress] = emulator.ingresses()
    assert outputs["agent_ingress_id"] == ingress["id"]
    assert outputs["renews_at"]
    assert yaml.safe_load(outputs["agent_config"]) == {
        "version": 3,
        "agent": {"connect_url": "connect.acme.com:443", "connect_cas": "host"},
    }
    emulator.clear_requests()
    assert f"{ALL} unchanged" in project.up()
    assert emulator.requests() == []

    # ngrok's name servers change.
    emulator.set_ingress(ingress["id"], {"ns_targets": ["ns-1.example.net", "ns-2.example.net"]})
    project.refresh()
    assert "1 updated" in project.up()
    assert bind.referral("connect.acme.com") == wanted(emulator) == ["ns-1.example.net.", "ns-2.example.net."]

    moves(
        project,
        "dynamic/agin:AgentIngress connect",
        "dynamic/agin:Rfc2136Delegation connect",
        "dynamic/agin:AgentIngressCertificateValidation connect",
    )
    assert bind.referral("connect.acme.com") == []
    assert bind.referral("devices.acme.com") == wanted(emulator)

    project.destroy()
    assert bind.referral("devices.acme.com") == []
    assert emulator.ingresses() == []
    # The TSIG secret was in the stack's config and its state, encrypted.
    assert not [name for name, text in project.files().items() if OURS.secret in text]


def test_the_same_in_yaml(yaml_project: Project, values: dict[str, str], emulator: Emulator, bind: Bind) -> None:
    project = yaml_project
    assert "protect: true" in IN_YAML
    unprotected = IN_YAML.replace("protect: true", "protect: false")
    project.yaml(unprotected.replace("name: agin-yaml-bind", f"name: {project.name}"))
    configure(project, **values, authtoken="2k5_an-authtoken")
    # The name servers are not known yet.
    assert f"{IN_YAML_ALL} to create" in project.preview()
    first = project.up()
    assert f"{IN_YAML_ALL} created" in first
    assert "Warning" not in first
    assert bind.referral("connect.acme.com") == wanted(emulator)
    shown = json.loads(project.pulumi("stack", "output", "--json", "--show-secrets").output)
    assert shown["nsTargets"] == wanted(emulator)
    assert shown["renewsAt"]
    assert yaml.safe_load(shown["agentConfig"]) == {
        "version": 3,
        "agent": {"connect_url": "connect.acme.com:443", "connect_cas": "host", "authtoken": "2k5_an-authtoken"},
    }
    emulator.clear_requests()
    assert f"{IN_YAML_ALL} unchanged" in project.up()
    assert emulator.requests() == []

    moves(
        project,
        "agin:index:AgentIngress connect",
        "agin:index:Rfc2136Delegation delegation",
        "agin:index:AgentIngressCertificateValidation certificate",
    )
    assert bind.referral("connect.acme.com") == []
    assert bind.referral("devices.acme.com") == wanted(emulator)

    project.destroy()
    assert bind.referral("devices.acme.com") == []
    assert emulator.ingresses() == []
    secrets = (OURS.secret, "2k5_an-authtoken")
    assert not [name for name, text in project.files().items() if any(secret in text for secret in secrets)]


def test_after_each_fault_the_repaired_program_comes_through(project: Project, emulator: Emulator, bind: Bind) -> None:
    hasty = "opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create='2s')),"
    program = PROGRAM.replace("        server=", f"        {hasty}\n        server=")
    assert program != PROGRAM
    (project.folder / "__main__.py").write_text(program)

    bind.stop()
    assert f"127.0.0.1:{bind.port}" in project.up(fails=True).diagnostics
    bind.start()
    # The stack, the ingress and the delegation are there already.
    assert "3 unchanged" in project.up()
    assert bind.referral("connect.acme.com") == wanted(emulator)
    assert emulator.counts()["POST /agent_ingresses"] == 1

    configure(project, tsigSecret=THEIRS.secret)
    assert "BADSIG" in project.up(fails=True).diagnostics
    configure(project, **signed_by(THEIRS))
    assert "REFUSED" in project.up(fails=True).diagnostics
    # A zone that the server does not have is found out before anything is deleted.
    configure(project, zone="com", **signed_by(OURS))
    assert "it is not the primary server of the zone com; check server and zone" in project.up(fails=True).diagnostics
    configure(project, zone="acme.com")
    assert f"{ALL} unchanged" in project.up()
    assert bind.referral("connect.acme.com") == wanted(emulator)

    remove_by_hand(bind, "connect.acme.com")
    assert bind.referral("connect.acme.com") == []
    project.refresh()
    project.up()
    assert bind.referral("connect.acme.com") == wanted(emulator)
    assert f"{ALL} unchanged" in project.up()
