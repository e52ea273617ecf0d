"""The adoption of existing NS records: the checks of `adopt`, and the import of records that are right.

`adopt` works like Pulumi's own `import_`: it sends the engine the IDs to import. A record that the stack has
already is not imported again. It stays as it is, and is compared, too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import pulumi

from pulumi_agin.base.names import canonical_domain, canonical_ns_targets
from pulumi_agin.base.redaction import listed
from pulumi_agin.lifecycle.shell_commands import agin_line, explain_line, state_delete_line
from pulumi_agin.program.errors import WrongArgumentsError
from pulumi_agin.program.run import ProgramRun

from .adapter import NsRecords, error, is_ingress_to_be_created
from .declared_record import DeclaredRecord

Ids: TypeAlias = Mapping[str, str | int]
"""The DNS provider's record IDs, by the values of the records in any spelling."""
Pairs: TypeAlias = Sequence[tuple[str, str | int]]
"""The values of records with their IDs."""
ToImport: TypeAlias = Sequence[tuple[DeclaredRecord, str]]
"""Records of the program with their IDs to import."""
NameValuesTtl: TypeAlias = tuple[pulumi.Input[str], Any, pulumi.Input[float | None]]
"""The identity of an imported resource: a name, "" if the ID to import contains it, a list of values, and a TTL."""

# With these options, nothing is written if a record differs; `_compare` then fails.
_UNCHANGED = pulumi.ResourceOptions(ignore_changes=["*"])


def import_or_keep(
    records: NsRecords, to_import: pulumi.Output[ToImport], identity_of: Callable[[Any], NameValuesTtl]
) -> pulumi.Output[list[pulumi.Resource]]:
    """Returns a resource for each record: imported, or kept without a change if the stack has the record already.

    `identity_of` reads the registered resource. Fails, in a preview, too, if a record differs from the program in any
    of that, or if the stack has it as another resource. Nothing is written then.
    """

    def find_in_stack(known: ToImport) -> Any:
        return pulumi.Output.from_input([(record, id_, record.is_in_stack(id_)) for record, id_ in known])

    def register(found: Sequence[tuple[DeclaredRecord, str, bool]]) -> pulumi.Output[list[pulumi.Resource]]:
        made = [
            record.adopt(_UNCHANGED if is_in_stack else _import_options(record, id_))
            for record, id_, is_in_stack in found
        ]
        existing = [[each.urn, *identity_of(each)] for each in made]
        everything = pulumi.Output.all(records.domain, records.ns_targets, records.ttl, existing)
        return everything.apply(lambda known: _compare(records, *known)).apply(lambda _: made)

    return to_import.apply(find_in_stack).apply(register)


def reject_import_option(opts: pulumi.ResourceOptions | None) -> None:
    if opts is not None and opts.import_ is not None:
        raise WrongArgumentsError("adopt can't be combined with import_ in opts: remove one of them")


def checked_ids(adopt: object, *, can_find: bool) -> Ids:
    """Returns the IDs in `adopt` of an adapter for single records; empty if it adopts none, or finds them itself."""
    right = '{"ns-1.example.net": "ID of that record", …}'
    if adopt is None or adopt is False or (adopt is True and can_find):
        return {}
    if not isinstance(adopt, Mapping) or not adopt:
        expected = f"the IDs of the records, such as {right}, because the package can't find them"
        if can_find:
            expected = f"True, False or {right}"
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


def require_ingress(records: NsRecords) -> pulumi.Output[None]:
    """Returns an output that fails in a preview that creates or replaces the Agent Ingress.

    The new one has other name servers.
    """

    async def check() -> None:
        if await is_ingress_to_be_created(records):
            raise error(
                records,
                f"the delegation {records.name} can't adopt NS records, because this update creates or replaces its "
                f"Agent Ingress. If it exists at ngrok, import it first, with `{agin_line('import')}`. Otherwise, "
                "remove the NS records of its domain, if there are any, and omit adopt for this delegation",
            )

    checked: pulumi.Input[None] = check()
    return pulumi.Output.from_input(checked)


