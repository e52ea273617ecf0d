"""Previews of Python programs: what they show, what they send, and the errors that come before any change."""

from __future__ import annotations

import re

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.project import Project

LETSENCRYPT = {"authority": "letsencrypt", "private_key_type": "ecdsa"}

# Each in its own way: a string, a policy, a domain, another key type, nothing, and a policy that Pulumi keeps or adds.
PROGRAM = """
    policy = {"authority": "letsencrypt"}


    def add_policy(args):
        return pulumi.ResourceTransformResult({**args.props, "certificate_management_policy": policy}, args.opts)


    cases = {
        "text": agin.AgentIngress("text", domain="text.acme.com", description="one"),
        "policy": agin.AgentIngress("policy", domain="policy.acme.com", certificate_management_policy=policy),
        "domain": agin.AgentIngress("domain", domain="domain.acme.com"),
        "same": agin.AgentIngress("same", domain="same.acme.com", certificate_management_policy=policy),
        "object": agin.AgentIngress(
            "object",
            domain="object.acme.com",
            description="one",
            certificate_management_policy=agin.AgentIngressCertPolicyArgs(authority="letsencrypt"),
        ),
        "ignored": agin.AgentIngress(
            "ignored",
            domain="ignored.acme.com",
            description="one",
            certificate_management_policy=policy,
            opts=pulumi.ResourceOptions(ignore_changes=["certificate_management_policy"]),
        ),
        "added": agin.AgentIngress(
            "added",
            domain="added.acme.com",
            description="one",
            opts=pulumi.ResourceOptions(transforms=[add_policy]),
        ),
    }
    for name, each in cases.items():
        each.ns_targets.apply(lambda value, name=name: print(f"targets of {name}: {len(value)}"))
        each.certificate_management_policy.apply(lambda value, name=name: print(f"policy of {name}: {value}"))
        each.certificate_management_status.apply(lambda value, name=name: print(f"status of {name}: {value}"))
        pulumi.export(name, [each.created_at, each.uri, each.region_domains])
    pulumi.export("agents", [agin.agent_config(each) for each in cases.values()])
    """


@pytest.mark.main
def test_previews_of_updates_are_exact(project: Project, emulator: Emulator) -> None:
    emulator.configure(default_private_key_type="ecdsa")
    project.program(PROGRAM)
    project.up()
    emulator.clear_requests()
    unchanged = project.preview()
    assert "unchanged" in unchanged
    assert "to update" not in unchanged
    assert emulator.requests() == []
    assert all(f"targets of {name}: 4" in unchanged for name in ("text", "policy", "domain", "same", "object"))
    assert "policy of text: None" in unchanged

    project.edit(
        {
            '"one"': '"two"',
            '"policy.acme.com", certificate_management_policy=policy': '"policy.acme.com"',
            "domain.acme.com": "other.acme.com",
            "certificate_management_policy=policy,\n": "\n",
        }
    )
    changed = project.preview()
    assert "~ 5 to update" in changed
    assert "+-1 to replace" in changed
    assert [request["method"] for request in emulator.requests()] == ["GET"]
    known = [
        "targets of text: 4",
        "targets of policy: 4",
        "targets of same: 4",
        "policy of text: None",
        "policy of policy: None",
        *(f"policy of {name}: {LETSENCRYPT}" for name in ("object", "ignored", "added")),
        *(f"status of {name}:" for name in ("object", "ignored", "added")),
    ]
    assert [each for each in known if each not in changed] == []
    assert all(unknown not in changed for unknown in ("targets of domain", "status of policy"))
    # What cuts agents off is said in the preview, and again in the update.
    for result in (project.pulumi("preview"), project.up()):
        assert "this replacement deletes the Agent Ingress domain.acme.com" in result.messages["domain"]
        assert "`pulumi up` changes the certificate authority of policy.acme.com" in result.messages["policy"]
        assert "warning" not in result.messages.get("text", "")


NO_KEY_TYPE = """
    policy = {"authority": "letsencrypt"}
    ingress = agin.AgentIngress("connect", domain="connect.acme.com", certificate_management_policy=policy)
    ingress.certificate_management_policy.apply(lambda value: print(f"policy: {value}"))
    pulumi.export("agent", agin.agent_config(ingress))
    """


def test_preview_of_an_unchanged_policy_without_key_type_is_the_state(project: Project, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt"}
    body = {"id": "agin_1", "domain": "connect.acme.com", "created_at": "x", "ns_targets": ["a.net"]}
    emulator.add_fault("POST", "respond", status=201, body={**body, "certificate_management_policy": policy})
    project.program(NO_KEY_TYPE)
    project.up()
    unchanged = project.preview()
    assert "policy: {'authority': 'letsencrypt'" in unchanged
    # Otherwise, it would show a change of the agent's configuration.
    assert "connect_cas" not in unchanged


WRONG = """
    agin.AgentIngress("url", domain="https://connect.acme.com", description="x" * 256)
    policy = {"authority": "zerossl", "private_key_typ": "rsa"}
    agin.AgentIngress("policy", domain="policy.acme.com", certificate_management_policy=policy)
    """


def test_wrong_values_are_found_before_anything_is_sent(project: Project, emulator: Emulator) -> None:
    for line, sentences in (
        ("url", ["the domain has a scheme, a port or a path", "property description is 256 bytes; the limit is 255"]),
        (
            "policy",
            [
                "property certificate_management_policy.authority must be 'letsencrypt'",
                'property certificate_management_policy.private_key_typ is not known; did you mean "private_key_type"?',
            ],
        ),
    ):
        project.program(WRONG)
        failed = project.pulumi("preview", "--target", f"**::{line}", fails=True)
        assert [each for each in sentences if each not in failed.messages[line]] == []
        assert not failed.has_traceback
    assert [request for request in emulator.requests() if request["method"] != "GET"] == []


def test_missing_key_and_double_domain_are_one_sentence(project: Project) -> None:
    project.program(
        """
        agin.AgentIngress("a", domain="connect.acme.com")
        agin.AgentIngress("b", domain=pulumi.Output.from_input("Connect.acme.com."))
        """
    )
    failed = project.pulumi("preview", fails=True)
    # The engine checks them in any order.
    assert re.search(r"the Agent Ingress \"[ab]\" has the same domain", failed.output)
    assert not failed.has_traceback
    del project.environment["NGROK_API_KEY"]
    failed = project.pulumi("preview", fails=True)
    sentence = "there is no ngrok API key: set it with `pulumi config set --secret agin:apiKey`"
    assert failed.output.partition("Diagnostics:")[2].count(sentence) == 1
    assert not failed.has_traceback


def test_preview_reports_a_rejected_key_and_does_without_ngrok(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        for name in ["a", "b"]:
            agin.AgentIngress(name, domain=f"{name}.acme.com")
        """
    )
    project.environment["NGROK_API_KEY"] = "not-a-key-of-the-emulator"
    rejected = project.pulumi("preview")
    assert rejected.output.count("ERR_NGROK_") == 2 * 1, "in the row and under Diagnostics"
    assert "not-a-key" not in rejected

    # It waits once for all, for 30 seconds at most, and then shows what it knows.
    del project.environment["NGROK_API_KEY"]
    project.config(plain={"agin:apiKey": "stored-in-plain-text"})
    emulator.add_fault("GET", "delay", seconds=3600, times=None)
    hanging = project.pulumi("preview")
    assert "+ 3 to create" in hanging
    assert [request["method"] for request in emulator.requests() if request["status"] is None] == ["GET"]
    assert hanging.output.partition("Diagnostics:")[2].count("agin:apiKey is stored unencrypted") == 1
