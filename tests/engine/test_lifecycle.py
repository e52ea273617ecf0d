"""An Agent Ingress through the real engine: created, left alone, changed, replaced, read, destroyed."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.ngrok import requests
from tests.support.project import UNCHANGED, Project


def test_a_life(project: Project, emulator: Emulator) -> None:
    emulator.configure(order="reversed", upper_case=True)
    project.program(
        """
        policy = agin.AgentIngressCertPolicyArgs(authority=agin.CertificateAuthority.LETSENCRYPT)
        a = agin.AgentIngress("a", domain=" Connect.ACME.com. ", description="d", certificate_management_policy=policy)
        for name in ("id", "domain", "description", "metadata", "ns_targets", "region_domains", "created_at", "uri"):
            pulumi.export(name, getattr(a, name))
        pulumi.export("policy", a.certificate_management_policy.apply(
            lambda p: [type(p).__name__, p.authority, p.private_key_type, p["authority"]]))
        pulumi.export("status", a.certificate_management_status.apply(lambda s: type(s).__name__))
        """
    )
    # A preview only checks whether the domain has an ingress already.
    assert "2 to create" in project.preview()
    assert requests(emulator) == [("GET", None)]

    # Created: one POST, and every output, in canonical form and typed.
    assert "2 created" in project.up()
    assert requests(emulator) == [
        (
            "POST",
            {
                "domain": "connect.acme.com",
                "description": "d",
                "certificate_management_policy": {"authority": "letsencrypt"},
            },
        )
    ]
    [stored] = emulator.ingresses()
    assert project.outputs() == {
        "id": stored["id"],
        "domain": "connect.acme.com",
        "description": "d",
        "metadata": "",
        "ns_targets": sorted(f"{target}." for target in stored["ns_targets"]),
        "region_domains": sorted(stored["region_domains"]),
        "created_at": stored["created_at"],
        "uri": f"/agent_ingresses/{stored['id']}",
        "policy": ["AgentIngressCertPolicy", "letsencrypt", "rsa", "letsencrypt"],
        "status": "NoneType",
    }

    # Nothing changed: no request at all.
    assert UNCHANGED in project.up()
    assert UNCHANGED in project.preview()
    assert requests(emulator) == []

    # Spelled otherwise, as one AgentIngressArgs with a dict inside: no change.
    project.program(
        """
        args = agin.AgentIngressArgs(domain="connect.acme.com", description="d",
            certificate_management_policy={"authority": "letsencrypt", "private_key_type": "rsa"})
        agin.AgentIngress("a", args)
        """
    )
    assert UNCHANGED in project.up()
    assert requests(emulator) == []

    # Changed: one PATCH with only what changed, in place.
    project.program(
        """
        a = agin.AgentIngress("a", domain="connect.acme.com", description="new", metadata="m",
            certificate_management_policy={"authority": "letsencrypt", "private_key_type": agin.PrivateKeyType.ECDSA})
        a.ns_targets.apply(print)
        """
    )
    assert "1 to update" in project.preview()
    # For the outputs that stay and are used; see test_preview.
    assert requests(emulator) == [("GET", None)]
    assert "1 updated" in project.up()
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    assert requests(emulator) == [
        ("PATCH", {"description": "new", "metadata": "m", "certificate_management_policy": policy})
    ]

    # Removed: cleared in the service and in the state.
    project.program(f'agin.AgentIngress("a", domain="connect.acme.com", certificate_management_policy={policy})')
    assert "1 updated" in project.up()
    assert requests(emulator) == [("PATCH", {"description": "", "metadata": ""})]
    assert (emulator.ingresses()[0]["description"], emulator.ingresses()[0]["metadata"]) == ("", "")
    outputs = project.resources()[0]["outputs"]
    assert (outputs["description"], outputs["metadata"]) == ("", "")

    # Another domain: the new one is made before the old one goes.
    project.program(f'agin.AgentIngress("a", domain="other.acme.com", certificate_management_policy={policy})')
    preview = project.preview()
    assert "1 to replace" in preview
    assert '"connect.acme.com" => "other.acme.com"' in preview
    assert "1 replaced" in project.up()
    assert [method for method, _ in requests(emulator)] == ["GET", "POST", "DELETE"]
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["other.acme.com"]

    # Destroyed, from a folder without the program.
    (project.folder / "__main__.py").unlink()
    assert "2 deleted" in project.destroy()
    assert requests(emulator) == [("DELETE", None)]
    assert emulator.ingresses() == []


def test_a_policy_that_ngrok_keeps_and_the_way_to_be_rid_of_it(project: Project, emulator: Emulator) -> None:
    project.program(
        'agin.AgentIngress("a", domain="connect.acme.com", certificate_management_policy={"authority": "letsencrypt"})'
    )
    project.up()
    [before] = emulator.ingresses()

    project.program('agin.AgentIngress("a", domain="connect.acme.com", description="new")')
    failed = project.up(fails=True)
    assert "ngrok was asked to remove the certificate_management_policy" in failed.diagnostics
    assert "and kept it" in failed.diagnostics
    assert not failed.has_traceback
    [command] = [line.strip() for line in failed.output.splitlines() if "--replace" in line]
    urn = project.resources()[0]["urn"]
    assert command == f"pulumi up --stack dev --replace {urn}"
    # What the service has is what the state has.
    assert project.resources()[0]["outputs"]["certificate_management_policy"]["authority"] == "letsencrypt"
    assert project.resources()[0]["outputs"]["description"] == "new"

    # Never reported as done, however often it is asked for.
    assert "and kept it" in project.up(fails=True).diagnostics

    # The program takes it back: nothing to change, and the failure is forgotten.
    project.program(
        """
        agin.AgentIngress("a", domain="connect.acme.com", description="new",
            certificate_management_policy={"authority": "letsencrypt"})
        """
    )
    emulator.clear_requests()
    project.up()
    assert requests(emulator) == [("GET", None)]
    assert "initErrors" not in project.resources()[0]

    # Or it does what was said.
    project.program(
        """
        agin.AgentIngress("a", domain="connect.acme.com", description="new",
            opts=pulumi.ResourceOptions(delete_before_replace=True))
        """
    )
    assert "1 replaced" in project.up("--replace", urn)
    [after] = emulator.ingresses()
    assert after["id"] != before["id"]
    assert after["certificate_management_policy"] is None
    assert UNCHANGED in project.up()


def test_get_reads_what_the_stack_does_not_own(project: Project, emulator: Emulator) -> None:
    project.program('pulumi.export("id", agin.AgentIngress("a", domain="connect.acme.com").id)')
    project.up()
    id_ = project.outputs()["id"]
    project.program(
        f"""
        agin.AgentIngress("a", domain="connect.acme.com")
        read = agin.AgentIngress.get("read", "{id_}")
        pulumi.export("ns_targets", read.ns_targets)
        pulumi.export("domain", read.domain)
        pulumi.export("id", read.id)
        pulumi.export("policy", read.certificate_management_policy)
        pulumi.export("status", read.certificate_management_status)
        """
    )
    project.up()
    # It has no policy, and the preview knows.
    assert "unknown" not in project.preview()
    outputs = project.outputs()
    assert outputs["domain"] == "connect.acme.com"
    assert outputs["id"] == id_
    assert len(outputs["ns_targets"]) == 4

    project.program(
        """
        pulumi.export("ns_targets", agin.AgentIngress.get("read", "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk").ns_targets)
        """
    )
    for failed in (project.preview(fails=True), project.up(fails=True)):
        assert "could not read the Agent Ingress agin_2k5okIo7afS6bKA3xNDLRZ9rjqk" in failed
        assert "there is no such Agent Ingress in the account of this key" in failed


def test_two_pythons_and_a_subclass_are_the_same_to_the_state(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    project.up()
    urn = project.resources()[0]["urn"]
    provider = project.resources()[0]["inputs"]["__provider"]
    emulator.clear_requests()
    # As from Python 3.14 on.
    project.program(
        """
        import pickle
        pickle.DEFAULT_PROTOCOL = 5

        class Mine(agin.AgentIngress):
            pass

        Mine("a", domain="connect.acme.com")
        """
    )
    assert UNCHANGED in project.preview()
    assert UNCHANGED in project.up()
    assert emulator.requests() == []
    assert project.resources()[0]["urn"] == urn
    assert project.resources()[0]["inputs"]["__provider"] != provider
    project.refresh()
    project.destroy()
    assert emulator.ingresses() == []
