"""Taking over NS records that exist, with Pulumi's own import: nothing is written at the DNS provider.

A record is imported only if the stack does not have it yet. Otherwise the engine would import it again whenever the id
for imports differs from the id in the state, as it does for many packages. Then it would delete the record of the
state, which is the same record at the DNS provider.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping, Sequence
from typing import Any, TypeAlias

import pulumi

from pulumi_agin import tokens
from pulumi_agin.canonical import canonical_domain
from pulumi_agin.deployment import Deployment

from .records import NsRecords, announce, name_of

Ids: TypeAlias = Mapping[str, str | int]
"""The DNS provider's ids of records, by the values of the records in any spelling."""


def import_one(
    records: NsRecords,
    type_: str,
    make: Callable[[str | None], pulumi.Resource],
    import_id: Callable[[], pulumi.Input[str]],
) -> pulumi.Output[pulumi.Resource]:
    """Creates the resource with all values. Imports the records if the stack does not have the resource yet.

    Args:
        records: The records.
        type_: The type of the resource, such as "aws:route53/record:Record".
        make: Creates the resource; called with the id to import, or None.
        import_id: Returns the id to import.

    Returns:
        The resource. The preview fails if the Agent Ingress is to be created, because then there are no such records.
    """

    def resource(known: Sequence[Any]) -> pulumi.Output[pulumi.Resource]:
        in_stack, is_new = known
        if records.name in in_stack:
            return pulumi.Output.from_input(make(None))
        if is_new:
            raise pulumi.RunError(
                f"the delegation {records.name} has no NS records to take over: its Agent Ingress is to be created, "
                "and ngrok gives the values of the records only then. Give it an adapter without take_over"
            )
        return pulumi.Output.from_input(import_id()).apply(make)

    return pulumi.Output.all(_names_in_stack(records, type_), _is_new(records.agent_ingress)).apply(resource)


def import_each(
    records: NsRecords,
    type_: str,
    make: Callable[[str, str, str | None], pulumi.Resource],
    find: Callable[[], pulumi.Output[Mapping[str, str]]],
    *,
    are_given: bool,
) -> pulumi.Output[list[pulumi.Resource]]:
    """Creates a resource for each value. Imports the records for which the stack does not have a resource yet.

    Args:
        records: The records.
        type_: The type of the resources, such as "cloudflare:index/dnsRecord:DnsRecord".
        make: Creates the resource with one value; called with its name, its value, and the id to import, or None.
        find: Returns the ids to import, by the values of the records that exist: lower case, trailing dot. Called only
            if the stack lacks a resource.
        are_given: Whether the program gives the ids. Then every value needs one.

    Returns:
        The resources. The preview fails if the stack has none of them yet, and the records that exist have other
        values.
    """

    def resources(known: Sequence[Any]) -> pulumi.Output[list[pulumi.Resource]]:
        domain, targets, in_stack = known
        names: dict[str, str] = {name_of(records, target): target for target in targets}

        def made(import_ids: Mapping[str, str]) -> list[pulumi.Resource]:
            return [
                make(name, target, None if name in in_stack else import_ids.get(target))
                for name, target in names.items()
            ]

        def made_if_right(import_ids: Mapping[str, str]) -> list[pulumi.Resource]:
            # Once the stack has records, ngrok may name other name servers, and then the values differ for a while.
            if not in_stack:
                _check_values(records.name, domain, targets, import_ids.keys(), are_given=are_given)
            return made(import_ids)

        if names.keys() <= in_stack:
            return pulumi.Output.from_input(made({}))
        return find().apply(made_if_right)

    announce(records)
    in_stack = _names_in_stack(records, type_)
    return pulumi.Output.all(records.domain, records.ns_targets, in_stack).apply(resources)


def check_is_bool(take_over: object) -> None:
    """Checks the argument of an adapter that needs no ids.

    Raises:
        pulumi.RunError: It is neither True nor False.
    """
    if not isinstance(take_over, bool):
        raise pulumi.RunError(f"take_over of this adapter must be True or False; got {type(take_over).__name__}")


def checked_ids(take_over: object, *, can_find: bool) -> Ids:
    """Returns the ids that the argument of an adapter gives. There are none if the adapter is to find them.

    Args:
        take_over: The argument.
        can_find: Whether the adapter can find the ids.

    Raises:
        pulumi.RunError: The argument is wrong.
    """
    right = '{"ns-1.example.net": "id of that record", …}'
    if take_over is True and not can_find:
        raise pulumi.RunError(
            f"take_over of this adapter must be the ids of the records, such as {right}: the package can't find them. "
            "docs/live-fleet.md says which command lists them"
        )
    if take_over is None or isinstance(take_over, bool):
        return {}
    if not isinstance(take_over, Mapping) or not take_over:
        expected = f"True, False or {right}" if can_find else right
        raise pulumi.RunError(f"take_over of this adapter must be {expected}; got {type(take_over).__name__}")
    for value, id_ in take_over.items():
        if not isinstance(value, str) or not isinstance(id_, str | int) or isinstance(id_, bool) or not str(id_):
            raise pulumi.RunError(f"take_over of this adapter must be such as {right}; got {value!r}: {id_!r}")
    return take_over


