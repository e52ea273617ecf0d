"""States that earlier versions wrote, continued by this version."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pulumi_agin.emulator import Emulator
from pulumi_agin.native.names import in_snake_case
from tests.support import old_states
from tests.support.bind import Bind
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import Project
from tests.support.public_api import HOST, public_api
from tests.support.records import delegate
from tools.bind import Programs


class Kind(NamedTuple):
    """A kind of recording, and the expected results."""

    failed: list[str]
    """The resources whose last update failed."""
    settled: int
    """How many resources the next `up` updates."""
    written: set[str]
    """The domains whose NS records that `up` writes."""
    change: dict[str, str]
    """Strings of the program, and their replacements in a later `up`."""
    updated: int
    """How many resources that later `up` updates."""


KINDS = {
    "base": Kind(["kept"], 1, set(), {"Geräte": "devices"}, 1),
    # The validation of `late` is repeated. Each one is repeated after a change of the policy.
    "dns": Kind(["lost"], 2, {"lost.acme.com"}, {'"letsencrypt"}': '"letsencrypt", "private_key_type": "ecdsa"}'}, 6),
    "native": Kind(
        ["kept"], 1, set(), {"authority: letsencrypt}": "authority: letsencrypt, privateKeyType: ecdsa}"}, 2
    ),
}
CASES = [
    pytest.param(
        recording.name,
        recording,
        id=f"{recording.parent.name}-{recording.name}",
        marks=[pytest.mark.main] * (recording == old_states.NEWEST / "base"),
    )
    for recording in old_states.RECORDINGS
]


@pytest.fixture
def emulator(recording: Path, tmp_path: Path) -> Iterator[Emulator]:
    file = shutil.copy(recording / old_states.INGRESSES, tmp_path)
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], file=file, allowed_hosts=[HOST]) as running:
        # The certificates of kind `base` were recorded while they were being issued.
        running.configure(job_after_seconds=0, issue_after_seconds=10**9 if recording.name == "base" else 0)
        yield running


@pytest.fixture
def bind(recording: Path, tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    """A server with the NS records of the state, and those of the create without a response."""
    with Bind(bind_programs, tmp_path / "bind", [old_states.KEY]) as running:
        for records in old_states.records_of(old_states.read_state(recording)):
            outputs = in_snake_case(records["outputs"])
            targets = outputs["ns_targets"] or outputs["_unsettled_ns_targets"]
            delegate(running, outputs["domain"], targets, old_states.KEY, ttl=outputs["ttl"])
        yield running


@pytest.fixture
def old_project(
    recording: Path, project: Project, yaml_host: Path, emulator: Emulator, bind: Bind, tmp_path: Path
) -> Iterator[Project]:
    """A project with the recorded program and state, and the port of this run's BIND in the NS records."""
    with public_api(emulator, tmp_path) as api:
        project.environment |= old_states.environment(api, bind.port)
        project.add_to_path(yaml_host)
        state = old_states.read_state(recording)
        for records in old_states.records_of(state):
            for part in ("inputs", "outputs"):
                records[part]["port"] = bind.port
            # As if it had been set.
            records["inputs"]["adopt"] = True
        # The passphrase decrypts it, even if another provider encrypts other stacks' secrets.
        salt = state["deployment"]["secrets_providers"]["state"]["salt"]
        (project.folder / "Pulumi.dev.yaml").write_text(f"encryptionsalt: {salt}\n")
        old_states.write_program(project, recording, bind.port)
        project.write_state(state)
        yield project


@pytest.mark.parametrize(("kind", "recording"), CASES)
def test_recorded_state_continues_without_changes_at_ngrok(
    kind: str, recording: Path, old_project: Project, emulator: Emulator, bind: Bind
) -> None:
    expected, project = KINDS[kind], old_project
    recorded, ingresses, records = project.state(), emulator.ingresses(), ns_records(bind)
    written_before = len(written_domains(bind))
    assert failed(recorded) == expected.failed
    assert bool(creating_since(recorded)) == (recording.parent.name == "1.3.0")

    # A refresh settles failed operations, and a following `up` changes nothing.
    assert re.search(r"Resources:\n +\d+ unchanged\n", project.up("--refresh").output)
    state = project.state()
    assert failed(state) == []
    assert creating_since(state) == []
    assert secrets(state) == secrets(recorded) != set()
    assert fingerprints(state) == fingerprints(recorded) != set()
    project.refresh("--expect-no-changes")
    project.up("--expect-no-changes")

    # Without a refresh, an `up` settles it.
    project.write_state(recorded)
    up = project.preview_and_up()
    assert f"~ {expected.settled} to update" in up
    assert f"~ {expected.settled} updated" in up
    state = project.state()
    assert failed(state) == []
    assert creating_since(state) == []
    assert secrets(state) == secrets(recorded)
    assert set(written_domains(bind)[written_before:]) == expected.written
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert (emulator.ingresses(), ns_records(bind)) == (ingresses, records)

    # A change of the program updates in place.
    project.edit(expected.change)
    assert f"~ {expected.updated} updated" in project.up()
    assert [ingress["id"] for ingress in emulator.ingresses()] == [ingress["id"] for ingress in ingresses]

    # Two ingresses have been deleted, one of each account.
    for domain in ("theirs.acme.com", "secret.acme.com"):
        [id_] = [ingress["id"] for ingress in ingresses if ingress["domain"] == domain]
        emulator.delete_ingress(id_)
    project.destroy()
    assert project.state()["deployment"].get("resources", []) == []
    assert emulator.ingresses() == []
    assert not any(ns_records(bind).values())


def failed(state: dict[str, Any]) -> list[str]:
    resources = state["deployment"]["resources"]
    return [resource["urn"].rpartition("::")[2] for resource in resources if resource.get("initErrors")]


def creating_since(state: dict[str, Any]) -> list[str]:
    """Returns the resources with the hidden input of versions 1.3 and 1.4."""
    resources = state["deployment"]["resources"]
    return [resource["urn"] for resource in resources if "__creating_since" in resource.get("inputs", {})]


def secrets(state: dict[str, Any]) -> set[tuple[str, str, str]]:
    return {
        (resource["urn"], part, name)
        for resource in state["deployment"]["resources"]
        for part in ("inputs", "outputs")
        for name, value in resource.get(part, {}).items()
        if "ciphertext" in str(value)
    }


def fingerprints(state: dict[str, Any]) -> set[tuple[str, str]]:
    """Returns what recognizes the account of each resource. At ngrok's public API, it has no base URL."""
    return {
        (resource["urn"], resource["outputs"]["_key_fingerprint"])
        for resource in state["deployment"]["resources"]
        if "_key_fingerprint" in resource.get("outputs", {})
    }


def ns_records(bind: Bind) -> dict[str, list[str]]:
    return {domain: bind.referral(domain) for domain in old_states.KEY.grants}


def written_domains(bind: Bind) -> list[str]:
    """Returns the domains of all updates of the zone, even updates without a change."""
    log = (bind.folder / "named.log").read_text()
    return re.findall(rf"updating zone '{bind.zone}/IN': .* at '(.+?)'", log)
