"""Pulumi's resource options, which work as for any resource."""

from __future__ import annotations

import re

from pulumi_agin.emulator import Emulator
from tests.engine.project import UNCHANGED, Project


def test_protect_refuses_until_unprotected(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com", opts=pulumi.ResourceOptions(protect=True))')
    project.up()
    assert "unprotect" in project.destroy(fails=True)
    assert len(emulator.ingresses()) == 1
    project.pulumi("state", "unprotect", "--all", "--yes")
    project.destroy()
    assert emulator.ingresses() == []


def test_retain_on_delete_leaves_the_ingress(project: Project, emulator: Emulator) -> None:
    project.program(
        'agin.AgentIngress("a", domain="connect.acme.com", opts=pulumi.ResourceOptions(retain_on_delete=True))'
    )
    project.up()
    project.destroy()
    assert len(emulator.ingresses()) == 1
    assert emulator.counts() == {"POST /agent_ingresses": 1}


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


def test_aliases_rename_without_touching_the_ingress(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("old", domain="connect.acme.com")')
    project.up()
    emulator.clear_requests()
    project.program(
        """
        agin.AgentIngress("new", domain="connect.acme.com",
            opts=pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old")]))
        """
    )
    assert UNCHANGED in project.up()
    assert emulator.requests() == []


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
    # Three quarters of it: the rest is kept for the look.
    assert re.search(r"it did not answer within 0\.[4-7]\d* seconds", failed.diagnostics)
    # Nobody can tell whether it was made, and so nothing is claimed.
    assert "it is not there, but may still appear" in failed.diagnostics
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


def test_additional_secret_outputs_are_encrypted(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        agin.AgentIngress("a", domain="connect.acme.com",
            opts=pulumi.ResourceOptions(additional_secret_outputs=["ns_targets"]))
        """
    )
    project.up()
    project.refresh()
    assert "ciphertext" in project.resources()[0]["outputs"]["ns_targets"]
    assert UNCHANGED in project.up()


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
