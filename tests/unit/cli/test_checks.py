"""The verdicts of `doctor` about one ingress."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import Any

import pytest

from pulumi_agin.api.models import IngressModel
from pulumi_agin.cli.checks import check_ingress
from pulumi_agin.cli.zone_lookup import LookupFailedError, ZoneLookup
from tests.support.emulator import POLICY

NOW = datetime(2026, 3, 20, tzinfo=timezone.utc)
NO_CAA: tuple[str, list[str]] = ("", [])
TARGETS = ["ns-1.awsdns.org.", "ns-2.awsdns.net."]


class Lookup(ZoneLookup):
    """Public DNS with the given records, or the reason that it can't be queried."""

    def __init__(self, targets: list[str] | str = TARGETS, caa: tuple[str, list[str]] | str = NO_CAA) -> None:
        self._targets, self._caa = targets, caa

    def ns_targets(self, domain: str) -> list[str]:
        if isinstance(self._targets, str):
            raise LookupFailedError(self._targets)
        return self._targets

    def issuers(self, domain: str) -> tuple[str, list[str]]:
        if isinstance(self._caa, str):
            raise LookupFailedError(self._caa)
        return self._caa


def findings(lookup: ZoneLookup, **values: Any) -> dict[str, tuple[str, str]]:
    """Returns the verdict and the sentence of each check."""
    ingress = {
        "id": "agin_1",
        "domain": "connect.acme.com",
        "ns_targets": TARGETS,
        "created_at": "2026-01-01T00:00:00Z",
    }
    found = check_ingress(IngressModel.model_validate(ingress | values), lookup, NOW)
    return {each.check: (each.verdict.value, each.sentence) for each in found}


@pytest.mark.parametrize(
    ("found", "verdict", "sentence"),
    [
        (TARGETS, "ok", "its NS records are right"),
        ([], "wrong", "it is not delegated; create NS records with ns-1.awsdns.org., ns-2.awsdns.net."),
        (TARGETS[:1], "wrong", "its NS records are not ngrok's ns_targets; missing: ns-2.awsdns.net."),
        ([*TARGETS, "ns.other.net."], "wrong", "its NS records are not ngrok's ns_targets; extra: ns.other.net."),
        (
            [TARGETS[0], "ns.other.net."],
            "wrong",
            "its NS records are not ngrok's ns_targets; missing: ns-2.awsdns.net.; extra: ns.other.net.",
        ),
        ("timed out", "unknown", "its NS records could not be read: timed out"),
    ],
)
def test_ns_records(found: list[str] | str, verdict: str, sentence: str) -> None:
    assert findings(Lookup(found))["ns_records"] == (verdict, sentence)


def test_ingress_without_ns_targets() -> None:
    verdict, sentence = findings(Lookup([]), ns_targets=[])["ns_records"]
    assert (verdict, sentence) == ("unknown", "ngrok returned no ns_targets for it; contact ngrok support")


def job(code: str | None, renews_at: str | None = None) -> dict[str, Any]:
    return {"renews_at": renews_at, "provisioning_job": {"error_code": code, "msg": "ngrok's reason."}}


@pytest.mark.parametrize(
    ("status", "verdict", "sentence"),
    [
        (None, "unknown", "not being issued yet"),
        (job(None), "unknown", 'being issued: ngrok reports "ngrok\'s reason."'),
        (job("INTERNAL_ERROR"), "unknown", "delayed by a temporary error at ngrok (INTERNAL_ERROR): ngrok reports"),
        (job("DNS_ERROR"), "wrong", 'blocked by a DNS error (DNS_ERROR): ngrok reports "ngrok\'s reason."'),
        (job("NEW_ERROR"), "wrong", "blocked by an error that ngrok does not document (NEW_ERROR)"),
        ({"renews_at": "2026-04-01T00:00:00Z"}, "ok", "issued, and its renewal begins on 2026-04-01"),
        ({"renews_at": "2026-03-19T00:00:00Z"}, "ok", "issued, and its renewal is due since 2026-03-19"),
        ({"renews_at": "2026-03-06T00:00:00Z"}, "ok", "issued, and its renewal is due since 2026-03-06"),
        ({"renews_at": "2026-03-05T00:00:00Z"}, "wrong", "issued, but its renewal is overdue since 2026-03-05;"),
        ({"renews_at": "soon"}, "ok", "issued"),
        # The certificate is still valid, and DNS is the user's.
        (job("DNS_ERROR", "2026-03-19T00:00:00Z"), "wrong", "issued, and being renewed (DNS_ERROR): ngrok reports"),
        (job("INTERNAL_ERROR", "2026-03-01T00:00:00Z"), "wrong", "issued, and being renewed (INTERNAL_ERROR): ngrok"),
    ],
)
def test_certificate(status: dict[str, Any] | None, verdict: str, sentence: str) -> None:
    values = {"certificate_management_policy": POLICY, "certificate_management_status": status}
    found = findings(Lookup(), **values)["certificate"]
    assert found[0] == verdict
    assert found[1].startswith(f"its certificate is {sentence}")


def test_ingress_without_a_policy_needs_no_certificate_and_no_caa_record() -> None:
    # A status without a policy is old.
    found = findings(Lookup(caa="never read"), certificate_management_status={"renews_at": "2020-01-01T00:00:00Z"})
    assert found["certificate"][0] == "ok"
    assert found.keys() == {"agent_ingress", "ns_records", "certificate"}


@pytest.mark.parametrize(
    ("caa", "verdict", "sentence"),
    [
        (NO_CAA, "ok", "no CAA record restricts its certificates"),
        (("acme.com", []), "ok", "the CAA records of acme.com allow Let's Encrypt"),
        (("acme.com", ["x.org", "letsencrypt.org"]), "ok", "the CAA records of acme.com allow Let's Encrypt"),
        (("acme.com", ["x.org"]), "wrong", "the CAA records of acme.com forbid Let's Encrypt; add 0 issue"),
        (("acme.com", [""]), "wrong", "the CAA records of acme.com forbid Let's Encrypt; add 0 issue"),
        ("timed out", "unknown", "the CAA records above it could not be read: timed out"),
    ],
)
def test_caa_records(caa: tuple[str, list[str]] | str, verdict: str, sentence: str) -> None:
    found = findings(Lookup(caa=caa), certificate_management_policy=POLICY)["caa_records"]
    assert found[0] == verdict
    assert found[1].startswith(sentence)
