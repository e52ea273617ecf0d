"""`pulumi up --continue-on-error` in YAML when an ingress or records fail: whatever is live remains.

Unlike a program in Python, one in another language ends without an error, and the engine calls the plugin's deletes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs

CASES = ["none", "both", "rejected", "skipped", "inner", "records", "described", "moved"]
KEY = Key("agin", [f"{case}.acme.com" for case in (*CASES, "moved-new")])
REJECTION = {"msg": "no", "status_code": 400, "error_code": "ERR_NGROK_1"}

PROGRAM = """
    resources:
      account: {type: "pulumi:providers:agin", properties: {apiKey: "${key}"}}
      parent: {type: "agin:AgentIngress", properties: {domain: parent.acme.com}}
      # The explicit provider is that of neither or both.
      PREFIXnone: {type: "agin:AgentIngress", properties: {domain: none.acme.com}}
      PREFIXnone-ns: {NS(PREFIXnone)}
      PREFIXboth: {type: "agin:AgentIngress", properties: {domain: both.acme.com}, OF_ACCOUNT}
      PREFIXboth-ns: {NS(PREFIXboth), OF_ACCOUNT}
      PREFIXrejected: {type: "agin:AgentIngress", properties: {domain: rejected.acme.com}}
      PREFIXrejected-ns: {NS(PREFIXrejected)}
      PREFIXskipped:
        type: agin:AgentIngress
        properties: {domain: skipped.acme.com}
        options: {dependsOn: ["${PREFIXrejected}"]}
      PREFIXskipped-ns: {NS(PREFIXskipped)}
      inner: {type: "agin:AgentIngress", properties: {domain: inner.acme.com}, options: {PARENT}}
      inner-ns: {NS(inner), options: {PARENT}}
      records: {type: "agin:AgentIngress", properties: {domain: records.acme.com}}
      PREFIXrecords-ns: {NS(records)}
      described: {type: "agin:AgentIngress", properties: {domain: described.acme.com, description: DESCRIPTION}}
      described-ns: {NS(described)}
      moved: {type: "agin:AgentIngress", properties: {domain: MOVED.acme.com}}
      moved-ns: {NS(moved)}
    """
BEFORE = {"PREFIX": "", "PARENT": "", "DESCRIPTION": "devices", "MOVED": "moved"}
# Renames and a move without aliases, an update, and a domain change.
AFTER = {"PREFIX": "new-", "PARENT": 'parent: "${parent}"', "DESCRIPTION": "others", "MOVED": "moved-new"}


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.mark.main
def test_renamed_ingresses_and_their_records_remain(yaml_project: Project, emulator: Emulator, bind: Bind) -> None:
    project = yaml_project
    server = f"zone: acme.com, server: 127.0.0.1, port: {bind.port}, tsigKeyName: agin, tsigSecret: '{KEY.secret}'"
    records = r'domain: "${\1.domain}", nsTargets: "${\1.nsTargets}", ttl: 300, ' + server
    constant = {"OF_ACCOUNT": 'options: {provider: "${account}"}', "${key}": API_KEY}

    def program(parts: dict[str, str]) -> None:
        text = PROGRAM
        for old, new in {**constant, **parts}.items():
            text = text.replace(old, new)
        project.yaml_program(
            re.sub(r"NS\(([^)]+)\)", rf'type: "agin:Rfc2136Delegation", properties: {{{records}}}', text)
        )

    def live() -> dict[str, tuple[str | None, list[str]]]:
        ids = {each["domain"]: each["id"] for each in emulator.ingresses()}
        return {case: (ids.get(f"{case}.acme.com"), bind.referral(f"{case}.acme.com")) for case in CASES}

    program(BEFORE)
    project.up()
    before = live()
    assert all(map(all, before.values()))

    # The new records of the domain change fail, because others exist.
    delegate(bind, "moved-new.acme.com", ["ns1.other.net"], KEY)
    for method, name in (("POST", "rejected"), ("PATCH", "described")):
        emulator.add_fault(method, "respond", domain=f"{name}.acme.com", status=400, json_body=REJECTION)
    program(AFTER)
    failed = project.up("--continue-on-error", fails=True)
    assert live() == before
    assert not failed.has_traceback
    # The deletes of the records, and then those of the ingresses.
    urn = "urn:pulumi:dev::test::agin:index:AgentIngress::"
    for name in ("none", "both", "rejected"):
        text = (
            f"the NS records of {name}.acme.com are not deleted, because they have the domain of {urn}new-{name}, which"
        )
        assert text in failed.messages[f"{name}-ns"]

    # Back to the old names. The domain change ends.
    emulator.clear_faults()
    delegate(bind, "moved-new.acme.com", [], KEY)
    program({**BEFORE, "MOVED": "moved-new"})
    project.up()
    assert live() == before | {"moved": (None, [])}
    assert len(bind.referral("moved-new.acme.com")) == 4
    project.destroy()
    assert list(live().values()) == [(None, [])] * len(CASES)
