"""The lifecycle of an Agent Ingress with the real engine."""

from __future__ import annotations

import pytest

from tests.support.ngrok import requests
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.project import UNCHANGED, Project


@pytest.mark.main
def test_each_change_is_one_request_and_outputs_are_canonical(project: Project, emulator: OddEmulator) -> None:
    emulator.oddities = Oddities(order="reversed", upper_case=True)
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
    # Create: one POST, and every output, in canonical form and typed.
    assert "2 created" in project.up()
    policy = {"authority": "letsencrypt"}
    inputs = {"domain": "connect.acme.com", "description": "d", "certificate_management_policy": policy}
    assert requests(emulator) == [("POST", inputs)]
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

    # The same in another spelling, by a subclass, and pickled as by another Python: no change and no request.
    [before] = project.resources()
    project.program(
        """
        import pickle
        # It is 5 since Python 3.14, and 4 before.
        pickle.DEFAULT_PROTOCOL = 9 - pickle.DEFAULT_PROTOCOL

        class Mine(agin.AgentIngress):
            pass

        args = agin.AgentIngressArgs(domain="connect.acme.com", description="d",
            certificate_management_policy={"authority": "letsencrypt", "private_key_type": "rsa"})
        Mine("a", args)
        """
    )
    assert UNCHANGED in project.up()
    assert requests(emulator) == []
    [after] = project.resources()
    assert after["urn"] == before["urn"]
    assert after["inputs"]["__provider"] != before["inputs"]["__provider"]

    # Update: one PATCH with only the changed fields.
    project.program(
        """
        agin.AgentIngress("a", domain="connect.acme.com", metadata="m",
            certificate_management_policy={"authority": "letsencrypt", "private_key_type": agin.PrivateKeyType.ECDSA})
        """
    )
    assert "1 updated" in project.up()
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    changes = {"description": "", "metadata": "m", "certificate_management_policy": policy}
    assert requests(emulator) == [("PATCH", changes)]
    outputs = project.resources()[0]["outputs"]
    assert {name: outputs[name] for name in changes} == changes


@pytest.mark.main
def test_replacement_refresh_and_destroy_are_one_request_each(project: Project, emulator: OddEmulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    project.up()
    emulator.clear_requests()

    # Another domain: the new one is created before the old one is deleted.
    project.program('agin.AgentIngress("a", domain="other.acme.com")')
    up = project.preview_and_up()
    assert "1 to replace" in up
    assert '"connect.acme.com" => "other.acme.com"' in up
    assert "1 replaced" in up
    # The preview checks whether another ingress has the domain.
    assert [method for method, _ in requests(emulator)] == ["GET", "POST", "DELETE"]
    assert [ingress["domain"] for ingress in emulator.ingresses()] == ["other.acme.com"]

    # The preview of an update reads the ingress once, for the outputs that stay.
    project.program('pulumi.export("whole", agin.AgentIngress("a", domain="other.acme.com", description="new"))')
    up = project.preview_and_up()
    assert "1 to update" in up
    assert "1 updated" in up
    assert requests(emulator) == [("GET", None), ("PATCH", {"description": "new"})]

    # Refreshed and destroyed, from a folder without the program.
    (project.folder / "__main__.py").unlink()
    assert UNCHANGED in project.refresh()
    assert requests(emulator) == [("GET", None)]
    assert "2 deleted" in project.destroy()
    assert requests(emulator) == [("DELETE", None)]
    assert emulator.ingresses() == []
