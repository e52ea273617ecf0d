"""The lifecycle of an Agent Ingress on plain dicts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from pulumi_agin.api.values import KEPT_BY_UPDATE, outputs_after
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.ingress import AgentIngressLifecycle
from pulumi_agin.lifecycle.operation import Call, FailedError
from pulumi_agin.settings import API_KEY as KEY
from pulumi_agin.settings import BASE_URL, Settings
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create, requests

URN = "urn:pulumi:dev::test::agin:index:AgentIngress::connect"
OTHER = "urn:pulumi:dev::test::agin:index:AgentIngress::renamed"
LETSENCRYPT = {"authority": "letsencrypt"}
RSA = {**LETSENCRYPT, "private_key_type": "rsa"}
STATUS = {"renews_at": "2026-07-01T00:00:00Z"}
UNKNOWN = object()


class Process:
    """A plugin process with one account, and the warnings that it has shown."""

    def __init__(self, emulator: Emulator, key: str = API_KEY, url: str = "") -> None:
        settings = Settings.load({KEY: key, BASE_URL: url or emulator.url}.get, {})
        self.lifecycle = AgentIngressLifecycle(Account(settings))
        self.warnings: list[str] = []

    def call(self, urn: str = URN, **known: Any) -> Call:
        return Call(urn, warn=self.warnings.append, is_unknown=lambda value: value is UNKNOWN, **known)

    def create(self, urn: str = URN, **inputs: Any) -> tuple[str, dict[str, Any]]:
        created = self.lifecycle.create(self.call(urn), {"domain": "connect.acme.com", **inputs})
        return created.id, created.outputs

    def changed(self, before: dict[str, Any], **inputs: Any) -> tuple[list[str], list[str]]:
        difference = self.lifecycle.diff(self.call(outputs_before=before), "agin_1", inputs)
        return list(difference.changed), list(difference.replacing)


@pytest.fixture
def process(emulator: Emulator) -> Process:
    return Process(emulator)


@pytest.fixture
def start(emulator: Emulator) -> Callable[..., Process]:
    return lambda **options: Process(emulator, **options)


BEFORE = {"domain": "connect.acme.com", "description": "", "metadata": "m"}
SAME = {"domain": "connect.acme.com", "metadata": "m"}


@pytest.mark.parametrize(
    ("before", "inputs", "changed"),
    [
        ({}, {}, []),
        ({}, {"description": ""}, []),
        ({}, {"domain": "Connect.ACME.com."}, []),
        ({"certificate_management_policy": RSA}, {"certificate_management_policy": {"authority": "letsencrypt"}}, []),
        (
            {"certificate_management_policy": RSA},
            {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": None}},
            [],
        ),
        ({"certificate_management_policy": None}, {}, []),
        ({}, {"description": "d"}, ["description"]),
        ({"description": "d"}, {}, ["description"]),
        ({}, {"metadata": UNKNOWN}, ["metadata"]),
        ({}, {"domain": "other.acme.com"}, ["domain"]),
        ({}, {"domain": UNKNOWN}, ["domain"]),
        ({"certificate_management_policy": RSA}, {}, ["certificate_management_policy"]),
        (
            {"certificate_management_policy": RSA},
            {"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "ecdsa"}},
            ["certificate_management_policy"],
        ),
    ],
)
def test_diff_is_explicit(process: Process, before: Any, inputs: Any, changed: list[str]) -> None:
    replacing = [name for name in changed if name == "domain"]
    assert process.changed({**BEFORE, **before}, **{**SAME, **inputs}) == (changed, replacing)


@pytest.mark.parametrize(
    ("existing", "wanted", "policy", "status"),
    [
        (None, None, None, None),
        (RSA, RSA, RSA, STATUS),
        (RSA, LETSENCRYPT, RSA, STATUS),
        (RSA, {**RSA, "private_key_type": "ecdsa"}, {**RSA, "private_key_type": "ecdsa"}, UNKNOWN),
        (RSA, UNKNOWN, UNKNOWN, UNKNOWN),
        (RSA, None, None, UNKNOWN),
        (None, RSA, RSA, UNKNOWN),
        (None, LETSENCRYPT, {**LETSENCRYPT, "private_key_type": UNKNOWN}, UNKNOWN),
        (None, {**LETSENCRYPT, "private_key_type": None}, {**LETSENCRYPT, "private_key_type": UNKNOWN}, UNKNOWN),
    ],
)
def test_preview_knows_what_an_update_keeps(existing: Any, wanted: Any, policy: Any, status: Any) -> None:
    kept = dict.fromkeys(KEPT_BY_UPDATE, "kept")
    before = {**kept, "description": "old", "certificate_management_policy": existing}
    if existing:
        before["certificate_management_status"] = STATUS
    after = outputs_after(before, {"description": "new", "certificate_management_policy": wanted}, UNKNOWN)
    shown = {"certificate_management_policy": policy, "certificate_management_status": status}
    assert after == {**kept, **shown}


def test_preview_of_a_create_knows_no_computed_output() -> None:
    assert outputs_after({}, {"domain": "connect.acme.com"}, UNKNOWN).keys().isdisjoint(KEPT_BY_UPDATE)


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"domain": "other.acme.com"}, "this replacement deletes the Agent Ingress connect.acme.com"),
        ({"certificate_management_policy": RSA}, "from ngrok's internal CA to letsencrypt"),
        ({"certificate_management_policy": UNKNOWN}, ""),
        ({"description": "d"}, ""),
    ],
)
def test_diff_warns_of_what_cuts_agents_off(process: Process, inputs: dict[str, Any], words: str) -> None:
    process.changed(BEFORE, **{**SAME, **inputs})
    assert [words in each for each in process.warnings] == ([True] if words else [])


def test_patch_carries_what_changed_and_clears(process: Process, emulator: Emulator) -> None:
    id_, before = process.create(description="d", metadata="m", certificate_management_policy=RSA)
    requests(emulator)
    after = process.lifecycle.update(process.call(outputs_before=before), id_, {"domain": "connect.acme.com"})
    expected = {"description": "", "metadata": "", "certificate_management_policy": None}
    assert requests(emulator) == [("PATCH", expected)]
    assert "certificate_management_policy" not in after
    assert (after["description"], after["metadata"]) == ("", "")


def test_update_keeps_a_field_that_somebody_else_has_changed(process: Process, emulator: Emulator) -> None:
    id_, before = process.create(metadata="ours")
    emulator.set_ingress(id_, {"metadata": "theirs"})
    inputs = {**SAME, "description": "new", "metadata": "ours"}
    after = process.lifecycle.update(process.call(outputs_before=before), id_, inputs)
    assert (after["description"], after["metadata"]) == ("new", "theirs")


def test_update_that_ngrok_has_not_done_fails_and_names_the_refresh(process: Process, emulator: Emulator) -> None:
    emulator.configure(null_policy="ignored")
    id_, before = process.create(certificate_management_policy=RSA)
    words = r'did not change certificate_management_policy .* has certificate_management_policy "letsencrypt, rsa"'
    with pytest.raises(FailedError, match=f"{words}. Before you revert the program, run `pulumi refresh`"):
        process.lifecycle.update(process.call(outputs_before=before), id_, {"domain": "connect.acme.com"})


def test_update_of_unknown_outcome_names_the_refresh(process: Process, emulator: Emulator) -> None:
    id_, before = process.create()
    emulator.add_fault("PATCH", "respond_after", status=200, body="<html>")
    emulator.add_fault("GET", "respond", status=400, body="<html>")
    with pytest.raises(FailedError, match=r"it is unknown whether ngrok changed .* Before you revert the program"):
        process.lifecycle.update(process.call(outputs_before=before), id_, {**SAME, "description": "new"})


@pytest.mark.parametrize(
    ("domain", "printed"), [("a b", "domain"), ("https://user:password@acme.com", ""), (7, ""), ("a\nb", "")]
)
def test_check_prints_no_domain_that_may_have_a_password(process: Process, domain: Any, printed: str) -> None:
    [failure] = process.lifecycle.check(process.call(), {"domain": domain}).failures
    assert failure.printed_input == printed
    assert "password" not in failure.reason


def test_create_that_ngrok_has_done_otherwise_is_a_success(process: Process, emulator: Emulator) -> None:
    odd = {
        "id": "agin_1",
        "domain": "connect.acme.com",
        "description": "odd",
        "ns_targets": ["a.net"],
        "created_at": "x",
    }
    emulator.add_fault("POST", "respond", status=201, body=odd)
    id_, outputs = process.create(description="d")
    assert (id_, outputs["description"], outputs["ns_targets"]) == ("agin_1", "odd", ["a.net."])
    assert ["description" in each for each in process.warnings] == [True]


def test_gone_is_believed_only_with_the_same_key(process: Process, start: Any, emulator: Emulator) -> None:
    id_, before = process.create()
    others = start(key=OTHER_ACCOUNTS_KEY)
    call = others.call(outputs_before=before)
    operations: list[Callable[[], object]] = [
        lambda: others.lifecycle.read(call, id_),
        lambda: others.lifecycle.update(call, id_, {**SAME, "description": "new"}),
        lambda: others.lifecycle.delete(call, id_),
    ]
    for operation in operations:
        with pytest.raises(FailedError, match="does not prove that it was deleted"):
            operation()
    emulator.delete_ingress(id_)
    call = start().call(outputs_before=before)
    assert start().lifecycle.read(call, id_) is None
    with pytest.raises(FailedError, match="deleted outside Pulumi"):
        start().lifecycle.update(call, id_, {**SAME, "description": "new"})
    start().lifecycle.delete(call, id_)
    # A `get` of what the account lacks is an error.
    with pytest.raises(FailedError, match="does not have it"):
        start().lifecycle.read(start().call(), id_)


def test_gone_is_believed_only_at_the_same_base_url(process: Process, emulator: Emulator) -> None:
    id_, before = process.create()
    emulator.delete_ingress(id_)
    elsewhere = Process(emulator, url=emulator.url.replace("127.0.0.1", "localhost"))
    with pytest.raises(FailedError, match="does not prove that it was deleted"):
        elsewhere.lifecycle.read(elsewhere.call(outputs_before=before), id_)


def test_refresh_returns_the_inputs_that_the_program_sets(process: Process, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt"}
    others: dict[str, Any] = {"metadata": "m", "certificate_management_policy": policy}
    id_, before = process.create(**others)
    emulator.set_ingress(id_, {"description": "added", "metadata": ""})
    inputs = {"domain": "connect.acme.com", **others}
    existing = process.lifecycle.read(process.call(inputs_before=inputs, outputs_before=before), id_)
    assert existing is not None
    assert existing.inputs == {**inputs, "description": "added", "metadata": ""}
    assert existing.outputs["ns_targets"] == before["ns_targets"]


def test_import_reads_and_is_deleted_under_no_other_name(process: Process, start: Any, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    emulator.clear_requests()
    assert process.create(__import=id_)[0] == id_
    assert [method for method, _ in requests(emulator)] == ["GET"]
    with pytest.raises(FailedError, match=r'at ngrok, it has domain "connect\.acme\.com"'):
        process.lifecycle.create(process.call(), {"domain": "other.acme.com", "__import": id_})
    with pytest.raises(FailedError, match="still imports: remove the option import_"):
        process.lifecycle.diff(process.call(outputs_before=BEFORE), id_, {"domain": "other.acme.com", "__import": id_})
    process.lifecycle.delete(process.call(), id_)
    assert len(process.warnings) == 1

    # In another process, after an interrupted run: the diff of the new name comes before the delete of the old one.
    later = start()
    later.lifecycle.diff(later.call(OTHER, outputs_before=BEFORE), id_, SAME)
    later.lifecycle.delete(later.call(URN, outputs_before=BEFORE), id_)
    assert len(later.warnings) == 1
    assert len(emulator.ingresses()) == 1


def test_ingress_that_is_replaced_has_its_owner_as_before(process: Process, emulator: Emulator) -> None:
    """The delete of a replaced resource has its old name, and another one may import the ingress in the same run."""
    id_ = create(emulator, "connect.acme.com")
    changed = {"domain": "other.acme.com"}
    process.create(OTHER, __import=id_)
    process.lifecycle.diff(process.call(outputs_before=BEFORE), id_, changed)
    process.lifecycle.delete(process.call(outputs_before=BEFORE), id_)
    assert [each["id"] for each in emulator.ingresses()] == [id_]

    renamed = Process(emulator)
    renamed.lifecycle.diff(renamed.call(OTHER, outputs_before=BEFORE), id_, changed)
    renamed.lifecycle.delete(renamed.call(outputs_before=BEFORE), id_)
    assert emulator.ingresses() == []


def test_second_resource_with_a_domain_is_rejected(process: Process) -> None:
    def problems(urn: str, domain: Any, **others: Any) -> list[str]:
        failures = process.lifecycle.check(process.call(urn), {"domain": domain, **others}).failures
        return [each.reason for each in failures]

    # A replaced resource is checked twice.
    assert [problems(URN, "connect.acme.com") for _ in range(2)] == [[], []]
    assert [problems(urn, UNKNOWN) for urn in (URN, OTHER)] == [[], []]
    same = 'the Agent Ingress "connect" has the same domain'
    assert problems(OTHER, "Connect.ACME.com.") == [same]
    # Beside any other problem.
    assert problems(OTHER, "Connect.ACME.com.", metadata=5) == [
        "property metadata must be a string; got a number",
        same,
    ]


def test_import_that_differs_prints_no_key_from_ngrok(process: Process, emulator: Emulator) -> None:
    id_, _ = process.create(description=f"the key is {API_KEY}")
    with pytest.raises(FailedError, match=r'it has description "the key is \[key\]"'):
        process.lifecycle.create(process.call(), {**SAME, "__import": id_})


def test_mark_of_an_import_stays_and_tells_its_replacement_from_it(
    process: Process, start: Any, emulator: Emulator
) -> None:
    id_ = create(emulator, "connect.acme.com")
    _, old = process.create(__import=id_)
    _, new = process.create(__import=id_)
    # They outlive a refresh and an update.
    existing = process.lifecycle.read(process.call(outputs_before=new), id_)
    assert existing is not None
    new = process.lifecycle.update(process.call(outputs_before=existing.outputs), id_, {**SAME, "description": "new"})
    later = start()
    later.lifecycle.diff(later.call(outputs_before=new), id_, {**SAME, "description": "new"})
    later.lifecycle.delete(later.call(outputs_before=old), id_)
    assert len(later.warnings) == 1
    later.lifecycle.delete(later.call(outputs_before=new), id_)
    assert emulator.ingresses() == []


def test_taken_domain_names_the_ingress(process: Process, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    with pytest.raises(FailedError, match=f"ERR_NGROK_6706.*connect.acme.com already has the Agent Ingress {id_}"):
        process.create()
    create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    with pytest.raises(FailedError, match=r"theirs\.acme\.com belongs to another account"):
        process.create(domain="theirs.acme.com")
    # Without a list, nothing is said about who has it.
    emulator.add_fault("GET", "respond", status=403)
    with pytest.raises(FailedError, match=r"ERR_NGROK_6706[^;]*See `pulumi-agin explain taken`$"):
        process.create(domain="theirs.acme.com")


def test_settings_without_key_are_reported_by_check_and_calls(emulator: Emulator) -> None:
    process = Process(emulator, key="")
    checked = process.lifecycle.check(process.call(), {"domain": "connect.acme.com"})
    assert ["there is no ngrok API key" in each.reason for each in checked.failures] == [True]
    with pytest.raises(FailedError, match="there is no ngrok API key"):
        process.create()


def test_replacement_that_changes_the_authority_only_warns_that_the_old_ingress_goes(process: Process) -> None:
    process.changed({"domain": "old.acme.com"}, domain="new.acme.com", certificate_management_policy=LETSENCRYPT)
    [warning] = process.warnings
    assert "this replacement deletes the Agent Ingress old.acme.com" in warning
