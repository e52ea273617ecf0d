"""Rfc2136Delegation and the adapter `rfc2136`: NS records at a name server that accepts DNS updates (RFC 2136)."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

import pulumi
from pulumi import contains_unknowns, dynamic

from pulumi_agin import program
from pulumi_agin.dynamic.providers import Rfc2136Provider
from pulumi_agin.lifecycle.operation import IMPORT, Call

from .adapter import Adapter, package


def rfc2136(
    server: pulumi.Input[str],
    zone: pulumi.Input[str],
    tsig_key_name: pulumi.Input[str] | None = None,
    tsig_secret: pulumi.Input[str] | None = None,
    tsig_algorithm: pulumi.Input[str] = "hmac-sha256",
    port: pulumi.Input[int] = 53,
    opts: pulumi.ResourceOptions | None = None,
) -> Adapter:
    """Creates the NS records by DNS updates (RFC 2136), with dnspython, as an `Rfc2136Delegation`.

    BIND, Knot DNS, PowerDNS and other name servers accept such updates. Windows DNS and Infoblox are untested.

    Args:
        server: The host name or IP address of the primary server of the zone.
        zone: The name of the zone, such as "acme.com".
        tsig_key_name: The name of the TSIG key that signs the updates. Omit the key only if the server does not support
            keys; see `Rfc2136Delegation`.
        tsig_secret: The secret of the TSIG key, in base64.
        tsig_algorithm: The algorithm of the TSIG key; see `Rfc2136Delegation`.
        port: The TCP port of the server, 1 to 65535.
        opts: The options of the records. With the domain as the ID, `import_` imports existing records.

    Returns:
        The adapter. The TTL can be 0 to 2147483647 seconds.

    Raises:
        pulumi.RunError: dnspython is not installed.
    """
    package("dns", extra="rfc2136")
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
            # Without `named_by`, because a change of the domain replaces this resource anyway.
            opts=records.options(opts),
        )
    )


class Rfc2136Delegation(dynamic.Resource, module="agin", name="Rfc2136Delegation"):
    """The NS records that delegate one domain, at a name server that accepts DNS updates, such as BIND or Knot DNS.

    With a key, the updates are signed with TSIG. Without a key, the updates are unsigned, and anyone who can send from
    an address that the server allows can change the records. So omit the key only if the server does not support keys,
    such as Windows DNS with "nonsecure and secure" updates (untested).

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
        tsig_algorithm: pulumi.Input[str] = "hmac-sha256",
        port: pulumi.Input[int] = 53,
    ) -> None:
        """Declares the NS records of a domain.

        The preview shows all problems with the values at once. Case and trailing dots in names are ignored.

        Args:
            resource_name: The name of the resource in Pulumi.
            opts: The options of the resource. With the domain as the ID, `import_` imports existing records, and writes
                nothing. The existing records must have exactly these values and this TTL. `import_` is needed for only
                one `pulumi up`.
            domain: The domain to delegate, below the apex of `zone`.
            ns_targets: The values of the records, one or more.
            ttl: The time to live of the records in seconds, 0 to 2147483647 (RFC 2181).
            server: The host name or IP address of the primary server of the zone. After a change, the records are
                created at the new server, and the records at the old server remain.
            zone: The name of the zone.
            tsig_key_name: The name of the TSIG key that signs each message. The server must allow the key to change the
                NS records of `domain`. Without a name and a secret, messages are unsigned.
            tsig_secret: The secret of the TSIG key, in base64. The secret is encrypted in the state.
            tsig_algorithm: The algorithm of the TSIG key: hmac-sha1, hmac-sha224, hmac-sha256, hmac-sha384 or
                hmac-sha512.
            port: The TCP port of the server, 1 to 65535.
        """
        # The merge makes a copy, so that the program's options keep `import_`.
        opts = pulumi.ResourceOptions.merge(pulumi.ResourceOptions(additional_secret_outputs=["tsig_secret"]), opts)
        inputs: dict[str, Any] = {
            "domain": domain,
            "zone": zone,
            "ns_targets": ns_targets,
            "ttl": ttl,
            "server": server,
            "port": port,
            "tsig_key_name": tsig_key_name,
            "tsig_secret": pulumi.Output.secret(tsig_secret),
            "tsig_algorithm": tsig_algorithm,
        }
        run = program.current()
        # Under mocks, there is no run, and Pulumi gets the option `import_` unchanged.
        if run is not None and opts.import_ is not None:
            inputs[IMPORT], opts.import_ = opts.import_, None
        # A copy of the inputs, because the SDK adds the provider to the dict.
        super().__init__(Rfc2136Provider(), resource_name, dict(inputs), opts)
        if run is not None and pulumi.runtime.is_dry_run():
            # The program waits for every `apply`, even if nothing uses the result.
            values = pulumi.Output.all(self.id, inputs)
            _: pulumi.Output[None] = values.apply(partial(_warn_in_preview, run, self), run_with_unknowns=True)


def _lifecycle(run: program.Run) -> Any:
    """Returns the lifecycle that all previews of a run share, so that an unresponsive server is queried only once."""
    from pulumi_agin.rfc2136.records import NsRecordsLifecycle

    return run.shared(NsRecordsLifecycle)


async def _warn_in_preview(run: program.Run, resource: pulumi.Resource, values: Sequence[Any]) -> None:
    """Warns if a create or import will fail: the server does not respond, rejects the key, or has other records."""
    id_, inputs = values
    if not contains_unknowns(id_):
        return
    call = Call(is_unknown=contains_unknowns)
    checked = _lifecycle(run).check(call, inputs)
    # The engine also calls `check`, and shows the failures.
    if not checked.failures:
        # In a thread, because `preview_problem` blocks.
        problem = await asyncio.to_thread(_lifecycle(run).preview_problem, call, checked.inputs)
        if problem:
            run.warn_once(problem, resource)
