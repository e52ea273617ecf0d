"""Explicit providers in YAML: each resource and lookup is in the account of its provider."""

from __future__ import annotations

import json
import re

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY, OURS, THEIRS
from tests.support.project import Project

PROVIDER = "pulumi:providers:agin"

# Our key is in plain text, here and in the stack config; the other account's is a secret.
PROGRAM = """
    config:
      otherKey: {type: string}
    resources:
      explicit: {type: "pulumi:providers:agin", properties: {apiKey: OUR_KEY}}
      other: {type: "pulumi:providers:agin", properties: {apiKey: "${otherKey}"}}
      by-default: {type: agin:AgentIngress, properties: {domain: by-default.acme.com}}
      by-explicit:
        type: agin:AgentIngress
        properties: {domain: by-explicit.acme.com}
        options: {provider: "${explicit}"}
      by-other:
        type: agin:AgentIngress
        properties: {domain: by-other.acme.com}
        options: {provider: "${other}"}
    outputs:
      found:
        fn::invoke:
          function: agin:getAgentIngress
          arguments: {id: "${by-other.id}"}
          return: domain
          options: {provider: "${other}"}
    """.replace("OUR_KEY", API_KEY)


def test_resources_and_lookups_are_in_the_account_of_their_provider(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project
    project.environment["NGROK_API_KEY"] = "2tst_the_stack_config_comes_first"
    project.config(secret={"otherKey": OTHER_ACCOUNTS_KEY}, plain={"agin:apiKey": API_KEY})
    project.yaml_program(PROGRAM)
    shown = project.up("-v=9", "--logtostderr").output
    assert {ingress["domain"]: ingress["account"] for ingress in emulator.ingresses()} == {
        "by-default.acme.com": OURS,
        "by-explicit.acme.com": OURS,
        "by-other.acme.com": THEIRS,
    }
    assert project.outputs() == {"found": "by-other.acme.com"}
    providers = project.of_type(PROVIDER)
    assert len(providers) == 3
    for provider in providers:
        for part in ("inputs", "outputs"):
            assert "ciphertext" in provider[part]["apiKey"]
    # The program and the stack config have our key in plain text.
    project.assert_no_key(shown, OTHER_ACCOUNTS_KEY)
    for text in (shown, json.dumps(project.state())):
        assert API_KEY[:8] not in text

    project.destroy()
    assert emulator.ingresses() == []


def test_rotated_key_updates_only_the_provider(yaml_project: Project, emulator: Emulator) -> None:
    project = yaml_project

    def mark() -> str:
        """Returns the mark of the key that last read the ingress, which is always the same one."""
        [in_state], [existing] = project.of_type("agin:index:AgentIngress"), emulator.ingresses()
        assert in_state["id"] == existing["id"]
        return str(in_state["outputs"]["_key_fingerprint"])

    project.config(secret={"otherKey": OTHER_ACCOUNTS_KEY})
    project.yaml_program(
        """
        config:
          otherKey: {type: string}
        resources:
          other: {type: "pulumi:providers:agin", properties: {apiKey: "${otherKey}"}}
          theirs:
            type: agin:AgentIngress
            properties: {domain: theirs.acme.com}
            options: {provider: "${other}"}
        """
    )
    project.up()
    old = mark()
    emulator.add_key(OTHER_ROTATED_KEY, account_of=OTHER_ACCOUNTS_KEY)
    project.config(secret={"otherKey": OTHER_ROTATED_KEY})
    project.refresh()
    assert mark() == old
    emulator.clear_requests()
    up = project.pulumi("up", "--yes")
    assert re.findall(r"^ \S +(\S+) (\S+) (update|replace|create|delete) (.*)$", up.output, re.MULTILINE) == [
        (PROVIDER, "other", "update", "[diff: ~apiKey]")
    ]
    assert "~ 1 updated\n    2 unchanged" in up
    # One list in the preview and one in the update show that the new key is of the same account.
    assert (emulator.counts(), mark()) == ({"GET /agent_ingresses": 2}, old)
    emulator.remove_key(OTHER_ACCOUNTS_KEY)
    project.refresh()
    assert mark() != old

    # The old key is revoked before the new one is in the state.
    emulator.add_key(OTHER_ACCOUNTS_KEY, account_of=OTHER_ROTATED_KEY)
    emulator.remove_key(OTHER_ROTATED_KEY)
    project.config(secret={"otherKey": OTHER_ACCOUNTS_KEY})
    failed = project.refresh(fails=True)
    assert 'The API key came from apiKey of the Provider "other" (refresh and destroy use' in failed.messages["theirs"]
    shown = project.refresh("--run-program").output
    assert mark() == old
    for key in (OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY):
        project.assert_no_key(up.output + failed.output + shown, key)
