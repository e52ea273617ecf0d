"""Taking over NS records that exist, with Pulumi's own import: nothing is written at the DNS provider.

A record is imported only if nothing in the stack has it. Otherwise the engine would import it again whenever the id for
imports differs from the id in the state, as it does for many packages, and whenever another resource has the record.
Then it would delete what it had before at the DNS provider: the very same record.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeAlias

import pulumi

from pulumi_agin.api.canonical import canonical_domain, canonical_ns_targets
from pulumi_agin.lifecycle import shell_commands, urns
from pulumi_agin.program.argument_errors import WrongArgumentsError
from pulumi_agin.program.run import ProgramRun

from .adapter import NsRecords, announce, error, name_of

Ids: TypeAlias = Mapping[str, str | int]
"""The DNS provider's ids of records, by the values of the records in any spelling."""


class Found(NamedTuple):
    """The name, the values and the TTL of an imported resource."""

    name: pulumi.Input[str]
    """The name of the record, or its part before the zone; "" if the id to import is made of it."""
    values: pulumi.Input[Sequence[str]]
    ttl: pulumi.Input[float | None]


class RecordType(NamedTuple):
    """A type of resource, and the engine's names of the properties that tell which record a resource is."""

    token: str
    """The type, such as "aws:route53/record:Record"."""
    named_by: str
    """Has the name of the record: all of it, or the part before the zone."""
    zone_by: str
    """Has the zone. "" if the state lacks it."""
    zone: pulumi.Input[str | int]
    """The zone."""
    value_by: str = ""
    """Has the value. "" if a resource has all values."""
    zone_name: pulumi.Input[str] | None = None
    """The name of the zone in DNS, if `zone` is something else. None if it is not known."""


def import_one(
    records: NsRecords,
    type_: RecordType,
    make: Callable[[pulumi.ResourceOptions], pulumi.Resource],
    import_id: Callable[[], pulumi.Input[str]],
    exists: Callable[[NsRecords], pulumi.Output[bool]] | None,
    read: Callable[[pulumi.Resource], Found],
) -> pulumi.Output[pulumi.Resource]:
    """Creates the resource with all values. Imports the records if they exist and nothing in the stack has them.

    Args:
        records: The records.
        type_: The type of the resource.
        make: Creates the resource; called with further options for it.
        import_id: Returns the id to import.
        exists: Returns whether there are records; None if the package can't tell. Called only while records may have to
            be imported.
        read: Returns what an imported resource has.

    Returns:
        The resource. The preview fails if the records are not exactly those to create.
    """

    def resource(known: Sequence[Any]) -> pulumi.Output[pulumi.Resource]:
        stack: _Stack = known[0]
        stack.check_resource(records, records.name)
        if stack.is_incomplete and stack.has_resource(records.name):
            return adopted(None)
        if stack.has_resource(records.name) or stack.has_record():
            return created()
        found = exists(_without_dependencies(records, stack)) if exists else pulumi.Output.from_input(True)
        return found.apply(lambda is_found: imported(known[1]) if is_found else created())

    def created() -> pulumi.Output[pulumi.Resource]:
        return pulumi.Output.from_input(make(pulumi.ResourceOptions()))

    def imported(is_new: bool) -> pulumi.Output[pulumi.Resource]:
        if is_new:
            raise _new_ingress_error(records)
        return pulumi.Output.from_input(import_id()).apply(adopted)

    def adopted(id_: str | None) -> pulumi.Output[pulumi.Resource]:
        made = make(_adopting(records, type_, id_))
        return _compared(records, records.ns_targets, [read(made)]).apply(lambda _: made)

    return pulumi.Output.all(_stack(records, type_), _is_new(records.agent_ingress)).apply(resource)


