"""`adopt` of each adapter, with the real package of each DNS provider.

The IDs to import were accepted by the providers' real plugins, or come from their documentation.
"""

from __future__ import annotations

import asyncio
import importlib
import re
import traceback
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.dns.adapter import Adapter
from pulumi_agin.dns.builders import record_set
from pulumi_agin.dns.declared_record import RecordClass
from pulumi_agin.dns.state_records import IDENTITIES
from tests.support.delegations import (
    ADAPTERS,
    DELEGATION,
    FOUND,
    NEED_IDS,
    SINGLES,
    ZONES,
    adapter,
    connect,
    records,
    run_delegation,
)
from tests.support.mocks import READ_STACK, Mocks, Request, run

pytestmark = [
    pytest.mark.usefixtures("dns_sdks"),
    pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning"),
]

ACCOUNT = {"subscriptionId": "0b1f6471", "clientId": "", "objectId": "", "tenantId": ""}

# The adapters with `adopt`.
EVERY = [name for name, expected in ADAPTERS.items() if expected.import_id is not None]
SETS = [name for name in EVERY if name not in SINGLES]


def import_id(name: str, record_id: str = "R12") -> str:
    return str(ADAPTERS[name].import_id).replace("R12", record_id)


@pytest.mark.parametrize("name", SETS)
def test_the_id_of_a_record_set_comes_from_the_arguments(name: str, mocks: Mocks) -> None:
    mocks.answer = ACCOUNT
    zone = {ZONES[name]: "Acme.com."}
    run_delegation(lambda: adapter(name, adopt=True, **zone))
    [record] = records(mocks)
    assert record.import_id == import_id(name)
    # An import writes nothing.
    assert record.ignore_changes == ["*"]


@pytest.mark.rest
def test_a_google_id_has_no_project_if_none_is_given(mocks: Mocks) -> None:
    run_delegation(lambda: adapter("gcp", adopt=True, project=None))
    [record] = records(mocks)
    assert record.import_id == "acme-com/connect.acme.com./NS"


@pytest.mark.parametrize("name", SINGLES)
def test_given_ids_become_ids_to_import(name: str, mocks: Mocks) -> None:
    run_delegation(lambda: adapter(name, adopt={"NS-1.example.net": "R12", "ns-2.example.net.": "R13"}))
    assert [each.import_id for each in records(mocks)] == [import_id(name), import_id(name, "R13")]


@pytest.mark.rest
def test_a_vercel_id_has_no_team_if_none_is_given(mocks: Mocks) -> None:
    ids = {"ns-1.example.net": "rec_1", "ns-2.example.net": "rec_2"}
    run_delegation(lambda: adapter("vercel", adopt=ids, team_id=None))
    assert [each.import_id for each in records(mocks)] == ["rec_1", "rec_2"]


@pytest.mark.parametrize("name", FOUND)
def test_the_ids_come_from_the_packages_lookup_function(name: str, mocks: Mocks) -> None:
    token, arguments, mocks.answer = FOUND[name]
    account: list[pulumi.ProviderResource] = []

    def program() -> None:
        account.append(pulumi.ProviderResource(token.partition(":")[0], "account", {}))
        opts = pulumi.ResourceOptions(provider=account[0])
        agin.AgentIngressDelegation("connect", connect(), adapter(name, adopt=True, opts=opts))

    run(program)
    assert (token, arguments) in [(each.token, each.args) for each in mocks.called]
    assert all("::account::" in (each.provider or "") for each in mocks.called)
    assert records(mocks)[0].import_id == import_id(name, "12")


