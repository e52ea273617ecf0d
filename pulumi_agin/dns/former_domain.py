"""The check that the NS records of a replaced Agent Ingress change with its domain.

With `--target`, a run can replace an ingress without its records. At its end, the engine would delete the old ingress,
and an attacker could hijack the domain, which is still delegated. With `--exclude`, the engine keeps the old ingress,
but a later run with `--target` could delete it, if the delegation had registered the new domain by then.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from typing import Any

import pulumi

from pulumi_agin.base.names import canonical_domain
from pulumi_agin.lifecycle import urns
from pulumi_agin.program import sdk
from pulumi_agin.program.aliases import former_urns
from pulumi_agin.program.run import ProgramRun

from .adapter import NsRecords, error


def require_new_domain(records: NsRecords, made: pulumi.Resource | Sequence[pulumi.Resource]) -> pulumi.Output[None]:
    """Returns an output that fails if this run keeps a record at the former domain. A preview warns instead.

    The program fails before the engine deletes anything. AgentIngressDelegation waits for this before it registers its
    outputs, which replace the former domain in the engine.
    """
    return pulumi.Output.from_input(_check(ProgramRun.current(), records, made))


async def _check(run: ProgramRun, records: NsRecords, made: pulumi.Resource | Sequence[pulumi.Resource]) -> None:
    # The outputs of the last run, until the delegation registers those of this one; none if it is new.
    delegation = await run.resource(records.delegation.urn, ("domain",))
    former = delegation.outputs.get("domain") if delegation else None
    domain: object = await sdk.value_of(records.domain)
    # Neither is a string if it is not known, in a preview or after a failure.
    if not isinstance(former, str) or not isinstance(domain, str) or former == domain:
        return
    # The stack does not delete the ingress of a `get`.
    if getattr(records.agent_ingress, "_is_read", False):
        return
    resources = [made] if isinstance(made, pulumi.Resource) else made
    have_stayed = [await _is_at(run, each, former, domain) for each in await sdk.with_children(resources)]
    if not any(have_stayed) or await _is_of_other_ingress(run, records, former):
        return
    danger = "The old Agent Ingress could be deleted without them, and an attacker could hijack the domain"
    if pulumi.runtime.is_dry_run():
        pulumi.log.warn(
            f"this update will fail, because it keeps the NS records of {former}, although the domain of their Agent "
            f"Ingress changes to {domain}. {danger}. Add --target-dependents, or remove --target, --exclude and "
            "ignore_changes",
            records.delegation,
        )
    else:
        raise error(
            records,
            f"this run keeps the NS records of {former}, although the domain of their Agent Ingress has changed to "
            f"{domain}. {danger}, so nothing is deleted. Run `pulumi up` with --target-dependents, or without "
            "--target, --exclude and ignore_changes",
        )


async def _is_at(run: ProgramRun, record: pulumi.Resource, former: str, domain: str) -> bool:
    """Returns whether the outputs of a resource of any package have the former domain, but not the new one."""
    resource = await run.resource(record.urn, None)
    strings = {canonical_domain(each) for each in _strings(resource.outputs)} if resource else set[str]()
    return _is_among(former, strings) and not _is_among(domain, strings)


def _is_among(name: str, strings: Collection[str]) -> bool:
    """Returns whether a name is among strings. Many packages have the part before the zone in a separate output."""
    return name in strings or any(
        name.endswith(f".{zone}") and name.removesuffix(f".{zone}") in strings for zone in strings
    )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _strings(each)


async def _is_of_other_ingress(run: ProgramRun, records: NsRecords, former: str) -> bool:
    """Returns whether another Agent Ingress of the stack has the former domain, as after an exchange of the ingress.

    The state may still have the delegation's own one under a former name, its own or one by an alias of its parent.
    """
    ingress = records.agent_ingress
    names = [ingress.urn, *former_urns(ingress, getattr(ingress, "_declared_parent", None))]
    own = {await sdk.value_of(each) for each in names}
    stack = await sdk.outputs_of_stack(run.stack, {urns.AGENT_INGRESS: ("domain",)}) or {}
    return any(outputs.get("domain") == former for urn, outputs in stack.items() if urn not in own)
