"""Pulumi's resource options, which work as for any resource."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.project import Project

COMMON = """
Options = pulumi.ResourceOptions
hidden = Options(additional_secret_outputs=["ns_targets"])
ignoring = Options(ignore_changes=["description", "certificate_management_policy.private_key_type"])
renamed = Options(aliases=[pulumi.Alias(name="old")])
quick = Options(custom_timeouts=pulumi.CustomTimeouts(update="1s", delete="1s"))
quick_create = Options(custom_timeouts=pulumi.CustomTimeouts(create="1s"))

agin.AgentIngress("protected", domain="protected.acme.com", opts=Options(protect=True))
agin.AgentIngress("retained", domain="retained.acme.com", opts=Options(retain_on_delete=True))
agin.AgentIngress("hidden", domain="hidden.acme.com", opts=hidden)
first = agin.AgentIngress("first", domain="first.acme.com")
agin.AgentIngress(
    "second",
    domain=first.id.apply(lambda _: "second.acme.com"),
    description=first.id,
    certificate_management_policy={"authority": first.uri.apply(lambda _: "letsencrypt")},
)
"""

BEFORE = f"""{COMMON}
policy = {{"authority": "letsencrypt", "private_key_type": "rsa"}}
arguments = {{"description": "one", "metadata": "one", "certificate_management_policy": policy}}
agin.AgentIngress("ignoring", domain="ignoring.acme.com", **arguments, opts=ignoring)
agin.AgentIngress("old", domain="renamed.acme.com")
agin.AgentIngress("slow", domain="slow.acme.com", description="one", opts=quick)
"""

AFTER = f"""{COMMON}
policy = {{"authority": "letsencrypt", "private_key_type": "ecdsa"}}
arguments = {{"description": "two", "metadata": "two", "certificate_management_policy": policy}}
agin.AgentIngress("ignoring", domain="ignoring.acme.com", **arguments, opts=ignoring)
agin.AgentIngress("new", domain="renamed.acme.com", opts=renamed)
agin.AgentIngress("slow", domain="slow.acme.com", description="two", opts=quick)
agin.AgentIngress("slow-create", domain="slow-create.acme.com", opts=quick_create)
"""


def test_resource_options_work_as_for_any_resource(project: Project, emulator: Emulator) -> None:
    project.program(BEFORE)
    project.up()
    stored = {ingress["domain"]: ingress for ingress in emulator.ingresses()}
    # A value that is not known in the preview.
    assert stored["second.acme.com"]["description"] == stored["first.acme.com"]["id"]
    assert stored["second.acme.com"]["certificate_management_policy"]["authority"] == "letsencrypt"

    emulator.set_ingress(stored["ignoring.acme.com"]["id"], {"description": "theirs"})
    project.refresh()
    targets = {state["outputs"]["domain"]: state["outputs"]["ns_targets"] for state in project.resources()}
    assert [domain for domain, value in targets.items() if "ciphertext" in value] == ["hidden.acme.com"]

    emulator.add_fault("POST", "hang", times=None, domain="slow-create.acme.com")
    emulator.add_fault("PATCH", "hang", times=None, domain="slow.acme.com")
    emulator.add_fault("DELETE", "hang", times=None, domain="slow.acme.com")
    emulator.clear_requests()
    project.program(AFTER)
    failed = project.up("--continue-on-error", fails=True)
    assert failed.messages.keys() == {"slow", "slow-create", "test-dev"}
    assert "timed out after" in failed.messages["slow"]
    assert "no response from" in failed.messages["slow-create"]
    # So the state does not have it.
    assert "unknown whether the Agent Ingress slow-create.acme.com was created" in failed.messages["slow-create"]
    ids = {state["urn"].rpartition("::")[2]: state["id"] for state in project.resources()}
    assert ids.keys() == {"protected", "retained", "hidden", "first", "second", "ignoring", "new", "slow"}
    assert ids["new"] == stored["renamed.acme.com"]["id"]
    patches = [request for request in emulator.requests() if request["method"] == "PATCH"]
    bodies = {request["path"].rpartition("/")[2]: request["body"] for request in patches}
    assert bodies == {ids["ignoring"]: {"metadata": "two"}, ids["slow"]: {"description": "two"}}
    [ignoring] = [ingress for ingress in emulator.ingresses() if ingress["domain"] == "ignoring.acme.com"]
    assert (ignoring["description"], ignoring["metadata"]) == ("theirs", "two")

    failed = project.destroy("--continue-on-error", fails=True)
    assert failed.messages.keys() == {"slow", "protected", "test-dev"}
    assert "timed out after" in failed.messages["slow"]
    assert "because it is protected" in failed.messages["protected"]
    project.pulumi("state", "unprotect", "--all", "--yes")
    emulator.clear_faults()
    project.destroy()
    assert project.resources() == []
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["retained.acme.com"]
