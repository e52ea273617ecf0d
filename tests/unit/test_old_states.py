"""The recorded states: the code writes the same format, their providers load, and they contain no secret."""

from __future__ import annotations

import base64
import json
import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic import Config, ConfigureRequest

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider
from pulumi_agin.dynamic.servicer import DynamicProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.native.names import in_snake_case
from pulumi_agin.rfc2136.inputs import UNSETTLED
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, assert_without_key
from tests.support.old_states import INGRESSES, KEY, NEWEST, RECORDINGS, STATE

PROVIDERS: dict[str, type[DynamicProvider]] = {
    "AgentIngress": AgentIngressProvider,
    "AgentIngressCertificateValidation": CertificateValidationProvider,
    "Rfc2136Delegation": Rfc2136Provider,
}
# Outputs whose values depend on the time, or are encrypted.
VARIABLE = {"certificate_management_status", "renews_at", "_was_ready", "description"}


def resources_of(recording: Path) -> list[dict[str, Any]]:
    """Returns the recorded resources of this package, with a TSIG secret instead of each encrypted value."""
    encrypted = {"4dabf18193072939515e22adb298388d", "ciphertext"}
    state = json.loads(
        (recording / STATE).read_text(),
        object_hook=lambda value: KEY.secret if value.keys() == encrypted else value,
    )
    resources: list[dict[str, Any]] = state["deployment"]["resources"]
    return [each for each in resources if each["type"].rpartition(":")[2] in PROVIDERS]


@pytest.mark.parametrize("recording", sorted(NEWEST.iterdir()), ids=lambda folder: folder.name)
def test_state_format_is_unchanged(recording: Path, tmp_path: Path) -> None:
    """If it changed, record the states of this version with `tests/engine/states/record.py`, and support both."""
    file = shutil.copy(recording / INGRESSES, tmp_path)
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], file=file) as emulator:
        for resource in resources_of(recording):
            key = OTHER_ACCOUNTS_KEY if "::acct2::" in resource["provider"] else API_KEY
            provider = provider_of(resource)
            provider.configure(
                ConfigureRequest(Config({"agin:apiKey": key, "agin:apiBaseUrl": emulator.url}, "test"))
            )
            outputs = in_snake_case(resource["outputs"])
            if isinstance(provider, Rfc2136Provider):
                # After a failed create, it is unknown which records the server has.
                has_changes = bool(resource.get("initErrors"))
                difference = provider.diff(resource["id"], outputs, in_snake_case(resource["inputs"]))
                assert difference.changes == has_changes, resource["urn"]
                assert (UNSETTLED in outputs) == has_changes, resource["urn"]
            else:
                read = provider.read(resource["id"], outputs).outs or {}
                # The emulator's URL is not that of ngrok's public API, so it is a part of the fingerprint.
                read["_key_fingerprint"] = read["_key_fingerprint"].removesuffix(f" {emulator.url}")
                assert comparable(read) == comparable(outputs), resource["urn"]


def provider_of(resource: dict[str, Any]) -> DynamicProvider:
    """Returns the provider in the state, or a new one for a resource of the provider plugin."""
    kind = PROVIDERS[resource["type"].rpartition(":")[2]]
    if resource["type"].startswith("agin:"):
        return kind()
    loaded = pickle.loads(base64.b64decode(resource["outputs"]["__provider"]))
    assert type(loaded) is kind
    assert vars(loaded) == {}
    assert resource.get("inputs", {}).get("__provider") in (None, resource["outputs"]["__provider"])
    return loaded


def comparable(outputs: dict[str, Any]) -> dict[str, Any]:
    """Returns the outputs that a later read returns again. States of the plugin have null for an absent one."""
    present = {name: value for name, value in outputs.items() if not name.startswith("__") and value is not None}
    return {name: "any" if name in VARIABLE else value for name, value in present.items()}


@pytest.mark.parametrize("recording", RECORDINGS, ids=lambda folder: f"{folder.parent.name}-{folder.name}")
def test_recording_holds_no_key_and_no_path(recording: Path) -> None:
    for file in recording.iterdir():
        text = file.read_text()
        for key in (API_KEY, OTHER_ACCOUNTS_KEY, KEY.secret):
            assert_without_key(text, key, where=str(file))
        for fragment in ("://", "site-packages", "sourcePosition"):
            assert fragment not in text, file