def import_options(records: NsRecords, import_id: str | None) -> pulumi.ResourceOptions:
    """Returns the options of a record that is imported. In a preview, it warns of what an update would then change.

    Args:
        records: The records.
        import_id: The id to import; None if the record is not imported.
    """
    if import_id is None:
        return pulumi.ResourceOptions()
    if not pulumi.runtime.is_dry_run() or Deployment.current().is_mocked:
        return pulumi.ResourceOptions(import_=import_id)

    def warn(update: pulumi.ResourceHookArgs) -> None:
        pulumi.log.warn(
            f"the NS records of the delegation {records.name} are not as the program wants them, and `pulumi up` "
            f"changes them at the DNS provider: {_differences(update.old_inputs or {}, update.new_inputs or {})}",
            records.delegation,
        )

    # The resource is not in the stack, so an update can only follow its import.
    hook = pulumi.ResourceHook(
        f"pulumi-agin: take_over of {records.name} {import_id}", warn, pulumi.ResourceHookOptions(on_dry_run=True)
    )
    return pulumi.ResourceOptions(import_=import_id, hooks=pulumi.ResourceHookBinding(before_update=[hook]))


def invoke_options(records: NsRecords, opts: pulumi.ResourceOptions | None) -> pulumi.InvokeOutputOptions:
    """Returns the options of the function that finds records: the provider is that of the records.

    Args:
        records: The records.
        opts: The options of the records in the program.
    """
    return pulumi.InvokeOutputOptions(parent=records.delegation, provider=opts.provider if opts else None)


def _check_values(
    name: str, domain: str, wanted: Collection[str], existing: Collection[str], *, are_given: bool
) -> None:
    """Raises pulumi.RunError if records can't be taken over as they are."""
    other = sorted(set(existing) - set(wanted))
    missing = sorted(set(wanted) - set(existing))
    if are_given and (other or missing):
        problems = [f"has an id for {value}, which ngrok does not name for {domain}" for value in other]
        problems += [f"lacks the id of {value}" for value in missing]
        raise pulumi.RunError(
            f"take_over of the delegation {name} {'; '.join(problems)}. It needs the id of one NS record for each of "
            f"{', '.join(sorted(wanted))}"
        )
    if other:
        raise pulumi.RunError(
            f"the delegation {name} can't take over the NS records of {domain}: the DNS provider also has "
            f"{', '.join(other)}, which ngrok does not name for this domain. Delete that at the DNS provider, and run "
            f"this again. ngrok names {', '.join(sorted(wanted))}"
        )


def _differences(old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    """Returns in which arguments a record differs, and what to do."""
    changed = {name: value for name, value in new.items() if not name.startswith("__") and value != old.get(name)}
    words = ", ".join(
        f"{name} from {json.dumps(old.get(name))} to {json.dumps(value, default=str)}"
        for name, value in changed.items()
    )
    advice = [
        f"To leave the TTL as it is, give the delegation ttl={old[name]:.0f}"
        for name in ("ttl", "ttlSec")
        if name in changed and isinstance(old.get(name), int | float)
    ]
    if len(changed) > len(advice):
        advice.append("If something else needs the old values, don't run `pulumi up`")
    return ". ".join([words, *advice])


# -- what the stack has -----------------------------------------------------------------------------------


async def _is_new(agent_ingress: pulumi.CustomResource) -> bool:
    """Returns whether this is a preview in which the Agent Ingress is to be created."""
    return pulumi.runtime.is_dry_run() and not await agent_ingress.id.is_known()


async def _names_in_stack(records: NsRecords, type_: str) -> frozenset[str]:
    """Returns the names of the records that the stack has.

    If the delegation is renamed by an alias, its records have other names in the stack. It is found there by its
    domain, and the names are returned as they are to be.
    """
    deployment = Deployment.current()
    resources = await deployment.resources_in_stack()
    here = await records.delegation.urn.future()
    declared = {await each.urn.future() for each in deployment.delegations}
    domain = await records.domain.future()
    names = set[str]()
    for urn, resource in resources.items():
        if resource["type"] != tokens.DELEGATION:
            continue
        has_domain = canonical_domain(str(resource["outputs"].get("domain"))) == domain
        if urn != here and (urn in declared or not has_domain):
            continue
        types, _, name = urn.rpartition("::")
        start = f"{types}${type_}::{name}"
        names |= {records.name + each.removeprefix(start) for each in resources if each.startswith(start)}
    return frozenset(names)
