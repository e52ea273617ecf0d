"""The command line in real projects: what `import` prints imports the ingresses, and `doctor` reads the stack."""

from __future__ import annotations

import json

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.dns_server import dns_server
from tests.support.emulator import POLICY
from tests.support.ngrok import create, requests
from tests.support.project import Project


def existing(emulator: Emulator) -> None:
    """Creates an ingress with each kind of value."""
    # The status of a certificate depends on the time.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=20_000)
    create(emulator, "bare.acme.com")
    create(emulator, "text.acme.com", description='it\'s\n"odd" \\ 🚀 ${x} \u202e', metadata='{"team": "iot"}')
    create(emulator, "policy.acme.com", certificate_management_policy=POLICY)
    emulator.clear_requests()


@pytest.mark.main
def test_printed_program_imports_without_a_change(project: Project, emulator: Emulator) -> None:
    existing(emulator)
    before = emulator.ingresses()
    project.typed("pulumi-agin import --all > __main__.py")
    assert "warning" not in project.preview()
    project.up()
    assert emulator.ingresses() == before
    assert project.names(project.INGRESS) == {"bare-acme-com", "policy-acme-com", "text-acme-com"}
    assert "unchanged" in project.up("--refresh")
    assert {method for method, _ in requests(emulator)} == {"GET"}


def test_printed_file_is_imported_by_pulumi_import(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    existing(emulator)
    before = emulator.ingresses()
    project.yaml_program("resources: {}\n")
    project.typed("pulumi-agin import --all --json > import.json")
    imported = project.pulumi("import", "--file", "import.json", "--yes", "--protect=false")
    assert "3 imported" in imported
    # The program that the CLI prints.
    project.yaml_program("resources:\n" + imported.output.partition("\nresources:\n")[2])
    assert "4 unchanged" in project.up()
    assert emulator.ingresses() == before


@pytest.mark.main
def test_doctor_checks_the_ingresses_of_the_stack_with_its_key(project: Project, emulator: Emulator) -> None:
    key, url = project.environment.pop("NGROK_API_KEY"), project.environment.pop("NGROK_API_BASE_URL")
    project.config(secret={"agin:apiKey": key}, plain={"agin:apiBaseUrl": url})
    create(emulator, "other.acme.com")
    project.program('agin.AgentIngress("connect", domain="connect.acme.com")')
    project.up()
    with dns_server({("connect.acme.com", "NS"): "REFUSED"}) as port:
        for stack in ("", " --stack dev"):
            printed = project.typed(f"! pulumi-agin doctor --json --dns 127.0.0.1:{port}{stack}")
            findings = json.loads(printed)
            assert {each["domain"] for each in findings} == {None, "connect.acme.com"}
            verdicts = {each["check"]: each["verdict"] for each in findings}
            assert (verdicts["api_key"], verdicts["ns_records"]) == ("ok", "unknown")
            project.assert_no_key(printed)
