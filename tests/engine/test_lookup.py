"""Lookups of Agent Ingresses through the real engine."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.ngrok import create
from tests.support.project import Project

PROGRAM = """
found = [agin.get_agent_ingress(id="ID"), agin.get_agent_ingress(domain=" Connect.ACME.com. ")]
assert found[0].certificate_management_policy.authority == "letsencrypt"
later = agin.get_agent_ingress_output(id=pulumi.Output.from_input("ID"))
some = agin.get_agent_ingresses('obj.metadata == "iot"')
read = agin.AgentIngress.get("read", "ID")
secret = agin.get_agent_ingress_output(domain=pulumi.Output.secret("connect.acme.com"))
secret.uri.apply(lambda uri: None)
new = agin.AgentIngress("new", domain="new.acme.com")
after = agin.get_agent_ingress_output(
    domain="new.acme.com", opts=pulumi.InvokeOutputOptions(depends_on=[new])
)
pulumi.export("domains", [found[0].domain, found[1].domain, later.domain, read.domain, after.domain])
pulumi.export("some", [each.domain for each in some.agent_ingresses])
pulumi.export("targets", later.ns_targets)
"""


def test_lookups_find_by_id_domain_and_filter(project: Project, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt"}
    id_ = create(emulator, "connect.acme.com", metadata="iot", certificate_management_policy=policy)
    create(emulator, "other.acme.com")
    project.program(PROGRAM.replace("ID", id_))
    # An ingress that does not exist yet is not looked up.
    assert "to create" in project.preview()
    project.up()
    outputs = project.outputs()
    assert outputs["domains"] == [*["connect.acme.com"] * 4, "new.acme.com"]
    assert outputs["some"] == ["connect.acme.com"]
    assert len(outputs["targets"]) == 4


def test_failed_lookup_is_one_sentence(project: Project) -> None:
    project.program(
        """
        found = agin.get_agent_ingress_output(domain="no.acme.com")
        pulumi.export("id", found.id)
        """
    )
    failed = project.pulumi("preview", fails=True)
    assert "the account of the API key has no Agent Ingress with the domain no.acme.com" in failed
    assert not failed.has_traceback