@pytest.mark.parametrize("name", EVERY)
def test_another_ttl_fails(name: str, mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    def new_resource(args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        id_, outputs = make(args)
        return id_, {**outputs, **{each: 7200 for each in outputs if each.startswith("ttl")}}

    make = mocks.new_resource
    monkeypatch.setattr(mocks, "new_resource", new_resource)
    mocks.answer = ACCOUNT
    ids = {"ns-1.example.net": "R1", "ns-2.example.net": "R2"}
    with pytest.raises(pulumi.RunError) as refused:
        run_delegation(lambda: adapter(name, adopt=True if name in SETS else ids))
    values = "ns-1.example.net. (TTL 7200), ns-2.example.net. (TTL 7200)"
    declared = values.replace("7200", "300")
    assert f"the DNS provider has {values}, and the program declares {declared}. To adopt" in str(refused.value)
    assert "set ttl=7200 on the delegation, and run `pulumi up` again" in str(refused.value)


def test_the_id_of_a_record_of_another_domain_fails(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    def new_resource(args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[str, Any]]:
        id_, outputs = make(args)
        return id_, {**outputs, "name": "www"} if "name" in outputs else outputs

    make = mocks.new_resource
    monkeypatch.setattr(mocks, "new_resource", new_resource)
    with pytest.raises(pulumi.RunError, match=r"has the ID of a record of www instead of connect\.acme\.com: "):
        run_delegation(lambda: adapter("digitalocean", adopt={"ns-1.example.net": "R1", "ns-2.example.net": "R2"}))


def test_a_record_can_be_adopted_by_only_one_delegation(mocks: Mocks) -> None:
    def program() -> None:
        ingress = connect()
        for name in ("one", "two"):
            agin.AgentIngressDelegation(name, ingress, adapter("aws", adopt=True))

    with pytest.raises(pulumi.RunError, match=r"one and two both adopt the record Z1_connect\.acme\.com_NS, which can"):
        run(program)


@pytest.mark.parametrize("name", NEED_IDS)
def test_a_package_that_finds_no_records_needs_their_ids(name: str, mocks: Mocks) -> None:
    with pytest.raises(pulumi.RunError, match=r"must be the IDs of the records.*the package can't find them"):
        adapter(name, adopt=True)


@pytest.mark.parametrize(
    ("name", "adopt", "message"),
    [
        ("aws", {"ns-1.example.net": "12"}, "must be True or False; got dict"),
        ("cloudflare", "yes", "must be True, False or {"),
        ("cloudflare", {}, "must be True, False or {"),
        ("ovh", ["12"], "must be the IDs of the records, such as {"),
        ("ovh", {"ns-1.example.net": None}, "got 'ns-1.example.net': None"),
        (
            "cloudflare",
            {"ns-1.example.net": "12", "ns-2.example.net": 12},
            "lists 12 twice: each record has its own ID",
        ),
    ],
)
def test_a_wrong_value_of_adopt_fails(name: str, adopt: object, message: str, mocks: Mocks) -> None:
    with pytest.raises(pulumi.RunError, match=rf"^\w+\.py:\d+: the adapter's argument adopt .*{re.escape(message)}"):
        adapter(name, adopt=adopt)


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_an_id_to_import_in_the_options_fails(name: str, mocks: Mocks) -> None:
    with pytest.raises(pulumi.RunError, match="can't be combined with import_ in opts"):
        adapter(name, adopt=True, opts=pulumi.ResourceOptions(import_="Z1_connect.acme.com_NS"))


def test_without_adopt_nothing_is_imported(mocks: Mocks) -> None:
    run_delegation(lambda: adapter("cloudflare"))
    run_delegation(lambda: adapter("aws", adopt=False))
    assert {each.import_id for each in records(mocks)} == {""}
    assert mocks.called == []


@pytest.mark.parametrize("mocks", [True], indirect=True, ids=["preview"])
@pytest.mark.parametrize("name", EVERY)
def test_records_of_a_new_ingress_are_not_adopted(name: str, mocks: Mocks) -> None:
    mocks.to_be_made = {"ingress"}
    ids = {"ns-1.example.net": "R1", "ns-2.example.net": "R2"}
    with pytest.raises(
        pulumi.RunError, match=r"^\w+\.py:\d+: .*because this update creates or replaces its Agent Ingress"
    ):
        run_delegation(lambda: adapter(name, adopt=True if name in SETS else ids))
    assert records(mocks) == []


def test_only_some_of_many_records_are_listed(mocks: Mocks) -> None:
    mocks.ns_targets = [f"ns-{number}.example.net." for number in range(100, 423)]
    with pytest.raises(pulumi.RunError) as missing:
        run_delegation(lambda: adapter("cloudflare", adopt={"ns-100.example.net": "R1"}))
    assert "has no ID for ns-101.example.net., ns-102" in str(missing.value)
    assert " and 312 more. It needs the ID of one NS record for each of ns-100" in str(missing.value)
    mocks.answer = {"results": [], "records": []}
    with pytest.raises(pulumi.RunError) as none:
        run_delegation(lambda: adapter("cloudflare", adopt=True))
    assert str(none.value).count(" and 313 more") == 2
    assert len(str(missing.value)) + len(str(none.value)) < 2000


@pytest.mark.parametrize("name", ["cloudflare", "digitalocean"])
def test_records_must_exist_to_be_adopted(name: str, mocks: Mocks) -> None:
    mocks.answer = {"results": [], "records": []}
    with pytest.raises(
        pulumi.RunError, match=r": the DNS provider has none, and the program declares ns-1.*\n.* explain adopt$"
    ):
        run_delegation(lambda: adapter(name, adopt=True))
    assert records(mocks) == []


# -- records that the stack has ---------------------------------------------------------------------------------------

IDS = {"ns-1.example.net": "R1", "ns-2.example.net": "R2"}
# In the state, spelled as Azure returns it.
AZURE = "/subscriptions/0b1f6471/resourceGroups/DNS-RG/providers/Microsoft.Network/dnszones/acme.com/NS/"


def state(name: str, delegation: str = "connect", /, **changes: Any) -> dict[str, Any]:
    """Returns the records of an adapter in the state, spelled in capitals. They may belong to another delegation."""
    expected = ADAPTERS[name]
    values = {"": expected.values} if name in SETS else dict(zip(IDS, expected.values, strict=True))
    resources = {}
    for rest, value in values.items():
        known = {**expected.inputs, expected.value: value, "id": f"{AZURE}connect", **changes}
        outputs = {output: each.upper() if isinstance(each, str) else each for output, each in known.items()}
        resources[urn(name, delegation, rest)] = {"type": expected.token, "outputs": outputs}
    return resources


def urn(name: str, delegation: str = "connect", rest: str = "") -> str:
    parent = f"urn:pulumi:stack::project::pulumi:pulumi:Stack${DELEGATION}"
    return f"{parent}${ADAPTERS[name].token}::{delegation}{rest and f'-{rest}'}"


def run_adopting(name: str, mocks: Mocks, stack: dict[str, Any], **arguments: Any) -> list[Request]:
    """Runs a program that adopts the records of an adapter, with records in the stack. Returns the records."""
    mocks.answer, mocks.stack = ACCOUNT, stack
    run_delegation(lambda: adapter(name, adopt=IDS if name in SINGLES else True, **arguments))
    return records(mocks)


@pytest.mark.parametrize("name", EVERY)
def test_records_that_the_resource_has_are_not_imported_again(name: str, preview: Mocks) -> None:
    made = run_adopting(name, preview, state(name))
    assert len(made) == (1 if name in SETS else 2)
    assert {(each.import_id, *each.ignore_changes) for each in made} == {("", "*")}
    # The state is read once, although there may be several records.
    assert [each.args for each in preview.called if each.token == READ_STACK] == [{"stackName": "stack"}]


@pytest.mark.parametrize("is_zone", [True, False], ids=["zone", "domain"])
@pytest.mark.parametrize("name", EVERY)
def test_records_of_another_zone_or_domain_are_imported(name: str, is_zone: bool, preview: Mocks) -> None:
    zone = next(output for output in ADAPTERS[name].inputs if output not in ("name", "type"))
    other = {zone if is_zone else ADAPTERS[name].named_by: "other", "id": f"{AZURE}other"}
    assert all(each.import_id for each in run_adopting(name, preview, state(name, **other)))


@pytest.mark.parametrize("name", EVERY)
def test_records_that_another_resource_has_fail_with_the_alias(name: str, preview: Mocks) -> None:
    with pytest.raises(pulumi.RunError) as raised:
        run_adopting(name, preview, state(name, "former"))
    sentence, option = str(raised.value).split("\n")
    assert re.match(r"delegations\.py:\d+: the stack already has NS records of connect\.acme\.com, as urn:", sentence)
    assert "::former" in sentence
    assert "If it was renamed or moved in the program, give the delegation connect the option below. Otherw" in sentence
    former = urn(name, "former").replace(f"${ADAPTERS[name].token}", "")
    assert option == f'opts=pulumi.ResourceOptions(aliases=["{former}"])'
    assert records(preview) == []


def test_records_outside_of_a_delegation_fail_with_the_alias_of_the_adapter(preview: Mocks) -> None:
    [resource] = state("aws").values()
    with pytest.raises(pulumi.RunError) as raised:
        run_adopting("aws", preview, {"urn:pulumi:stack::project::aws:route53/record:Record::own": resource})
    assert "give the adapter the option below" in str(raised.value)
    assert str(raised.value).endswith('aliases=["urn:pulumi:stack::project::aws:route53/record:Record::own"])')


def run_renamed(name: str, stack: dict[str, Any], mocks: Mocks) -> None:
    """Runs a program that adopts the records of an adapter, in a delegation with an alias."""
    mocks.stack = stack
    ids: Any = IDS if name in SINGLES else True
    alias = f"{urn(name, 'former').rpartition('$')[0]}::former"
    opts = pulumi.ResourceOptions(aliases=[alias])
    run(lambda: agin.AgentIngressDelegation("connect", connect(), adapter(name, adopt=ids), opts=opts))


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_records_of_a_former_urn_are_not_imported_again(name: str, preview: Mocks) -> None:
    run_renamed(name, state(name, "former"), preview)
    assert {each.import_id for each in records(preview)} == {""}


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_records_under_both_urns_fail(name: str, preview: Mocks) -> None:
    # The engine prefers the own name, and would delete the records under the former one: they are the same.
    with pytest.raises(pulumi.RunError, match=r"twice: as this resource, and as urn:") as raised:
        run_renamed(name, state(name, "former") | state(name), preview)
    command = str(raised.value).split("\n")[-1]
    assert command.startswith("pulumi state delete --stack stack --yes --force ")
    assert "::former" in command


@pytest.mark.rest
def test_the_name_of_a_record_may_be_the_whole_domain(preview: Mocks) -> None:
    made = run_adopting("ovh", preview, state("ovh", subdomain="connect.acme.com."))
    assert {each.import_id for each in made} == {""}


@pytest.mark.parametrize("delegation", ["connect", "other"])
def test_a_record_with_another_value_is_the_same_resource_but_another_record(delegation: str, preview: Mocks) -> None:
    made = run_adopting("cloudflare", preview, state("cloudflare", delegation, content="ns-9.example.net"))
    assert [bool(each.import_id) for each in made] == [delegation == "other"] * 2


def test_records_of_other_types_and_secrets_do_not_matter(preview: Mocks) -> None:
    [same] = state("aws", zoneId=pulumi.Output.secret("Z1")).values()
    [other] = state("aws", type="TXT").values()
    stack = {urn("aws"): same, urn("aws", "other"): other, urn("gcp"): {"type": "pulumi:providers:gcp", "outputs": {}}}
    [record] = run_adopting("aws", preview, stack)
    assert record.import_id == ""


@pytest.mark.parametrize("name", EVERY)
def test_each_compared_output_is_one_of_the_package(name: str, mocks: Mocks) -> None:
    token = ADAPTERS[name].token

    def program() -> None:
        delegation = agin.AgentIngressDelegation("connect", connect(), adapter(name))
        made.append(delegation.ns_targets.apply(lambda _: list(delegation._childResources)))

    made: list[pulumi.Output[list[pulumi.Resource]]] = []
    run(program)
    first, *_ = asyncio.get_event_loop().run_until_complete(made[0].future()) or []
    assert first.pulumi_resource_type == token
    outputs = {re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", each) for each in IDENTITIES[token]}
    assert {each for each in outputs if isinstance(getattr(type(first), each), property)} == outputs


def test_a_state_that_cannot_be_read_fails_without_its_secrets(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(args: object) -> Any:
        raise ValueError("hush-hush")

    monkeypatch.setattr(preview, "call", fail)
    with pytest.raises(pulumi.RunError) as raised:
        run_adopting("aws", preview, {})
    assert "can't adopt NS records, because Pulumi could not read the stack's state" in str(raised.value)
    assert "hush" not in "".join(traceback.format_exception(raised.value))


OVERWRITING = [name for name, expected in ADAPTERS.items() if expected.overwrites]


@pytest.mark.parametrize("name", OVERWRITING)
def test_a_rename_fails_if_a_create_may_overwrite_the_records(name: str, preview: Mocks) -> None:
    # A set with other values would be overwritten, too.
    changes: dict[str, Any] = {} if name in SINGLES else {ADAPTERS[name].value: []}
    preview.stack = state(name, "former", **changes)
    with pytest.raises(pulumi.RunError, match="give the delegation connect the option below"):
        run_delegation(lambda: adapter(name))
    assert records(preview) == []


@pytest.mark.rest
def test_a_google_project_tells_zones_of_the_same_name_apart(preview: Mocks) -> None:
    preview.stack = state("gcp", "other", project="other")
    run_delegation(lambda: adapter("gcp"))
    assert len(records(preview)) == 1
    with pytest.raises(pulumi.RunError, match="give the delegation connect the option below"):
        run_delegation(lambda: adapter("gcp", project=None))


@pytest.mark.parametrize("name", OVERWRITING)
def test_records_of_the_resource_itself_may_be_overwritten(name: str, preview: Mocks) -> None:
    preview.stack = state(name)
    run_delegation(lambda: adapter(name))
    made = records(preview)
    assert {each.inputs["name"] for each in made} == {ADAPTERS[name].inputs["name"]}
    assert {(each.import_id, *each.ignore_changes) for each in made} == {("",)}
    assert len([each for each in preview.called if each.token == READ_STACK]) == 1


def in_overwriting_dns() -> Adapter:
    """An adapter whose DNS provider overwrites, for a package that `make test` has."""
    return record_set(
        RecordClass(importlib.import_module("pulumi_aws.route53").Record, type=ADAPTERS["aws"].token, overwrites=True),
        lambda records: {"zone_id": "Z1", "name": records.domain, "type": "NS", "records": records.ns_targets},
        import_id=lambda records: "",
        values=lambda record: record.records,
        opts=None,
        adopt=False,
    )


def test_a_rename_fails_at_a_provider_that_overwrites(preview: Mocks) -> None:
    preview.stack = state("aws", "former")
    with pytest.raises(pulumi.RunError, match="give the delegation connect the option below"):
        run_delegation(in_overwriting_dns)
    assert records(preview) == []


def test_a_rename_warns_if_the_state_cannot_be_read(
    preview: Mocks, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(preview, "call", lambda args: ({}, []))
    run_delegation(in_overwriting_dns)
    assert (
        "Pulumi could not read the stack's state (`pulumi stack` may show the reason), so if an AgentIngressDel"
        in caplog.text
    )
    assert len(records(preview)) == 1


@pytest.mark.parametrize("name", sorted(ADAPTERS.keys() - OVERWRITING))
def test_the_state_is_not_read_without_need(name: str, preview: Mocks) -> None:
    run_delegation(lambda: adapter(name))
    assert preview.called == []


def test_the_state_is_not_read_under_mocks(mocks: Mocks) -> None:
    assert run_adopting("aws", mocks, state("aws"))[0].import_id == import_id("aws")
    assert mocks.called == []
