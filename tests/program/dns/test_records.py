"""AgentIngressDelegation and each adapter of `pulumi_agin.dns`, with the real package of each DNS provider.

The expected records come from each package's documentation and source.
"""

from __future__ import annotations

import importlib
import logging
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.rpc import UNKNOWN

import pulumi_agin as agin
from pulumi_agin.dns import NsRecords
from pulumi_agin.dns.adapter import package
from tests.support.delegations import (
    ADAPTERS,
    ALL_KNOWN,
    DELEGATION,
    SETS,
    SINGLES,
    ZONES,
    DnsMocks,
    adapter,
    connect,
    refusal,
    run_delegation,
)
from tests.support.mocks import NS_TARGETS, run

pytestmark = [
    pytest.mark.usefixtures("dns_sdks"),
    # Warnings of these packages about their own modules when they are imported.
    pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning"),
]

only_up = pytest.mark.parametrize("dns_mocks", [False], indirect=True, ids=["up"])
only_preview = pytest.mark.parametrize("dns_mocks", [True], indirect=True, ids=["preview"])
each_shape = pytest.mark.parametrize("name", ["aws", "cloudflare"])

Options = pulumi.ResourceOptions


@pytest.mark.parametrize("name", ADAPTERS)
def test_records_and_their_order(name: str, dns_mocks: DnsMocks, caplog: pytest.LogCaptureFixture) -> None:
    is_first_preview = bool(dns_mocks.to_create)
    known = run_delegation(lambda: adapter(name))
    assert known == ({"domain": "connect.acme.com"} if is_first_preview else ALL_KNOWN)
    records = dns_mocks.records()
    names = ["connect"] if name in SETS else [f"connect-{number}" for number in (1, 2, 3, 4)]
    assert [each.name for each in records] == names
    assert [each.inputs for each in records] == ADAPTERS[name].records(is_known=not is_first_preview)
    for each in records:
        assert each.token == ADAPTERS[name].token
        assert each.parent.endswith(f"{DELEGATION}::connect")
        assert "ingress" in each.dependencies
        assert each.replace_on_changes == [ADAPTERS[name].named_by]
        assert each.delete_before_replace is False
        assert each.import_id == ""
    assert not [each for each in caplog.records if each.levelno >= logging.WARNING]


@only_up
@pytest.mark.parametrize("name", ADAPTERS)
def test_arguments_may_be_outputs_and_a_zone_in_any_spelling(name: str, dns_mocks: DnsMocks) -> None:
    arguments = {
        key: pulumi.Output.from_input("ACME.com." if value == "acme.com" else value)
        for key, value in ADAPTERS[name].arguments.items()
    }
    assert run_delegation(lambda: adapter(name, **arguments), ttl=pulumi.Output.from_input(300)) == ALL_KNOWN
    assert [each.inputs for each in dns_mocks.records()] == ADAPTERS[name].records()


@only_up
@pytest.mark.parametrize("name", ["aws", "gcp", "cloudflare"])
def test_zone_that_has_an_id_needs_no_name(name: str, dns_mocks: DnsMocks) -> None:
    run_delegation(lambda: adapter(name, **{ZONES[name]: None}))
    assert {each.inputs["name"] for each in dns_mocks.records()} == {ADAPTERS[name].inputs["name"]}


@only_preview
@pytest.mark.parametrize("name", ZONES)
def test_first_preview_fails_on_a_domain_outside_of_the_zone(name: str, dns_mocks: DnsMocks) -> None:
    for zone in ("acme.org", "cme.com", "other.acme.com", "deep.connect.acme.com", ""):
        assert refusal(partial(adapter, name, **{ZONES[name]: zone})) == (
            f"connect.acme.com is not in the zone {zone or '(empty)'}; use the zone that contains it"
        )
    assert refusal(lambda: adapter(name, **{ZONES[name]: "Connect.ACME.com."})) == (
        "connect.acme.com is the apex of the zone; only a name below it can be delegated to ngrok"
    )


@only_preview
@each_shape
def test_records_are_shown_in_a_zone_that_is_created_too(name: str, dns_mocks: DnsMocks) -> None:
    unknown: Any = pulumi.output.UNKNOWN
    run_delegation(lambda: adapter(name, zone_name=pulumi.Output.from_input("acme.com").apply(lambda _: unknown)))
    assert {each.inputs["name"] for each in dns_mocks.records()} == {UNKNOWN}


@only_up
def test_a_delegation_has_records(dns_mocks: DnsMocks) -> None:
    returns_nothing: Any = lambda records: None  # noqa: E731
    with pytest.raises(pulumi.RunError, match="its adapter has returned no records"):
        run_delegation(lambda: agin.dns.custom(returns_nothing))
    with pytest.raises(pulumi.RunError, match="its adapter has returned no records"):
        run_delegation(lambda: adapter("cloudflare", name_servers=0))


