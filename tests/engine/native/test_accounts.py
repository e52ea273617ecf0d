"""Explicit providers, keys that change, and keys of other accounts."""

from __future__ import annotations

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.native.program import (
    LANGUAGES,
    PROVIDER,
    VALIDATION,
    Call,
    Config,
    NativeProject,
    Ref,
    Resource,
    ingress,
)
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OURS, ROTATED_KEY, THEIRS


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_ingress_is_in_the_account_of_its_provider_and_the_keys_are_nowhere(
    project: NativeProject, emulator: Emulator
) -> None:
    project.config(secret={"keyOne": API_KEY, "keyTwo": OTHER_ACCOUNTS_KEY})
    # No key from elsewhere is taken.
    project.environment["NGROK_API_KEY"] = ""
    program = {name: Resource(PROVIDER, {"apiKey": Config(f"key{name.title()}")}) for name in ("one", "two")}
    program["ours"] = ingress("ours.acme.com", {"provider": Ref("one")})
    program["theirs"] = ingress("theirs.acme.com", {"provider": Ref("two")})
    found = Call("agin:index:getAgentIngress", {"id": Ref("theirs.id")}, "domain", {"provider": Ref("two")})
    project.write(program, found=found)
    shown = project.up("-v=9", "--logtostderr").output
    accounts = {theirs["domain"]: theirs["account"] for theirs in emulator.ingresses()}
    assert accounts == {"ours.acme.com": OURS, "theirs.acme.com": THEIRS}
    assert project.outputs()["found"] == "theirs.acme.com"
    for provider in project.of_type(PROVIDER):
        for part in ("inputs", "outputs"):
            assert "ciphertext" in provider[part]["apiKey"]

    shown += project.destroy("-v=9", "--logtostderr").output
    assert emulator.ingresses() == []
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        project.assert_no_key(shown, key)


def test_a_provider_takes_no_key_from_elsewhere_and_is_judged_in_the_preview(
    project: NativeProject, emulator: Emulator
) -> None:
    a = ingress("a.acme.com", {"provider": Ref("other")})
    for properties, said in (
        ({"apiKey": ""}, 'apiKey of the Provider "other" is empty: an explicit Provider takes no key'),
        (
            {"apiKey": API_KEY, "apiBaseUrl": "http://api.ngrok.com"},
            'the base URL from apiBaseUrl of the Provider "other" must begin with https://',
        ),
    ):
        project.write({"other": Resource(PROVIDER, properties), "a": a})
        failed = project.preview(fails=True)
        assert said in failed
        assert not failed.has_traceback
    assert emulator.requests() == []


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_accounts_key_never_empties_the_state(project: NativeProject, emulator: Emulator) -> None:
    validation = Resource(VALIDATION, {"agentIngressId": Ref("a.id")})
    project.write({"a": ingress("connect.acme.com"), "wait": validation})
    project.up()
    before = project.resources()
    project.environment["NGROK_API_KEY"] = OTHER_ACCOUNTS_KEY
    failed = project.refresh(fails=True)
    assert (
        "That need not mean that it is gone: the API key, from the environment variable NGROK_API_KEY, is not" in failed
    )
    assert "Set the key of its account: set the environment variable NGROK_API_KEY" in failed
    assert not failed.has_traceback
    assert "That need not mean that it is gone" in project.destroy(fails=True)
    assert [(each["id"], each["outputs"]) for each in project.resources()] == [(before[0]["id"], before[0]["outputs"])]
    assert len(emulator.ingresses()) == 1
    project.environment["NGROK_API_KEY"] = API_KEY
    assert "2 unchanged" in project.refresh()
    # One that is really gone is taken out.
    emulator.delete_ingress(before[0]["id"])
    project.refresh()
    assert project.resources() == []


def test_a_new_key_is_used_by_the_next_up_and_changes_no_ingress(project: NativeProject, emulator: Emulator) -> None:
    # The stack config comes first, and where no program runs, what is in the state.
    wrong = {"NGROK_API_KEY": "2tst_a_wrong_one_from_the_environment", "NGROK_API_BASE_URL": "https://x.invalid"}
    project.environment.update(wrong)
    settings = {"agin:apiBaseUrl": emulator.url, "agin:timeoutSeconds": 17}
    project.config(secret={"agin:apiKey": API_KEY, "key": API_KEY}, plain=settings)

    def write(description: str) -> None:
        program = {"p": Resource(PROVIDER, {"apiKey": Config("key"), "apiBaseUrl": emulator.url})}
        program["a"] = ingress("a.acme.com", description=description)
        program["b"] = ingress("b.acme.com", {"provider": Ref("p")}, description=description)
        project.write(program)

    write("one")
    project.up()
    before = {each["id"] for each in project.resources()}
    emulator.add_key(ROTATED_KEY, account_of=API_KEY)
    emulator.remove_key(API_KEY)
    emulator.clear_requests()
    project.config(secret={"agin:apiKey": ROTATED_KEY, "key": ROTATED_KEY})
    failed = project.destroy("--continue-on-error", fails=True)
    for source in ("agin:apiKey of the stack config", 'apiKey of the Provider "p"'):
        assert (
            f"The API key came from {source} (refresh and destroy use that of the last `pulumi up`"
            in failed.diagnostics
        )
    up = project.up()
    assert "1 updated" in up
    assert "3 unchanged" in up
    write("two")
    project.up()
    assert {each["id"] for each in project.resources()} == before
    assert [each["description"] for each in emulator.ingresses()] == ["two", "two"]
    project.destroy()
    assert emulator.ingresses() == []