def import_each(
    records: NsRecords,
    type_: RecordType,
    make: Callable[[str, str, pulumi.ResourceOptions], pulumi.Resource],
    find: Callable[[NsRecords], pulumi.Output[Mapping[str, str]]],
    read: Callable[[pulumi.Resource], Found],
    *,
    are_given: bool,
) -> pulumi.Output[list[pulumi.Resource]]:
    """Creates a resource for each value. Imports the records if they exist and nothing in the stack has them.

    Args:
        records: The records.
        type_: The type of the resources.
        make: Creates the resource with one value; called with its name, its value, and further options for it.
        find: Returns the ids to import, by the values of the records that exist: lower case, trailing dot. Called only
            while records may have to be imported.
        read: Returns what an imported resource has.
        are_given: Whether the program gives the ids. Then every value needs one.

    Returns:
        The resources. The preview fails if the records are not exactly those to create.
    """

    def resources(known: Sequence[Any]) -> pulumi.Output[list[pulumi.Resource]]:
        stack: _Stack = known[0]
        names: dict[str, str] = {name_of(records, target): target for target in known[1]}
        for name, target in names.items():
            stack.check_resource(records, name, target)
        in_stack = {target for name, target in names.items() if stack.has_resource(name) or stack.has_record(target)}

        def made(import_ids: Mapping[str, str]) -> pulumi.Output[list[pulumi.Resource]]:
            ids = {target: id_ for target, id_ in import_ids.items() if target not in in_stack}
            made, adopted = [], {}
            for name, target in names.items():
                is_adopted = target in ids or (stack.is_incomplete and stack.has_resource(name))
                options = _adopting(records, type_, ids.get(target)) if is_adopted else pulumi.ResourceOptions()
                made.append(make(name, target, options))
                if is_adopted:
                    adopted[target] = read(made[-1])
            if not adopted:
                return pulumi.Output.from_input(made)
            return _compared(records, list(adopted), [*adopted.values()]).apply(lambda _: made)

        def made_if_right(import_ids: Mapping[str, str]) -> pulumi.Output[list[pulumi.Resource]]:
            if are_given:
                _check_ids(records, stack.domain, known[1], import_ids.keys())
            elif import_ids.keys() - in_stack:
                _check_values(records, stack.domain, known[1], import_ids.keys())
            return made(import_ids)

        # If all records were taken over before, the others are of name servers that ngrok has added since.
        if in_stack.issuperset(names.values()) or (in_stack and stack.completed_domain == stack.domain):
            return made({})
        return find(records).apply(made_if_right)

    def no_records_of_new_ingress(known: Sequence[Any]) -> pulumi.Output[Any]:
        def check(import_ids: Mapping[str, str]) -> None:
            if import_ids:
                raise _new_ingress_error(records)

        stack: _Stack = known[0]
        if not known[1] or stack.has_record():
            return pulumi.Output.from_input(None)
        return find(_without_dependencies(records, stack)).apply(check)

    announce(records)
    stack = _stack(records, type_)
    # The values of a new Agent Ingress are not known in its preview, but whether there are records is.
    checked = pulumi.Output.all(stack, _is_new(records.agent_ingress)).apply(no_records_of_new_ingress)
    return pulumi.Output.all(stack, records.ns_targets, checked).apply(resources)


def _without_dependencies(records: NsRecords, stack: _Stack) -> NsRecords:
    """Returns the records without the dependency of their domain: previews call no function of a new resource."""
    return replace(records, domain=pulumi.Output.from_input(stack.domain))


def prepare(opts: pulumi.ResourceOptions | None) -> None:
    """Begins to read what the stack has, before the delegation is registered that gets the adapter.

    Args:
        opts: The options of the records in the program.

    Raises:
        WrongArgumentsError: They can't be combined with `take_over`.
    """
    if opts is not None and (opts.parent is not None or opts.import_ is not None):
        raise WrongArgumentsError(
            "take_over can't be combined with opts that have parent or import_: leave these out of the adapter's opts"
        )
    ProgramRun.current().begin_to_read_stack()


