"""Lookups of NS and CAA records: which response means what."""

from __future__ import annotations

import pytest

from pulumi_agin.cli import zone_lookup
from pulumi_agin.cli.zone_lookup import LookupFailedError, ZoneLookup
from pulumi_agin.lifecycle.operation import FailedError
from tests.support.dns_server import Zones, dns_server, use_as_public_dns
from tests.support.ports import free_port

DOMAIN = "connect.acme.com"
SOA = ["ns1.acme.com. hostmaster.acme.com. 1 3600 600 86400 60"]
# A server without an address, and one that rejects all queries, come before the one that has the zone.
PUBLIC: Zones = {
    ("acme.com", "SOA"): SOA,
    ("acme.com", "NS"): ["ns0.acme.com.", "ns1.acme.com."],
    ("ns1.acme.com", "A"): ["127.0.0.2", "127.0.0.1"],
}


@pytest.mark.parametrize(
    ("zones", "found"),
    [
        (
            {(DOMAIN, "NS"): ["NS-2.awsdns.net.", "ns-1.awsdns.org."], (DOMAIN, "SOA"): SOA},
            ["ns-1.awsdns.org.", "ns-2.awsdns.net."],
        ),
        ({(DOMAIN, "TXT"): ["other"]}, []),
        ({}, []),
    ],
)
@pytest.mark.parametrize("is_public", [True, False])
def test_ns_records_are_read_in_the_parent_zone(
    zones: Zones, found: list[str], is_public: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    rejected: Zones = {(DOMAIN, "NS"): "REFUSED"}
    with dns_server({**PUBLIC, **zones}) as port, dns_server(rejected, address=("127.0.0.2", port)):
        use_as_public_dns(monkeypatch, port)
        lookup = ZoneLookup(None if is_public else f"localhost:{port}")
        assert lookup.ns_targets(DOMAIN) == found


@pytest.mark.parametrize("rcode", ["REFUSED", "SERVFAIL"])
def test_rejected_query_is_no_missing_delegation(rcode: str) -> None:
    with dns_server({(DOMAIN, "NS"): rcode}) as port, pytest.raises(LookupFailedError, match=f"responded {rcode}"):
        ZoneLookup(f"127.0.0.1:{port}").ns_targets(DOMAIN)


def test_server_of_another_zone_is_no_missing_delegation() -> None:
    with dns_server({}, is_authoritative=False) as port, pytest.raises(LookupFailedError, match="not a server of its"):
        ZoneLookup(f"127.0.0.1:{port}").ns_targets(DOMAIN)


def test_server_that_is_down_is_no_missing_delegation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_lookup, "ATTEMPT_SECONDS", 0.05)
    with pytest.raises(LookupFailedError, match=r"127\.0\.0\.1 timed out"):
        ZoneLookup(f"127.0.0.1:{free_port()}").ns_targets(DOMAIN)


def test_parent_zone_without_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    with dns_server({("acme.com", "SOA"): SOA, ("acme.com", "NS"): ["ns0.acme.com."]}) as port:
        use_as_public_dns(monkeypatch, port)
        with pytest.raises(LookupFailedError, match="no server of its parent zone has an address"):
            ZoneLookup(None).ns_targets(DOMAIN)


@pytest.mark.parametrize(
    ("zones", "found"),
    [
        ({}, None),
        ({("acme.com", "CAA"): ['0 issue "Letsencrypt.org; validationmethods=dns-01"']}, ["letsencrypt.org"]),
        ({("acme.com", "CAA"): ['0 issue ";"', '0 ISSUE "digicert.com"']}, ["", "digicert.com"]),
        # They say nothing about a certificate without a wildcard.
        ({("acme.com", "CAA"): ['0 issuewild ";"', '0 iodef "mailto:a@acme.com"']}, []),
        # Those of the domain itself are below the delegation.
        ({(DOMAIN, "CAA"): ['0 issue ";"']}, None),
    ],
)
def test_caa_records_of_the_parent_apply(zones: Zones, found: list[str] | None) -> None:
    with dns_server(zones) as port:
        owner, issuers = ZoneLookup(f"127.0.0.1:{port}").issuers(DOMAIN)
    assert (sorted(issuers) if owner else None) == found


def test_nearest_caa_records_apply() -> None:
    zones = {("b.acme.com", "CAA"): ['0 issue "near.org"'], ("acme.com", "CAA"): ['0 issue "far.org"']}
    with dns_server(zones) as port:
        lookup = ZoneLookup(f"127.0.0.1:{port}")
        assert lookup.issuers("c.b.acme.com") == ("b.acme.com", ["near.org"])
        assert lookup.issuers("c.other.acme.com") == ("acme.com", ["far.org"])


def test_caa_records_above_the_zones_of_the_server_are_not_read() -> None:
    zones: Zones = {("acme.co.uk", "TXT"): ["other"], ("co.uk", "CAA"): "REFUSED"}
    with dns_server(zones) as port:
        lookup = ZoneLookup(f"127.0.0.1:{port}")
        assert lookup.issuers("connect.acme.co.uk") == ("", [])
        with pytest.raises(LookupFailedError, match=r"for co\.uk, the resolver failed"):
            lookup.issuers("acme.co.uk")


def test_caa_records_behind_an_error_are_not_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    with dns_server({("acme.com", "CAA"): "SERVFAIL"}) as port:
        use_as_public_dns(monkeypatch, port)
        with pytest.raises(LookupFailedError, match=r"for acme\.com, the resolver failed"):
            ZoneLookup(None).issuers(DOMAIN)


@pytest.mark.parametrize("server", ["a..b:53", "127.0.0.1:x", "127.0.0.1:70000", ":53"])
def test_invalid_server_is_one_sentence(server: str) -> None:
    with pytest.raises(FailedError, match="--dns must be the address of a DNS server"):
        ZoneLookup(server)


def test_server_of_other_zones_is_no_proof_of_missing_caa_records() -> None:
    zones: Zones = {("acme.com", "TXT"): ["other"]}
    failure = pytest.raises(LookupFailedError, match="neither a server of its zone nor a resolver")
    with dns_server(zones, is_authoritative=False) as port, failure:
        ZoneLookup(f"127.0.0.1:{port}").issuers(DOMAIN)
