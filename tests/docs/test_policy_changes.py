"""The steps and claims of the pages about a changed certificate policy: errors.md and certificates.md."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind
from tests.support.ngrok import ns_targets
from tests.support.project import Project

DOCS = Path(__file__).parents[2] / "docs"
ERRORS = (DOCS / "reference" / "errors.md").read_text()
STEPS = " ".join(ERRORS.split("\n## removed-policy\n")[1].split("\n## ")[0].split())
CLAIMS = " ".join((DOCS / "guides" / "certificates.md").read_text().split())
URNS, REPLACE = "pulumi stack --show-urns", "pulumi up --replace URN"

DOMAIN = "connect.acme.com"
POLICY = '{"authority": "letsencrypt"}'
PROTECTED, REPLACEABLE = "protect=True", "protect=False, delete_before_replace=True"


def program(bind: Bind, policy: str, options: str) -> str:
    return f"""
        ingress = agin.AgentIngress(
            "connect",
            domain="{DOMAIN}",
            certificate_management_policy={policy},
            opts=pulumi.ResourceOptions({options}),
        )
        dns = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", "{bind.keys[0].secret}", port={bind.port})
        opts = pulumi.ResourceOptions(protect={options.startswith(PROTECTED)})
        delegation = agin.AgentIngressDelegation("connect", agent_ingress=ingress, dns=dns, opts=opts)
        id_ = delegation.agent_ingress_id
        agin.AgentIngressCertificateValidation("connect", agent_ingress_id=id_, timeout_seconds=30)
    """


@pytest.mark.rest
def test_steps_remove_a_policy_that_ngrok_keeps(project: Project, emulator: Emulator, bind: Bind) -> None:
    emulator.configure(null_policy="ignored", job_after_seconds=0, issue_after_seconds=0)
    project.program(program(bind, POLICY, PROTECTED))
    project.up()
    [first] = emulator.ingresses()

    project.program(program(bind, "None", PROTECTED))
    assert "ngrok did not remove the certificate_management_policy" in project.up(fails=True).diagnostics
    assert emulator.ingresses() == [first]

    project.program(program(bind, POLICY, REPLACEABLE))
    project.up()
    project.program(program(bind, "None", REPLACEABLE))
    for command in (URNS, REPLACE):
        assert f"`{command}`" in STEPS
    [urn] = re.findall(rf"urn:\S+{project.INGRESS}::connect", project.shell(URNS))
    shown = project.typed(REPLACE.replace("URN", urn))
    assert f"warning: {DOMAIN} already has an Agent Ingress" in shown
    [second] = emulator.ingresses()
    assert second["id"] != first["id"]
    assert second["certificate_management_policy"] is None
    assert bind.referral(DOMAIN) == ns_targets(emulator, DOMAIN)

    project.program(program(bind, "None", PROTECTED))
    project.up()
    assert emulator.ingresses() == [second]
    assert {each.get("protect") for each in project.resources()} == {True}


@pytest.mark.rest
def test_validation_accepts_the_previous_certificate_if_ngrok_reports_it(
    project: Project, emulator: Emulator, bind: Bind
) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    project.program(program(bind, POLICY, PROTECTED))
    project.up()
    [ingress] = emulator.ingresses()
    # ngrok's API reports the same renewal after the change, and would issue the next certificate too late.
    emulator.configure(issue_after_seconds=3600)
    emulator.set_certificate(ingress["id"], "issued")
    project.program(program(bind, '{"authority": "letsencrypt", "private_key_type": "ecdsa"}', PROTECTED))
    assert "waiting for the certificate" not in project.up().output
    assert "it waits only if ngrok clears `renews_at`. Otherwise, it succeeds with the previous certificate." in CLAIMS
    [changed] = emulator.ingresses()
    assert changed["certificate_management_policy"]["private_key_type"] == "ecdsa"