def checked_pairs(records: NsRecords, domain: str, declared: Sequence[str], pairs: Pairs, *, are_given: bool) -> Pairs:
    """Returns the records in canonical form. Fails unless each value has a record, or an ID in the program."""
    existing: dict[str, str | int] = {canonical_ns_targets([value])[0]: id_ for value, id_ in pairs}
    if are_given and existing.keys() != set(declared):
        other = sorted(existing.keys() - declared)
        missing = [value for value in declared if value not in existing]
        problems = [f"has an ID for {listed(other)}, which ngrok does not list for {domain}"] if other else []
        problems += [f"has no ID for {listed(missing)}"] if missing else []
        raise error(
            records,
            f"the argument adopt for the delegation {records.name} {'; '.join(problems)}. It needs the ID of one NS "
            f"record for each of {listed(declared)}",
        )
    _check_same(records, domain, dict.fromkeys(declared, ""), dict.fromkeys(existing, ""))
    return sorted(existing.items())


def _import_options(record: DeclaredRecord, import_id: str) -> pulumi.ResourceOptions:
    """Returns options that import a record and write nothing. Fails if another delegation imports it, too."""
    records = record.records
    other = ProgramRun.current().adopt_record(record.record_class.make, import_id, records.name)
    if other != records.name:
        raise error(
            records,
            f"the delegations {other} and {records.name} both adopt the record {import_id}, which can belong "
            "to only one of them",
        )
    return pulumi.ResourceOptions.merge(_UNCHANGED, pulumi.ResourceOptions(import_=import_id))


def _compare(
    records: NsRecords, domain: str, declared: Sequence[str], ttl: int, existing: Sequence[Sequence[Any]]
) -> None:
    """Fails unless the existing records, each with a URN, name, values and TTL, have the values and TTL of the program.

    A name may be only the part before the zone.
    """
    for urn, name, _, _ in existing:
        if name and not f"{domain}.".startswith(f"{canonical_domain(name)}."):
            raise error(
                records,
                f"the argument adopt for the delegation {records.name} has the ID of a record of "
                f"{canonical_domain(name)} instead of {domain}: correct the IDs. If an earlier `pulumi up` has "
                "adopted that record, remove it from the state first, because Pulumi would delete it:\n"
                f"{state_delete_line(urn, ProgramRun.current().stack)}",
            )
    ttls = {
        value: "of the zone" if seconds is None else str(int(seconds))
        for _, _, values, seconds in existing
        for value in canonical_ns_targets(values)
    }
    _check_same(records, domain, dict.fromkeys(declared, str(ttl)), ttls)


def _check_same(records: NsRecords, domain: str, declared: Mapping[str, str], existing: Mapping[str, str]) -> None:
    """Fails unless the existing records, TTLs by values, are those of the program. "" is a TTL to ignore."""
    differences = {"remove": existing.keys() - declared.keys(), "add": declared.keys() - existing.keys()}
    steps = [f"{verb} {listed(sorted(each))} at the DNS provider" for verb, each in differences.items() if each]
    ttls = set(existing.values())
    if ttls - set(declared.values()):
        only = ttls.pop() if len(ttls) == 1 else ""
        same = "give all of them the same TTL at the DNS provider"
        steps.append(f"set ttl={only} on the delegation" if only.isdecimal() else same)
    if steps:
        raise error(
            records,
            f"the delegation {records.name} can't adopt the NS records of {domain}: the DNS provider has "
            f"{_shown(existing) or 'none'}, and the program declares {_shown(declared)}. To adopt them, "
            f"{' and '.join(steps)}, and run `pulumi up` again\n{explain_line('adopt')}",
        )


def _shown(ttls: Mapping[str, str]) -> str:
    return listed([f"{value} (TTL {ttl})" if ttl else value for value, ttl in sorted(ttls.items())])
