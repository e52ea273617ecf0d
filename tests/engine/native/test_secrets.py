"""Secrets: what a program or the declaration makes one stays one, and an API key is nowhere."""

from __future__ import annotations

import json

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.native.program import (
    LANGUAGES,
    PROVIDER,
    Call,
    Config,
    NativeProject,
    Ref,
    Resource,
    ingress,
)
from tests.support.keys import API_KEY

AUTHTOKEN = "2tokAbCdEfGhIjKlMnOpQrStUvW_not_a_real_one"
IN_CLEAR = "2tokZyXwVuTsRqPoNmLkJiHgFeD_not_a_real_one"


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_secret_stays_one_also_after_a_refresh_and_in_the_most_detailed_log(
    project: NativeProject, emulator: Emulator
) -> None:
    project.config(secret={"agin:apiKey": API_KEY, "description": "hush-hush-hush", "authtoken": AUTHTOKEN})
    config = {"domain": Ref("a.domain"), "authtoken": Config("authtoken")}
    project.write(
        {"a": ingress("connect.acme.com", description=Config("description"))},
        description=Ref("a.description"),
        agent=Call("agin:index:agentConfig", config, "yaml"),
        # In clear in the program, an authtoken makes a secret.
        inClear=Call("agin:index:agentConfig", {"domain": "connect.acme.com", "authtoken": IN_CLEAR}, "yaml"),
        without=Call("agin:index:agentConfig", {"domain": "connect.acme.com"}, "yaml"),
    )

    def assert_secret() -> None:
        [resource] = project.resources()
        [stack] = project.of_type("pulumi:pulumi:Stack")
        for part in (resource["inputs"], resource["outputs"], stack["outputs"]):
            assert "ciphertext" in part["description"]
        for name in ("agent", "inClear"):
            assert "ciphertext" in stack["outputs"][name]
        assert "ciphertext" not in json.dumps(stack["outputs"]["without"])

    shown = project.up("-v=9", "--logtostderr").output
    assert emulator.ingresses()[0]["description"] == "hush-hush-hush"
    assert AUTHTOKEN in project.pulumi("stack", "output", "agent", "--show-secrets")
    assert_secret()
    emulator.set_ingress(emulator.ingresses()[0]["id"], {"metadata": "theirs"})
    shown += project.refresh("-v=9", "--logtostderr").output
    assert_secret()
    shown += project.destroy("-v=9", "--logtostderr").output
    project.assert_no_key(shown)
    files = project.files()
    for text in (shown, *files.values()):
        assert "hush-hush-hush" not in text
        assert AUTHTOKEN not in text
    assert {name for name, text in files.items() if IN_CLEAR in text} <= {"Pulumi.yaml", "index.ts"}


def test_a_key_in_clear_is_encrypted_in_the_state(project: NativeProject, emulator: Emulator) -> None:
    project.environment["NGROK_API_KEY"] = ""
    project.config(plain={"agin:apiKey": API_KEY})
    program = {"p": Resource(PROVIDER, {"apiKey": API_KEY}), "a": ingress("a.acme.com")}
    project.write({**program, "b": ingress("b.acme.com", {"provider": Ref("p")})})
    shown = project.up("-v=9", "--logtostderr").output + project.refresh().output
    assert len(emulator.ingresses()) == 2
    assert len(project.of_type(PROVIDER)) == 2
    for provider in project.of_type(PROVIDER):
        for part in ("inputs", "outputs"):
            assert "ciphertext" in provider[part]["apiKey"]
    # The CLI's own files have what a user wrote in clear.
    for text in (shown, json.dumps(project.state())):
        assert API_KEY[:8] not in text
