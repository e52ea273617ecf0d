"""Builder of adapters for a package's resources, which are created or adopted.

`adopt` works like Pulumi's own `import_`: it sends the engine the ids to import. A record that the stack has
already is not imported again. It stays as it is, and is compared, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import pulumi

from pulumi_agin.base.names import canonical_domain, canonical_ns_targets
from pulumi_agin.program.argument_errors import WrongArgumentsError
from pulumi_agin.program.run import ProgramRun

from .adapter import Adapter, Made, NsRecords, error, name_of
from .declared_record import DeclaredRecord

Ids: TypeAlias = Mapping[str, str | int]
"""The DNS provider's record ids, by the values of the records in any spelling."""
Pairs: TypeAlias = Sequence[tuple[str, str | int]]
"""The values of records with their ids."""

# With these options, nothing is written if a record differs; `_compared` then fails.
_UNCHANGED = pulumi.ResourceOptions(ignore_changes=["*"])


def resource_adapter(
    resource: Callable[..., pulumi.Resource],
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    *,
    type_: str = "",
    value: str = "",
    is_dotted: bool = True,
    named_by: str = "name",
    opts: pulumi.ResourceOptions | None,
    adopt: bool | Ids | None = False,
    import_id: Callable[[NsRecords, str], pulumi.Input[str]] = lambda *_: "",
    values: Callable[[Any], pulumi.Input[Sequence[str]]] = lambda _: [],
    find: Callable[[NsRecords], pulumi.Output[Pairs]] | None = None,
    overwrites: bool = False,
) -> Adapter:
    """Returns an adapter that creates or imports one resource with all values, or one for each value.

    `type_` is the type of the resource, without which there is no `adopt`.
    `value` is the argument with the value if each resource has one; otherwise, `values` returns those of a resource.
    `arguments` returns all other arguments. `named_by` is that of `NsRecords.options`. `import_id` returns the id to
    import, given the DNS provider's id of a record with one value. `find` finds the existing records; None if the
    package can't. `overwrites` is whether a create of a record that exists may succeed, so that a renamed delegation
    without aliases would create its record and then delete it.
    """
    ids = _checked_ids(adopt, accepts_ids=bool(value), can_find=not value or find is not None)
    if adopt and opts is not None and opts.import_ is not None:
        raise WrongArgumentsError("adopt can't be combined with import_ in opts: remove one of them")

    def create(records: NsRecords) -> Made:
        # Called before the values are known, so that the first preview checks the arguments too.
        shared = arguments(records)

        def declare(target: str) -> DeclaredRecord:
            own = {value: target if is_dotted else target.rstrip(".")} if value else {}
            name = name_of(records, target)
            options = records.options(opts, named_by=named_by, name=name)
            return DeclaredRecord(records, type_, name, {**shared, **own}, options, named_by, value)

        def make(target: str, more: pulumi.ResourceOptions | None = None) -> pulumi.Resource:
            record = declare(target)
            # With `adopt`, `find_in_stack` has checked that.
            checked = {named_by: record.name_unless_taken()} if overwrites and not adopt else {}
            options = pulumi.ResourceOptions.merge(record.options, more)
            return resource(record.name, **{**record.arguments, **checked}, opts=options)

        def existing(_: None) -> Any:
            if not value:
                return [("", "")]
            found = find(records) if find and not ids else pulumi.Output.from_input(list(ids.items()))
            return pulumi.Output.all(records.domain, records.ns_targets, found).apply(
                lambda known: _checked_pairs(records, *known, are_given=bool(ids))
            )

        def with_import_ids(pairs: Pairs) -> Any:
            return pulumi.Output.from_input([(target, import_id(records, str(id_))) for target, id_ in pairs])

        def find_in_stack(import_ids: Sequence[tuple[str, str]]) -> Any:
            found = [(target, id_, declare(target).is_in_stack(id_)) for target, id_ in import_ids]
            return pulumi.Output.from_input(found)

        def adopt_found(found: Sequence[tuple[str, str, bool]]) -> pulumi.Output[list[pulumi.Resource]]:
            made = [
                make(target, _UNCHANGED if is_in_stack else _import_options(records, resource, id_))
                for target, id_, is_in_stack in found
            ]
            return _compared(records, [read(each) for each in made]).apply(lambda _: made)

        def read(made: Any) -> list[Any]:
            [ttl] = [name for name in shared if name.startswith("ttl")]
            its_name, its_values = (getattr(made, named_by), [getattr(made, value)]) if value else ("", values(made))
            return [made.urn, its_name, its_values, getattr(made, ttl)]

        if adopt:
            is_there: pulumi.Input[None] = _check_ingress(records)
            return (
                pulumi.Output.from_input(is_there)
                .apply(existing)
                .apply(with_import_ids)
                .apply(find_in_stack)
                .apply(adopt_found)
            )
        return records.of_each(lambda _, target: make(target)) if value else make("")

    return Adapter(create)


def invoke_options(records: NsRecords, opts: pulumi.ResourceOptions | None) -> pulumi.InvokeOutputOptions:
    """Returns the options of a function of the package, which uses the provider of the records."""
    return pulumi.InvokeOutputOptions(parent=records.delegation, provider=opts.provider if opts else None)