def check_is_bool(take_over: object) -> None:
    """Checks the argument of an adapter that needs no ids.

    Raises:
        WrongArgumentsError: It is neither True nor False.
    """
    if not isinstance(take_over, bool):
        raise WrongArgumentsError(f"take_over of this adapter must be True or False; got {type(take_over).__name__}")


def checked_ids(take_over: object, *, can_find: bool) -> Ids:
    """Returns the ids that the argument of an adapter gives. There are none if the adapter is to find them.

    Args:
        take_over: The argument.
        can_find: Whether the adapter can find the ids.

    Raises:
        WrongArgumentsError: The argument is wrong.
    """
    right = '{"ns-1.example.net": "id of that record", …}'
    if take_over is True and not can_find:
        raise WrongArgumentsError(
            f"take_over of this adapter must be the ids of the records, such as {right}: the package can't find them. "
            "docs/guides/dns.md says what lists them"
        )
    if take_over is None or isinstance(take_over, bool):
        return {}
    if not isinstance(take_over, Mapping) or not take_over:
        expected = f"True, False or {right}" if can_find else right
        raise WrongArgumentsError(f"take_over of this adapter must be {expected}; got {type(take_over).__name__}")
    for value, id_ in take_over.items():
        if not isinstance(value, str) or not isinstance(id_, str | int) or isinstance(id_, bool) or not str(id_):
            raise WrongArgumentsError(f"take_over of this adapter must be such as {right}; got {value!r}: {id_!r}")
    ids = [str(id_) for id_ in take_over.values()]
    twice = sorted({id_ for id_ in ids if ids.count(id_) > 1})
    if twice:
        raise WrongArgumentsError(f"take_over of this adapter has {', '.join(twice)} twice: each record has its own id")
    return take_over


def _adopting(records: NsRecords, type_: RecordType, import_id: str | None) -> pulumi.ResourceOptions:
    """Returns the options with which nothing is written, whatever differs: `_compared` then fails.

    Args:
        records: The records.
        type_: The type of the resource.
        import_id: The id to import; None if a run that failed has imported it already.

    Raises:
        pulumi.RunError: Another delegation imports the same record.
    """
    ignore_all = pulumi.ResourceOptions(ignore_changes=["*"])
    if import_id is None:
        return ignore_all
    deployment = ProgramRun.current()
    other = deployment.importers.setdefault((type_.token, import_id), records.name)
    if other != records.name:
        raise error(
            records,
            f"the delegations {other} and {records.name} are both to take over the record {import_id}: it can "
            "belong to only one of them",
        )
    return pulumi.ResourceOptions.merge(ignore_all, pulumi.ResourceOptions(import_=import_id))


def invoke_options(records: NsRecords, opts: pulumi.ResourceOptions | None) -> pulumi.InvokeOutputOptions:
    """Returns the options of the function that finds records: the provider is that of the records.

    Args:
        records: The records.
        opts: The options of the records in the program.
    """
    return pulumi.InvokeOutputOptions(parent=records.delegation, provider=opts.provider if opts else None)


def _new_ingress_error(records: NsRecords) -> pulumi.RunError:
    return error(
        records,
        f"the delegation {records.name} can't take over NS records, because its Agent Ingress is not in the stack. If "
        "it exists at ngrok, import it first, with `pulumi-agin import`. If it is new, remove the NS records of its "
        "domain, if there are any, and give the delegation an adapter without take_over",
    )


def _check_ids(records: NsRecords, domain: str, wanted: Collection[str], given: Collection[str]) -> None:
    """Raises pulumi.RunError if the program does not give one id for each value."""
    problems = [
        f"has an id for {value}, which ngrok does not name for {domain}" for value in sorted(set(given) - set(wanted))
    ]
    problems += [f"lacks the id of {value}" for value in sorted(set(wanted) - set(given))]
    if problems:
        raise error(
            records,
            f"take_over of the delegation {records.name} {'; '.join(problems)}. It needs the id of one NS record for "
            f"each of {', '.join(sorted(wanted))}",
        )


