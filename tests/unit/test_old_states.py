"""The recorded states of earlier versions: their providers load, and they hold nothing that they should not."""

from __future__ import annotations

import base64
import json
import pickle
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY

FOLDER = Path(__file__).parents[1] / "engine" / "states"
STATES = sorted(FOLDER.glob("*/state.json"))


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.parent.name)
def test_every_recorded_provider_loads(state: Path) -> None:
    resources: list[dict[str, Any]] = json.loads(state.read_text())["deployment"]["resources"]
    recorded = {
        resource[part]["__provider"]
        for resource in resources
        for part in ("inputs", "outputs")
        if resource["type"] == "pulumi-python:dynamic/agin:AgentIngress"
    }
    assert recorded
    for provider in recorded:
        loaded = pickle.loads(base64.b64decode(provider))
        assert type(loaded) is AgentIngressProvider
        assert vars(loaded) == {}


@pytest.mark.parametrize("version", [state.parent for state in STATES], ids=lambda version: version.name)
def test_a_recording_holds_no_key_and_no_path_of_the_machine_it_was_made_on(version: Path) -> None:
    for file in version.iterdir():
        text = file.read_text()
        for key in (API_KEY, OTHER_ACCOUNTS_KEY):
            assert not any(key[start : start + 8] in text for start in range(len(key) - 7)), file
        for telling in ("://", "site-packages", "sourcePosition"):
            assert telling not in text, file


def test_there_is_a_recording() -> None:
    assert STATES
