"""The delegations in the program of `pulumi-agin import`, which match the records in DNS."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.redaction import one_line
from pulumi_agin.delegation import DEFAULT_TTL_SECONDS

from .dns_reading import DnsReading, Found


@dataclass(frozen=True)
class Delegation:
    """One delegation of the program."""

    ttl: int = DEFAULT_TTL_SECONDS
    adopts: bool = True
    """Whether it adopts existing records."""
    comments: Sequence[str] = ()
    """Instructions to correct or check something, each on a line."""


@dataclass(frozen=True)
class Delegations:
    """The delegations of the program, which all have the same adapter."""

    adapter: str
    by_domain: Mapping[str, Delegation]
    comments: Sequence[str] = ()
    """Instructions for all of them, each on a line."""
    note: str = ""
    """A note on unread records, for stderr; "" if everything was read."""


def decide(adapter: str, ingresses: Sequence[IngressModel], reading: DnsReading) -> Delegations:
    """Returns delegations that fit the records in DNS. Unknown records are adopted with the default TTL."""
    other_zone = ["A domain in another zone needs another adapter."] if len(ingresses) > 1 else []
    if reading.missing:
        unread = _comment("not read, so check that each domain has NS records, and their TTL")
        comments = [unread, *reading.missing.splitlines(), *other_zone]
        note = f"the NS records were not read from DNS: {reading.missing}"
        return Delegations(adapter, {each.domain: Delegation() for each in ingresses}, comments, note)
    zones = [found.zone.name for found in reading.by_domain.values()]
    counts = Counter(zone for zone in zones if zone)
    usual_zone = max(counts, key=lambda zone: counts[zone], default="")
    by_domain = {
        each.domain: _delegation(each, reading.by_domain[each.domain], reading.source, usual_zone) for each in ingresses
    }
    return Delegations(adapter, by_domain, [] if all(zones) else other_zone, _note(reading))


def _delegation(ingress: IngressModel, found: Found, source: str, usual_zone: str) -> Delegation:
    result = found.result
    if result.problem:
        return Delegation(comments=[_comment(f"{result.describe(source)}: check the TTL, and that there are records")])
    comments = []
    if found.zone.name not in ("", usual_zone):
        zone = f"this domain is in the zone {found.zone.name}, not {usual_zone}"
        comments.append(_comment(f"{zone}: use an adapter for that zone"))
    if not result.names:
        comments.append(
            _comment(
                "no NS records, so `pulumi up` creates them: check that the zone has none, because some DNS providers "
                "overwrite others"
            )
        )
        return Delegation(adopts=False, comments=comments)
    if differences := result.differences(ingress.ns_targets):
        correct = "correct them at the DNS provider, or remove this delegation until then"
        comments.append(_comment(f"the NS records differ ({differences}): {correct}"))
    if found.ttl is None:
        unknown = f"{source} did not show the TTL in the parent zone"
        comments.append(_comment(f"{unknown}; if it is not {DEFAULT_TTL_SECONDS}, set ttl"))
        return Delegation(comments=comments)
    return Delegation(found.ttl, comments=comments)


def _comment(clause: str) -> str:
    return f"DNS: {one_line(clause, len(clause))}"


def _note(reading: DnsReading) -> str:
    unread = [domain for domain, found in reading.by_domain.items() if found.result.problem]
    if not unread:
        return ""
    others = f" and {len(unread) - 1} more" if unread[1:] else ""
    reason = reading.by_domain[unread[0]].result.describe(reading.source)
    return one_line(f"{reason} for {unread[0]}{others}; comments in the program show which")
