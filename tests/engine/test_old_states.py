"""What earlier versions wrote is read by this one. `states/record.py` says how a state is recorded."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.engine.states import record
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import Project, Result
from tools.bind import Bind

VERSIONS = sorted(state.parent for state in record.FOLDER.glob(f"*/{record.STATE}"))
DNS_VERSIONS = sorted(state.parent for state in record.FOLDER.glob(f"*/{record.DNS}/{record.STATE}"))
NATIVE_VERSIONS = sorted(state.parent for state in record.FOLDER.glob(f"*/{record.NATIVE}/{record.STATE}"))

DOMAINS = sorted(f"{name}.acme.com" for name in ("child", "described", "kept", "managed", "plain", "secret", "theirs"))

each_version = pytest.mark.parametrize("recording", VERSIONS, ids=lambda folder: folder.name, indirect=True)
each_dns_version = pytest.mark.parametrize(
    "recording", DNS_VERSIONS, ids=lambda folder: folder.parent.name, indirect=True
)

each_native_version = pytest.mark.parametrize(
    "recording", NATIVE_VERSIONS, ids=lambda folder: folder.parent.name, indirect=True
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
        record.write_program(project, (recording / record.PROGRAM).read_text())
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


@pytest.fixture
def native_project(
    new_project: NewProject, recording: Path, emulator: Emulator, bind: Bind, yaml_host: Path
) -> Project:
    """A project with the recorded program of the plugin, and its state."""
    project = new_project(record.settings(emulator), record.load(recording, bind.port))
    project.add_to_path(yaml_host)
    record.configure_native(project, bind.port)
    return project


def made(emulator: Emulator) -> list[dict[str, Any]]:
    return sorted(emulator.ingresses(), key=lambda ingress: str(ingress["domain"]))


def nothing_was_written(emulator: Emulator) -> bool:
    return {request["method"] for request in emulator.requests()} <= {"GET"}


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
    up = project.preview_and_up()
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
    up = dns_project.preview_and_up()
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


# -- states of the plugin -----------------------------------------------------------------------------------


@each_native_version
def test_the_plugin_changes_nothing_and_deletes_all(native_project: Project, emulator: Emulator, bind: Bind) -> None:
    project, before = native_project, (made(emulator), records(bind))
    assert with_init_errors(project) == ["kept"]
    up = project.preview_and_up()
    assert "~ 1 to update" in up
    assert "~ 1 updated" in up
    assert with_init_errors(project) == []
    assert nothing_was_written(emulator)
    emulator.clear_requests()
    # What it reads and does not own is read in each run.
    assert nothing_changed(project.up())
    assert len(emulator.requests()) == 1
    assert (made(emulator), records(bind)) == before

    # What is gone already is believed to be gone, because the key is the one that saw it last.
    [child] = [ingress["id"] for ingress in before[0] if ingress["domain"] == "child.acme.com"]
    emulator.delete_ingress(child)
    project.destroy()
    assert all_resources(project) == []
    assert emulator.ingresses() == []
    assert not records(bind)["ours.acme.com"]


@each_native_version
def test_a_refresh_and_an_up_of_the_plugin_change_nothing(
    native_project: Project, emulator: Emulator, bind: Bind
) -> None:
    project, before = native_project, (made(emulator), records(bind))
    assert nothing_changed(project.up("--refresh"))
    assert with_init_errors(project) == []
    assert nothing_was_written(emulator)
    assert (made(emulator), records(bind)) == before
    kept = {name_of(resource): resource for resource in all_resources(project)}
    for part in ("inputs", "outputs"):
        assert "ciphertext" in kept["secret"][part]["description"]
        assert "ciphertext" in kept["records"][part]["tsigSecret"]
        assert "ciphertext" in kept["acct2"][part]["apiKey"]


# -- programs in other languages --------------------------------------------------------------------------

# What the recorded programs are in YAML.
IN_YAML = """
    config:
      second: {type: string}
    resources:
      plain: {type: agin:AgentIngress, properties: {domain: Plain.ACME.com.}}
      described:
        type: agin:AgentIngress
        properties: {domain: described.acme.com, description: Geräte, metadata: '{"team": "iot"}'}
      managed:
        type: agin:AgentIngress
        properties: {domain: managed.acme.com, certificateManagementPolicy: {authority: letsencrypt}}
      secret:
        type: agin:AgentIngress
        properties:
          domain: secret.acme.com
          description: {fn::secret: hush-hush}
          certificateManagementPolicy: {authority: letsencrypt, privateKeyType: ecdsa}
      kept:
        type: agin:AgentIngress
        properties:
          domain: kept.acme.com
          certificateManagementPolicy: {authority: letsencrypt, privateKeyType: ecdsa}
      child:
        type: agin:AgentIngress
        properties: {domain: child.acme.com}
        options:
          aliases: ["urn:pulumi:dev::test::acme:index:Devices$pulumi-python:dynamic/agin:AgentIngress::child"]
      acct2: {type: pulumi:providers:agin, properties: {apiKey: "${second}"}}
      theirs:
        type: agin:AgentIngress
        properties: {domain: theirs.acme.com}
        options: {provider: "${acct2}"}
    outputs:
      targets: ${plain.nsTargets}
    """
_BIND = 'server: 127.0.0.1, port: "${port}", zone: acme.com, tsigKeyName: agin, tsigSecret: "${tsig}"'
DNS_IN_YAML = """
    config:
      second: {type: string}
      port: {type: integer}
      tsig: {type: string}
    variables:
      policy: {authority: letsencrypt}
    resources:
      ours: {type: agin:AgentIngress, properties: {domain: ours.acme.com, certificateManagementPolicy: "${policy}"}}
      ourRecords:
        type: agin:Rfc2136Delegation
        name: ours
        properties: {domain: "${ours.domain}", nsTargets: "${ours.nsTargets}", ttl: 300, BIND}
        options:
          aliases: ["RECORDS::ours"]
      ready: {type: agin:AgentIngressCertificateValidation, name: ours, properties: {agentIngressId: "${ours.id}"}}
      acct2: {type: pulumi:providers:agin, properties: {apiKey: "${second}"}}
      theirs:
        type: agin:AgentIngress
        properties: {domain: theirs.acme.com, certificateManagementPolicy: "${policy}"}
        options: {provider: "${acct2}"}
      theirRecords:
        type: agin:Rfc2136Delegation
        name: theirs
        properties: {domain: "${theirs.domain}", nsTargets: "${theirs.nsTargets}", ttl: 600, BIND}
        options:
          aliases: ["RECORDS::theirs"]
      theirCertificate:
        type: agin:AgentIngressCertificateValidation
        name: theirs
        properties: {agentIngressId: "${theirs.id}"}
        options: {provider: "${acct2}"}
      secret: {type: agin:AgentIngress, properties: {domain: secret.acme.com, description: {fn::secret: hush-hush}}}
      no: {type: agin:AgentIngressCertificateValidation, name: secret, properties: {agentIngressId: "${secret.id}"}}
      late: {type: agin:AgentIngress, properties: {domain: late.acme.com, certificateManagementPolicy: "${policy}"}}
      waited: {type: agin:AgentIngressCertificateValidation, name: late, properties: {agentIngressId: "${late.id}"}}
      lost:
        type: agin:Rfc2136Delegation
        properties: {domain: lost.acme.com, nsTargets: [ns1.x.net, ns2.x.net], ttl: 300, BIND}
    outputs:
      renewsAt: ${ready.renewsAt}
    """.replace("BIND", _BIND).replace(
    "RECORDS",
    "urn:pulumi:dev::test::agin:index:AgentIngressDelegation$pulumi-python:dynamic/agin:Rfc2136Delegation",
)

# That the lifecycle reads what every version wrote is shown above.
to_the_plugin = pytest.mark.parametrize(
    ("recording", "first"),
    [(VERSIONS[0], "refresh"), (VERSIONS[-1], "up")],
    ids=lambda value: value.name if isinstance(value, Path) else value,
    indirect=["recording"],
)
newest_dns_version = pytest.mark.parametrize(
    "recording", DNS_VERSIONS[-1:], ids=lambda folder: folder.parent.name, indirect=True
)


def assert_moved(project: Project, emulator: Emulator) -> None:
    """After a refresh by the plugin, an `up` writes nothing, and the next one asks nothing."""
    project.up()
    assert nothing_was_written(emulator)
    assert with_init_errors(project) == []
    emulator.clear_requests()
    assert nothing_changed(project.up())
    assert emulator.requests() == []
    assert "pulumi-python" not in json.dumps(project.state())


@to_the_plugin
def test_the_plugin_takes_over(first: str, project: Project, emulator: Emulator, yaml_host: Path) -> None:
    before = made(emulator)
    project.add_to_path(yaml_host)
    project.config(secret={"second": OTHER_ACCOUNTS_KEY})
    project.yaml_program(IN_YAML)
    if first == "up":
        project.up()
        project.refresh()
    else:
        project.refresh("--run-program")
    assert_moved(project, emulator)
    assert made(emulator) == before
    [plain] = [ingress for ingress in before if ingress["domain"] == "plain.acme.com"]
    assert project.outputs()["targets"] == sorted(f"{target}." for target in plain["ns_targets"])
    project.destroy()
    assert emulator.ingresses() == []


@newest_dns_version
def test_the_plugin_takes_over_records_and_waits(
    dns_project: Project, emulator: Emulator, bind: Bind, yaml_host: Path
) -> None:
    project, before = dns_project, (made(emulator), records(bind))
    project.add_to_path(yaml_host)
    project.config(secret={"second": OTHER_ACCOUNTS_KEY, "tsig": record.KEY.secret}, plain={"port": bind.port})
    project.yaml_program(DNS_IN_YAML)
    project.refresh("--run-program")
    assert_moved(project, emulator)
    assert (made(emulator), records(bind)) == before
    project.destroy()
    assert emulator.ingresses() == []
    assert not any(records(bind).values())
