"""The recorded states of earlier versions: their providers load, and they hold nothing that they should not."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tools.bind import Key

FOLDER = Path(__file__).parents[1] / "engine" / "states"
# Those of delegations are in a subfolder `dns` of the version's, and those of the plugin in `native`.
STATES = sorted(FOLDER.rglob("state.json"))
# The plugin's have no provider of a program.
OF_PYTHON = [state for state in STATES if state.parent.name != "native"]

PROVIDERS = {
    "pulumi-python:dynamic/agin:AgentIngress": AgentIngressProvider,
    "pulumi-python:dynamic/agin:AgentIngressCertificateValidation": CertificateValidationProvider,
    "pulumi-python:dynamic/agin:Rfc2136Delegation": Rfc2136Provider,
}


def relative(folder: Path) -> str:
    return str(folder.relative_to(FOLDER))


@pytest.mark.parametrize("state", OF_PYTHON, ids=lambda state: relative(state.parent))
def test_every_recorded_provider_loads(state: Path) -> None:
    resources: list[dict[str, Any]] = json.loads(state.read_text())["deployment"]["resources"]
    recorded = {
        (resource["type"], resource[part]["__provider"])
        for resource in resources
        for part in ("inputs", "outputs")
        if resource["type"].startswith("pulumi-python:dynamic/")
    }
    assert recorded
    for type_, provider in recorded:
        loaded = pickle.loads(base64.b64decode(provider))
        assert type(loaded) is PROVIDERS[type_]
        assert vars(loaded) == {}


@pytest.mark.parametrize("folder", [state.parent for state in STATES], ids=relative)
def test_a_recording_holds_no_key_and_no_path_of_the_machine_it_was_made_on(folder: Path) -> None:
    for file in filter(Path.is_file, folder.iterdir()):
        text = file.read_text()
        for key in (API_KEY, OTHER_ACCOUNTS_KEY, Key("agin").secret):
            assert not any(key[start : start + 8] in text for start in range(len(key) - 7)), file
        for telling in ("://", "site-packages", "sourcePosition"):
            assert telling not in text, file


def test_there_are_recordings_of_each_kind() -> None:
    kinds = {state.parent.name for state in STATES}
    assert {"dns", "native"} < kinds
