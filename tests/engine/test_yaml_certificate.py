"""Waits for certificates in YAML: each is named for its case."""

from __future__ import annotations

import signal

from pulumi_agin.emulator import Emulator
from tests.support.project import Project

VALIDATION = "agin:index:AgentIngressCertificateValidation"
NEVER = 10**7

BEFORE = """
    resources:
      issued:
        type: agin:AgentIngress
        properties: {domain: issued.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      wait-issued: {type: agin:AgentIngressCertificateValidation, properties: {agentIngressId: "${issued.id}"}}
      later: {type: agin:AgentIngress, properties: {domain: later.acme.com}}
      wait-later:
        type: agin:AgentIngressCertificateValidation
        properties: {agentIngressId: "${later.id}", timeoutSeconds: 1}
      broken:
        type: agin:AgentIngress
        properties: {domain: broken.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
    outputs:
      domain: ${wait-issued.domain}
      renewsAt: ${wait-issued.renewsAt}
    """
# Another timeout of `wait-issued`, a policy of `later`, and `wait-broken`.
AFTER = """
    resources:
      issued:
        type: agin:AgentIngress
        properties: {domain: issued.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      wait-issued:
        type: agin:AgentIngressCertificateValidation
        properties: {agentIngressId: "${issued.id}", timeoutSeconds: 100}
      later:
        type: agin:AgentIngress
        properties: {domain: later.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      wait-later:
        type: agin:AgentIngressCertificateValidation
        properties: {agentIngressId: "${later.id}", timeoutSeconds: 1}
      broken:
        type: agin:AgentIngress
        properties: {domain: broken.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      wait-broken:
        type: agin:AgentIngressCertificateValidation
        properties: {agentIngressId: "${broken.id}", dnsErrorGraceSeconds: 0.5}
    outputs:
      domain: ${wait-issued.domain}
      renewsAt: ${wait-issued.renewsAt}
    """


def test_waits_for_certificates(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    emulator.configure(job_after_seconds=0, issue_after_seconds=NEVER)
    project.yaml_program(BEFORE)

    def issue_when_waiting(line: str) -> None:
        if "waiting for the certificate" in line:
            emulator.configure(issue_after_seconds=0)

    up = project.up(on_line=issue_when_waiting)
    assert "waiting for the certificate of issued.acme.com (0 seconds elapsed, limit 45 minutes): " in up
    assert "the certificate of issued.acme.com is issued, after " in up
    outputs = project.outputs()
    assert outputs["domain"] == "issued.acme.com"
    assert outputs["renewsAt"]

    # A failed validation does not change the state. A change of a timeout is not a change.
    emulator.configure(issue_after_seconds=NEVER)
    ids = {ingress["domain"]: ingress["id"] for ingress in emulator.ingresses()}
    emulator.set_certificate(ids["broken.acme.com"], "dns_error")
    project.yaml_program(AFTER)
    failed = project.up("--continue-on-error", fails=True)
    messages = failed.messages
    assert messages.keys() == {"wait-later", "wait-broken", "test-dev"}
    assert "It is being issued" in messages["wait-later"]
    assert "(dnsErrorGraceSeconds). It is blocked by a DNS error (DNS_ERROR)" in messages["wait-broken"]
    assert not failed.has_traceback
    assert project.names(VALIDATION) == {"wait-issued", "wait-later"}

    for domain in ("later.acme.com", "broken.acme.com"):
        emulator.set_certificate(ids[domain], "issued")
    repeated = project.pulumi("up", "--yes")
    assert repeated.previewed == {"wait-later": "update [diff: ~renewsAt]", "wait-broken": "create"}
    assert project.names(VALIDATION) == {"wait-issued", "wait-later", "wait-broken"}
    assert project.outputs() == outputs


def test_ctrl_c_ends_a_wait(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    emulator.configure(job_after_seconds=0, issue_after_seconds=NEVER)
    project.yaml_program("""
        resources:
          ingress:
            type: agin:AgentIngress
            properties: {domain: connect.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
          wait: {type: agin:AgentIngressCertificateValidation, properties: {agentIngressId: "${ingress.id}"}}
        """)
    shown = ""
    with project.start("up", "--yes", "--skip-preview") as cli:
        assert cli.stdout
        for line in cli.stdout:
            if "waiting for the certificate" in line and "waiting for the certificate" not in shown:
                cli.send_signal(signal.SIGINT)
            shown += line
        assert cli.wait() > 0
    assert "Traceback" not in shown
    assert "the certificate validation was interrupted; the next `pulumi up` validates again" in shown
    [ingress] = emulator.ingresses()
    assert [each["id"] for each in project.of_type("agin:index:AgentIngress")] == [ingress["id"]]
    assert project.names(VALIDATION) == set()
    assert "pending_operations" not in project.state()["deployment"]

    emulator.set_certificate(ingress["id"], "issued")
    assert "1 created" in project.up()
    assert project.names(VALIDATION) == {"wait"}
