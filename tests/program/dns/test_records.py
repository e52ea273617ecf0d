"""AgentIngressDelegation and each adapter of `pulumi_agin.dns`, with the real package of each DNS provider.

The expected records come from each package's documentation and source.
"""

from __future__ import annotations

import importlib
import logging
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.resource import DependencyResource
from pulumi.runtime.rpc import UNKNOWN, wrap_rpc_secret

import pulumi_agin as agin
from pulumi_agin.base.installation import missing_extra
from pulumi_agin.dns.adapter import NsRecords, package
from tests.support.delegations import (
    ADAPTERS,
    DELEGATION,
    DOTTED,
    ID,
    SETS,
    SINGLES,
    ZONES,
    Expected,
    adapter,
    connect,
    records,
    refusal,
    run_delegation,
    with_values,
)
from tests.support.mocks import NS_TARGETS, TYPE, Mocks, Request, run

pytestmark = [
    pytest.mark.usefixtures("dns_sdks"),
    # Warnings of these packages about their own modules when they are imported.
    pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning"),
]


def is_first_preview(mocks: Mocks) -> None:
    """In a preview, nothing about the ingress is known yet."""
    if pulumi.runtime.is_dry_run():
        mocks.to_be_made = {"ingress"}


ALL_KNOWN = {"domain": "connect.acme.com", "ns_targets": NS_TARGETS, "agent_ingress_id": ID}


@pytest.mark.parametrize("name", SETS)
def test_one_record_with_all_values(name: str, mocks: Mocks, caplog: pytest.LogCaptureFixture) -> None:
    expected = SETS[name]
    assert run_delegation(lambda: adapter(name)) == ALL_KNOWN
    [record] = records(mocks)
    assert record.name == "connect"
    assert record.inputs == with_values(expected, expected.values)
    assert_is_child(record, expected)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


@pytest.mark.parametrize("name", SINGLES)
def test_a_record_for_each_value(name: str, mocks: Mocks, caplog: pytest.LogCaptureFixture) -> None:
    expected = SINGLES[name]
    assert run_delegation(lambda: adapter(name)) == ALL_KNOWN
    made = records(mocks)
    assert [each.name for each in made] == ["connect-ns-1.example.net", "connect-ns-2.example.net"]
    for record, value in zip(made, expected.values, strict=True):
        assert record.inputs == with_values(expected, value)
        assert_is_child(record, expected)
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


def assert_is_child(record: Request, expected: Expected) -> None:
    assert record.token == expected.token
    assert record.parent.endswith(f"{DELEGATION}::connect")
    assert [urn for urn in record.dependencies if urn.endswith(f"{TYPE}::ingress")]
    assert record.replace_on_changes == [expected.named_by]
    assert record.delete_before_replace is False


@pytest.mark.parametrize("name", ADAPTERS)
def test_arguments_may_be_outputs_and_a_zone_in_any_spelling(name: str, mocks: Mocks) -> None:
    expected = ADAPTERS[name]
    arguments = {
        key: pulumi.Output.from_input("ACME.com." if value == "acme.com" else value)
        for key, value in expected.arguments.items()
    }
    ttl = pulumi.Output.from_input(300)
    assert run_delegation(lambda: adapter(name, **arguments), ttl=ttl) == ALL_KNOWN
    values = [expected.values] if name in SETS else expected.values
    assert [each.inputs for each in records(mocks)] == [with_values(expected, value) for value in values]


@pytest.mark.parametrize("name", ["aws", "gcp", "cloudflare"])
def test_a_zone_that_has_an_id_needs_no_name(name: str, mocks: Mocks) -> None:
    expected = ADAPTERS[name]
    run_delegation(lambda: adapter(name, **{"dns_name" if name == "gcp" else "zone_name": None}))
    assert {each.inputs["name"] for each in records(mocks)} == {expected.inputs["name"]}


@pytest.mark.parametrize("mocks", [True], indirect=True, ids=["preview"])
@pytest.mark.parametrize("name", SETS)
def test_a_record_is_shown_before_its_values_are_known(name: str, mocks: Mocks) -> None:
    mocks.to_be_made = {"ingress", "connect"}
    assert run_delegation(lambda: adapter(name)) == {"domain": "connect.acme.com"}
    [record] = records(mocks)
    assert record.name == "connect"
    assert record.inputs == with_values(SETS[name], UNKNOWN)
    assert_is_child(record, SETS[name])


