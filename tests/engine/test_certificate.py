"""Waiting for certificates through the real engine: what waits starves nobody, and leaves nothing behind."""

from __future__ import annotations

import os
import signal
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.project import Project
from tests.support.waiting import until

DOMAIN = "connect.acme.com"
TYPE = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"

# Longer than any test.
NEVER = 10**7

INGRESS = """
    ingress = agin.AgentIngress(
        "a", domain="connect.acme.com", certificate_management_policy={"authority": "letsencrypt"}, **(MORE)
    )
    """
VALIDATION = """
    certificate = agin.AgentIngressCertificateValidation("a", ingress.id, **(HOW))
    pulumi.export("domain", certificate.domain)
    pulumi.export("renews_at", certificate.renews_at)
    """


def program(project: Project, how: Any = None, more: Any = None) -> None:
    project.program((INGRESS + VALIDATION).replace("(HOW)", repr(how or {})).replace("(MORE)", repr(more or {})))


def validations(project: Project) -> list[dict[str, Any]]:
    resources = project.state()["deployment"].get("resources", [])
    return [resource for resource in resources if resource["type"] == TYPE]


def test_a_wait_is_made_once_and_its_outputs_stay_known(project: Project, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=1)
    program(project)
    up = project.up()
    assert "3 created" in up
    assert f"waiting for the certificate of {DOMAIN}, for 45 minutes at most: it is " in up
    assert f"the certificate of {DOMAIN} is issued, after " in up
    outputs = project.outputs()
    assert (outputs["domain"], outputs["renews_at"] > "2024") == (DOMAIN, True)

    emulator.clear_requests()
    program(project, {"timeout_seconds": 100, "dns_error_grace_seconds": 1})
    assert "3 unchanged" in project.up()
    assert "3 unchanged" in project.up()
    assert emulator.requests() == []
    # What stays as it is is known in the preview of an update of the ingress, too.
    program(project, more={"description": "new"})
    preview = project.preview()
    assert "~ 1 to update" in preview
    assert "2 unchanged" in preview
    assert "unknown" not in preview
    assert "3 unchanged" in project.refresh()
    assert "3 deleted" in project.destroy()


def test_without_a_policy_it_is_ready_and_no_renewal_is_known(project: Project, emulator: Emulator) -> None:
    project.program("""
        ingress = agin.AgentIngress("a", domain="connect.acme.com")
        certificate = agin.AgentIngressCertificateValidation("a", ingress.id)
        renewal = certificate.renews_at.apply(lambda renews_at: f"renewed at {renews_at}")
        agin.AgentIngress("b", domain="b.acme.com", description=renewal)
        """)
    project.up()
    ingress, other = emulator.ingresses()
    assert other["description"] == "renewed at None"
    # It would be shown as changing where the preview did not know it.
    assert "4 unchanged" in project.preview()
    # A policy that is added outside of Pulumi shows in the refresh after, and the next `up` waits.
    emulator.set_ingress(ingress["id"], {"certificate_management_policy": {"authority": "letsencrypt"}})
    emulator.set_certificate(ingress["id"], "in_progress")
    project.refresh()
    program(project, {"timeout_seconds": 1})
    assert "it is being issued" in project.up(fails=True).diagnostics
    assert len(validations(project)) == 1
    emulator.set_certificate(ingress["id"], "issued")
    assert "1 updated" in project.up()


def test_a_policy_that_the_program_adds_is_waited_for(project: Project, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=NEVER)
    two = """
        for name in "ab":
            ingress = agin.AgentIngress(name, domain=f"{name}.acme.com", certificate_management_policy=POLICY)
            agin.AgentIngressCertificateValidation(name, ingress.id, timeout_seconds=1)
        """
    project.program(two.replace("POLICY", "None"))
    project.up()
    project.program(two.replace("POLICY", '{"authority": "letsencrypt"}'))
    assert "~ 4 to update" in project.preview()
    # It is waited for whenever the wait comes: not in an `up` that leaves it out, not where the one before it fails.
    [urn] = [resource["urn"] for resource in project.resources() if resource["urn"].endswith("::a")]
    project.up("--target", urn)
    for name in "ab":
        failed = project.up(fails=True)
        assert f"the certificate of {name}.acme.com (" in failed.diagnostics
        assert "it is being issued" in failed.diagnostics
        assert not failed.has_traceback
        [id_] = [each["id"] for each in emulator.ingresses() if each["domain"] == f"{name}.acme.com"]
        emulator.set_certificate(id_, "issued")
    assert "1 updated" in project.up()
    assert "5 unchanged" in project.up()


