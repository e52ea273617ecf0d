"""Lookups of Agent Ingresses, without Pulumi."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.functions import find_many, find_one
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.settings import Settings
from tests.support.keys import API_KEY

ACCOUNT = "the account of the API key from the environment variable NGROK_API_KEY"


@pytest.fixture
def account(emulator: Emulator) -> Account:
    environment = {"NGROK_API_BASE_URL": emulator.url, "NGROK_API_KEY": API_KEY}
    return Account(Settings.load(lambda key: None, environment))


@pytest.fixture
def client(account: Account) -> AgentIngressClient:
    return account.require_client()


def find(account: Account, id_: str | None = None, domain: str | None = None) -> Any:
    return find_one(account, "getAgentIngress", id_, domain)


def test_find_by_id_and_by_domain_in_any_spelling(account: Account, client: AgentIngressClient) -> None:
    made = client.create({"domain": "connect.acme.com"})
    client.create({"domain": "other.acme.com"})
    assert find(account, id_=made.id).domain == "connect.acme.com"
    assert find(account, domain=" Connect.ACME.com. ").id == made.id


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({}, "getAgentIngress requires exactly one of id and domain; got neither"),
        ({"id_": "agin_1", "domain": "a.acme.com"}, "getAgentIngress requires exactly one of id and domain; got both"),
        ({"id_": "agin_000000000000000000000000000"}, f"there is no such Agent Ingress in {ACCOUNT}"),
        ({"domain": "a.acme.com"}, f"there is no Agent Ingress with the domain a.acme.com in {ACCOUNT}"),
        ({"domain": "https://a.acme.com"}, "getAgentIngress: invalid arguments: domain is a URL"),
        ({"domain": ""}, "getAgentIngress: invalid arguments: domain is empty"),
    ],
)
def test_failed_lookup_names_the_function_and_account(
    arguments: dict[str, str], message: str, account: Account
) -> None:
    with pytest.raises(InvalidInputsError) as raised:
        find(account, **arguments)
    assert message in str(raised.value)


def test_results_are_sorted_and_an_empty_filter_is_rejected(account: Account, client: AgentIngressClient) -> None:
    for domain in ("b.acme.com", "c.acme.com", "a.acme.com"):
        client.create({"domain": domain, "metadata": domain[0]})
    found = find_many(account, "getAgentIngresses", None)
    assert [one.domain for one in found] == ["a.acme.com", "b.acme.com", "c.acme.com"]
    assert [one.domain for one in find_many(account, "getAgentIngresses", 'obj.metadata == "b"')] == ["b.acme.com"]
    assert find_many(account, "getAgentIngresses", 'obj.metadata == "z"') == []
    with pytest.raises(InvalidInputsError, match=r"^the filter of getAgentIngresses is empty; omit it"):
        find_many(account, "getAgentIngresses", " ")
