"""The lifecycle without Pulumi: on plain dicts, with the words of a door of the test's own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
from typing import Any

import pytest

from pulumi_agin import commands
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle
from pulumi_agin.lifecycle.call import Call, Placement, Reading
from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle
from pulumi_agin.lifecycle.ns_records import NsRecordsLifecycle
from pulumi_agin.lifecycle.process import MOST_RESOURCES, Process
from pulumi_agin.lifecycle.results import Failed, InputFailure
from pulumi_agin.settings import Settings
from tests.support.keys import API_KEY

URN = "urn:pulumi:dev::test::agin:index:AgentIngress::connect"


class Words:
    """Those of a program in YAML, say."""

    delete_before_replace = "deleteBeforeReplace: true"
    aliases = "aliases: [{name: …, parent: …}]"
    provider = "provider: …"
    custom_timeouts = "customTimeouts"
    adopt_records = "takeOver: true"
    boolean = "yes or no"
    mapping = "a mapping"
    certificate_policy = "a mapping"
    to_json = "use (to-json)"
    rfc2136 = "an Rfc2136Delegation"
    install_dnspython = "install it"

    def spell(self, name: str) -> str:
        return name.replace("_", "-")

    def take_over(self, id_: str, urn: str, placement: Placement) -> str:
        return f"Run\nimport {id_} as {urn} {placement.stack}"

    def find(self, domain: str, placement: Placement) -> str:
        return f"; find {domain} {placement.stack}"


@pytest.fixture
def warnings() -> list[tuple[str, str]]:
    """What was warned of, each with the URN that it was about."""
    return []


@pytest.fixture
def process(warnings: list[tuple[str, str]]) -> Process:
    return Process(Words(), lambda line: None, warn=lambda *warning: warnings.append(warning))


@pytest.fixture
def ingresses(emulator: Emulator, process: Process) -> AgentIngressLifecycle:
    environment = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    return AgentIngressLifecycle(Settings.load(lambda key: None, environment), process)


def created(ingresses: AgentIngressLifecycle, urn: str = URN, **inputs: Any) -> tuple[str, Mapping[str, Any]]:
    """A checked and created ingress: its id and outputs."""
    checked = ingresses.check(Call(urn), {"domain": "Connect.ACME.com.", **inputs})
    assert checked.failures == []
    result = ingresses.create(Call(urn), checked.inputs)
    return result.id, result.outputs


def test_a_whole_life(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses, description="one")
    assert outputs["domain"] == "connect.acme.com"
    wanted = {"domain": "connect.acme.com", "description": "two"}
    difference = ingresses.diff(Call(URN, outputs_before=outputs), id_, wanted)
    assert (difference.changed, difference.replacing) == (["description"], [])
    updated = ingresses.update(Call(URN, outputs_before=outputs), id_, wanted)
    assert {**outputs, "description": "two"} == updated
    existing = ingresses.read(Call(URN, outputs_before=updated), id_, Reading.REFRESH)
    assert existing is not None
    assert existing.outputs == updated
    ingresses.delete(Call(URN, outputs_before=updated), id_)
    assert emulator.ingresses() == []
    assert ingresses.read(Call(URN, outputs_before=updated), id_, Reading.REFRESH) is None


def test_a_preview_of_an_update_sends_nothing_and_tells_what_it_will_leave(
    ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, outputs = created(ingresses, description="one")
    emulator.clear_requests()
    call = Call(URN, is_preview=True, outputs_before=outputs, is_unknown=lambda value: value is ...)
    kept = {name: value for name, value in outputs.items() if name not in ("description", "metadata")}
    for description, metadata in (("two", "{}"), (..., None)):
        after = ingresses.update(
            call, id_, {"domain": outputs["domain"], "description": description, "metadata": metadata}
        )
        assert {**kept, **after} == after
        assert after.get("description") == ("two" if description == "two" else None)
        assert after["metadata"] == (metadata or "")
    assert emulator.requests() == []


def test_a_preview_of_a_create_only_lists(emulator: Emulator, process: Process) -> None:
    environment = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    settings = Settings.load(lambda key: None, environment)
    call = Call(URN, is_preview=True)
    policy = {"authority": "letsencrypt"}
    ingress: dict[str, Any] = {"domain": "connect.acme.com", "certificate_management_policy": policy}
    created = AgentIngressLifecycle(settings, process).create(call, ingress)
    # ngrok chooses the key type.
    assert created.outputs == {"domain": "connect.acme.com", "description": "", "metadata": ""}
    ingress["certificate_management_policy"]["private_key_type"] = "rsa"
    created = AgentIngressLifecycle(settings, process).create(call, ingress)
    assert created.outputs == {"description": "", "metadata": "", **ingress}
    wait = {"agent_ingress_id": "agin_1", "timeout_seconds": 60, "dns_error_grace_seconds": 0}
    for outputs in (
        CertificateValidationLifecycle(settings, process).create(call, wait).outputs,
        CertificateValidationLifecycle(settings, process).update(call, "agin_1", wait),
    ):
        assert outputs == {"agent_ingress_id": "agin_1"}
    records = {"domain": "connect.acme.com", "zone": "acme.com", "ns_targets": ["ns1.acme.net."], "ttl": 300}
    nowhere = {"server": "192.0.2.1", "port": 53, "tsig_algorithm": "hmac-sha256", "take_over": False}
    for outputs in (
        NsRecordsLifecycle(process).create(call, records | nowhere).outputs,
        NsRecordsLifecycle(process).update(call, "connect.acme.com", records | nowhere),
    ):
        assert {**outputs, **records} == outputs
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_a_preview_warns_of_a_domain_that_has_an_ingress(
    ingresses: AgentIngressLifecycle, process: Process, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    id_, outputs = created(ingresses)
    process.forget_resources()
    emulator.clear_requests()

    def preview(urn: str, domain: object, **before: Any) -> list[tuple[str, str]]:
        """The warnings of the preview of a create."""
        warnings.clear()
        call = Call(urn, is_preview=True, is_unknown=lambda value: value is ...)
        ingresses.check(call._replace(**before), {"domain": domain})
        ingresses.create(call, {"domain": domain})
        return list(warnings)

    new = URN.replace("connect", "new")
    [(sentence, urn)] = preview(new, "connect.acme.com")
    assert urn == new
    assert sentence.startswith(
        "connect.acme.com already has an Agent Ingress, so `pulumi up` will fail (unless `--replace` replaces this "
        "resource, and it has deleteBeforeReplace: true). The one that has it is "
        f"{id_}, created at {outputs['created_at']}. If it is this stack's own and was renamed or moved"
    )
    assert "aliases: [{name: …, parent: …}]" in sentence
    assert sentence.endswith(f"\nimport {id_} as {new} dev")
    assert preview(new, "free.acme.com") == []
    assert preview(new, ...) == []
    # A replacement that keeps the domain deletes the old one first.
    assert preview(URN, "connect.acme.com", inputs_before={"domain": "x"}, outputs_before=outputs) == []
    # The ingress of another resource of the stack, which is to get another domain.
    ingresses.check(
        Call(URN, inputs_before={"domain": "x"}, outputs_before=outputs, is_preview=True), {"domain": "other.acme.com"}
    )
    [(sentence, _)] = preview(new, "connect.acme.com")
    assert sentence.startswith("connect.acme.com already has an Agent Ingress, so `pulumi up` will fail. The one that")
    assert f"that of this stack's {URN}" in sentence
    assert emulator.counts() == {"GET /agent_ingresses": 1}


def test_the_creates_of_a_preview_share_a_list(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    for number in range(101):
        created(ingresses, f"{URN}{number}", domain=f"d{number}.acme.com")
    emulator.clear_requests()
    for number in range(30):
        ingresses.create(Call(f"{URN}{number}", is_preview=True), {"domain": f"new{number}.acme.com"})
    assert emulator.counts() == {"GET /agent_ingresses": 2}


def test_a_preview_says_nothing_of_domains_if_ngrok_does_not_respond(
    ingresses: AgentIngressLifecycle, warnings: list[tuple[str, str]], emulator: Emulator
) -> None:
    created(ingresses)
    emulator.add_fault("GET", "answer", times=None, status=403, json_body={"msg": "no", "status_code": 403})
    ingresses.create(Call(f"{URN}2", is_preview=True), {"domain": "connect.acme.com"})
    assert warnings == []


@pytest.mark.parametrize(
    ("domain", "deletes_first"), [("connect.acme.com", True), ("other.acme.com", False)], ids=["kept", "other"]
)
def test_a_replacement_that_keeps_the_domain_deletes_the_old_ingress_first(
    domain: str, deletes_first: bool, ingresses: AgentIngressLifecycle
) -> None:
    call = Call(URN, outputs_before={"domain": "connect.acme.com"})
    assert ingresses.diff(call, "agin_1", {"domain": domain}).delete_before_replace is deletes_first


def test_what_another_resource_has_is_not_deleted(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses)
    new = URN.replace("connect", "new")
    inputs = {"domain": "connect.acme.com"}
    ingresses.check(Call(new), inputs)
    ingresses.diff(Call(new, outputs_before=outputs), id_, inputs)
    with pytest.raises(Failed, match=f"is not deleted, because {new} has it too"):
        ingresses.delete(Call(URN, outputs_before=outputs), id_)
    assert [each["id"] for each in emulator.ingresses()] == [id_]
    ingresses.delete(Call(new, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_a_renaming_together_with_another_domain_deletes_the_old_one(
    ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, outputs = created(ingresses)
    new = URN.replace("connect", "new")
    for inputs in ({"domain": "connect.acme.com"}, {"domain": "other.acme.com"}):
        ingresses.check(Call(new), inputs)
        ingresses.diff(Call(new, outputs_before=outputs), id_, inputs)
    ingresses.delete(Call(URN, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_a_resource_that_is_replaced_does_not_take_the_ingress_of_another_with_it(
    ingresses: AgentIngressLifecycle, emulator: Emulator
) -> None:
    id_, outputs = created(ingresses)
    second = URN.replace("connect", "second")
    for urn, domain in ((URN, "connect.acme.com"), (second, "other.acme.com")):
        ingresses.check(Call(urn), {"domain": domain})
        ingresses.diff(Call(urn, outputs_before=outputs), id_, {"domain": domain})
    with pytest.raises(Failed, match=f"is not deleted, because {URN} has it too"):
        ingresses.delete(Call(second, outputs_before=outputs), id_)
    assert len(emulator.ingresses()) == 1


def test_a_renaming_that_failed_deletes_nothing(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses)
    new = URN.replace("connect", "new")
    with pytest.raises(Failed, match="already exists"):
        ingresses.create(Call(new), {"domain": "connect.acme.com"})
    with pytest.raises(Failed, match=f"is not deleted, because it has the domain of {new}, which could not be created"):
        ingresses.delete(Call(URN, outputs_before=outputs), id_)
    assert len(emulator.ingresses()) == 1


def test_who_only_reads_an_ingress_does_not_have_it(ingresses: AgentIngressLifecycle, emulator: Emulator) -> None:
    id_, outputs = created(ingresses)
    other = URN.replace("connect", "other")
    # To the plugin, a `get` is the same as an import. A refresh compares what the program may no longer have.
    assert ingresses.read(Call(other), id_, Reading.IMPORT)
    ingresses.diff(Call(other, outputs_before=outputs), id_, {"domain": "connect.acme.com"})
    ingresses.delete(Call(URN, outputs_before=outputs), id_)
    assert emulator.ingresses() == []


def test_the_caller_says_whether_an_ingress_that_is_missing_may_be_gone(ingresses: AgentIngressLifecycle) -> None:
    id_, outputs = created(ingresses)
    ingresses.delete(Call(URN, outputs_before=outputs), id_)
    for reading in (Reading.GET, Reading.IMPORT):
        with pytest.raises(Failed, match="there is no such Agent Ingress in the account of this key"):
            ingresses.read(Call(URN, outputs_before=outputs), id_, reading)


def test_only_a_get_leaves_the_inputs_alone(ingresses: AgentIngressLifecycle) -> None:
    policy = {"authority": "letsencrypt", "private_key_type": "rsa"}
    asked = {"authority": "letsencrypt", "private-key-type": "rsa"}
    inputs: dict[str, Any] = {"certificate-management-policy": asked}
    id_, _ = created(ingresses, URN, **inputs)
    kept = {"domain": "connect.acme.com", "certificate_management_policy": policy}
    for reading, expected in ((Reading.GET, None), (Reading.IMPORT, kept)):
        existing = ingresses.read(Call(URN), id_, reading)
        assert existing is not None
        assert existing.inputs == expected


def test_messages_use_the_words_of_the_door(ingresses: AgentIngressLifecycle) -> None:
    id_, _ = created(ingresses)
    other = URN.replace("connect", "other")
    # As in another run, in which nothing is known of the first one.
    fresh = AgentIngressLifecycle(ingresses._account.settings, Process(Words(), lambda line: None))
    fresh.check(Call(other, placement=Placement(stack="acme/dev")), {"domain": "connect.acme.com"})
    with pytest.raises(Failed) as caught:
        fresh.create(Call(other), {"domain": "connect.acme.com"})
    assert "in aliases: [{name: …, parent: …}]" in str(caught.value)
    assert "`--replace` needs deleteBeforeReplace: true" in str(caught.value)
    assert str(caught.value).endswith(f"\nimport {id_} as {other} acme/dev")


def test_messages_about_values_use_the_words_of_the_door(ingresses: AgentIngressLifecycle, process: Process) -> None:
    wanted = {"domain": "connect.acme.com", "certificate-management-policy": "letsencrypt", "metadata": {"team": "iot"}}
    assert [failure.reason for failure in ingresses.check(Call(URN), wanted).failures] == [
        "property metadata must be text, but is a mapping; use (to-json)",
        "property certificate-management-policy must be a mapping, but is text",
    ]
    failures = NsRecordsLifecycle(process).check(Call(URN), {"take-over": "no"}).failures
    assert "property take-over must be yes or no" in [failure.reason for failure in failures]


def test_a_name_that_the_door_spells_differently_is_not_known(ingresses: AgentIngressLifecycle) -> None:
    wanted = {"domain": "connect.acme.com", "certificate-management-policy": {"private_key_type": "rsa"}}
    assert [failure.reason for failure in ingresses.check(Call(URN), wanted).failures] == [
        'property certificate-management-policy.private_key_type is not known; did you mean "private-key-type"?',
        'property certificate-management-policy.authority is required in a policy: "letsencrypt"',
    ]


IN_STATE = {"domain": "connect.acme.com", "uri": "/agent_ingresses/agin_1", "created_at": "2024-08-02T07:15:39Z"}


@pytest.mark.parametrize(
    ("before_first", "before_second", "way"),
    [
        (None, None, "Give one of them another domain, or remove it from the program"),
        (IN_STATE, None, f"The new one is {URN}2: give it another domain, or remove it from the program"),
        (None, IN_STATE, f"The new one is {URN}1: give it another domain, or remove it from the program"),
        (IN_STATE, {**IN_STATE, "uri": "/agent_ingresses/agin_2"}, "Give one of them another domain"),
    ],
    ids=["both new", "the second new", "the first new", "another ingress"],
)
def test_the_second_of_two_resources_with_one_domain_is_told_of_the_first(
    before_first: Mapping[str, Any] | None,
    before_second: Mapping[str, Any] | None,
    way: str,
    ingresses: AgentIngressLifecycle,
) -> None:
    def check(suffix: str, spelling: str, before: Mapping[str, Any] | None = None) -> list[InputFailure]:
        call = Call(f"{URN}{suffix}", inputs_before=before, outputs_before=before or {})
        return list(ingresses.check(call, {"domain": spelling}).failures)

    assert check("1", "connect.acme.com", before_first) == []
    [failure] = check("2", "Connect.ACME.com.", before_second)
    assert failure.property == "domain"
    assert failure.reason == f"{URN}1 has this domain too, and a domain has at most one Agent Ingress. {way}"
    # The engine may check either once more.
    assert check("1", "connect.acme.com") == []
    assert len(check("2", "connect.acme.com")) == 1


def test_two_names_in_the_state_for_one_ingress_end_in_the_line_that_forgets_one(
    ingresses: AgentIngressLifecycle,
) -> None:
    checked = [
        ingresses.check(Call(urn, inputs_before=IN_STATE, outputs_before=IN_STATE), {"domain": "connect.acme.com"})
        for urn in (f"{URN}1", f"{URN}2")
    ]
    [failure] = checked[1].failures
    advice, line = failure.reason.split("\n")
    assert "Both are in the state with agin_1" in advice
    assert line == commands.forget_one_of_two_line("agin_1", f"{URN}2", stack="dev")


def test_a_domain_that_goes_from_one_resource_to_another_is_that_of_one(ingresses: AgentIngressLifecycle) -> None:
    # The second check of a replacement may want what the first one did not.
    for suffix, domain in (("1", "x"), ("1", "y"), ("2", "x"), ("3", "z")):
        call = Call(f"{URN}{suffix}", inputs_before=IN_STATE, outputs_before={**IN_STATE, "domain": "x.acme.com"})
        assert ingresses.check(call, {"domain": f"{domain}.acme.com"}).failures == []


def test_what_is_not_known_yet_is_no_domain_that_two_have(ingresses: AgentIngressLifecycle) -> None:
    unknown = object()
    for suffix in "12":
        call = Call(f"{URN}{suffix}", is_unknown=lambda value: value is unknown)
        assert ingresses.check(call, {"domain": unknown}).failures == []


@pytest.mark.parametrize(
    ("before", "wanted", "warns"),
    [
        ({"authority": "letsencrypt"}, None, True),
        ({"authority": "letsencrypt"}, {"authority": "letsencrypt", "private_key_type": "rsa"}, False),
        (None, None, False),
    ],
    ids=["removed", "changed", "never there"],
)
def test_the_preview_of_a_removed_policy_warns_that_ngrok_keeps_it(
    before: object,
    wanted: object,
    warns: bool,
    ingresses: AgentIngressLifecycle,
    warnings: list[tuple[str, str]],
) -> None:
    call = Call(URN, is_preview=True, outputs_before={**IN_STATE, "certificate_management_policy": before})
    ingresses.update(call, "agin_1", {"domain": "connect.acme.com", "certificate_management_policy": wanted})
    assert len(warnings) == warns
    for sentence, urn in warnings:
        assert urn == URN
        assert sentence.startswith("ngrok will keep the certificate-management-policy that this update is to remove")
        assert "give the resource deleteBeforeReplace: true" in sentence
        assert sentence.endswith(f"\n{commands.replace_line(URN)}")


def test_a_process_forgets_what_it_learned_first(process: Process) -> None:
    for number in range(MOST_RESOURCES + 1):
        process.learn_wanted_policy(f"agin_{number}", {})
        process.learn_from_check(Call(f"{URN}{number}", inputs_before={"domain": "a.acme.com"}))
    assert process.wanted_policy("agin_0", default="unknown") == "unknown"
    assert process.known_outputs(f"{URN}0") is None
    assert process.placement(f"{URN}0") == Placement()
    assert process.wanted_policy("agin_1", default="unknown") == {}
    assert process.known_outputs(f"{URN}{MOST_RESOURCES}") == {"domain": "a.acme.com"}


def test_it_runs_without_pulumi() -> None:
    program = """
import sys
from pulumi_agin.lifecycle import agent_ingress, certificate, domain_taken, lookup, ns_records, outputs, process
loaded = {name.partition(".")[0] for name in sys.modules}
assert not loaded & {"pulumi", "grpc", "google"}, sorted(loaded)
"""
    subprocess.run([sys.executable, "-c", program], check=True)