@pytest.mark.parametrize("mocks", [True], indirect=True, ids=["preview"])
@pytest.mark.parametrize("name", SINGLES)
def test_a_preview_announces_records_that_it_cannot_show_yet(
    name: str, mocks: Mocks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mocks.to_be_made = {"ingress"}
    assert run_delegation(lambda: adapter(name)) == {"domain": "connect.acme.com"}
    assert records(mocks) == []
    assert [each.getMessage() for each in caplog.records if each.name == "root"] == [
        "the NS records of connect are not shown yet: ngrok returns their values when the Agent Ingress is created, "
        "and the same `pulumi up` then creates the records"
    ]


def taking_the_id(dns: Any, mocks: Mocks) -> Request:
    """Returns the last resource, which uses the ingress's ID from the delegation."""

    def program() -> None:
        made: Any = dns() if callable(dns) else dns
        delegation = agin.AgentIngressDelegation("connect", connect(), made)
        agin.AgentIngressCertificateValidation("wait", delegation.agent_ingress_id)

    run(program)
    *_, last = mocks.requests
    assert last.name == "wait"
    return last


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_users_of_the_id_depend_on_all_records(name: str, mocks: Mocks) -> None:
    last = taking_the_id(lambda: adapter(name), mocks)
    made = {each.name for each in mocks.requests if each.token == ADAPTERS[name].token}
    assert made
    assert made <= {urn.rpartition("::")[2] for urn in last.dependencies}


@pytest.mark.parametrize("mocks", [True], indirect=True, ids=["preview"])
@pytest.mark.parametrize(("name", "to_be_made"), [("aws", "connect"), ("dnsimple", "connect-ns-2.example.net")])
def test_a_preview_that_adds_a_record_shows_nothing_else_as_changing(
    name: str, to_be_made: str, mocks: Mocks, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    mocks.to_be_made = {to_be_made}
    assert taking_the_id(lambda: adapter(name), mocks).inputs["agent_ingress_id"] == ID
    assert to_be_made in [each.name for each in mocks.requests]
    assert "are not shown yet" not in caplog.text


@pytest.mark.parametrize("mocks", [True], indirect=True, ids=["preview"])
@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_a_zone_that_is_created_too_is_unknown_in_the_preview(name: str, mocks: Mocks) -> None:
    unknown: Any = pulumi.output.UNKNOWN
    zone = {"zone_name": pulumi.Output.from_input("acme.com").apply(lambda _: unknown)}
    mocks.to_be_made = {"ingress", "connect"}
    assert run_delegation(lambda: adapter(name, **zone)) == {"domain": "connect.acme.com"}
    assert [each.inputs["name"] for each in records(mocks)] == ([UNKNOWN] if name == "aws" else [])


@pytest.mark.parametrize("name", ZONES)
def test_a_domain_outside_of_the_zone_fails(name: str, mocks: Mocks) -> None:
    is_first_preview(mocks)
    for zone in ("acme.org", "cme.com", "other.acme.com", "deep.connect.acme.com", ""):
        assert refusal(lambda zone=zone: adapter(name, **{ZONES[name]: zone})) == (
            f"the domain connect.acme.com is not in the zone {zone or '(empty)'}: use the zone that contains "
            "connect.acme.com"
        )
    assert refusal(lambda: adapter(name, **{ZONES[name]: "Connect.ACME.com."})) == (
        "the domain connect.acme.com is the apex of the zone connect.acme.com, whose NS records are the zone's own: "
        "only a name below it can be delegated, such as connect.connect.acme.com"
    )
    assert records(mocks) == []


@pytest.mark.parametrize("name", ADAPTERS)
def test_a_ttl_outside_of_the_providers_range_fails(name: str, mocks: Mocks) -> None:
    accepted, rejected, right = ADAPTERS[name].ttls
    for ttl in accepted:
        run_delegation(lambda: adapter(name), ttl=ttl)
    # One for each value, if the package has a resource for each.
    count = len(NS_TARGETS) if name in SINGLES else 1
    assert sorted(ttl_of(each) for each in records(mocks)) == [ttl for ttl in accepted for _ in range(count)]
    is_first_preview(mocks)
    for ttl in rejected:
        message = f"the ttl of the delegation connect is {ttl}, but this DNS provider accepts {right}"
        assert refusal(lambda: adapter(name), ttl=ttl) == message


def ttl_of(record: Request) -> Any:
    inputs = record.inputs["spec"]["endpoints"][0] if "spec" in record.inputs else record.inputs
    [ttl] = [value for name, value in inputs.items() if name in ("ttl", "ttlSec", "recordTTL")]
    return ttl


WRONG_TTLS: list[Any] = [-1, 2**31, 300.5, float("nan"), float("inf"), True, "300", None]


@pytest.mark.rest
def test_a_linode_zone_is_a_number_or_a_resource_id(mocks: Mocks) -> None:
    assert run_delegation(lambda: adapter("linode", domain_id="12345")) == ALL_KNOWN
    assert {each.inputs["domainId"] for each in records(mocks)} == {12345}
    assert refusal(lambda: adapter("linode", domain_id="acme.com")) == (
        'the domain_id of dns.linode is "acme.com", but must be the numeric ID of the zone, such as 1234'
    )


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_a_wrong_ttl_fails(name: str, mocks: Mocks) -> None:
    ttl: Any
    for ttl in (0, 2**31 - 1, 300.0) if name == "aws" else (1, 86400, 300.0):
        run_delegation(lambda: adapter(name), ttl=ttl)
    is_first_preview(mocks)
    for wrong in WRONG_TTLS:
        for ttl in (wrong, pulumi.Output.from_input(wrong)):
            assert refusal(lambda: adapter(name), ttl=ttl) == (
                f'AgentIngressDelegation "connect": ttl is {wrong!r}, but must be a whole number of seconds from 0 to '
                "2147483647, such as 300"
            )


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_an_ingress_without_ns_targets_fails(name: str, mocks: Mocks) -> None:
    mocks.ns_targets = []
    message = "ngrok returned no ns_targets for connect.acme.com, so it can't be delegated; "
    assert refusal(lambda: adapter(name)) == f"{message}contact ngrok support"
    assert records(mocks) == []


def test_an_ingress_or_adapter_of_another_type_fails(mocks: Mocks) -> None:
    def program() -> None:
        wrong: Any
        # A component in another process gets only an Output.
        output = pulumi.Output.from_input("agin_1")
        for wrong in ("connect.acme.com", None, agin.AgentIngress, output):
            advice = r"\. From an Output of its ID, AgentIngress\.get\(NAME, ID\) makes one" if wrong is output else ""
            with pytest.raises(
                pulumi.RunError,
                match=r'^test_records\.py:\d+: AgentIngressDelegation "connect": agent_ingress must be an '
                rf"AgentIngress; got (str|NoneType|type|Output){advice}$",
            ):
                agin.AgentIngressDelegation("connect", wrong, adapter("cloudflare"))
        for wrong in ("aws", None, agin.dns, lambda records: None):
            with pytest.raises(
                pulumi.RunError,
                match=r'^test_records\.py:\d+: AgentIngressDelegation "connect": dns must be an adapter such as '
                r"agin\.dns\.aws\(zone_id=…\), or agin\.dns\.custom\(function\); got (str|NoneType|module|function)$",
            ):
                agin.AgentIngressDelegation("connect", connect(), wrong)

    run(program)
    assert {each.token for each in mocks.requests} == {TYPE}


@pytest.mark.parametrize("name", [*ADAPTERS, "rfc2136"])
def test_options_of_another_type_fail_where_the_adapter_is_made(name: str, mocks: Mocks) -> None:
    with pytest.raises(TypeError, match=r"opts of the adapter must be pulumi\.ResourceOptions\(…\); got bool"):
        agin.dns.rfc2136(**RFC2136, opts=True) if name == "rfc2136" else adapter(name, opts=True)  # type: ignore[arg-type]


RFC2136: dict[str, Any] = {"server": "ns1.acme.com", "zone": "acme.com"}
TSIG: dict[str, Any] = {"tsig_key_name": "agin", "tsig_secret": "c2VjcmV0"}
REST = {"domain": "connect.acme.com", "ttl": 300, "port": 53, "tsig_algorithm": "hmac-sha256", "adopt": False}


def rfc2136_inputs(mocks: Mocks) -> dict[str, Any]:
    """Returns the inputs of the only record."""
    [record] = records(mocks)
    assert (record.name, record.token) == ("connect", "pulumi-python:dynamic/agin:Rfc2136Delegation")
    assert record.parent.endswith(f"{DELEGATION}::connect")
    assert [urn for urn in record.dependencies if urn.endswith(f"{TYPE}::ingress")]
    assert record.delete_before_replace is False
    return {name: value for name, value in record.inputs.items() if name != "__provider"}


@pytest.mark.parametrize("as_given", [str, pulumi.Output.from_input], ids=["values", "outputs"])
def test_rfc2136_sends_the_key_and_its_secret_as_a_secret(as_given: Callable[[str], Any], mocks: Mocks) -> None:
    arguments = {name: as_given(value) for name, value in {**RFC2136, **TSIG}.items()}
    assert run_delegation(lambda: agin.dns.rfc2136(**arguments)) == ALL_KNOWN
    secret = wrap_rpc_secret(TSIG["tsig_secret"])
    assert rfc2136_inputs(mocks) == {**RFC2136, **TSIG, **REST, "tsig_secret": secret, "ns_targets": DOTTED}


def test_rfc2136_without_a_key_sends_none(mocks: Mocks) -> None:
    assert run_delegation(lambda: agin.dns.rfc2136("ns1.acme.com", "acme.com")) == ALL_KNOWN
    # To the engine, a secret null is an absent secret.
    assert rfc2136_inputs(mocks) == {**RFC2136, **REST, "tsig_secret": wrap_rpc_secret(None), "ns_targets": DOTTED}


def test_rfc2136_passes_on_its_other_arguments_and_options(mocks: Mocks) -> None:
    opts = pulumi.ResourceOptions(protect=True)
    rest: dict[str, Any] = {"tsig_algorithm": "hmac-sha512", "port": 5353, "adopt": True}
    run_delegation(lambda: agin.dns.rfc2136(**RFC2136, **TSIG, **rest, opts=opts), ttl=60)
    assert rest.items() <= rfc2136_inputs(mocks).items()
    assert rfc2136_inputs(mocks)["ttl"] == 60
    assert records(mocks)[0].is_protected


@pytest.mark.parametrize("mocks", [True], indirect=True, ids=["preview"])
def test_rfc2136_is_shown_before_its_values_are_known(mocks: Mocks) -> None:
    mocks.to_be_made = {"ingress", "connect"}
    assert run_delegation(lambda: agin.dns.rfc2136(**RFC2136, **TSIG)) == {"domain": "connect.acme.com"}
    secret = wrap_rpc_secret(TSIG["tsig_secret"])
    assert rfc2136_inputs(mocks) == {**RFC2136, **TSIG, **REST, "tsig_secret": secret, "ns_targets": UNKNOWN}


def test_rfc2136_fails_on_a_domain_outside_of_the_zone(mocks: Mocks) -> None:
    is_first_preview(mocks)
    message = refusal(lambda: agin.dns.rfc2136("ns1.acme.com", "acme.org"))
    assert message.startswith("the domain connect.acme.com is not in the zone acme.org")


@pytest.mark.parametrize("opts", [pulumi.ResourceOptions(id="a"), pulumi.ResourceOptions(import_="a")])
def test_rfc2136_records_are_not_read_or_imported(opts: pulumi.ResourceOptions, mocks: Mocks) -> None:
    message = refusal(lambda: agin.dns.rfc2136(**RFC2136, opts=opts))
    assert message == (
        'Rfc2136Delegation "connect" can\'t be read or imported: remove id and import_ from its ResourceOptions; '
        "to adopt existing records, set adopt=True"
    )


def test_rfc2136_names_its_extra_where_dnspython_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ["dns", *(each for each in sys.modules if each.startswith("dns."))]:
        monkeypatch.setitem(sys.modules, module, None)
    message = missing_extra("dns.rfc2136", "rfc2136")
    assert re.search("pip install 'dnspython>=[0-9.]+'$", message)
    with pytest.raises(pulumi.RunError, match=rf"^test_records\.py:\d+: {re.escape(message)}$"):
        agin.dns.rfc2136(**RFC2136)


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_records_get_their_options_and_the_delegations_providers(name: str, mocks: Mocks) -> None:
    def provider(provider_name: str) -> Any:
        arguments = {"aws": {"region": "eu-west-1"}, "cloudflare": {"api_token": "secret"}}
        return importlib.import_module(f"pulumi_{name}").Provider(provider_name, **arguments[name])

    def program() -> None:
        opts = pulumi.ResourceOptions(provider=provider("of-the-records"), protect=True)
        agin.AgentIngressDelegation("one", connect(), adapter(name, opts=opts))
        opts = pulumi.ResourceOptions(providers=[provider("of-the-delegation")], protect=True)
        agin.AgentIngressDelegation("two", connect(), adapter(name), opts=opts)

    run(program)
    made = records(mocks)
    assert len(made) == (2 if name == "aws" else 4)
    for each in made:
        of_which = "of-the-records" if each.name.startswith("one") else "of-the-delegation"
        assert each.provider.split("::")[-2] == of_which
        assert each.is_protected
        assert f"{DELEGATION}::" in each.parent
        assert each.replace_on_changes == ["name"]
        assert each.delete_before_replace is False


@pytest.mark.parametrize("name", ["aws", "cloudflare"])
def test_delete_before_replace_of_the_program_wins(name: str, mocks: Mocks) -> None:
    run_delegation(lambda: adapter(name, opts=pulumi.ResourceOptions(delete_before_replace=True)))
    assert {each.delete_before_replace for each in records(mocks)} == {True}


@pytest.mark.parametrize(
    ("name", "record"),
    [("aws", "connect"), ("cloudflare", "connect-ns-1.example.net"), ("of_each", "connect-ns-1.example.net")],
)
def test_records_have_the_aliases_of_their_delegation(name: str, record: str, mocks: Mocks) -> None:
    def program() -> None:
        dns = agin.dns.custom(of_each) if name == "of_each" else adapter(name, opts=given)
        above = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="c", type_="a:b:Former")])
        component = pulumi.ComponentResource("a:b:C", "con", None, above)
        own = pulumi.ResourceOptions(aliases=[pulumi.Alias(name="old::name")], parent=component)
        agin.AgentIngressDelegation("connect", connect(), dns, opts=own)

    def of_each(records: NsRecords) -> Any:
        return records.of_each(lambda name, _: InMyDns(name, "a", records.options(given, name=name)))

    given = pulumi.ResourceOptions(aliases=["urn:pulumi:stack::project::a:b:Record::given"])
    run(program)
    [made] = [each for each in records(mocks) if each.name == record]
    former = [
        # Its own alias, that of its parent, and both.
        ("a:b:C", "old::name"),
        ("a:b:Former", "cnect"),
        ("a:b:Former", "old::name"),
    ]
    # A URN has only the types of the parents. Those of the mocks include the stack.
    assert [each.replace("pulumi:pulumi:Stack$", "") for each in made.aliases[:4]] == [
        *(
            f"urn:pulumi:stack::project::{types}${DELEGATION}::delegation {name}{record.removeprefix('connect')}"
            for types, name in former
        ),
        "urn:pulumi:stack::project::a:b:Record::given",
    ]


