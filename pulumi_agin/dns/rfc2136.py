"""The adapter for your own name server, if it accepts DNS updates (RFC 2136)."""

from __future__ import annotations

import pulumi

from pulumi_agin.api.constants import DEFAULT_TSIG_ALGORITHM, DNS_PORT
from pulumi_agin.dnsclient import missing_package
from pulumi_agin.program.argument_errors import checks_arguments, place

from .adapter import Adapter, NsRecords, install_line
from .rfc2136_delegation import Rfc2136Delegation


@checks_arguments
def rfc2136(
    server: pulumi.Input[str],
    zone: pulumi.Input[str],
    tsig_key_name: pulumi.Input[str] | None = None,
    tsig_secret: pulumi.Input[str] | None = None,
    tsig_algorithm: pulumi.Input[str] = DEFAULT_TSIG_ALGORITHM,
    port: pulumi.Input[int] = DNS_PORT,
    take_over: pulumi.Input[bool] = False,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records by DNS updates (RFC 2136), with dnspython.

    BIND, Knot, PowerDNS, Windows DNS, Infoblox and other name servers accept such updates.

    Without `tsig_key_name` and `tsig_secret` the updates are unsigned, and anybody who can send from an address that
    the server allows can change the records. So leave them out only if the server does not support keys, such as
    Windows DNS with "nonsecure and secure" updates.

    Args:
        server: The host name or IP address of the primary server of the zone.
        zone: The name of the zone, such as "acme.com".
        tsig_key_name: The name of the TSIG key that signs the updates.
        tsig_secret: The secret of the key, in base64.
        tsig_algorithm: The algorithm of the key: hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or
            hmac-sha512.
        port: The TCP port of the server, 1 to 65535.
        take_over: Whether to adopt NS records that the domain already has; see docs/guides/dns.md. Their values and
            their TTL must be those of the delegation.
        opts: The options of the record.

    Returns:
        The adapter. It takes a TTL of 0 to 2147483647 seconds.

    Raises:
        pulumi.RunError: dnspython is not installed, or the project has a module `dns` that hides it.
    """
    if missing := missing_package("dns.rfc2136", install_line("rfc2136")):
        raise pulumi.RunError(f"{place()}: {missing}")

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
