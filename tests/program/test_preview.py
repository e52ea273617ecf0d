"""Exact previews of a program: the outputs that an update does not change, and the requests."""

from __future__ import annotations

import asyncio
import gc
from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.emulator import Emulator
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.mocks import Mocks, run
from tests.support.ngrok import create, ns_targets

NAMES = "abcdefgh"


@pytest.fixture
def updates(preview: Mocks, emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Mocks:
    """A preview in which ingresses are updated. The engine has only IDs and inputs."""
    ids = {name: create(emulator, f"{name}.acme.com") for name in NAMES}

    def new_resource(args: pulumi.runtime.MockResourceArgs) -> tuple[str, Mapping[str, Any]]:
        return ids[args.name], args.inputs

    monkeypatch.setattr(preview, "new_resource", new_resource)
    emulator.clear_requests()
    return preview


@pytest.fixture
def reported(updates: Mocks) -> list[object]:
    """The reports of asyncio, such as an exception that was never retrieved."""
    contexts: list[object] = []
    asyncio.get_event_loop().set_exception_handler(lambda loop, context: contexts.append(context))
    return contexts


def declare(**options: Any) -> list[agin.AgentIngress]:
    opts = pulumi.ResourceOptions(**options)
    return [agin.AgentIngress(name, domain=f"{name}.acme.com", description="new", opts=opts) for name in NAMES]


def test_updates_share_a_list_and_know_unchanged_outputs(updates: Mocks, emulator: Emulator) -> None:
    seen: dict[str, tuple[Any, bool]] = {}

    def program() -> Any:
        ingress = declare(additional_secret_outputs=["domain", "uri"])[0]

        async def see(name: str) -> None:
            output = getattr(ingress, name)
            seen[name] = (await output.future(with_unknowns=True), await output.is_secret())

        return [see(name) for name in ("domain", "description", "ns_targets", "certificate_management_policy", "uri")]

    run(program)
    assert seen == {
        "domain": ("a.acme.com", True),
        "description": ("new", False),
        "ns_targets": (ns_targets(emulator, "a.acme.com"), False),
        "certificate_management_policy": (None, False),
        "uri": (f"/agent_ingresses/{emulator.ingresses()[0]['id']}", True),
    }
    # At most the first read by its ID, and one list for all others.
    assert sum(emulator.counts().values()) <= 2


def test_output_of_a_secret_input_stays_secret(updates: Mocks) -> None:
    seen: dict[str, bool] = {}

    def program() -> Any:
        ingress = agin.AgentIngress("a", domain="a.acme.com", description=pulumi.Output.secret("hush-hush"))

        async def see(name: str) -> None:
            output = getattr(ingress, name)
            assert await output.is_known()
            seen[name] = await output.is_secret()

        return [see(name) for name in ("description", "metadata", "ns_targets")]

    run(program)
    assert seen == {"description": True, "metadata": False, "ns_targets": False}


@pytest.mark.parametrize("is_update", [True, False])
@pytest.mark.parametrize("key_type", [{}, {"private_key_type": "ecdsa"}], ids=["omitted", "given"])
def test_key_type_that_the_program_omits_is_unknown_in_a_new_policy(
    key_type: dict[str, str], is_update: bool, updates: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_update:
        monkeypatch.setattr(updates, "new_resource", lambda args: (None, args.inputs))
    seen: dict[str, tuple[Any, bool]] = {}

    def program() -> Any:
        policy: Any = {"authority": "letsencrypt", **key_type}
        ingress = agin.AgentIngress("a", domain="a.acme.com", certificate_management_policy=policy)

        async def see(name: str) -> None:
            output = getattr(ingress.certificate_management_policy, name)
            seen[name] = (await output.future(), await output.is_known())

        return [see(name) for name in ("authority", "private_key_type")]

    run(program)
    expected = ("ecdsa", True) if key_type else (None, False)
    assert seen == {"authority": ("letsencrypt", True), "private_key_type": expected}


def test_failed_read_leaves_outputs_unknown_and_fails_nothing(
    updates: Mocks, emulator: Emulator, reported: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NGROK_API_KEY", OTHER_ACCOUNTS_KEY[::-1])
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    # If the output were known, its value would be among the warnings.
    run(lambda: declare()[0].ns_targets.apply(lambda targets: warnings.append(str(targets))))
    gc.collect()
    assert reported == []
    assert [text.partition(":")[0] for text in warnings] == [
        "the preview can't determine which outputs this update will leave unchanged"
    ]


def test_missing_ingress_is_no_reason_to_refresh_at_once(
    updates: Mocks, emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    missing = emulator.ingresses()[0]["id"]
    emulator.delete_ingress(missing)
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    run(declare)
    [warning] = warnings
    assert warning.startswith(f"the Agent Ingress {missing} was not found, so this update will fail: could not read")
    # The key or the URL may be wrong.
    assert warning.endswith(
        ". First check that the provider, the API key and the base URL are those of its account. If they are, the "
        "Agent Ingress was deleted, and `pulumi refresh` removes it from the state"
    )


def test_failed_registration_is_not_reported_by_python_too(
    updates: Mocks, reported: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    def new_resource(args: pulumi.runtime.MockResourceArgs) -> tuple[str, Mapping[str, Any]]:
        raise ValueError("not registered")

    monkeypatch.setattr(updates, "new_resource", new_resource)
    with pytest.raises(ValueError, match="not registered"):
        run(lambda: agin.AgentIngress("a", domain="a.acme.com"))
    # The SDK keeps failures for the next program.
    run(lambda: None)
    gc.collect()
    # The SDK's own futures are reported.
    assert [each for each in reported if "pulumi_agin" in str(each)] == []
