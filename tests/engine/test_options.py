"""Pulumi's resource options, which work as for any resource."""

from __future__ import annotations

import re

from pulumi_agin.emulator import Emulator
from tests.support.project import UNCHANGED, Project


def test_protected_retained_and_renamed_ones(project: Project, emulator: Emulator) -> None:
    program = """
        agin.AgentIngress("protected", domain="protected.acme.com", opts=pulumi.ResourceOptions(protect=True))
        agin.AgentIngress("retained", domain="retained.acme.com", opts=pulumi.ResourceOptions(retain_on_delete=True))
        agin.AgentIngress("hidden", domain="hidden.acme.com",
            opts=pulumi.ResourceOptions(additional_secret_outputs=["ns_targets"]))
        """
    project.program(f'{program}agin.AgentIngress("old", domain="renamed.acme.com")')
    project.up()
    # Only outputs that are to be secret are encrypted, and stay so in a refresh.
    project.refresh()
    encrypted = {r["outputs"]["domain"] for r in project.resources() if "ciphertext" in r["outputs"]["ns_targets"]}
    assert encrypted == {"hidden.acme.com"}

    # An alias renames without touching the ingress.
    emulator.clear_requests()
    project.program(
        f"""{program}agin.AgentIngress("new", domain="renamed.acme.com",
            opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
        """
    )
    assert "5 unchanged" in project.up()
    assert emulator.requests() == []

    assert "unprotect" in project.destroy(fails=True)
    assert "protected.acme.com" in [ingress["domain"] for ingress in emulator.ingresses()]
    project.pulumi("state", "unprotect", "--all", "--yes")
    project.destroy()
    assert project.resources() == []
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["retained.acme.com"]


def test_ignore_changes_ignores_a_field_and_a_nested_one(project: Project, emulator: Emulator) -> None:
    program = """
        agin.AgentIngress("a", domain="connect.acme.com", description="{description}", metadata="{metadata}",
            certificate_management_policy={{"authority": "letsencrypt", "private_key_type": "{key}"}},
            opts=pulumi.ResourceOptions(
                ignore_changes=["description", "certificate_management_policy.private_key_type"]))
        """
    project.program(program.format(description="one", metadata="one", key="rsa"))
    project.up()
    project.program(program.format(description="two", metadata="one", key="ecdsa"))
    assert UNCHANGED in project.up()
    project.program(program.format(description="two", metadata="two", key="ecdsa"))
    emulator.clear_requests()
    project.up()
    assert [request["body"] for request in emulator.requests()] == [{"metadata": "two"}]

    # What others do to an ignored field is left alone too.
    emulator.set_ingress(emulator.ingresses()[0]["id"], {"description": "theirs"})
    project.refresh()
    assert UNCHANGED in project.up()
    assert emulator.ingresses()[0]["description"] == "theirs"


def test_custom_timeouts_bound_create_update_and_delete(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        agin.AgentIngress("a", domain="connect.acme.com",
            opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(create="1s")))
        """
    )
    emulator.add_fault("POST", "hang", times=None)
    failed = project.up(fails=True)
    assert "could not create the Agent Ingress connect.acme.com: no answer from" in failed.diagnostics
    # A part of it: the rest is kept for the look.
    assert re.search(r"it did not answer within 0\.\d+ seconds", failed.diagnostics)
    # Nobody can tell whether it was made, and so nothing is claimed.
    assert "it is unknown whether the Agent Ingress connect.acme.com was made" in failed.diagnostics
    assert project.resources() == []

    emulator.clear_faults()
    program = """
        agin.AgentIngress("a", domain="connect.acme.com", description="{description}",
            opts=pulumi.ResourceOptions(custom_timeouts=pulumi.CustomTimeouts(update="1s", delete="1s")))
        """
    project.program(program.format(description="one"))
    project.up()
    emulator.add_fault("PATCH", "hang", times=None)
    emulator.add_fault("DELETE", "hang", times=None)
    project.program(program.format(description="two"))
    for failed in (project.up(fails=True), project.destroy(fails=True)):
        assert re.search(r"it did not answer within (1|0\.\d+) seconds", failed.diagnostics)
    assert len(project.resources()) == 1


def test_what_is_not_known_yet_is_not_judged_and_comes_through(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        first = agin.AgentIngress("first", domain="first.acme.com")
        agin.AgentIngress("second", domain=first.created_at.apply(lambda at: f"d{at[:4]}.acme.com"),
            description=first.id, certificate_management_policy={"authority": first.uri.apply(lambda _: "letsencrypt")})
        """
    )
    assert "3 to create" in project.preview()
    project.up()
    first, second = emulator.ingresses()
    assert second["description"] == first["id"]
    assert second["certificate_management_policy"]["authority"] == "letsencrypt"
    assert "3 unchanged" in project.up()