def _check_values(records: NsRecords, domain: str, wanted: Collection[str], existing: Collection[str]) -> None:
    """Raises pulumi.RunError if the records that exist have other values."""
    if steps := _steps(wanted, existing):
        raise _difference(records, domain, ", ".join(sorted(existing)), ", ".join(sorted(wanted)), steps)


def _steps(wanted: Collection[str], existing: Collection[str]) -> list[str]:
    """Returns what the user can do at the DNS provider so that the values are the same."""
    other, missing = sorted(set(existing) - set(wanted)), sorted(set(wanted) - set(existing))
    return [
        f"{verb} {', '.join(values)} at the DNS provider"
        for verb, values in (("remove", other), ("add", missing))
        if values
    ]


def _difference(records: NsRecords, domain: str, existing: str, wanted: str, steps: Sequence[str]) -> pulumi.RunError:
    return error(
        records,
        f"the delegation {records.name} can't take over the NS records of {domain}, because they are not exactly those "
        f"of the program. The DNS provider has {existing}. The program declares {wanted}. To take them over, "
        f"{' and '.join(steps)}, and run this again",
    )


def _compared(records: NsRecords, targets: pulumi.Input[Sequence[str]], found: Sequence[Found]) -> pulumi.Output[None]:
    """Compares adopted records with the values to create. It fails if they are not the same, in a preview too."""

    def compare(known: Sequence[Any]) -> None:
        domain, wanted, ttl, read = known
        names = {canonical_domain(name) for name, _, _ in read if name}
        if other := sorted(name for name in names if not f"{domain}.".startswith(f"{name}.")):
            raise error(
                records,
                f"take_over of the delegation {records.name} has the id of a record of {', '.join(other)}, and not of "
                f"{domain}: correct the ids",
            )
        ttls = {
            value: seconds and int(seconds) for _, values, seconds in read for value in canonical_ns_targets(values)
        }
        steps = _steps(wanted, ttls)
        if set(ttls.values()) != {ttl}:
            first, *others = {*ttls.values()} or {None}
            is_one = first is not None and not others
            steps.append(
                f"give the delegation ttl={first}" if is_one else "give all of them the same TTL at the DNS provider"
            )
        if steps:
            existing = ", ".join(
                f"{value} (TTL {'of the zone' if seconds is None else seconds})"
                for value, seconds in sorted(ttls.items())
            )
            raise _difference(records, domain, existing, f"{', '.join(wanted)} (TTL {ttl})", steps)

    read: list[pulumi.Input[Any]] = [list(each) for each in found]
    return pulumi.Output.all(records.domain, targets, records.ttl, read).apply(compare)


# -- what the stack has -----------------------------------------------------------------------------------


async def _is_new(agent_ingress: pulumi.CustomResource) -> bool:
    """Returns whether this is a preview in which the Agent Ingress is to be created."""
    return pulumi.runtime.is_dry_run() and not await agent_ingress.id.is_known()


def _stack(records: NsRecords, type_: RecordType) -> pulumi.Output[_Stack]:
    """Returns what the stack has."""
    resources: pulumi.Input[Any] = ProgramRun.current().resources_in_stack()
    zones: list[pulumi.Input[Any]] = [
        _known(type_.zone),
        _known(type_.zone if type_.zone_name is None else type_.zone_name),
    ]
    return pulumi.Output.all(resources, records.delegation.urn, records.domain, *zones).apply(
        lambda known: _Stack(known[0], known[1], known[2], type_, _text(str(known[3])), _text(known[4]))
    )


async def _known(value: pulumi.Input[Any]) -> Any:
    """Returns a value; "" if this preview does not know it, as that of a zone that is to be created."""
    output = pulumi.Output.from_input(value)
    return await output.future() if await output.is_known() else ""