def test_records_have_the_aliases_of_their_delegation_below_a_component_of_another_process(mocks: Mocks) -> None:
    def program() -> None:
        urn = "urn:pulumi:stack::project::pulumi:pulumi:Stack$a:b:C::remote"
        # The SDK makes the parent's options complete in such a process.
        opts = pulumi.ResourceOptions(parent=DependencyResource(urn), protect=False, aliases=[pulumi.Alias(name="old")])
        agin.AgentIngressDelegation("connect", connect(), adapter("aws"), opts=opts)

    run(program)
    [made] = records(mocks)
    [alias] = made.aliases
    assert alias.endswith("delegation old")


def test_records_have_no_aliases_if_their_delegation_has_none(mocks: Mocks) -> None:
    run_delegation(lambda: adapter("aws"))
    [made] = records(mocks)
    assert made.aliases == []


class InMyDns(pulumi.CustomResource):
    def __init__(self, name: str, host: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("my:index:Record", name, {"host": host}, opts)


def rejected(declare: Callable[[Any], object], deleted_with: Any, what: str) -> None:
    """Asserts that an option with this value is rejected, and what the message has about it."""
    why = f'the option deleted_with names "{deleted_with.pulumi_resource_name}", which {what}. Pulumi would leave the '
    with pytest.raises(pulumi.RunError, match=rf"^test_records\.py:\d+: \w.*: {re.escape(why)}"):
        declare(pulumi.ResourceOptions(deleted_with=deleted_with))


def test_records_that_would_outlive_what_they_are_deleted_with_are_rejected(mocks: Mocks) -> None:
    def program() -> None:
        grandparent = pulumi.ComponentResource("my:index:Site", "grandparent")
        opts = pulumi.ResourceOptions(parent=grandparent)
        parent = pulumi.ComponentResource("my:index:Site", "parent", {}, opts)
        opts = pulumi.ResourceOptions(parent=parent)
        ingress = agin.AgentIngress("ingress", domain="connect.acme.com", opts=opts)
        around = pulumi.ComponentResource("my:index:Dns", "around")
        inside = pulumi.ResourceOptions(parent=around)

        def of_the_delegation(opts: pulumi.ResourceOptions) -> None:
            opts = pulumi.ResourceOptions.merge(inside, opts)
            agin.AgentIngressDelegation("connect", ingress, adapter("aws"), opts=opts)

        def of_an_rfc2136_delegation(opts: pulumi.ResourceOptions) -> None:
            opts = pulumi.ResourceOptions.merge(inside, opts)
            agin.dns.Rfc2136Delegation("alone", **RFC2136, domain="a.acme.com", ns_targets=DOTTED, ttl=300, opts=opts)

        for declare in (of_the_delegation, of_an_rfc2136_delegation):
            rejected(declare, ingress, "is an Agent Ingress")
            for each in (parent, grandparent):
                rejected(declare, each, "contains an Agent Ingress")
            rejected(declare, around, "is a component that contains the NS records")

        def custom(opts: pulumi.ResourceOptions) -> Any:
            return agin.dns.custom(lambda records: InMyDns(records.name, "a", records.options(opts)))

        adapters: list[Callable[[Any], Any]] = [
            custom,
            lambda opts: adapter("aws", opts=opts),
            lambda opts: adapter("cloudflare", opts=opts),
            lambda opts: agin.dns.rfc2136(**RFC2136, opts=opts),
        ]
        for number, make in enumerate(adapters):

            def of_the_records(opts: Any, number: int = number, make: Callable[[Any], Any] = make) -> None:
                agin.AgentIngressDelegation(f"d{number}", ingress, make(opts), opts=inside)

            rejected(of_the_records, grandparent, "contains an Agent Ingress")
            rejected(of_the_records, around, "is a component that contains the NS records")

    is_first_preview(mocks)
    run(program)
    registered = {each.token for each in mocks.requests}
    assert registered == {TYPE, DELEGATION, "my:index:Site", "my:index:Dns"}


def test_records_may_be_deleted_with_their_zone(mocks: Mocks) -> None:
    def program() -> None:
        ingress = connect()
        zone = InMyDns("zone", "acme.com", pulumi.ResourceOptions())
        sibling = pulumi.ComponentResource("my:index:Zone", "sibling")
        for each in (zone, sibling):
            name, opts = each.pulumi_resource_name, pulumi.ResourceOptions(deleted_with=each)
            agin.AgentIngressDelegation(f"own-{name}", ingress, adapter("aws"), opts=opts)
            agin.AgentIngressDelegation(f"records-{name}", ingress, adapter("aws", opts=opts))
        # Unlike a component, a zone may contain the records.
        opts = pulumi.ResourceOptions(deleted_with=zone, parent=zone)
        agin.AgentIngressDelegation("inside", ingress, adapter("aws"), opts=opts)

    run(program)
    made = [each for each in records(mocks) if each.token == ADAPTERS["aws"].token]
    deleted_with = {each.name: each.deleted_with.rpartition("::")[2] for each in made}
    names = {"records-zone": "zone", "records-sibling": "sibling"}
    # The engine passes the options of the delegations on, not the SDK.
    assert deleted_with == {**dict.fromkeys(("own-zone", "own-sibling", "inside"), ""), **names}


class InMyComponent(pulumi.ComponentResource):
    def __init__(self, name: str, opts: pulumi.ResourceOptions) -> None:
        super().__init__("my:index:Records", name, {}, opts)


class Thirds:
    """An adapter of a user, without our classes."""

    def create_records(self, records: NsRecords, /) -> Any:
        return records.of_each(lambda name, value: InMyDns(name, value, records.options()))


def one(records: NsRecords) -> Any:
    return InMyDns(records.name, "a", records.options())


def some(records: NsRecords) -> Any:
    return [InMyDns(f"{records.name}-{each}", each, records.options()) for each in ("a", "b")]


def an_output_of_one(records: NsRecords) -> Any:
    return records.ns_targets.apply(lambda values: InMyDns(records.name, values[0], records.options()))


def a_component(records: NsRecords) -> Any:
    return InMyComponent(records.name, records.options())


@pytest.mark.parametrize(
    ("dns", "names"),
    [
        (Thirds(), ["connect-ns-1.example.net", "connect-ns-2.example.net"]),
        (agin.dns.custom(one), ["connect"]),
        (agin.dns.custom(some), ["connect-a", "connect-b"]),
        (agin.dns.custom(an_output_of_one), ["connect"]),
        (agin.dns.custom(a_component), ["connect"]),
    ],
    ids=["thirds", "one", "some", "an_output_of_one", "a_component"],
)
def test_records_of_any_package(dns: Any, names: list[str], mocks: Mocks) -> None:
    assert run_delegation(dns) == ALL_KNOWN
    made = records(mocks)
    assert [each.name for each in made] == names
    for each in made:
        assert each.parent.endswith(f"{DELEGATION}::connect")
        assert each.delete_before_replace is False
        # Even though no output of the ingress is among the inputs.
        assert [urn for urn in each.dependencies if urn.endswith(f"{TYPE}::ingress")]


@pytest.mark.parametrize("function", [one, some, an_output_of_one])
def test_the_id_depends_on_records_of_any_package(function: Callable[[NsRecords], Any], mocks: Mocks) -> None:
    last = taking_the_id(agin.dns.custom(function), mocks)
    made = {each.name for each in mocks.requests if each.token.startswith("my:")}
    assert made
    assert made <= {urn.rpartition("::")[2] for urn in last.dependencies}


@pytest.mark.parametrize(
    ("gives", "got"),
    [
        (lambda records: None, "NoneType"),
        (lambda records: "connect", "str"),
        (lambda records: "", "str"),
        (lambda records: [], "list"),
        (lambda records: [one(records), None], "list"),
        (lambda records: {"record": one(records)}, "dict"),
        (lambda records: records.ns_targets.apply(lambda _: None), "NoneType"),
    ],
)
def test_a_custom_function_that_does_not_return_records_fails(gives: Any, got: str, mocks: Mocks) -> None:
    assert refusal(agin.dns.custom(gives)) == (
        f'AgentIngressDelegation "connect": the dns function returned {got}: it must return the record that it '
        "created, or a list of them"
    )


@pytest.mark.parametrize("name", ADAPTERS)
def test_message_about_a_missing_package_installs_that_package(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = ADAPTERS[name].package
    for module in [package, *(each for each in sys.modules if each.startswith(f"{package}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    message = missing_extra(f"dns.{name}", name)
    # It names the distribution, such as pulumi-aws, and its bounds.
    assert re.search(rf"pip install '{package.replace('_', '-')}<\d+,>=[\d.]+'$", message)
    with pytest.raises(pulumi.RunError, match=rf"^delegations\.py:\d+: {re.escape(message)}$"):
        adapter(name)


def test_a_missing_dependency_of_a_package_is_not_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pulumi_broken.py").write_text("import pulumi_brokers_library", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="pulumi_brokers_library"):
        package("pulumi_broken", extra="broken")


def test_the_adapters_load_no_package_until_one_is_used() -> None:
    script = "import sys; before = set(sys.modules); import pulumi_agin.dns; print(*sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "pulumi_agin.dns.adapter" in loaded
    packages = {"dns", *(each.package for each in ADAPTERS.values())}
    assert packages.isdisjoint(each.partition(".")[0] for each in loaded)
