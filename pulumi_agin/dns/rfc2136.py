"""Rfc2136Delegation, the NS records at a name server that accepts DNS updates (RFC 2136), and its adapter."""

from __future__ import annotations

from collections.abc import Sequence

import pulumi

from pulumi_agin.base.names import DNS_PORT
from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider
from pulumi_agin.lifecycle import urns
from pulumi_agin.program.errors import WrongArgumentsError, place_in_program
from pulumi_agin.program.resource import DynamicResource, deleted_with_problem, require_options
from pulumi_agin.rfc2136 import missing_package
from pulumi_agin.rfc2136.values import DEFAULT_TSIG_ALGORITHM

from .adapter import Adapter


def rfc2136(
    server: pulumi.Input[str],
    zone: pulumi.Input[str],
    tsig_key_name: pulumi.Input[str] | None = None,
    tsig_secret: pulumi.Input[str] | None = None,
    tsig_algorithm: pulumi.Input[str] = DEFAULT_TSIG_ALGORITHM,
    port: pulumi.Input[int] = DNS_PORT,
    adopt: pulumi.Input[bool] = False,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records by DNS updates (RFC 2136), with dnspython, as an `Rfc2136Delegation`.

    BIND, Knot DNS, PowerDNS and other name servers accept such updates. Windows DNS and Infoblox are untested.

    Args:
        server: The host name or IP address of the primary server of the zone.
        zone: The name of the zone, such as "acme.com".
        tsig_key_name: The name of the TSIG key that signs the updates. Omit it only if the server does not support
            keys; see `Rfc2136Delegation`.
        tsig_secret: The secret of the TSIG key, in base64.
        tsig_algorithm: The algorithm of the TSIG key; see `Rfc2136Delegation`.
        port: The TCP port of the server, 1 to 65535.
        adopt: Whether to adopt existing NS records with exactly the values and the TTL of the delegation.
        opts: The options of the records.

    Returns:
        The adapter. The TTL can be 0 to 2147483647 seconds.

    Raises:
        pulumi.RunError: dnspython is not installed, or a module `dns` of the project hides it.
    """
    require_options(opts, "the adapter")
    if missing := missing_package("dns.rfc2136"):
        raise pulumi.RunError(f"{place_in_program()}: {missing}")

    return Adapter(
        lambda records: Rfc2136Delegation(
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
            adopt=adopt,
            # Without `named_by`, because a change of the domain replaces this resource anyway.
            opts=records.options(opts),
        )
    )


class Rfc2136Delegation(DynamicResource, token=urns.RFC2136_DELEGATION):
    """The NS records that delegate one domain, at a name server that accepts DNS updates, such as BIND or Knot DNS.

    With a key, the updates are signed with TSIG. Without one they are unsigned, and anyone who can send from an address
    that the server allows can change the records. So omit the key only if the server does not support keys, such as
    Windows DNS with "nonsecure and secure" updates (untested).

    A change of `domain` or `zone` replaces the records. Every other change is made in place, for all records in one
    message.

    Documentation: docs/reference/rfc2136-delegation.md in the repository

    Attributes:
        domain: The delegated domain, in lowercase and without a trailing dot.
        ns_targets: The values of the records: lowercase, trailing dot, sorted.
        ttl: The time to live of the records, in seconds.
    """

    domain: pulumi.Output[str]
    ns_targets: pulumi.Output[Sequence[str]]
    ttl: pulumi.Output[int]

    def __init__(
        self,
        resource_name: str,
        opts: pulumi.ResourceOptions | None = None,
        *,
        domain: pulumi.Input[str],
        ns_targets: pulumi.Input[Sequence[pulumi.Input[str]]],
        ttl: pulumi.Input[int],
        server: pulumi.Input[str],
        zone: pulumi.Input[str],
        tsig_key_name: pulumi.Input[str] | None = None,
        tsig_secret: pulumi.Input[str] | None = None,
        tsig_algorithm: pulumi.Input[str] = DEFAULT_TSIG_ALGORITHM,
        port: pulumi.Input[int] = DNS_PORT,
        adopt: pulumi.Input[bool] = False,
    ) -> None:
        """Declares the NS records of a domain.

        The preview shows all problems with the values at once. Case and trailing dots in names are ignored.

        Args:
            resource_name: The name of the resource in Pulumi.
            opts: The options of the resource.
            domain: The domain to delegate, below the apex of `zone`.
            ns_targets: The values of the records, one or more.
            ttl: The time to live of the records in seconds, 0 to 2147483647 (RFC 2181).
            server: The host name or IP address of the primary server of the zone. After a change, the records are
                created at the new server, and those at the old one stay.
            zone: The name of the zone.
            tsig_key_name: The name of the TSIG key that signs each message. The server must let the key change the NS
                records of `domain`. Without a name and a secret, messages are unsigned.
            tsig_secret: The secret of the TSIG key, in base64. It is encrypted in the state.
            tsig_algorithm: The algorithm of the TSIG key: hmac-md5, hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or
                hmac-sha512.
            port: The TCP port of the server, 1 to 65535.
            adopt: Whether to adopt NS records that the domain already has with exactly these values and this TTL,
                without an update. If the domain has other records, the preview fails; if it has none, they are created.
                Needed for the first `pulumi up`.

        Raises:
            pulumi.RunError: `opts` has `id` or `import_`, although an ID does not contain the location of the records,
                or a `deleted_with` by which the records would stay.
        """
        require_options(opts, "Rfc2136Delegation")
        if opts is not None and (opts.id is not None or opts.import_ is not None):
            raise WrongArgumentsError(
                f'Rfc2136Delegation "{resource_name}" can\'t be read or imported: remove id and import_ from its '
                "ResourceOptions; to adopt existing records, set adopt=True"
            )
        # It may name the zone, but not the Agent Ingress, nor a component that contains the records, which the parent
        # shows.
        if problem := deleted_with_problem(opts, opts.parent if opts else None):
            raise WrongArgumentsError(f'Rfc2136Delegation "{resource_name}": {problem}')
        inputs = {
            "domain": domain,
            "zone": zone,
            "ns_targets": ns_targets,
            "ttl": ttl,
            "server": server,
            "port": port,
            "tsig_key_name": tsig_key_name,
            "tsig_secret": pulumi.Output.secret(tsig_secret),
            "tsig_algorithm": tsig_algorithm,
            "adopt": adopt,
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["tsig_secret"])
        super().__init__(Rfc2136Provider(), resource_name, inputs, pulumi.ResourceOptions.merge(secret, opts))