@dataclass(frozen=True)
class _Stack:
    """What the stack has of a delegation, before this run."""

    resources: Mapping[str, Mapping[str, Any]]
    """The "type" and the "outputs" of each resource, by its URN."""
    delegation: str
    """The URN of the delegation."""
    domain: str
    type: RecordType
    zone: str
    """The zone; "" if it is not known."""
    zone_name: str

    @property
    def completed_domain(self) -> str | None:
        """The domain for which an earlier run created or took over all records of the delegation; None if none did."""
        outputs = self.resources.get(self.delegation, {}).get("outputs", {})
        # Only then it is known.
        return _text(outputs.get("domain")) if "agent_ingress_id" in outputs else None

    @property
    def is_incomplete(self) -> bool:
        """Whether no run has created or taken over all records of the delegation yet."""
        return self.completed_domain is None

    def has_resource(self, name: str) -> bool:
        """Returns whether the delegation has a resource of the type and name, whatever record this is."""
        return self._urn(name) in self.resources

    def _urn(self, name: str) -> str:
        urn = urns.Urn.parse(self.delegation)
        return f"urn:pulumi:{urn.stack}::{urn.project}::{urn.types}${self.type.token}::{name}"

    def has_record(self, value: str | None = None) -> bool:
        """Returns whether any resource is the record, whatever its name and its parent.

        It may be renamed by an alias, or have been declared without a delegation.

        Args:
            value: The value of the record; None if a resource has all values.
        """
        return any(self._is_record(resource, value) for resource in self.resources.values())

    def check_resource(self, records: NsRecords, name: str, value: str | None = None) -> None:
        """Checks that a resource of the delegation is not another record, as after an import of a wrong id.

        Args:
            records: The records of the delegation.
            name: The name of the resource.
            value: The value that its record must have; None if it has all values.

        Raises:
            pulumi.RunError: It is. To correct that, the engine would delete the other record.
        """
        resource = self.resources.get(self._urn(name))
        # After a whole run, another domain or zone is a change that the program makes.
        if resource and self.is_incomplete and not self._is_record(resource, value):
            raise error(
                records,
                f"{self._urn(name)} in the stack is another record, imported by a wrong id, and `pulumi up` would "
                "delete it. Take it out of the state, which leaves the record as it is, and run this again:\n"
                f"{shell_commands.state_delete_line(self._urn(name))}",
            )

    def _is_record(self, resource: Mapping[str, Any], value: str | None) -> bool:
        outputs = resource["outputs"]
        # Packages and types have had other names, and some providers have several packages.
        same_provider = _provider_of(resource["type"]) == _provider_of(self.type.token)
        if not same_provider or not re.search("record|rrset", resource["type"].rpartition(":")[2], re.IGNORECASE):
            return False
        kinds = [_text(outputs.get(name)) for name in ("type", "recordType", "fieldtype")]
        if not all(kind == "" or kind.endswith("ns") for kind in kinds):
            return False
        if not _may_be_same_zone(_text(outputs.get(self.type.zone_by)), self.zone):
            return False
        if value is not None and _text(outputs.get(self.type.value_by) or outputs.get("value")) != _text(value):
            return False
        name = _text(outputs.get(self.type.named_by))
        return self.domain in map(_text, outputs.values()) or self.domain == f"{name}.{self.zone_name}"


def _provider_of(type_: str) -> str:
    """Returns the provider of a type: "azure" of azure-native_dns_v20230701preview and of azure-native."""
    return re.split("[-_:]", type_, maxsplit=1)[0]


def _may_be_same_zone(zone: str, other: str) -> bool:
    """Returns whether two texts can be the same zone. One may be its id or its path, and the other its name."""
    last, last_of_other = zone.rpartition("/")[2], other.rpartition("/")[2]
    return not last or not last_of_other or last.isdecimal() != last_of_other.isdecimal() or last == last_of_other


def _text(value: object) -> str:
    """Returns a text in the form in which names are compared; "" if it is not a text."""
    if isinstance(value, float):
        return f"{value:.0f}"
    return canonical_domain(value) if isinstance(value, str) else ""
