"""Ctrl-C during a wait for a certificate in YAML. The other tests of waits are in ../test_certificate.py."""

from __future__ import annotations

import signal

from pulumi_agin.emulator import Emulator
from tests.support.project import Project

VALIDATION = "agin:index:AgentIngressCertificateValidation"
NEVER = 10**7


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
            if "waiting to validate" in line and "waiting to validate" not in shown:
                cli.send_signal(signal.SIGINT)
            shown += line
        assert cli.wait() > 0
    assert "Traceback" not in shown
    assert "could not validate the certificate of connect.acme.com: it was interrupted" in shown
    [ingress] = emulator.ingresses()
    assert [each["id"] for each in project.of_type("agin:index:AgentIngress")] == [ingress["id"]]
    assert project.names(VALIDATION) == set()
    assert "pending_operations" not in project.state()["deployment"]

    emulator.set_certificate(ingress["id"], "issued")
    assert "1 created" in project.up()
    assert project.names(VALIDATION) == {"wait"}