@only_up
@pytest.mark.parametrize("name", SINGLES)
def test_name_servers_must_be_as_many_as_ngrok_returns(name: str, dns_mocks: DnsMocks) -> None:
    dns_mocks.ns_targets = NS_TARGETS[:2]
    assert refusal(lambda: adapter(name)) == (
        "ngrok returned 2 ns_targets, and the adapter declares 4 records: set its name_servers=2"
    )
    dns_mocks.declared.clear()
    run_delegation(lambda: adapter(name, name_servers=2))
    assert [each.inputs for each in dns_mocks.records()] == ADAPTERS[name].records()[:2]


def ids_of(values: list[str]) -> dict[str, str]:
    """Returns the IDs of the records with these values, such as R1 for ns-1.example.net."""
    return {value: f"R{value.removeprefix('ns-')[0]}" for value in values}


@only_preview
def test_record_ids_of_an_ingress_that_is_created_fail_in_the_preview(dns_mocks: DnsMocks) -> None:
    message = refusal(partial(adapter, "cloudflare", record_ids=ids_of(NS_TARGETS)))
    assert message.startswith("its adapter imports the records of an existing ingress, and this run creates another")


@only_up
@pytest.mark.parametrize("name", SINGLES)
def test_existing_records_are_imported_by_their_values(name: str, dns_mocks: DnsMocks) -> None:
    zone = {ZONES[name]: "ACME.com."} if "acme.com" in ADAPTERS[name].import_id else {}
    # In any order, with and without dots.
    record_ids = ids_of([NS_TARGETS[2][:-1], NS_TARGETS[0], NS_TARGETS[3].replace("example", "Example"), NS_TARGETS[1]])
    run_delegation(lambda: adapter(name, record_ids=record_ids, **zone))
    imported = [ADAPTERS[name].import_id.replace("ID", f"R{number}") for number in (1, 2, 3, 4)]
    assert [each.import_id for each in dns_mocks.records()] == imported
    assert [each.inputs for each in dns_mocks.records()] == ADAPTERS[name].records()


@only_up
@pytest.mark.rest
def test_import_id_at_vercel_without_a_team_is_that_of_the_record(dns_mocks: DnsMocks) -> None:
    run_delegation(lambda: adapter("vercel", team_id=None, record_ids=ids_of(NS_TARGETS)))
    assert [each.import_id for each in dns_mocks.records()] == ["R1", "R2", "R3", "R4"]


@only_up
def test_record_ids_with_other_values_fail(dns_mocks: DnsMocks) -> None:
    other = [*NS_TARGETS[:3], "ns-9.example.net."]
    for values in (other, NS_TARGETS[:3]):
        assert refusal(partial(adapter, "cloudflare", record_ids=ids_of(values))) == (
            f"record_ids has the values {', '.join(values)}, and ngrok returned the ns_targets "
            f"{', '.join(NS_TARGETS)}: import records with these values, or remove record_ids"
        )


@only_up
def test_record_ids_need_a_plain_zone(dns_mocks: DnsMocks) -> None:
    zone_id = pulumi.Output.from_input("Z1")
    with pytest.raises(pulumi.RunError, match=r"^with record_ids, the zone of an adapter must be a plain string"):
        run_delegation(lambda: adapter("cloudflare", zone_id=zone_id, record_ids=ids_of(NS_TARGETS)))


@only_up
@each_shape
def test_records_get_their_options_and_the_delegations_providers(name: str, dns_mocks: DnsMocks) -> None:
    def provider(provider_name: str) -> Any:
        arguments = {"aws": {"region": "eu-west-1"}, "cloudflare": {"api_token": "secret"}}
        return importlib.import_module(f"pulumi_{name}").Provider(provider_name, **arguments[name])

    def program() -> None:
        opts = Options(provider=provider("of-the-records"), protect=True, delete_before_replace=True)
        agin.AgentIngressDelegation("one", connect(), adapter(name, opts=opts))
        opts = Options(providers=[provider("of-the-delegation")])
        agin.AgentIngressDelegation("two", connect(), adapter(name), opts=opts)

    run(program)
    assert len(dns_mocks.records()) == (2 if name == "aws" else 8)
    for each in dns_mocks.records():
        is_first = each.name.startswith("one")
        assert each.provider.split("::")[-2] == ("of-the-records" if is_first else "of-the-delegation")
        assert each.is_protected is is_first
        assert each.delete_before_replace is is_first
        assert f"{DELEGATION}::" in each.parent


@only_up
def test_existing_record_set_is_imported_with_pulumis_own_option(dns_mocks: DnsMocks) -> None:
    run_delegation(lambda: adapter("aws", opts=Options(import_="Z1_connect.acme.com_NS")))
    assert [each.import_id for each in dns_mocks.records()] == ["Z1_connect.acme.com_NS"]


