"""Rfc2136Delegation: NS records at a primary server that takes DNS updates (RFC 2136), as a resource."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pulumi
from pulumi.dynamic import Resource

from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider


class Rfc2136Delegation(Resource, module="agin", name="Rfc2136Delegation"):
    """The NS records that delegate one domain, at BIND, Knot, PowerDNS, Windows DNS or what else takes DNS updates.

    They are signed by TSIG where there is a key, and else unsigned: then whoever can send from an address that the
    server allows can change the records, so leave the key out only where the server knows nothing better, as Windows
    DNS with "nonsecure and secure" updates.

    Another `domain` or `zone` replaces them; everything else is changed in place, the records in one message.
    """

    domain: pulumi.Output[str]
    """The domain that is delegated, in lower case and without a trailing dot."""
    ns_targets: pulumi.Output[Sequence[str]]
    """The values of the records: lower case, trailing dot, sorted."""
    ttl: pulumi.Output[int]
    """How long others may remember the records, in seconds."""

    def __init_subclass__(cls, **kwargs: Any) -> None:
        # As that of AgentIngress: the type is part of the URN.
        kwargs = {**kwargs, "module": "agin", "name": "Rfc2136Delegation"}
        super().__init_subclass__(**kwargs)

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
        tsig_algorithm: pulumi.Input[str] = "hmac-sha256",
        port: pulumi.Input[int] = 53,
        take_over: pulumi.Input[bool] = False,
    ) -> None:
        """Declares the records.

        domain: a name below the apex of `zone`. Spelled in any case, with or without a trailing dot, as all names.
        ns_targets: the values, one or more.
        ttl: in seconds, 0 to 2147483647 (RFC 2181).
        server: the host name or IP address of the zone's primary server. Where it moves, the records are made at the
            new one, and the old one is left alone.
        port: of TCP, 1 to 65535.
        tsig_key_name, tsig_algorithm: the key that each message is signed by; the algorithm is hmac-md5, hmac-sha1,
            hmac-sha224, hmac-sha256, hmac-sha384 or hmac-sha512. The server has to let it change the NS records of
            `domain`. Without a name and a secret, messages are unsigned.
        tsig_secret: base64. It is made a secret, and stands in the state encrypted.
        take_over: whether NS records that the domain has already are replaced when these are made. Take it out again
            once they are: a resource that is renamed would take its own records over, and then delete them.

        Whatever is wrong with the values is shown by the preview, all of it at once.

        Raises pulumi.RunError where opts has `id` or `import_`: an id alone does not tell where the records are.
        """
        opts = opts or pulumi.ResourceOptions()
        if opts.id is not None or opts.import_ is not None:
            raise pulumi.RunError(
                f'Rfc2136Delegation "{resource_name}" can\'t be read or imported: take id and import_ out of its '
                "ResourceOptions; records that are there already become its own by take_over=True"
            )
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
            "take_over": take_over,
        }
        secret = pulumi.ResourceOptions(additional_secret_outputs=["tsig_secret"])
        super().__init__(Rfc2136Provider(), resource_name, inputs, pulumi.ResourceOptions.merge(secret, opts))