def test_a_dns_error_fails_in_a_sentence_stores_nothing_and_is_waited_for_again(
    project: Project, emulator: Emulator
) -> None:
    project.program(INGRESS.replace("(MORE)", "{}"))
    project.up()
    [ingress] = emulator.ingresses()
    emulator.set_certificate(ingress["id"], "dns_error")
    program(project, {"dns_error_grace_seconds": 0.5})
    failed = project.up(fails=True)
    assert not failed.has_traceback
    assert 'it is held up by the DNS of the domain (DNS_ERROR): ngrok says "No DNS records were' in failed.diagnostics
    assert f"The NS records of {DOMAIN} have to be ns-" in failed.diagnostics
    assert "Repair them, and run `pulumi up`, which waits again" in failed.diagnostics
    assert validations(project) == []
    emulator.set_certificate(ingress["id"], "issued")
    assert "1 created" in project.up()


MANY = 12


def test_waiting_starves_nobody(project: Project, emulator: Emulator) -> None:
    emulator.configure(limit=0, job_after_seconds=NEVER, issue_after_seconds=NEVER)
    records = project.folder / "records"
    records.mkdir()
    project.program(f"""
        from pulumi.dynamic import CreateResult, Resource, ResourceProvider

        class RecordProvider(ResourceProvider):
            def create(self, props):
                open("{records}/" + props["name"], "w").close()
                return CreateResult(props["name"], props)

        class Record(Resource):
            def __init__(self, name, records):
                props = {{"name": name, "targets": records.ns_targets}}
                super().__init__(RecordProvider(), name, props, pulumi.ResourceOptions(parent=records.delegation))

        # Each is made after the record of the one before: while that one's certificate is waited for.
        before = "none"
        for number in range({MANY}):
            name = f"d{{number}}"
            ingress = agin.AgentIngress(
                name,
                domain=f"{{name}}.acme.com",
                description=before,
                certificate_management_policy={{"authority": "letsencrypt"}},
            )
            delegation = agin.AgentIngressDelegation(
                name, ingress, agin.dns.custom(lambda records, name=name: Record(name, records))
            )
            before = delegation.agent_ingress_id
            agin.AgentIngressCertificateValidation(name, before)
        """)

    def made() -> tuple[int, int]:
        return len(emulator.ingresses()), len(list(records.iterdir()))

    with ThreadPoolExecutor(1) as thread:
        up = thread.submit(project.up)
        try:
            until("all are made", lambda: made() == (MANY, MANY) or up.done())
            assert made() == (MANY, MANY)
        finally:
            emulator.configure(job_after_seconds=0, issue_after_seconds=0)
        up.result()
    assert len(validations(project)) == MANY
    emulator.clear_requests()
    assert f"{1 + 4 * MANY} unchanged" in project.up()
    assert emulator.requests() == []


def processes(project: Project) -> dict[int, str]:
    """The processes of this project's home, which a run of the CLI started, each with its command."""
    mark = f"PULUMI_HOME={project.folder / 'home'}\0".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes():
                found[int(folder.name)] = (folder / "cmdline").read_text().replace("\0", " ")
        except OSError:
            continue
    return found


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_what_waits_ends_with_the_engine(project: Project, emulator: Emulator) -> None:
    emulator.configure(job_after_seconds=NEVER, issue_after_seconds=NEVER)
    program(project)
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    cli = project.start("up", "--yes", "--skip-preview", **quiet)
    try:
        until("it waits", lambda: emulator.counts().get("GET /agent_ingresses/{id}"))
        assert [command for command in processes(project).values() if "-m pulumi.dynamic" in command]
        cli.kill()
        until("all have ended", lambda: all(is_language_host(command) for command in processes(project).values()))
    finally:
        cli.kill()
        cli.wait()
        for pid, command in processes(project).items():
            if is_language_host(command):
                os.kill(pid, signal.SIGKILL)


def is_language_host(command: str) -> bool:
    """Pulumi's own, of every program in Python: it looks every few minutes whether its engine is still there."""
    return "bin/pulumi-language-python " in command