def test_records_may_be_declared_without_a_delegation(dns_mocks: DnsMocks) -> None:
    import pulumi_aws as aws  # pyright: ignore[reportMissingImports]

    def program() -> None:
        ingress = connect()
        records = ingress.ns_targets
        aws.route53.Record("connect", zone_id="Z1", name=ingress.domain, type="NS", ttl=300, records=records)

    run(program)
    [record] = dns_mocks.records()
    assert record.inputs == ADAPTERS["aws"].records(is_known=not dns_mocks.to_create)[0]
    assert record.dependencies == ["ingress"]


class InMyDns(pulumi.CustomResource):
    def __init__(self, name: str, host: str, opts: Options) -> None:
        super().__init__("my:index:Record", name, {"host": host}, opts)


class InMyComponent(pulumi.ComponentResource):
    def __init__(self, name: str, opts: Options) -> None:
        super().__init__("my:index:Records", name, {}, opts)


class TwoRecords:
    """An adapter of a user, without our classes."""

    def create_records(self, records: NsRecords, /) -> Any:
        return [InMyDns(f"{records.name}-{each}", each, records.options()) for each in ("a", "b")]


def in_my_dns(records: NsRecords) -> Any:
    return InMyDns(records.name, "a", records.options())


def in_my_component(records: NsRecords) -> Any:
    return InMyComponent(records.name, records.options())


@only_up
@pytest.mark.parametrize(
    ("dns", "names"),
    [
        (agin.dns.custom(in_my_dns), ["connect"]),
        (agin.dns.custom(in_my_component), ["connect"]),
        (TwoRecords(), ["connect-a", "connect-b"]),
    ],
    ids=["one", "component", "two"],
)
def test_records_of_any_package(dns: Any, names: list[str], dns_mocks: DnsMocks) -> None:
    assert run_delegation(lambda: dns) == ALL_KNOWN
    assert [each.name for each in dns_mocks.records()] == names
    for each in dns_mocks.records():
        assert each.parent.endswith(f"{DELEGATION}::connect")
        assert each.delete_before_replace is False
        # Even though no output of the ingress is among the inputs.
        assert each.dependencies == ["ingress"]


def waiting(make: Callable[[], Any], mocks: DnsMocks) -> Any:
    """Returns a resource that gets the ingress's ID from a delegation."""

    def program() -> None:
        delegation = agin.AgentIngressDelegation("connect", connect(), make())
        agin.AgentIngressCertificateValidation("waiting", delegation.agent_ingress_id)

    run(program)
    *_, last = mocks.declared
    assert last.name == "waiting"
    return last


@only_up
@pytest.mark.parametrize(
    "make", [lambda: adapter("aws"), lambda: adapter("cloudflare"), TwoRecords], ids=["aws", "cloudflare", "custom"]
)
def test_users_of_the_id_wait_for_all_records(make: Callable[[], Any], dns_mocks: DnsMocks) -> None:
    last = waiting(make, dns_mocks)
    records = {each.name for each in dns_mocks.records()} - {"waiting"}
    assert records
    assert records <= set(last.dependencies)


@only_preview
@each_shape
def test_preview_that_adds_records_shows_no_other_change(name: str, dns_mocks: DnsMocks) -> None:
    dns_mocks.to_create.remove("ingress")
    assert waiting(lambda: adapter(name), dns_mocks).inputs["agent_ingress_id"] == ALL_KNOWN["agent_ingress_id"]


@only_up
def test_delegation_is_not_deleted_with_its_ingress(dns_mocks: DnsMocks) -> None:
    def program() -> None:
        ingress = connect()
        with pytest.raises(pulumi.RunError, match=r'^AgentIngressDelegation "connect": deleted_with must not be its'):
            agin.AgentIngressDelegation("connect", ingress, adapter("aws"), opts=Options(deleted_with=ingress))
        zone = InMyDns("zone", "acme.com", Options())
        agin.AgentIngressDelegation("connect", ingress, adapter("aws"), opts=Options(deleted_with=zone))

    run(program)
    assert [each.name for each in dns_mocks.records()] == ["connect", "zone"]


@pytest.mark.parametrize("name", ADAPTERS)
def test_message_about_a_missing_package_installs_its_extra(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = ADAPTERS[name].package
    for module in [missing, *(each for each in sys.modules if each.startswith(f"{missing}."))]:
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(pulumi.RunError) as caught:
        adapter(name)
    assert str(caught.value) == (f"dns.{name} needs a package that is not installed: pip install 'pulumi-agin[{name}]'")


def test_missing_dependency_of_a_package_is_not_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "pulumi_broken.py").write_text("import pulumi_brokers_library", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="pulumi_brokers_library"):
        package("pulumi_broken", extra="broken")


def test_adapters_load_no_package_until_one_is_used() -> None:
    script = "import sys; before = set(sys.modules); import pulumi_agin.dns; print(*sorted(set(sys.modules) - before))"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    loaded = ran.stdout.split()
    assert "pulumi_agin.dns.adapter" in loaded
    packages = {"dns", *(each.package for each in ADAPTERS.values())}
    assert packages.isdisjoint(each.partition(".")[0] for each in loaded)
