"""What earlier versions wrote is read by this one. `states/record.py` says how a state is recorded."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.project import Project, Result
from tests.engine.states import record
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tools.bind import Bind

VERSIONS = sorted(state.parent for state in record.FOLDER.glob(f"*/{record.STATE}"))
DNS_VERSIONS = sorted(state.parent for state in record.FOLDER.glob(f"*/{record.DNS}/{record.STATE}"))

DOMAINS = sorted(f"{name}.acme.com" for name in ("child", "described", "kept", "managed", "plain", "secret", "theirs"))

each_version = pytest.mark.parametrize("recording", VERSIONS, ids=lambda folder: folder.name, indirect=True)
each_dns_version = pytest.mark.parametrize(
    "recording", DNS_VERSIONS, ids=lambda folder: folder.parent.name, indirect=True
)


@pytest.fixture
def recording(request: pytest.FixtureRequest) -> Path:
    """The folder of a recorded state."""
    assert isinstance(request.param, Path)
    return request.param


@pytest.fixture
def emulator(recording: Path, tmp_path: Path) -> Iterator[Emulator]:
    """ngrok, with the ingresses that the state is about."""
    file = shutil.copy(recording / record.INGRESSES, tmp_path)
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], file=file) as running:
        yield running


@pytest.fixture
def bind(recording: Path, tmp_path: Path) -> Iterator[Bind]:
    """A server of the recorded zone."""
    folder = tmp_path / "bind"
    folder.mkdir()
    shutil.copy(recording / record.ZONE, folder / "zone")
    with Bind(folder, [record.KEY]) as running:
        yield running


NewProject = Callable[[Mapping[str, str], Mapping[str, Any]], Project]


@pytest.fixture
def new_project(recording: Path, tmp_path: Path, cli: Path, user_env: Path, prepared: Path) -> NewProject:
    """Makes a project with the recorded program, with these variables and this state."""

    def new(environment: Mapping[str, str], state: Mapping[str, Any]) -> Project:
        project = Project(tmp_path / "project", cli, user_env, dict(environment), prepared=prepared)
        shutil.copy(recording / record.PROGRAM, project.folder / "__main__.py")
        project.write_state(state)
        # The stack is as it was when it was recorded, whatever encrypts the secrets of the prepared one.
        assert state["deployment"]["secrets_providers"]["type"] == "passphrase"
        salt = state["deployment"]["secrets_providers"]["state"]["salt"]
        (project.folder / f"Pulumi.{project.stack}.yaml").write_text(f"encryptionsalt: {salt}\n")
        return project

    return new


@pytest.fixture
def project(new_project: NewProject, recording: Path, emulator: Emulator) -> Project:
    """A project with the recorded program and state."""
    return new_project(record.settings(emulator), record.load(recording))


@pytest.fixture
def dns_project(new_project: NewProject, recording: Path, emulator: Emulator, bind: Bind) -> Project:
    """A project with the recorded program with delegations, and its state."""
    return new_project(record.dns_settings(emulator, bind.port), record.load(recording, bind.port))


def made(emulator: Emulator) -> list[dict[str, Any]]:
    return sorted(emulator.ingresses(), key=lambda ingress: str(ingress["domain"]))


def nothing_was_written(emulator: Emulator) -> bool:
    return {request["method"] for request in emulator.requests()} <= {"GET"}


def preview_and_up(project: Project) -> Result:
    """`pulumi up` with its preview, in one command."""
    return project.pulumi("up", "--yes", "--diff")


def nothing_changed(result: Result) -> bool:
    """Whether the CLI tells only of resources that are as they were."""
    # The summary has changes first, if there are some.
    return bool(re.search(r"Resources:\n +\d+ unchanged\n", result.output))


def with_init_errors(project: Project) -> list[str]:
    """The names of the resources that are left half-way."""
    return [name_of(resource) for resource in all_resources(project) if resource.get("initErrors")]


def name_of(resource: Mapping[str, Any]) -> str:
    return str(resource["urn"]).rpartition("::")[2]


def all_resources(project: Project) -> list[dict[str, Any]]:
    resources: list[dict[str, Any]] = project.state()["deployment"].get("resources", [])
    return resources


# -- ingresses --------------------------------------------------------------------------------------------


@each_version
def test_an_up_changes_nothing_and_a_destroy_deletes_all(project: Project, emulator: Emulator) -> None:
    before = made(emulator)
    outputs = outputs_but_of_kept(project)
    assert [ingress["domain"] for ingress in before] == DOMAINS
    assert with_init_errors(project) == ["kept"]
    # Only what failed half-way is looked at again.
    up = preview_and_up(project)
    assert "~ 1 to update" in up
    assert "~ 1 updated" in up
    assert with_init_errors(project) == []
    assert nothing_was_written(emulator)
    assert made(emulator) == before

    # So what is destroyed is what the earlier version wrote. One ingress is gone already, which is believed because the
    # key is the one that saw it last.
    assert outputs_but_of_kept(project) == outputs
    emulator.delete_ingress(before[0]["id"])
    project.destroy()
    assert emulator.ingresses() == []
    assert all_resources(project) == []


def outputs_but_of_kept(project: Project) -> dict[str, Any]:
    """What the state has of the ingresses, secrets apart, as their ciphertext changes with each `up`."""
    return {
        name_of(resource): {name: value for name, value in resource["outputs"].items() if "ciphertext" not in value}
        for resource in project.resources()
        if name_of(resource) != "kept"
    }


@each_version
def test_a_refresh_and_an_up_change_nothing(project: Project, emulator: Emulator) -> None:
    before = made(emulator)
    assert nothing_changed(project.up("--refresh"))
    assert {r["id"] for r in project.resources()} == {ingress["id"] for ingress in before}
    assert with_init_errors(project) == []
    assert nothing_was_written(emulator)
    assert made(emulator) == before
    [secret] = [r for r in project.resources() if r["urn"].endswith("::secret")]
    for part in ("inputs", "outputs"):
        assert "ciphertext" in secret[part]["description"]


# -- delegations, waits for certificates, and an explicit provider ----------------------------------------


def updated_domains(bind: Bind) -> set[str]:
    """The domains whose records somebody has set since BIND was started, be it to what they were."""
    log = (bind.folder / "named.log").read_text()
    return set(re.findall(rf"updating zone '{bind.zone}/IN': .* at '(.+?)'", log))


def records(bind: Bind) -> dict[str, list[str]]:
    return {domain: bind.referral(domain) for domain in record.DELEGATED}


def unsettled_delegations(project: Project, recording: Path) -> list[str]:
    """The names of the delegations that were left half-way. 0.3.0 would have kept nothing of such a one."""
    names = with_init_errors(project)
    assert names == ([] if recording.parent.name == "0.3.0" else ["lost"])
    return names


@each_dns_version
def test_an_up_sets_only_the_records_that_were_left_half_way(
    dns_project: Project, emulator: Emulator, bind: Bind, recording: Path
) -> None:
    before = made(emulator), records(bind)
    unsettled = unsettled_delegations(dns_project, recording)
    up = preview_and_up(dns_project)
    # The certificate of `late` is waited for again.
    assert f"~ {1 + len(unsettled)} to update" in up
    assert f"~ {1 + len(unsettled)} updated" in up
    assert updated_domains(bind) == {f"{name}.acme.com" for name in unsettled}
    assert nothing_was_written(emulator)
    assert (made(emulator), records(bind)) == before
    assert with_init_errors(dns_project) == []

    # Each of the three waits for a certificate comes again after a change of the policy.
    program = dns_project.folder / "__main__.py"
    program.write_text(program.read_text().replace('"letsencrypt"}', '"letsencrypt", "private_key_type": "ecdsa"}'))
    assert "~ 6 to update" in dns_project.preview()


@each_dns_version
def test_a_refresh_settles_what_was_left_half_way_and_an_up_changes_nothing(
    dns_project: Project, emulator: Emulator, bind: Bind, recording: Path
) -> None:
    before = made(emulator), records(bind)
    unsettled_delegations(dns_project, recording)
    assert nothing_changed(dns_project.up("--refresh"))
    assert updated_domains(bind) == set()
    assert nothing_was_written(emulator)
    assert (made(emulator), records(bind)) == before
    assert with_init_errors(dns_project) == []


@each_dns_version
def test_a_destroy_deletes_all_records_and_ingresses(dns_project: Project, emulator: Emulator, bind: Bind) -> None:
    assert all(records(bind).values())
    # One of each account is gone already.
    for ingress in emulator.ingresses():
        if ingress["domain"] in ("ours.acme.com", "theirs.acme.com"):
            emulator.delete_ingress(ingress["id"])
    dns_project.destroy()
    assert all_resources(dns_project) == []
    assert emulator.ingresses() == []
    assert not any(records(bind).values())
