"""Changes outside of Pulumi: a refresh records them in the state, and the next update reverts them."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.project import Project

PROGRAM = """
policy = {"authority": "letsencrypt"}
changed = agin.AgentIngress(
    "changed", domain="changed.acme.com", description="ours", certificate_management_policy=policy
)
pulumi.export("regions", changed.region_domains)
agin.AgentIngress("same", domain="same.acme.com", metadata="m", certificate_management_policy=policy)
agin.AgentIngress("deleted", domain="deleted.acme.com")
odd = agin.AgentIngress("odd", domain="odd.acme.com", description="ours")
agin.AgentIngressCertificateValidation("odd", agent_ingress_id=odd.id)
"""


def states(project: Project) -> dict[str, dict[str, dict[str, object]]]:
    return {
        state["urn"].rpartition("::")[2]: {"inputs": state["inputs"], "outputs": state["outputs"]}
        for state in project.resources()
    }


def test_refresh_finds_drift_and_up_reverts_it(project: Project, emulator: OddEmulator) -> None:
    # No status of a certificate, because it would change over time.
    emulator.configure(job_after_seconds=10**7, issue_after_seconds=10**7)
    project.program(PROGRAM)
    project.up()
    before = states(project)
    [changed] = [ingress for ingress in emulator.ingresses() if ingress["domain"] == "changed.acme.com"]
    regions = [*changed["region_domains"], "tunnel.mars.changed.acme.com"]
    ecdsa = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    theirs = {"description": "theirs", "metadata": "theirs"}
    emulator.set_ingress(changed["id"], {**theirs, "certificate_management_policy": ecdsa})
    emulator.set_ingress(changed["id"], {"region_domains": regions})
    delete(emulator, "deleted.acme.com")
    [odd] = [ingress["id"] for ingress in emulator.ingresses() if ingress["domain"] == "odd.acme.com"]
    emulator.set_ingress(odd, {"ns_targets": ["ns 1"]})

    # Neither the key of another account nor another service means that an ingress is deleted.
    stranger = project.refresh(fails=True, env={"NGROK_API_KEY": OTHER_ACCOUNTS_KEY})
    assert (
        "does not prove that it was deleted: the API key from the environment variable NGROK_API"
        in stranger.diagnostics
    )
    assert "Set the key of its account (set the environment variable NGROK_API_KEY)" in stranger.diagnostics
    # The last line changes nothing.
    assert "pulumi-agin explain other-account" in stranger.output
    assert "pulumi state delete -" not in stranger
    assert not stranger.has_traceback
    assert states(project).keys() == before.keys()

    # Other spellings of the same value are not a difference.
    emulator.oddities = Oddities("shuffled", upper_case=True, trailing_dots=True, empty="null", unknown_keys=True)
    refreshed = project.refresh()
    assert "1 updated" in refreshed
    assert "1 deleted" in refreshed
    # It spoils neither the list nor its own state.
    left_out = f"could not read the Agent Ingress odd.acme.com ({odd}): ngrok's response is invalid: ns_targets: "
    assert refreshed.diagnostics.count(left_out) == 1
    after = states(project)
    assert after.keys() == {"changed", "same", "odd"}
    assert [after[name] for name in ("same", "odd")] == [before[name] for name in ("same", "odd")]
    assert after["changed"]["inputs"]["description"] == after["changed"]["outputs"]["description"] == "theirs"
    assert after["changed"]["inputs"]["metadata"] == "theirs"
    assert after["changed"]["outputs"]["certificate_management_policy"] == {
        "authority": "letsencrypt",
        "private_key_type": "ecdsa",
    }

    emulator.clear_requests()
    up = project.preview_and_up()
    preview = up.output.partition("Updating (dev)")[0]
    assert '~ description                  : "theirs" => "ours"' in preview
    assert '- metadata                     : "theirs"' in preview
    # The program leaves the key type to ngrok, and does not set the regions.
    assert "private_key_type" not in preview
    assert "region_domains" not in preview
    assert "1 updated" in up
    assert "1 created" in up
    patches = [request["body"] for request in emulator.requests() if request["method"] == "PATCH"]
    assert patches == [{"description": "ours", "metadata": ""}]
    assert project.outputs()["regions"] == sorted(regions)

    delete(emulator, "deleted.acme.com")
    elsewhere = project.destroy(fails=True, env={"NGROK_API_BASE_URL": f"{emulator.url}/elsewhere"})
    assert "the base URL came from the environment variable NGROK_API_BASE_URL" in elsewhere.diagnostics
    assert len(project.resources()) == 4
    assert len(emulator.ingresses()) == 3
    # The validation is gone already: deleting it needs no request.
    assert "5 deleted" in project.destroy()
    assert emulator.ingresses() == []


def delete(emulator: Emulator, domain: str) -> None:
    [id_] = [ingress["id"] for ingress in emulator.ingresses() if ingress["domain"] == domain]
    emulator.delete_ingress(id_)
