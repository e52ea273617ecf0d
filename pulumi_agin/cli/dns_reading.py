"""DNS lookups for `pulumi-agin import --delegations`: the NS records of domains, and their zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import Clock
from pulumi_agin.dnsclient.values import DnsAnswer, Server


@dataclass(frozen=True)
class DnsReading:
    """The NS records of many domains."""

    source: str
    """The server that was queried, for messages."""
    answers: Mapping[str, DnsAnswer] = field(default_factory=dict[str, DnsAnswer])
    """By domain, each with its zone; empty if a package is missing."""
    missing: str = ""
    """The missing package, with the command that installs it on a second line."""


def read_delegations(domains: Sequence[str], server: Server | None, clock: Clock) -> DnsReading:
    """Looks up the NS records of domains, and their zones. Raises nothing."""
    source = str(server or "public DNS")
    try:
        from pulumi_agin.dnsclient.ns_lookup import FLEET_SECONDS, find_delegations, find_zones
    except ImportError as error:
        # The rest of the program does not need dnspython.
        return DnsReading(source, missing=str(error))
    budget = Budget(FLEET_SECONDS, clock)
    answers = find_delegations(domains, budget, server)
    # Most domains have the same parent, which is looked up once.
    parents = {domain: domain.partition(".")[2] for domain, answer in answers.items() if not answer.problem}
    zones = find_zones(sorted({*parents.values()}), budget, server)
    found = {domain: replace(answers[domain], zone=zones[parent]) for domain, parent in parents.items()}
    return DnsReading(source, {**answers, **found})
