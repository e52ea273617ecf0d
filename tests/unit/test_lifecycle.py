"""The lifecycle of resources without Pulumi, with plain dicts and the phrasing of the plugin."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import ModuleType
from typing import Any, Literal, NamedTuple

import pytest
import yaml

from pulumi_agin.api import client
from pulumi_agin.api.errors import NgrokError
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle import services, shell_commands
from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle
from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle
from pulumi_agin.lifecycle.claims import Claims, RecordSet
from pulumi_agin.lifecycle.operation import Call, Failed, InputFailure, PartlyDone
from pulumi_agin.lifecycle.outputs import STRINGS
from pulumi_agin.lifecycle.services import Services
from pulumi_agin.native.phrasing import NativePhrasing
from pulumi_agin.settings import Settings
from tests.support.client import UNKNOWN_ID
from tests.support.clock import Clock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY

URN = "urn:pulumi:dev::test::agin:index:AgentIngress::connect"
WAIT = "urn:pulumi:dev::test::agin:index:AgentIngressCertificateValidation::wait"
NEW = "urn:pulumi:dev::test::agin:index:AgentIngress::new"
CHILD = "urn:pulumi:dev::test::acme:index:Site$agin:index:AgentIngress::child"


@pytest.fixture
def warnings() -> list[tuple[str, str]]:
    """Collects the warnings, each with its URN."""
    return []


class Process(NamedTuple):
    """What the calls in a plugin process share."""

    services: Services
    claims: Claims

    def ingresses(self, settings: Settings) -> AgentIngressLifecycle:
        return AgentIngressLifecycle(self.services.account(settings), self.services, self.claims)


def new_process(
    log: Callable[[str], None] = lambda line: None, warn: Callable[[str, str], None] = lambda sentence, urn: None
) -> Process:
    return Process(Services(NativePhrasing(), log, warn=warn), Claims())


@pytest.fixture
def process(warnings: list[tuple[str, str]]) -> Process:
    return new_process(warn=lambda *warning: warnings.append(warning))


def settings_at(base_url: str) -> Settings:
    return Settings.load(lambda key: None, {"NGROK_API_BASE_URL": base_url, "NGROK_API_KEY": API_KEY})


@pytest.fixture
def ingresses(emulator: Emulator, process: Process) -> AgentIngressLifecycle:
    return process.ingresses(settings_at(emulator.url))


def created(ingresses: AgentIngressLifecycle, urn: str = URN, **inputs: Any) -> tuple[str, Mapping[str, Any]]:
    """Checks and creates an ingress. Returns its ID and outputs."""
    checked = ingresses.check(Call(urn), {"domain": "Connect.ACME.com.", **inputs})
    assert checked.failures == []
    result = ingresses.create(Call(urn), checked.inputs)
    return result.id, result.outputs


def test_threads_share_one_account_and_client(process: Process, monkeypatch: pytest.MonkeyPatch) -> None:
    # A second client would have a second rate limit.
    made: list[str] = []

    def make_slowly(module: ModuleType, name: str) -> None:
        make, second_thread = getattr(module, name), threading.Barrier(2)

        def slowly(*arguments: Any, **keywords: Any) -> Any:
            made.append(name)
            # A second thread comes only if nothing prevents it.
            with suppress(threading.BrokenBarrierError):
                second_thread.wait(0.2)
            return make(*arguments, **keywords)

        monkeypatch.setattr(module, name, slowly)

    make_slowly(services, "Account")
    make_slowly(client, "AgentIngressClient")
    settings = settings_at("http://127.0.0.1:1")
    with ThreadPoolExecutor(2) as threads:
        for call in [threads.submit(lambda: process.services.account(settings).require_client()) for _ in range(2)]:
            call.result()
    assert made == ["Account", "AgentIngressClient"]


def test_create_update_read_and_delete(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses, description="one")
    assert outputs["domain"] == "connect.acme.com"
    wanted = {"domain": "connect.acme.com", "description": "two"}
    difference = ingresses.diff(Call(URN, outputs_before=outputs), id_, wanted)
    assert (difference.changed, difference.replacing) == (["description"], [])
    updated = ingresses.update(Call(URN, outputs_before=outputs), id_, wanted)
    assert {**outputs, "description": "two"} == updated
    existing = ingresses.read(Call(URN, outputs_before=updated), id_)
    assert existing is not None
    assert existing.outputs == updated
    ingresses.delete(Call(URN, outputs_before=updated), id_)
    assert emulator.ingresses() == []
    assert ingresses.read(Call(URN, outputs_before=updated), id_) is None


def test_create_that_ngrok_carries_out_in_part_keeps_the_ingress(
    ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, _ = created(ingresses)
    emulator.add_fault("POST", "respond", status=201, json_body=emulator.ingresses()[0])
    with pytest.raises(PartlyDone, match=r"^ngrok did not set description on the Agent Ingress connect") as caught:
        ingresses.create(Call(NEW), {"domain": "connect.acme.com", "description": "wanted"})
    assert (caught.value.id, caught.value.outputs["description"]) == (id_, "")


def test_preview_of_a_create_only_lists(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    call = Call(URN)
    inputs: dict[str, Any] = {
        "domain": "connect.acme.com",
        "certificate_management_policy": {"authority": "letsencrypt"},
    }
    # ngrok chooses the key type.
    expected = {"domain": "connect.acme.com", **dict.fromkeys(STRINGS, "")}
    assert ingresses.preview_create(call, inputs) == expected
    inputs["certificate_management_policy"]["private_key_type"] = "rsa"
    assert ingresses.preview_create(call, inputs) == {**expected, **inputs}
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_creates_of_a_preview_share_a_list(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    for number in range(101):
        created(ingresses, f"{URN}{number}", domain=f"d{number}.acme.com")
    emulator.clear_requests()
    for number in range(30):
        ingresses.preview_create(Call(f"{NEW}{number}"), {"domain": f"new{number}.acme.com"})
    # A page has 100 ingresses.
    assert emulator.counts() == {"GET /agent_ingresses": 2}


def test_preview_warns_of_a_taken_domain(
    ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    # By another run.
    id_, outputs = created(new_process().ingresses(settings_at(emulator.url)), description="theirs")
    emulator.clear_requests()

    def preview(urn: str, domain: object, **before: Any) -> list[tuple[str, str]]:
        """Returns the warnings of the preview of a create."""
        warnings.clear()
        call = Call(urn, is_unknown=lambda value: value is ...)
        ingresses.check(call._replace(**before), {"domain": domain})
        ingresses.preview_create(call, {"domain": domain})
        return list(warnings)

    [(sentence, urn)] = preview(NEW, "connect.acme.com")
    assert urn == NEW
    assert sentence.startswith(
        "connect.acme.com already has an Agent Ingress, so `pulumi up` fails unless it deletes that one first. "
        f"The domain belongs to {id_}, created at {outputs['created_at']}; if `pulumi stack export` shows it, "
        "don't import it: use the option `aliases`"
    )
    assert sentence.endswith(f"\n{shell_commands.native_import_line(id_, NEW)}")
    [(sentence, _)] = preview(CHILD, "connect.acme.com")
    assert sentence.endswith(f': with the option `import: "{id_}"` for one `pulumi up`')
    assert preview(NEW, "free.acme.com") == []
    assert preview(NEW, ...) == []
    # A replacement with the same domain deletes the old ingress first.
    assert preview(URN, "connect.acme.com", inputs_before={"domain": "x"}, outputs_before=outputs) == []
    # The domain belongs to another resource of the stack, which gets another domain.
    ingresses.check(Call(URN, inputs_before={"domain": "x"}, outputs_before=outputs), {"domain": "other.acme.com"})
    [(sentence, _)] = preview(NEW, "connect.acme.com")
    assert sentence.startswith("connect.acme.com already has an Agent Ingress, so `pulumi up` fails")
    assert f"which this stack already manages as {URN}" in sentence
    assert emulator.counts() == {"GET /agent_ingresses": 1}


@pytest.mark.parametrize(("domain", "condition"), [("new.acme.com", ""), (..., "if the domain changes, ")])
def test_preview_of_a_domain_change_warns_of_agents(
    domain: object, condition: str, ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]]
) -> None:
    call = Call(URN, is_unknown=lambda value: value is ...)
    ingresses.check(call._replace(inputs_before={"domain": "x"}, outputs_before=IN_STATE), {"domain": domain})
    ingresses.preview_create(call, {"domain": domain})
    sentence = (
        f"{condition}this replacement deletes the Agent Ingress connect.acme.com in the same `pulumi up`, which "
        "disconnects all agents that still have its connect URL. To avoid that, leave the domain unchanged, and move "
        f"the agents to a second Agent Ingress first\n{shell_commands.explain_line('move-agents')}"
    )
    assert warnings == [(sentence, URN)]


@pytest.mark.parametrize("status", [401, 403])
def test_preview_warns_once_of_a_rejected_key(
    status: int, ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    rejection = {"status_code": status, "error_code": "ERR_NGROK_202", "msg": "not a credential: '{api_key}'"}
    emulator.add_fault("GET", "respond", times=None, status=status, json_body=rejection)
    for number in range(3):
        ingresses.preview_create(Call(f"{NEW}{number}"), {"domain": f"d{number}.acme.com"})
    assert warnings == [
        (
            "ngrok rejects the API key, so `pulumi up` will fail: could not list the Agent Ingresses: ngrok responded "
            f"{status} ERR_NGROK_202: not a credential: '[key]'. The API key came from the environment variable "
            "NGROK_API_KEY; check that it is a valid API key of your account, not an authtoken",
            f"{NEW}0",
        )
    ]
    assert emulator.counts() == {"GET /agent_ingresses": 1}


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 400, "json_body": {"msg": "no", "status_code": 400}},
        {"status": 200, "body": "<html>"},
        {"status": 403, "body": "<html>a proxy's"},
    ],
    ids=["rejected", "HTML", "proxy"],
)
def test_preview_without_a_list_warns_of_nothing(
    fault: dict[str, Any], ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    created(ingresses)
    emulator.add_fault("GET", "respond", times=None, **fault)
    ingresses.preview_create(Call(f"{URN}2"), {"domain": "connect.acme.com"})
    assert warnings == []


ODD = "could not read the Agent Ingress odd.acme.com ("


def test_refresh_warns_once_of_an_odd_ingress_and_keeps_its_state(
    ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    made = {name: created(ingresses, f"{URN}-{name}", domain=f"{name}.acme.com") for name in ("a", "odd", "b", "c")}
    id_, _ = made["odd"]
    emulator.set_ingress(id_, {"ns_targets": [""], "description": "theirs"})
    emulator.clear_requests()
    for _ in range(2):
        for name, (each, before) in made.items():
            call = Call(f"{URN}-{name}", inputs_before={"domain": f"{name}.acme.com"}, outputs_before=before)
            existing = ingresses.read(call, each)
            assert existing is not None
            assert existing.outputs == before
    assert emulator.counts() == {"GET /agent_ingresses/{id}": 1, "GET /agent_ingresses": 1}
    [(sentence, _)] = warnings
    assert sentence.startswith(f"{ODD}{id_}): ngrok's response is invalid: ns_targets: 0: ")
    assert sentence.endswith(". It is skipped: if it is in the stack, its state stays unchanged")


def test_refresh_warns_of_the_first_odd_ingresses_and_the_number_of_the_others(
    ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    id_, outputs = created(ingresses)
    odd = [{"id": f"agin_{number}", "domain": f"d{number}.acme.com"} for number in range(322)]
    listed = {"ingresses": [*emulator.ingresses(), *odd]}
    call = Call(URN, outputs_before=outputs)
    ingresses.read(call, id_)
    emulator.add_fault("GET", "respond", status=200, json_body=listed)
    for _ in range(3):
        ingresses.read(call, id_)
    sentences = [sentence for sentence, _ in warnings]
    assert [sentence.partition(" (")[0] for sentence in sentences[:10]] == [
        f"could not read the Agent Ingress d{number}.acme.com" for number in range(10)
    ]
    command = shell_commands.agin_line("doctor", "--all", "--json")
    assert sentences[10:] == [f"312 more Agent Ingresses could not be read, which `{command}` lists"]


def test_preview_warns_of_an_odd_ingress(
    ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    created(new_process().ingresses(settings_at(emulator.url)), domain="taken.acme.com")
    id_, _ = created(ingresses, domain="odd.acme.com")
    emulator.set_ingress(id_, {"ns_targets": [""]})
    for domain in ("free.acme.com", "odd.acme.com", "taken.acme.com"):
        ingresses.preview_create(Call(NEW), {"domain": domain})
    sentences = [sentence for sentence, _ in warnings]
    assert len(sentences) == 2
    assert sentences[0].startswith(ODD)
    assert sentences[1].startswith("taken.acme.com already has an Agent Ingress")


def test_replacement_with_the_same_domain_deletes_first(ingresses: AgentIngressLifecycle) -> None:
    call = Call(URN, outputs_before={"domain": "connect.acme.com"})
    for domain, deletes_first in (("connect.acme.com", True), ("other.acme.com", False)):
        assert ingresses.diff(call, "agin_1", {"domain": domain}).delete_before_replace is deletes_first


def test_taken_domain_of_a_new_resource_has_one_command(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(new_process().ingresses(settings_at(emulator.url)), description="d")

    def advice(urn: str, **inputs: Any) -> str:
        checked = ingresses.check(Call(urn), {"domain": "connect.acme.com", **inputs}).inputs
        with pytest.raises(Failed) as caught:
            ingresses.create(Call(urn), checked)
        return "The domain belongs" + str(caught.value).partition("The domain belongs")[2]

    sentence, line = advice(NEW).split("\n")
    assert line == shell_commands.native_import_line(id_, NEW)
    assert sentence == (
        f"The domain belongs to {id_}, created at {outputs['created_at']}; if `pulumi stack export` shows it, "
        "don't import it: use the option `aliases` with the old URN after a rename, or see "
        f"`{shell_commands.explain_line('taken-domain')}`. Import it only if an interrupted run of this stack created "
        "it or no stack has it (`pulumi destroy` then deletes it):"
    )
    # The values make no difference.
    assert advice(NEW, description="d") == f"{sentence}\n{line}"
    # No command can name the parent.
    assert advice(CHILD).endswith(f': with the option `import: "{id_}"` for one `pulumi up`')


@pytest.mark.parametrize("urn", [NEW, CHILD], ids=["command", "option"])
def test_taken_domain_after_a_lost_create_has_the_same_command(
    urn: str, ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, _ = created(new_process().ingresses(settings_at(emulator.url)), description="theirs")
    emulator.add_fault("POST", "reset_before", domain="connect.acme.com", times=None)
    inputs = ingresses.check(Call(urn), {"domain": "connect.acme.com"}).inputs
    # `messages_are_short` measures it.
    with pytest.raises(Failed, match=f"may be another's. The domain belongs to {id_}, created at"):
        ingresses.create(Call(urn, timeout_seconds=2), inputs)


def test_taken_domain_whose_search_fails_names_the_other_steps(
    ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    created(new_process().ingresses(settings_at(emulator.url)))
    emulator.add_fault("GET", "respond", status=400, json_body={"status_code": 400, "msg": "not now"})
    with pytest.raises(Failed, match="The search for that ingress failed: could not find the Agent Ingress") as caught:
        ingresses.create(Call(NEW), {"domain": "connect.acme.com"})
    assert str(caught.value).endswith(f"\n{shell_commands.explain_line('taken-domain')}")


@pytest.mark.parametrize(
    ("created_before", "may_be_left_to_delete"),
    [("2000-01-01T00:00:00Z", False), ("2999-01-01T00:00:00Z", True), (None, True), (7.0, True)],
    ids=["newer than in the state", "older", "no time in the state", "an edited state"],
)
def test_taken_domain_of_a_domain_change(
    created_before: object, may_be_left_to_delete: bool, ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    # An interrupted run may have created it, or a domain change may not have deleted it yet. That one is older.
    created(new_process().ingresses(settings_at(emulator.url)))
    before = {"domain": "old.acme.com", "uri": "/agent_ingresses/agin_1", "created_at": created_before}
    call = Call(URN, inputs_before={"domain": "old.acme.com"}, outputs_before=before)
    checked = ingresses.check(call, {"domain": "connect.acme.com"})
    with pytest.raises(Failed) as caught:
        ingresses.create(Call(URN), checked.inputs)
    message = str(caught.value)
    assert ('set domain to "old.acme.com" again' in message) == may_be_left_to_delete
    assert ("which is newer than the Agent Ingress in the state" in message) != may_be_left_to_delete
    step = "Only if an interrupted run of this stack created it, delete it at ngrok, and run `pulumi up` again; "
    assert (f"{step}otherwise, it is in use: choose another domain\n" in message) != may_be_left_to_delete
    assert message.endswith(f"\n{shell_commands.explain_line('taken-domain')}")


@pytest.mark.parametrize("fault", [None, "reset_before"], ids=["a response", "a lost response"])
def test_taken_domain_of_a_resource_of_the_stack_names_it(
    fault: Literal["reset_before"] | None, ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    _, outputs = created(new_process().ingresses(settings_at(emulator.url)), description="d")
    call = Call(URN, inputs_before={"domain": "connect.acme.com"}, outputs_before=outputs)
    # It gets another domain, and its old ingress is deleted at the end of the run.
    ingresses.check(call, {"domain": "other.acme.com"})
    ingresses.create(Call(URN), {"domain": "other.acme.com"})
    if fault:
        emulator.add_fault("POST", fault, domain="connect.acme.com")
    with pytest.raises(Failed, match=f"which this stack already manages as {URN}") as caught:
        ingresses.create(Call(NEW), {"domain": "connect.acme.com"})
    assert "import" not in str(caught.value)


def declare(ingresses: AgentIngressLifecycle, urn: str, domain: str, id_: str, outputs: Mapping[str, Any]) -> None:
    """Checks and compares a resource that has an ingress and a domain in the program."""
    ingresses.check(Call(urn), {"domain": domain})
    ingresses.diff(Call(urn, outputs_before=outputs), id_, {"domain": domain})


def test_ingress_of_a_renamed_resource_is_not_deleted(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses)
    declare(ingresses, NEW, "connect.acme.com", id_, outputs)
    with pytest.raises(Failed, match=f"is not deleted, because {NEW} has it too") as caught:
        ingresses.delete(Call(URN, outputs_before=outputs), id_)
    advice, line = str(caught.value).split("\n")
    assert "Only if `pulumi stack export` shows both names, remove the old one from the state" in advice
    assert line == shell_commands.state_delete_line(URN, stack="dev")
    assert [each["id"] for each in emulator.ingresses()] == [id_]
    ingresses.delete(Call(NEW, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_renaming_with_another_domain_deletes_the_old_ingress(
    ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, outputs = created(ingresses)
    declare(ingresses, NEW, "connect.acme.com", id_, outputs)
    declare(ingresses, NEW, "other.acme.com", id_, outputs)
    ingresses.delete(Call(URN, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_replaced_resource_keeps_the_ingress_of_another(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses)
    declare(ingresses, URN, "connect.acme.com", id_, outputs)
    declare(ingresses, NEW, "other.acme.com", id_, outputs)
    with pytest.raises(Failed, match=f"is not deleted, because {URN} has it too"):
        ingresses.delete(Call(NEW, outputs_before=outputs), id_)
    assert len(emulator.ingresses()) == 1


REJECTION = {"msg": "no", "status_code": 400, "error_code": "ERR_NGROK_1"}


@pytest.mark.parametrize("rejection", [None, REJECTION], ids=["a taken domain", "another error"])
def test_failed_renaming_deletes_nothing(
    rejection: dict[str, Any] | None, ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, outputs = created(ingresses)
    if rejection:
        emulator.add_fault("POST", "respond", domain="connect.acme.com", status=400, json_body=rejection)
    with pytest.raises((Failed, NgrokError)):
        ingresses.create(Call(NEW), {"domain": "connect.acme.com"})
    edited = {**outputs, "domain": None}
    for before in (outputs, edited):
        with pytest.raises(Failed, match=f"because it has the domain of {NEW}, which could not be created"):
            ingresses.delete(Call(URN, outputs_before=before), id_)
    assert len(emulator.ingresses()) == 1
    # A resource's own failed create does not keep what it had before.
    ingresses.delete(Call(NEW, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_failed_create_does_not_keep_other_domains(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses)
    emulator.add_fault("POST", "respond", domain="other.acme.com", status=400, json_body=REJECTION)
    with pytest.raises(NgrokError):
        ingresses.create(Call(NEW), {"domain": "other.acme.com"})
    ingresses.delete(Call(URN, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_records_to_keep_in_a_delete(process: Process) -> None:
    claims, records = process.claims, RecordSet("127.0.0.1:53", "acme.com", "connect.acme.com")
    # A refresh also compares removed resources.
    claims.keep_ns_records(URN, records, ["ns-1."])
    assert claims.ns_records_to_keep(records, NEW) == set()
    claims.record_check(Call(URN))
    claims.keep_ns_records(URN, records, ["ns-1."])
    assert [claims.ns_records_to_keep(records, urn) for urn in (URN, NEW)] == [set(), {"ns-1."}]
    # A replacement has written them, so its old resource does not delete them, either.
    claims.record_written_ns_records(URN, records, ["ns-2."])
    assert [claims.ns_records_to_keep(records, urn) for urn in (URN, NEW)] == [{"ns-2."}, {"ns-2."}]


def test_resource_that_only_reads_does_not_own_the_ingress(
    ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, outputs = created(ingresses)
    # The plugin can't distinguish a `get` from an import. A refresh also compares removed resources.
    assert ingresses.read(Call(NEW), id_)
    ingresses.diff(Call(NEW, outputs_before=outputs), id_, {"domain": "connect.acme.com"})
    ingresses.delete(Call(URN, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_check_warns_once_of_a_state_from_another_base_url(
    emulator: Emulator, process: Process, warnings: list[tuple[str, str]]
) -> None:
    ingresses = process.ingresses(settings_at(emulator.url))

    def check(number: int, fingerprint: object) -> list[tuple[str, str]]:
        """Returns the new warnings of a check of a resource with this fingerprint."""
        warnings.clear()
        call = Call(f"{URN}{number}", inputs_before={"domain": "x"}, outputs_before={"_key_fingerprint": fingerprint})
        ingresses.check(call, {"domain": f"d{number}.acme.com"})
        return list(warnings)

    # A state that was edited, and a state of this base URL.
    for number, fingerprint in enumerate((None, "", 5, ["x"], f"0badf00d {emulator.url}")):
        assert check(number, fingerprint) == []
    [(sentence, urn)] = check(10, "0badf00d")
    assert urn == ""
    assert sentence.startswith(
        "according to the state, Agent Ingresses of this stack were last read at https://api.ngr"
    )
    assert check(11, "01234567") == check(12, "0badf00d") == []
    [(sentence, _)] = check(13, "0badf00d http://127.0.0.1:1")
    assert "were last read at http://127.0.0.1:1, but the base URL is now" in sentence

    # A validation of an ingress that is not in the stack.
    warnings.clear()
    call = Call(WAIT, inputs_before={}, outputs_before={"_key_fingerprint": "0badf00d http://127.0.0.1:2"})
    account = process.services.account(settings_at(emulator.url))
    waits = CertificateValidationLifecycle(account, process.services, process.claims)
    waits.check(call, {"agent_ingress_id": "agin_1"})
    assert len(warnings) == 1
    assert emulator.requests() == []


Fleet = dict[str, Mapping[str, Any]]


def make_fleet(ingresses: AgentIngressLifecycle, emulator: Emulator) -> Fleet:
    """Creates ingresses, and returns their outputs by ID. Clears the log of requests."""
    fleet = dict(created(ingresses, f"{URN}{number}", domain=f"d{number}.acme.com") for number in range(5))
    emulator.clear_requests()
    return fleet


def diff_all(ingresses: AgentIngressLifecycle, fleet: Fleet) -> None:
    """Compares ingresses with a program that does not change them."""
    for id_, outputs in fleet.items():
        call = Call(f"{URN}-{id_}", outputs_before=outputs)
        assert not ingresses.diff(call, id_, {"domain": outputs["domain"]}).has_changes


def with_key(api_key: str, base_url: str) -> Settings:
    """Returns the settings of an explicit provider."""
    return Settings.load({"ngrok:provider": "other", "agin:apiKey": api_key, "agin:apiBaseUrl": base_url}.get, {})


def test_diff_warns_once_of_ingresses_in_another_account(
    ingresses: AgentIngressLifecycle, emulator: Emulator, process: Process, warnings: list[tuple[str, str]]
) -> None:
    moved = process.ingresses(with_key(OTHER_ACCOUNTS_KEY, emulator.url))
    # This one is in the account, although the state shows another key.
    own, outputs = created(moved, NEW, domain="theirs.acme.com")
    fleet = {own: {**outputs, "_key_fingerprint": f"0badf00d {emulator.url}"}, **make_fleet(ingresses, emulator)}
    diff_all(moved, {own: fleet[own]})
    assert warnings == []
    # An `up` also writes between two diffs.
    moved.update(Call(NEW, outputs_before=outputs), own, {"domain": "theirs.acme.com", "description": "new"})
    diff_all(moved, fleet)
    first = list(fleet)[1]
    [(sentence, urn)] = warnings
    assert urn == f"{URN}-{first}"
    assert sentence.startswith(f"could not read the Agent Ingress d0.acme.com ({first}): ngrok responded 404")
    assert sentence.endswith(
        '. It was last read with another API key than the one from api_key of the Provider "other", so it may be in '
        "another account, and so may others: then a later update or destroy fails, and a destroy deletes the NS "
        "records first. To prevent that, use the provider and the key that it had before, and run `pulumi up`\n"
        f"{shell_commands.explain_line('other-account')}"
    )
    assert emulator.counts() == {
        "GET /agent_ingresses": 1,
        "GET /agent_ingresses/{id}": 1,
        "PATCH /agent_ingresses/{id}": 1,
    }


def test_diff_with_another_key_of_the_account_only_lists(
    ingresses: AgentIngressLifecycle, emulator: Emulator, process: Process, warnings: list[tuple[str, str]]
) -> None:
    fleet = make_fleet(ingresses, emulator)
    # It is in the list, although it can't be read.
    emulator.set_ingress(list(fleet)[2], {"ns_targets": ["ns 1"]})
    emulator.add_key(OTHER_ROTATED_KEY, account_of=API_KEY)
    diff_all(process.ingresses(with_key(OTHER_ROTATED_KEY, emulator.url)), fleet)
    assert warnings == []
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_diff_sends_nothing_if_the_key_is_the_same_or_can_not_be_compared(
    ingresses: AgentIngressLifecycle, emulator: Emulator, process: Process, warnings: list[tuple[str, str]]
) -> None:
    fleet = make_fleet(ingresses, emulator)
    diff_all(ingresses, fleet)
    moved = process.ingresses(with_key(OTHER_ACCOUNTS_KEY, emulator.url))
    # An edited state, and one from another base URL, of which `check` warns.
    for wrong in (None, 5, "0badf00d", "0badf00d http://127.0.0.1:1"):
        diff_all(moved, {id_: {**outputs, "_key_fingerprint": wrong} for id_, outputs in fleet.items()})
    assert (emulator.requests(), warnings) == ([], [])


def test_diff_without_a_response_in_5_seconds_warns_of_nothing_and_searches_no_longer(
    ingresses: AgentIngressLifecycle, emulator: Emulator, warnings: list[tuple[str, str]]
) -> None:
    fleet, clock = make_fleet(ingresses, emulator), Clock()
    services = Services(NativePhrasing(), lambda line: None, clock, warn=lambda *each: warnings.append(each))
    account = services.account(with_key(OTHER_ACCOUNTS_KEY, emulator.url))
    emulator.add_fault("GET", "respond", status=503, times=None)
    began = clock.now
    diff_all(AgentIngressLifecycle(account, services, Claims()), fleet)
    assert clock.now - began <= 5
    assert warnings == []


def test_404_with_another_key_of_a_provider_names_the_provider(emulator: Emulator, process: Process) -> None:
    ingresses = process.ingresses(with_key(API_KEY, emulator.url))
    outputs = {"domain": "connect.acme.com", "_key_fingerprint": f"0badf00d {emulator.url}"}
    with pytest.raises(Failed) as caught:
        ingresses.delete(Call(URN, outputs_before=outputs), UNKNOWN_ID)
    assert str(caught.value).endswith(
        '. Set the key of its account (change api_key of the Provider "other"), or use the provider that it had before'
        f"\n{shell_commands.explain_line('other-account')}"
    )


def test_each_base_url_that_is_not_ngroks_is_announced_once() -> None:
    lines: list[str] = []
    services = new_process(lines.append).services
    other = {"ngrok:provider": "other", "agin:apiKey": API_KEY, "agin:apiBaseUrl": "http://127.0.0.1:2"}
    all_settings = [
        settings_at(""),
        settings_at("http://127.0.0.1:1"),
        Settings.load(other.get, {}),
        # `check` reports it.
        Settings.load({**other, "agin:apiBaseUrl": "https://[::1"}.get, {}),
    ]
    for settings in 2 * all_settings:
        services.announce(settings)
    assert lines == [
        "this command does not use ngrok itself: the base URL is http://127.0.0.1:1, from the environment variable "
        "NGROK_API_BASE_URL",
        'the Provider "other" does not use ngrok itself: the base URL is http://127.0.0.1:2, from agin:apiBaseUrl of '
        'the Provider "other"',
    ]


def test_unusable_settings_are_no_reason_for_a_warning(process: Process, warnings: list[tuple[str, str]]) -> None:
    ingresses = process.ingresses(settings_at("https://[::1"))
    call = Call(URN, inputs_before={"domain": "x"}, outputs_before={"_key_fingerprint": "0badf00d"})
    assert len(ingresses.check(call, {"domain": "connect.acme.com"}).failures) == 1
    assert warnings == []


IN_STATE = {"domain": "connect.acme.com", "uri": "/agent_ingresses/agin_1", "created_at": "2024-08-02T07:15:39Z"}


@pytest.mark.parametrize(
    ("before_first", "before_second", "new"),
    [
        (None, None, ""),
        (IN_STATE, None, f"The new one is {URN}2. "),
        (None, IN_STATE, f"The new one is {URN}1. "),
        (IN_STATE, IN_STATE, ""),
    ],
    ids=["both new", "the second new", "the first new", "both in the state"],
)
def test_second_resource_with_a_domain_names_the_first(
    before_first: Mapping[str, Any] | None,
    before_second: Mapping[str, Any] | None,
    new: str,
    ingresses: AgentIngressLifecycle,
) -> None:
    def check(suffix: str, spelling: str, before: Mapping[str, Any] | None = None) -> list[InputFailure]:
        call = Call(f"{URN}{suffix}", inputs_before=before, outputs_before=before or {})
        return list(ingresses.check(call, {"domain": spelling}).failures)

    assert check("1", "connect.acme.com", before_first) == []
    [failure] = check("2", "Connect.ACME.com.", before_second)
    assert failure.printed_input == "domain"
    assert failure.reason == (
        f"{URN}1 also has this domain, and a domain can have only one Agent Ingress. {new}Give one of them another "
        "domain, or remove one from the program"
    )
    # The engine may check either once more.
    assert check("1", "connect.acme.com") == []
    assert len(check("2", "connect.acme.com")) == 1


def test_domain_can_move_to_another_resource(ingresses: AgentIngressLifecycle) -> None:
    # The second check of a replacement may have another domain than the first.
    for suffix, domain in (("1", "x"), ("1", "y"), ("2", "x"), ("3", "z")):
        call = Call(f"{URN}{suffix}", inputs_before=IN_STATE, outputs_before={**IN_STATE, "domain": "x.acme.com"})
        assert ingresses.check(call, {"domain": f"{domain}.acme.com"}).failures == []


CUT_OFF = "agents can't connect until their `connect_cas` changes, too"
# To be pasted into YAML or TypeScript.
KEEP = 'certificateManagementPolicy: { authority: "letsencrypt", privateKeyType: "ecdsa" }'
REMOVES = (
    "this update removes the certificateManagementPolicy of connect.acme.com: if ngrok keeps it, the update fails; if "
    f"ngrok removes it, {CUT_OFF}"
)


@pytest.mark.parametrize(
    ("before", "wanted", "warning"),
    [
        (
            {"authority": "letsencrypt", "private_key_type": "ecdsa"},
            None,
            f"{REMOVES}. To keep the policy, declare it in the program: `{KEEP}`\nEXPLAIN removed-policy",
        ),
        # A program can't declare it.
        ({"authority": "another"}, None, f"{REMOVES}\nEXPLAIN removed-policy"),
        (
            None,
            {"authority": "letsencrypt"},
            f"this update changes the certificate authority of connect.acme.com, after which {CUT_OFF}. To avoid "
            "that, leave it unchanged, and move the agents to a second Agent Ingress first\nEXPLAIN move-agents",
        ),
        ({"authority": "letsencrypt"}, {"authority": "letsencrypt", "private_key_type": "rsa"}, None),
        ({"authority": "letsencrypt"}, {"authority": ...}, None),
        ({"authority": "letsencrypt"}, ..., None),
        (None, None, None),
    ],
    ids=["removed", "another removed", "added", "key type", "unknown authority", "unknown", "never there"],
)
def test_preview_warns_once_of_an_update_of_the_certificate_authority(
    before: object,
    wanted: object,
    warning: str | None,
    ingresses: AgentIngressLifecycle,
    warnings: list[tuple[str, str]],
) -> None:
    in_state = {**IN_STATE, "certificate_management_policy": before}
    call = Call(URN, outputs_before=in_state, is_unknown=lambda value: value is ...)
    inputs = {"domain": "connect.acme.com", "certificate_management_policy": wanted}
    for _ in range(2):
        ingresses.preview_update(call, inputs)
    # The path of the program depends on the machine.
    program = shell_commands.explain_line("").removesuffix("''")
    shown = [(sentence.replace(program, "EXPLAIN "), urn) for sentence, urn in warnings]
    assert shown == ([(warning, URN)] if warning else [])
    assert yaml.safe_load(KEEP)["certificateManagementPolicy"]["privateKeyType"] == "ecdsa"
