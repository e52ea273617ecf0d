"""Lookups of NS and CAA records: which response means what."""

from __future__ import annotations

import pytest

from pulumi_agin.cli import zone_lookup
from pulumi_agin.cli.zone_lookup import ZoneLookup
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
        ({(DOMAIN, "NS"): ["NS-2.awsdns.net.", "ns-1.awsdns.org."]}, ["ns-1.awsdns.org.", "ns-2.awsdns.net."]),
        # The server has the zone below it, too.
        ({(DOMAIN, "NS"): ["ns-1.awsdns.org."], (DOMAIN, "SOA"): SOA}, ["ns-1.awsdns.org."]),
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


@pytest.mark.parametrize("domain", [DOMAIN, "txt.acme.com"])
def test_server_of_other_zones_is_no_missing_delegation(domain: str) -> None:
    with dns_server({("txt.acme.com", "TXT"): ["other"]}, is_authoritative=False) as port:
        failure = pytest.raises(FailedError, match="could not be read: the server does not have the zone above it")
        with failure:
            ZoneLookup(f"127.0.0.1:{port}").ns_targets(domain)


@pytest.mark.parametrize("status", ["REFUSED", "SERVFAIL"])
def test_rejected_query_is_no_missing_record(status: str) -> None:
    with dns_server({(DOMAIN, "NS"): status, ("acme.com", "CAA"): status}) as port:
        lookup = ZoneLookup(f"127.0.0.1:{port}")
        with pytest.raises(FailedError, match=rf"its NS records could not be read: .*127.0.0.1.* answered {status}"):
            lookup.ns_targets(DOMAIN)
        with pytest.raises(FailedError, match=rf"the CAA records of acme.com could not be read: .* answered {status}"):
            lookup.forbidding_name(DOMAIN, "letsencrypt.org")


def test_server_that_is_down_is_no_missing_delegation(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zone_lookup, "QUERY_SECONDS", 0.05)
    with pytest.raises(FailedError, match=r"its NS records could not be read: .*lifetime expired after 0"):
        ZoneLookup(f"127.0.0.1:{free_port()}").ns_targets(DOMAIN)


def test_parent_zone_without_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    with dns_server({("acme.com", "SOA"): SOA, ("acme.com", "NS"): ["ns0.acme.com."]}) as port:
        use_as_public_dns(monkeypatch, port)
        with pytest.raises(FailedError, match="its NS records could not be read: All nameservers failed"):
            ZoneLookup(None).ns_targets(DOMAIN)


@pytest.mark.parametrize(
    ("records", "is_forbidden"),
    [
        ({}, False),
        ({"acme.com": ['0 issue "digicert.com"', '0 issue "Letsencrypt.org; validationmethods=dns-01"']}, False),
        ({"acme.com": ['0 ISSUE "digicert.com"']}, True),
        ({"acme.com": ['0 issue ";"']}, True),
        # They are about wildcards and reports.
        ({"acme.com": ['0 issuewild ";"', '0 iodef "mailto:a@acme.com"']}, False),
        # The nearest records apply, except those of the domain itself, which are below the delegation.
        ({"connect.iot.acme.com": ['0 issue ";"']}, False),
        ({"iot.acme.com": ['0 issue "letsencrypt.org"'], "acme.com": ['0 issue ";"']}, False),
    ],
)
def test_caa_records_above_the_domain_apply(records: dict[str, list[str]], is_forbidden: bool) -> None:
    with dns_server({(name, "CAA"): values for name, values in records.items()}) as port:
        name = ZoneLookup(f"127.0.0.1:{port}").forbidding_name("connect.iot.acme.com", "letsencrypt.org")
    assert name == ("acme.com" if is_forbidden else None)


@pytest.mark.parametrize("server", ["a..b:53", "127.0.0.1:x", "127.0.0.1:70000", ":53"])
def test_invalid_server_is_one_sentence(server: str) -> None:
    with pytest.raises(FailedError, match="--dns must be the address of a DNS server"):
        ZoneLookup(server)
