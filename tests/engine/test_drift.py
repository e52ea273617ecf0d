"""What others do to an Agent Ingress outside of Pulumi, through the real engine."""

from __future__ import annotations

from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.project import UNCHANGED, Project


def test_a_change_outside_is_taken_up_shown_and_mended(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        a = agin.AgentIngress("a", domain="connect.acme.com", description="ours",
            certificate_management_policy={"authority": "letsencrypt"})
        pulumi.export("r", a.region_domains)
        """
    )
    project.up()
    [ingress] = emulator.ingresses()
    regions = [*ingress["region_domains"], "tunnel.mars.connect.acme.com"]
    emulator.set_ingress(ingress["id"], {"description": "theirs", "metadata": "theirs", "private_key_type": "ecdsa"})
    emulator.set_ingress(ingress["id"], {"region_domains": regions})

    assert "1 updated" in project.refresh()
    state = project.resources()[0]
    assert state["outputs"]["description"] == "theirs"
    assert state["outputs"]["certificate_management_policy"]["private_key_type"] == "ecdsa"
    assert state["inputs"]["description"] == "theirs"
    assert state["inputs"]["metadata"] == "theirs"

    preview = project.preview()
    assert '~ description                  : "theirs" => "ours"' in preview
    assert '- metadata                     : "theirs"' in preview
    # The key type was left to ngrok: no choice of ngrok's is a change.
    assert "private_key_type" not in preview
    # More regions are stored, and plan nothing.
    assert "region_domains" not in preview
    emulator.clear_requests()
    assert "1 updated" in project.up()
    assert [request["body"] for request in emulator.requests()] == [{"description": "ours", "metadata": ""}]
    assert project.outputs()["r"] == sorted(regions)
    assert UNCHANGED in project.up()


def test_answers_that_mean_the_same_are_no_difference(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        agin.AgentIngress("a", domain="connect.acme.com",
            certificate_management_policy={"authority": "letsencrypt"})
        """
    )
    # No status in the answers to come, so that nothing moves by itself.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=10_000)
    project.up()
    before = project.resources()
    shapes: list[dict[str, object]] = [
        {"trailing_dots": True, "order": "reversed", "empty_keys": "null"},
        {"upper_case": True, "unknown_keys": True, "empty_keys": "empty", "order": "shuffled"},
    ]
    for shape in shapes:
        emulator.configure(**shape)  # type: ignore[arg-type]
        assert UNCHANGED in project.refresh()
        preview = project.preview()
        assert UNCHANGED in preview
        assert "domain" not in preview.output
        assert project.resources()[0]["outputs"] == before[0]["outputs"]
        assert project.resources()[0]["inputs"] == before[0]["inputs"]


def test_an_ingress_deleted_outside_leaves_the_state_and_comes_back(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    project.up()
    emulator.delete_ingress(emulator.ingresses()[0]["id"])
    assert "1 deleted" in project.refresh()
    assert project.resources() == []
    assert "1 created" in project.up()
    assert len(emulator.ingresses()) == 1

    emulator.delete_ingress(emulator.ingresses()[0]["id"])
    assert "2 deleted" in project.destroy()


def test_the_key_of_another_account_and_a_wrong_base_url_change_nothing(project: Project, emulator: Emulator) -> None:
    project.program('agin.AgentIngress("a", domain="connect.acme.com")')
    project.up()
    [resource] = project.resources()
    stranger = {"NGROK_API_KEY": OTHER_ACCOUNTS_KEY}
    for failed in (project.refresh(fails=True, env=stranger), project.destroy(fails=True, env=stranger)):
        assert (
            "need not mean that it is gone: the API key, from the environment variable NGROK_API_KEY"
            in failed.diagnostics
        )
        assert "Set the key of its account: set the environment variable NGROK_API_KEY" in failed.diagnostics
        assert not failed.has_traceback
    # Nor does a base URL behind which there is something else.
    elsewhere = {"NGROK_API_BASE_URL": f"{emulator.url}/elsewhere"}
    for failed in (project.refresh(fails=True, env=elsewhere), project.destroy(fails=True, env=elsewhere)):
        assert "the base URL came from the environment variable NGROK_API_BASE_URL" in failed.diagnostics
    assert project.resources()[0]["outputs"] == resource["outputs"]
    assert len(emulator.ingresses()) == 1
    assert UNCHANGED in project.refresh()

    # The other way on.
    project.pulumi("state", "delete", resource["urn"], "--yes")
    assert project.resources() == []
