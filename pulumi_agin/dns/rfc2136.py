"""The adapter for a name server of one's own that takes DNS updates (RFC 2136)."""

from __future__ import annotations

import pulumi

from pulumi_agin.dynamic.rfc2136 import missing_package

from .records import Adapter, NsRecords
from .rfc2136_delegation import Rfc2136Delegation


def rfc2136(
    server: pulumi.Input[str],
    zone: pulumi.Input[str],
    tsig_key_name: pulumi.Input[str] | None = None,
    tsig_secret: pulumi.Input[str] | None = None,
    tsig_algorithm: pulumi.Input[str] = "hmac-sha256",
    port: pulumi.Input[int] = 53,
    take_over: pulumi.Input[bool] = False,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """BIND, Knot, PowerDNS, Windows DNS, Infoblox and what else takes DNS updates, by dnspython.

    The arguments are those of `Rfc2136Delegation`. Without tsig_key_name and tsig_secret the updates are unsigned:
    then whoever can send from an address that the server allows can change the records, so use that only where the
    server knows nothing better, as Windows DNS with "nonsecure and secure" updates. opts: of the record. Raises
    pulumi.RunError where dnspython is missing, or hidden by a module `dns` of the project's own.
    """
    if missing := missing_package():
        raise pulumi.RunError(missing)

    def make(records: NsRecords) -> pulumi.Resource:
        return Rfc2136Delegation(
            records.name,
            domain=records.within(zone),
            ns_targets=records.ns_targets,
            ttl=records.ttl,
            server=server,
            port=port,
            zone=zone,
            tsig_key_name=tsig_key_name,
            tsig_secret=tsig_secret,
            tsig_algorithm=tsig_algorithm,
            take_over=take_over,
            opts=records.options(opts),
        )

    return Adapter(make)
