"""`pulumi-agin import --pending`: the ingresses that are provably of an interrupted run, and notes about the others."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, timezone
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from pulumi.dynamic.dynamic import serialize_provider

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from tests.support import ngrok
from tests.support.command import Command
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.stub_cli import StubCli

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
NATIVE = "agin:index:AgentIngress"
URN = "urn:pulumi:dev::test::"
STACK = {"type": "pulumi:pulumi:Stack", "urn": f"{URN}pulumi:pulumi:Stack::test-dev"}
SITE = {"type": "acme:index:Site", "urn": f"{URN}acme:index:Site::site"}
MARK = serialize_provider(AgentIngressProvider())

Create = Callable[..., str]


def minutes_ago(minutes: int) -> str:
    return f"{datetime.now(timezone.utc) - timedelta(minutes=minutes):%Y-%m-%dT%H:%M:%SZ}"


def secret(value: object) -> dict[str, str]:
    """Returns a secret as `pulumi stack export --show-secrets` has it."""
    return {"4dabf18193072939515e22adb298388d": "1b47061264138c4ac30d75fd1eb44270", "plaintext": json.dumps(value)}


def pending(
    name: str,
    domain: str,
    since: str | None = "a minute ago",
    *,
    type_: str = TYPE,
    parent: Mapping[str, Any] = STACK,
    provider: str = "default",
    **inputs: Any,
) -> dict[str, Any]:
    """Returns a pending create as the state has it."""
    types = type_ if parent is STACK else f"{parent['type']}${type_}"
    package = "pulumi-python" if type_ == TYPE else "agin"
    checked = {"domain": domain, **inputs}
    if since is not None:
        checked["__creating_since"] = minutes_ago(1) if since == "a minute ago" else since
    resource = {
        "urn": f"{URN}{types}::{name}",
        "type": type_,
        "inputs": {**checked, "__provider": MARK} if type_ == TYPE else checked,
        "parent": parent["urn"],
        "provider": f"{URN}pulumi:providers:{package}::{provider}::1-2",
    }
    return {"type": "creating", "resource": resource}


class Pending:
    """Runs `pulumi-agin import --pending` in a stack with these resources and pending operations."""

    def __init__(self, pulumi_agin: Command, folder: Path) -> None:
        self.pulumi_agin = pulumi_agin
        self.cli = StubCli(folder)

    def __call__(
        self, *operations: Mapping[str, Any], resources: tuple[Mapping[str, Any], ...] = ()
    ) -> tuple[dict[str, Any], str]:
        """Returns the file and stderr."""
        self.cli.stack([STACK, SITE, *resources], pending_operations=operations)
        status, out, err = self.pulumi_agin("import", "--pending")
        assert status == 0, err
        return json.loads(out), err

    def reason(self, *operations: Mapping[str, Any], resources: tuple[Mapping[str, Any], ...] = ()) -> str:
        """Asserts that nothing is imported. Returns why not."""
        file, err = self(*operations, resources=resources)
        assert file == {"nameTable": {}, "resources": []}
        assert "pulumi-agin: the import file contains 0 of " in err
        [line] = [line for line in err.splitlines() if "not imported: " in line]
        return line.partition("not imported: ")[2]


@pytest.fixture
def command(
    settings_of_emulator: None, pulumi_agin: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Pending:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return Pending(pulumi_agin, tmp_path)


@pytest.fixture
def create(emulator: Emulator) -> Create:
    return partial(ngrok.create, emulator)


def test_python_file_has_what_the_create_would_have_left(create: Create, command: Pending, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt"}
    id_ = create("a.acme.com", description="d", metadata="hush", certificate_management_policy=policy)
    inputs: dict[str, Any] = {"description": "d", "metadata": secret("hush"), "certificate_management_policy": policy}
    emulator.clear_requests()
    operation = pending("a", "a.acme.com", parent=SITE, **inputs)
    file, err = command(operation)
    [resource] = file["resources"]
    outputs = resource.pop("outputs")
    assert file["nameTable"] == {SITE["urn"]: SITE["urn"]}
    assert resource == {
        "type": TYPE,
        "name": "a",
        "id": id_,
        "parent": SITE["urn"],
        "inputs": operation["resource"]["inputs"],
    }
    # ngrok chose the type of the key. A secret stays one.
    assert outputs["certificate_management_policy"] == {**policy, "private_key_type": "rsa"}
    assert outputs["metadata"] == secret("hush")
    assert (outputs["description"], outputs["__provider"]) == ("d", MARK)
    assert outputs["_key_fingerprint"].endswith(emulator.url)
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    assert err.splitlines()[-1] == (
        "pulumi-agin: after the import, run `pulumi refresh --clear-pending-creates --yes`, and then `pulumi up`"
    )


def test_each_provider_has_its_own_account(create: Create, command: Pending, emulator: Emulator) -> None:
    # None of them may use the key in the environment.
    ids = {
        "python": create("python.acme.com", OTHER_ACCOUNTS_KEY),
        "native": create("native.acme.com", OTHER_ACCOUNTS_KEY),
        "second": create("second.acme.com", OTHER_ACCOUNTS_KEY),
        "default": create("default.acme.com"),
    }
    python = {
        "type": "pulumi:providers:pulumi-python",
        "urn": f"{URN}pulumi:providers:pulumi-python::theirs",
        "inputs": {"ngrok:apiKey": secret(OTHER_ACCOUNTS_KEY)},
    }
    native = {
        "type": "pulumi:providers:agin",
        "urn": f"{URN}pulumi:providers:agin::theirs",
        "inputs": {"apiKey": secret(OTHER_ACCOUNTS_KEY), "apiBaseUrl": f"{emulator.url}/", "timeoutSeconds": "50"},
    }
    emulator.clear_requests()
    file, err = command(
        pending("python", "python.acme.com", provider="theirs"),
        pending("native", "native.acme.com", type_=NATIVE, provider="theirs"),
        pending("second", "second.acme.com", type_=NATIVE, provider="theirs", parent=SITE),
        pending("default", "default.acme.com", type_=NATIVE, provider="default_1_3_0"),
        resources=(python, native),
    )
    assert {each["name"]: each["id"] for each in file["resources"]} == ids
    assert emulator.counts() == {"GET /agent_ingresses": 3}
    assert "provider" not in file["resources"][3]
    assert file["nameTable"].keys() == {STACK["urn"], SITE["urn"], python["urn"], native["urn"]}
    for source in ('from api_key of the Provider "theirs"', 'from apiKey of the Provider "theirs"', "NGROK_API_KEY"):
        assert source in err


def test_others_are_reported_and_do_not_stop_the_rest(create: Create, command: Pending, emulator: Emulator) -> None:
    where = f"{URN}{TYPE}::"
    ids = {name: create(f"{name}.acme.com", description="d") for name in ("ours", "odd")}
    emulator.set_ingress(ids["odd"], {"ns_targets": [""]})
    file, err = command(
        pending("none", "none.acme.com"),
        pending("odd", "odd.acme.com", description="d"),
        pending("ours", "ours.acme.com", description="d"),
        pending("edited", 5, description="d"),  # type: ignore[arg-type]
        {"type": "creating", "resource": {"type": "aws:route53/record:Record", "urn": f"{URN}aws::record"}},
        {"type": "updating", "resource": {"type": TYPE, "urn": f"{where}updated"}},
    )
    assert [each["name"] for each in file["resources"]] == ["ours"]
    for expected in (
        f"not imported: none.acme.com ({where}none): the account of the API key from the environment variable "
        "NGROK_API_KEY has no Agent Ingress with this domain, so there is nothing to import: if the program still "
        "has it, the next `pulumi up` creates it\n",
        f"not imported: odd.acme.com ({where}odd): could not read the Agent Ingress odd.acme.com ({ids['odd']}): "
        "ngrok's response is invalid: ns_targets: 0: ",
        f"not imported: {where}edited: its domain in the state is a secret, or its domain or policy is invalid. ",
        f"not imported: {URN}aws::record, which was interrupted while creating\n",
        f"not imported: {where}updated, which was interrupted while updating\n",
        "the import file contains 1 of 4 Agent Ingresses whose creates were interrupted\n",
        "after the import, run `pulumi refresh`, clear the pending creates of Agent Ingresses when it prompts for "
        "them, and run `pulumi up`\n",
    ):
        assert expected in err


def test_ingress_with_different_values_is_not_imported(create: Create, command: Pending) -> None:
    policy = {"authority": "letsencrypt", "private_key_type": "rsa"}
    id_ = create("a.acme.com", description="d", metadata="m", certificate_management_policy=policy)
    equal: dict[str, Any] = {"description": "d", "metadata": "m", "certificate_management_policy": policy}
    for field, value in (
        ("description", "other-value"),
        ("metadata", secret("other-value")),
        ("metadata", ""),
        ("certificate_management_policy", {**policy, "private_key_type": "ecdsa"}),
    ):
        reason = command.reason(pending("a", "a.acme.com", **{**equal, field: value}))
        assert (
            f"): {id_} has a different {field}, so the interrupted run may not have created it. If the domain" in reason
        )
        assert "other-value" not in reason
    native: dict[str, Any] = {"description": "d", "metadata": "m"}
    native["certificateManagementPolicy"] = {"authority": "letsencrypt"}
    assert command(pending("a", "a.acme.com", type_=NATIVE, **native))[0]["resources"]
    native["certificateManagementPolicy"] = {"authority": "letsencrypt", "privateKeyType": "ecdsa"}
    reason = command.reason(pending("a", "a.acme.com", type_=NATIVE, **native))
    assert "has a different certificateManagementPolicy, so" in reason


def test_ingress_from_another_time_is_not_imported(create: Create, command: Pending, emulator: Emulator) -> None:
    id_ = create("a.acme.com")
    [created_at] = [each["created_at"] for each in emulator.ingresses()]
    # In the same second.
    assert command(pending("a", "a.acme.com", created_at))[0]["resources"]
    # A run can't have created one that is older, or much younger.
    for since in (minutes_ago(-1), minutes_ago(11)):
        assert command.reason(pending("a", "a.acme.com", since)).startswith(
            f"a.acme.com ({URN}{TYPE}::a): {id_}, created at {created_at}, may not belong to the interrupted run, "
            f"which checked this resource at {since} by its machine's clock: a create reaches ngrok within 10 minutes"
        )
    for unusable in (None, "an edited state", minutes_ago(1).removesuffix("Z")):
        reason = command.reason(pending("a", "a.acme.com", unusable))
        assert "does not show when the interrupted run checked this resource, as versions before 1.3 did not" in reason
    # Each of several runs that were killed may have created it.
    first, second = pending("a", "a.acme.com"), pending("a", "a.acme.com", minutes_ago(-1))
    assert len(command(first, second)[0]["resources"]) == 1
    assert len(command(pending("a", "a.acme.com", None), first, second)[0]["resources"]) == 1
    assert "may not belong to the" in command.reason(pending("a", "a.acme.com", description="d"), second)


def test_ingress_already_in_the_stack_is_skipped(create: Create, command: Pending) -> None:
    id_ = create("a.acme.com")
    operation = pending("a", "a.acme.com")
    urn = operation["resource"]["urn"]
    owner = {"type": NATIVE, "urn": f"{URN}{NATIVE}::other", "id": id_}
    expected = f"{id_} is already in the stack as {owner['urn']}, so there is nothing to import"
    assert command.reason(operation, resources=(owner,)).endswith(expected)
    # A domain change was killed.
    before = {"type": TYPE, "urn": urn, "id": "agin_before"}
    assert command.reason(operation, resources=(before,)).endswith(
        f"an interrupted run created {id_}, but the stack has another Agent Ingress as this resource. If nothing else "
        f"uses {id_}, delete it, for example with `ngrok api agent-ingresses delete {id_}`, and run `pulumi up` again"
    )
    assert command(operation, resources=({**before, "delete": True},))[0]["resources"]


def test_parent_and_provider_must_be_in_the_state(create: Create, command: Pending) -> None:
    create("a.acme.com")
    gone = {"type": "acme:index:Gone", "urn": f"{URN}acme:index:Gone::gone"}
    reason = command.reason(pending("a", "a.acme.com", parent=gone))
    assert (
        f"its parent {gone['urn']} is not in the state. Run `pulumi up`, which adds it to the stack even if it fails"
        in reason
    )
    operation = pending("a", "a.acme.com", provider="gone")
    then = (
        "pulumi-agin: next, follow the steps above, and run this command again before you run `pulumi refresh --clear"
    )
    assert then in command(operation)[1]
    reason = command.reason(operation)
    assert f"its provider {URN}pulumi:providers:pulumi-python::gone is not in the state. Run" in reason


def test_plugin_file_has_what_the_create_would_have_left(create: Create, command: Pending, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt"}
    create("a.acme.com", metadata="hush", certificate_management_policy=policy)
    inputs: dict[str, Any] = {"metadata": secret("hush"), "certificateManagementPolicy": policy}
    operation = pending("a", "a.acme.com", type_=NATIVE, **inputs)
    [resource] = command(operation)[0]["resources"]
    assert resource["inputs"] == operation["resource"]["inputs"]
    assert resource["outputs"]["certificateManagementPolicy"] == {"authority": "letsencrypt", "privateKeyType": "rsa"}
    # A program would treat an absent output as unknown. A secret stays one.
    assert resource["outputs"]["certificateManagementStatus"] is None
    assert resource["outputs"]["metadata"] == secret("hush")
    assert resource["outputs"]["_key_fingerprint"].endswith(emulator.url)


def test_last_of_several_killed_runs_counts(create: Create, command: Pending) -> None:
    """The engine does not keep the order of runs: the operations of the last one come first."""
    ids = {name: create(f"{name}.acme.com") for name in ("a", "b")}
    earlier, later = minutes_ago(2), minutes_ago(1)
    # The domain was changed between two killed runs.
    file, err = command(pending("one", "b.acme.com", later), pending("one", "a.acme.com", earlier))
    assert [each["id"] for each in file["resources"]] == [ids["b"]]
    assert f"an interrupted run of this stack created {ids['a']}, and a later run created b.acme.com for the" in err
    assert f"If nothing else uses {ids['a']}, delete it" in err
    # The name was changed, and the values.
    renamed = pending("new", "b.acme.com", later, description="not at ngrok")
    file, err = command(renamed, pending("old", "b.acme.com", earlier), pending("a", "a.acme.com", minutes_ago(3)))
    assert {each["name"]: each["id"] for each in file["resources"]} == {"a": ids["a"], "new": ids["b"]}
    assert "description" not in file["resources"][1]["inputs"]
    assert "not imported" not in err


def test_account_that_can_not_be_listed_leaves_the_others(create: Create, command: Pending) -> None:
    id_ = create("a.acme.com")
    provider = {
        "type": "pulumi:providers:agin",
        "urn": f"{URN}pulumi:providers:agin::revoked",
        "inputs": {"apiKey": secret("a-key-that-was-revoked"), "apiBaseUrl": os.environ["NGROK_API_BASE_URL"]},
    }
    revoked = pending("theirs", "theirs.acme.com", type_=NATIVE, provider="revoked")
    file, err = command(pending("a", "a.acme.com"), revoked, resources=(provider,))
    assert [each["id"] for each in file["resources"]] == [id_]
    assert f"not imported: theirs.acme.com ({URN}{NATIVE}::theirs): could not list the Agent Ingresses: " in err
    assert "Once that is resolved, run this command again\n" in err
    assert "revoked" not in err.replace("providers:agin::revoked", "").replace('Provider "revoked"', "")


def test_edited_states_and_secret_domains_have_no_traceback(create: Create, command: Pending) -> None:
    create("a.acme.com")
    operation = pending("a", "a.acme.com")
    hidden = pending("a", secret("a.acme.com"))  # type: ignore[arg-type]
    without: dict[str, Any] = {"inputs": None, "provider": ""}
    not_json = {**secret(""), "plaintext": "{"}
    for edited in (
        {**operation, "resource": {**operation["resource"], **without}},
        pending("a", "a.acme.com", metadata=not_json),
        pending("a", "a.acme.com", metadata={**not_json, "plaintext": 5}),
    ):
        assert command.reason(edited)
    assert "a.acme.com" not in command.reason(hidden)


def test_without_pending_creates_the_file_is_empty(command: Pending, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NGROK_API_KEY")
    file, err = command()
    assert file == {"nameTable": {}, "resources": []}
    assert err == (
        "pulumi-agin: the stack has no pending creates of Agent Ingresses, so the import file contains no resources. "
        "To import one by its domain or ID, omit --pending\n"
    )


@pytest.mark.parametrize("others", ["a.acme.com", "--all", "--filter x", "--name a", "--names -", "--code", "--dns="])
def test_pending_with_other_options_exits_2(others: str, command: Pending) -> None:
    status, out, err = command.pulumi_agin("import", "--pending", *others.split())
    assert (status, out) == (2, "")
    assert err == (
        "pulumi-agin: --pending reads everything from the state: use it alone or with --stack, without domains, IDs or "
        "other options\n"
    )
    assert command.cli.calls == []


def test_failures_print_no_file(create: Create, command: Pending, emulator: Emulator) -> None:
    create("a.acme.com")
    command.cli.stack([STACK], pending_operations=[pending("a", "a.acme.com")])
    emulator.add_fault("GET", "respond", status=400, json_body={"msg": "no", "status_code": 400})
    status, out, err = command.pulumi_agin("import", "--pending")
    assert (status, out) == (2, "")
    assert "could not list the Agent Ingresses" in err
    command.cli.fail("incorrect passphrase")
    status, out, err = command.pulumi_agin("import", "--pending", "--stack", "prod")
    assert (status, out) == (2, "")
    assert err == (
        "pulumi-agin: the pending operations could not be read from the state: `pulumi stack export` failed: "
        "incorrect passphrase\n"
    )
    assert "--stack=prod" in command.cli.calls[-1]
    assert "--show-secrets" in command.cli.calls[-1]
