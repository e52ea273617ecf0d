"""Lookups, and the configuration of an agent, on plain values."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from pulumi_agin.api.budget import Budget
from pulumi_agin.api.client import Client
from pulumi_agin.api.errors import ApiError
from pulumi_agin.api.redaction import Secret
from pulumi_agin.emulator import Emulator
from pulumi_agin.lifecycle.invokes import configure_agent, find_many, find_one
from pulumi_agin.lifecycle.operation import FailedError
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create


@pytest.fixture
def client(emulator: Emulator) -> Client:
    return Client(Secret(API_KEY), emulator.url)


def test_one_is_found_by_its_id_or_its_domain_in_any_spelling(client: Client, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    assert find_one(client, id_, None, Budget(30)).domain == "connect.acme.com"
    assert find_one(client, None, " Connect.ACME.com.", Budget(30)).id == id_


@pytest.mark.parametrize(
    ("id_", "domain", "words"),
    [
        (None, None, "needs exactly one of id and domain"),
        ("agin_1", "acme.com", "needs exactly one of id and domain"),
        (None, "other.acme.com", "has no Agent Ingress with the domain other.acme.com"),
        # It is part of a filter.
        (None, 'x"', 'has no Agent Ingress with the domain x"'),
        ("THEIRS", None, "has no Agent Ingress with this ID"),
    ],
)
def test_what_is_not_found_is_an_error(
    client: Client, emulator: Emulator, id_: str | None, domain: str | None, words: str
) -> None:
    create(emulator, "connect.acme.com")
    theirs = create(emulator, "theirs.acme.com", OTHER_ACCOUNTS_KEY)
    with pytest.raises(FailedError) as caught:
        find_one(client, theirs if id_ == "THEIRS" else id_, domain, Budget(30))
    assert words in str(caught.value)


def test_many_are_sorted_by_domain_and_filtered(client: Client, emulator: Emulator) -> None:
    for domain in ("b.acme.com", "a.acme.com", "c.acme.com"):
        create(emulator, domain, description=domain[0])
    domains = [each.domain for each in find_many(client, None, Budget(30))]
    assert domains == ["a.acme.com", "b.acme.com", "c.acme.com"]
    found = find_many(client, "obj.description == 'b'", Budget(30))
    assert [each.domain for each in found] == ["b.acme.com"]
    with pytest.raises(FailedError, match="the filter is empty"):
        find_many(client, " ", Budget(30))
    with pytest.raises(ApiError, match="ERR_NGROK_250"):
        find_many(client, "obj.", Budget(30))


REGIONS = ["tunnel.eu.connect.acme.com", "tunnel.us.connect.acme.com", "odd.example.com"]
LETSENCRYPT = {"authority": "letsencrypt"}


@pytest.mark.parametrize(
    ("policy", "authtoken", "region", "agent"),
    [
        (None, None, None, {"connect_url": "connect.acme.com:443"}),
        (LETSENCRYPT, None, None, {"connect_url": "connect.acme.com:443", "connect_cas": "host"}),
        (None, "2k5-a_b", None, {"connect_url": "connect.acme.com:443", "authtoken": "2k5-a_b"}),
        (None, None, "us", {"connect_url": "tunnel.us.connect.acme.com:443"}),
    ],
)
def test_file_of_an_agent(policy: Any, authtoken: str | None, region: str | None, agent: dict[str, str]) -> None:
    text = configure_agent("connect.acme.com", policy, REGIONS, authtoken, region)
    assert yaml.safe_load(text) == {"version": 3, "agent": agent}


@pytest.mark.parametrize("authtoken", ["", "two words", "a\nb", "ü"])
def test_invalid_authtoken_is_not_shown(authtoken: str) -> None:
    with pytest.raises(FailedError, match=r"^the authtoken is empty or contains invalid characters; copy it"):
        configure_agent("connect.acme.com", None, [], authtoken, None)


def test_unknown_region_names_those_that_exist() -> None:
    with pytest.raises(FailedError, match=r'no region "mars" for connect.acme.com; it has eu, us$'):
        configure_agent("connect.acme.com", None, REGIONS, None, "mars")
