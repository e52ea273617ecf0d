"""DNS lookups for `pulumi-agin import --delegations`: the NS records of domains, and their zones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import Clock
from pulumi_agin.dnsclient.values import DnsResult, Server, Zone


@dataclass(frozen=True)
class Found:
    """The result of the lookups of one domain."""

    result: DnsResult
    zone: Zone

    @property
    def ttl(self) -> int | None:
        """The TTL of the NS records in the parent zone, in seconds; None if it may be that of a resolver's cache."""
        return self.result.ttl if self.zone.is_at_server or not self.result.is_of_resolver else None


@dataclass(frozen=True)
class DnsReading:
    """The results of the lookups of many domains."""

    source: str
    """The server that was queried, for messages."""
    by_domain: Mapping[str, Found] = field(default_factory=dict[str, Found])
    """Empty if a package is missing."""
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
    results = find_delegations(domains, budget, server)
    # Most domains have the same parent, which is looked up once.
    parents = {domain: domain.partition(".")[2] for domain, result in results.items() if not result.problem}
    zones = find_zones(sorted({*parents.values()}), budget, server)
    return DnsReading(
        source,
        {domain: Found(result, zones.get(parents.get(domain, ""), Zone())) for domain, result in results.items()},
    )