def _checked_ids(adopt: object, *, accepts_ids: bool, can_find: bool) -> Ids:
    """Returns the ids in `adopt`: none if the adapter finds the records."""
    right = '{"ns-1.example.net": "ID of that record", …}'
    if adopt is None or adopt is False or (adopt is True and can_find):
        return {}
    if not accepts_ids or not isinstance(adopt, Mapping) or not adopt:
        expected = f"True, False or {right}" if accepts_ids else "True or False"
        if not can_find:
            expected = f"the IDs of the records, such as {right}, because the package can't find them"
        raise WrongArgumentsError(f"the adapter's argument adopt must be {expected}; got {type(adopt).__name__}")
    for value, id_ in adopt.items():
        if not isinstance(value, str) or not isinstance(id_, str | int) or isinstance(id_, bool) or not str(id_):
            raise WrongArgumentsError(f"the adapter's argument adopt must look like {right}; got {value!r}: {id_!r}")
    ids = [str(id_) for id_ in adopt.values()]
    if twice := sorted({id_ for id_ in ids if ids.count(id_) > 1}):
        raise WrongArgumentsError(
            f"the adapter's argument adopt lists {', '.join(twice)} twice: each record has its own ID"
        )
    return adopt


async def _check_ingress(records: NsRecords) -> None:
    """Fails in a preview that creates the Agent Ingress: its name servers will be other ones."""
    if pulumi.runtime.is_dry_run() and not await records.agent_ingress.id.is_known():
        raise error(
            records,
            f"the delegation {records.name} can't adopt NS records, because its Agent Ingress is not in the stack. "
            "If it exists at ngrok, import it first, with `pulumi-agin import`. If it is new, remove the NS records of "
            "its domain, if there are any, and omit the argument adopt for this delegation",
        )


def _checked_pairs(records: NsRecords, domain: str, declared: Sequence[str], pairs: Pairs, *, are_given: bool) -> Pairs:
    """Returns the records in canonical form. Fails unless each value has a record, or an id in the program."""
    existing: dict[str, str | int] = {canonical_ns_targets([value])[0]: id_ for value, id_ in pairs}
    if are_given and existing.keys() != set(declared):
        other = sorted(existing.keys() - declared)
        problems = [f"has an ID for {value}, which ngrok does not list for {domain}" for value in other]
        problems += [f"has no ID for {value}" for value in declared if value not in existing]
        raise error(
            records,
            f"the argument adopt for the delegation {records.name} {'; '.join(problems)}. It needs the ID of one NS "
            f"record for each of {', '.join(declared)}",
        )
    _check_same(records, domain, dict.fromkeys(declared, ""), dict.fromkeys(existing, ""))
    return sorted(existing.items())


def _import_options(records: NsRecords, resource: object, import_id: str) -> pulumi.ResourceOptions:
    """Returns options that import a record and write nothing."""
    other = ProgramRun.current().adopt_record(resource, import_id, records.name)
    if other != records.name:
        raise error(
            records,
            f"the delegations {other} and {records.name} both adopt the record {import_id}, which can belong "
            "to only one of them",
        )
    return pulumi.ResourceOptions.merge(_UNCHANGED, pulumi.ResourceOptions(import_=import_id))


def _compared(records: NsRecords, imported: Sequence[Sequence[pulumi.Input[Any]]]) -> pulumi.Output[None]:
    """Fails, in a preview, too, unless the imported records are right. Each has a URN, a name, values and a TTL.

    The name may be only the part before the zone; "" if the id to import contains it.
    """

    def compare(known: Sequence[Any]) -> None:
        domain, declared, ttl, found = known
        for urn, name, _, _ in found:
            if name and not f"{domain}.".startswith(f"{canonical_domain(name)}."):
                from pulumi_agin.lifecycle.shell_commands import state_delete_line  # only for this error

                raise error(
                    records,
                    f"the argument adopt for the delegation {records.name} has the ID of a record of "
                    f"{canonical_domain(name)} instead of {domain}: correct the IDs. If an earlier `pulumi up` has "
                    "adopted that record, remove it from the state first, because Pulumi would delete it:\n"
                    f"{state_delete_line(urn, ProgramRun.current().stack)}",
                )
        ttls = {
            value: "of the zone" if seconds is None else str(int(seconds))
            for _, _, values, seconds in found
            for value in canonical_ns_targets(values)
        }
        _check_same(records, domain, dict.fromkeys(declared, str(ttl)), ttls)

    return pulumi.Output.all(records.domain, records.ns_targets, records.ttl, imported).apply(compare)


def _check_same(records: NsRecords, domain: str, declared: Mapping[str, str], existing: Mapping[str, str]) -> None:
    """Fails unless the existing records, TTLs by values, are those of the program. "" is a TTL to ignore."""
    differences = {"remove": existing.keys() - declared.keys(), "add": declared.keys() - existing.keys()}
    steps = [f"{verb} {', '.join(sorted(each))} at the DNS provider" for verb, each in differences.items() if each]
    ttls = set(existing.values())
    if ttls - set(declared.values()):
        only = ttls.pop() if len(ttls) == 1 else ""
        same = "give all of them the same TTL at the DNS provider"
        steps.append(f"set ttl={only} on the delegation" if only.isdecimal() else same)
    if steps:
        raise error(
            records,
            f"the delegation {records.name} can't adopt the NS records of {domain}, because they differ from "
            f"the program's. The DNS provider has {_shown(existing) or 'none'}. The program declares "
            f"{_shown(declared)}. To adopt them, {' and '.join(steps)}, and run this again. If there are none, or "
            "if the stack already has them, remove the argument adopt",
        )


def _shown(ttls: Mapping[str, str]) -> str:
    return ", ".join(f"{value} (TTL {ttl})" if ttl else value for value, ttl in sorted(ttls.items()))
