"""DeclaredRecord: a resource with an NS record, before it is registered, and its check against the stack's state.

Pulumi would import a record that the stack has a second time, as a replacement or as another resource. Then it would
delete the first one, which is the same record. The same happens if a renamed resource is created at a DNS provider that
overwrites records.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import KW_ONLY, dataclass
from typing import Any

import pulumi

from pulumi_agin.base.names import canonical_domain
from pulumi_agin.lifecycle.shell_commands import state_delete_line
from pulumi_agin.lifecycle.urns import DELEGATION, Urn, camel_case
from pulumi_agin.program import sdk
from pulumi_agin.program.aliases import urns_of
from pulumi_agin.program.run import ProgramRun

from .adapter import NsRecords, error
from .state_records import IDENTITIES


@dataclass(frozen=True)
class RecordClass:
    """A package's class for NS records, with the names in Python of the arguments that all packages have."""

    make: Callable[..., pulumi.Resource]
    """The class."""
    _: KW_ONLY
    type: str
    """The type of its resources. IDENTITIES must have a line for it."""
    name: str = "name"
    """The argument with the name of the record."""
    value: str = ""
    """The argument with the value; "" if a resource has all values."""
    ttl: str = "ttl"
    """The argument with the TTL."""
    overwrites: bool = False
    """Whether a create may succeed although the record exists.

    A renamed delegation without aliases would then create its record and delete it with the old resource.
    """

    @property
    def name_property(self) -> str:
        """The engine's name for the argument with the name of the record, which its output has, too."""
        return camel_case(self.name)

    @property
    def value_property(self) -> str:
        """The engine's name for the argument with the value."""
        return camel_case(self.value)


@dataclass(frozen=True)
class DeclaredRecord:
    """A resource of the program with an NS record, or with all NS records of a domain."""

    records: NsRecords
    record_class: RecordClass
    name: str
    """The name of the resource."""
    arguments: Mapping[str, pulumi.Input[Any]]
    """The arguments of its class, by their names in Python."""
    options: pulumi.ResourceOptions

    def create(self) -> pulumi.Resource:
        """Registers the resource, so that the engine creates or updates it.

        If that may overwrite a record of another resource of the stack, it fails instead.
        """
        checked = {self.record_class.name: self._name_unless_taken()} if self.record_class.overwrites else {}
        return self.record_class.make(self.name, **{**self.arguments, **checked}, opts=self.options)

    def adopt(self, more: pulumi.ResourceOptions) -> pulumi.Resource:
        """Registers the resource with more options, such as the ID to import, after `is_in_stack`."""
        options = pulumi.ResourceOptions.merge(self.options, more)
        return self.record_class.make(self.name, **self.arguments, opts=options)

    async def is_in_stack(self, import_id: str = "") -> bool:
        """Returns whether the stack has the record as this resource. Fails if it has it as another one.

        `import_id` is the ID in Azure, which identifies its records.
        """
        stack = await ProgramRun.current().stack_outputs(IDENTITIES)
        if stack is None:
            raise error(
                self.records,
                f"the delegation {self.records.name} can't adopt NS records, because Pulumi could not read the "
                "stack's state, which shows whether the stack already has them. `pulumi stack` may show the reason",
            )
        identity = self._identity(import_id)
        # An identity that a preview does not know is checked in the update.
        if not stack or not await sdk.is_known(identity):
            return False
        declared = await sdk.value_of(identity) or {}
        current = await self._current(stack)
        # The resource is named after its value. If it has another one now, somebody has changed the record.
        value = self.record_class.value_property
        without_value = {name: spellings for name, spellings in declared.items() if name != value}
        is_own = bool(current) and _matches(stack[current or ""], without_value)
        for urn, outputs in stack.items():
            if urn != current and Urn.parse(urn).type == self.record_class.type and _matches(outputs, declared):
                domain = str(await sdk.value_of(self.records.domain))
                message = self._is_there_twice(urn, domain) if is_own else self._belongs_to(Urn.parse(urn), domain)
                raise error(self.records, message)
        return is_own

    def _name_unless_taken(self) -> pulumi.Output[str]:
        """Returns the name of the record, and fails if another resource of the stack has the record."""

        async def check(name: str) -> str:
            run = ProgramRun.current()
            if await run.stack_outputs(IDENTITIES) is None:
                run.warn_once(
                    "Pulumi could not read the stack's state (`pulumi stack` may show the reason), so if an "
                    "AgentIngressDelegation was renamed or moved in the program without aliases, its records will be "
                    "deleted",
                    about="state",
                )
            else:
                # For its error alone: the record of this resource itself may be overwritten.
                await self.is_in_stack()
            return name

        return pulumi.Output.from_input(self.arguments[self.record_class.name]).apply(check)

    async def _current(self, stack: Mapping[str, Any]) -> str | None:
        """Returns the URN of this resource in the stack; None if it is new.

        The aliases of a component two levels above the delegation are not known here.
        """
        parent = Urn.parse(str(await sdk.value_of(self.records.delegation.urn)))
        own = parent.child(self.record_class.type, self.name)
        urns = [str(own), *await urns_of(self.options.aliases or (), own, parent)]
        return next((urn for urn in urns if urn in stack), None)

    def _identity(self, import_id: str) -> pulumi.Output[dict[str, set[str]]]:
        """Returns the outputs that identify the record, each with its possible spellings."""
        given = {camel_case(name): value for name, value in self.arguments.items()} | {"id": import_id}
        values = pulumi.Output.all(**{name: given[name] for name in IDENTITIES[self.record_class.type]})
        return pulumi.Output.all(self.records.domain, values).apply(lambda known: self._spellings(*known))

    def _spellings(self, domain: str, values: Mapping[str, Any]) -> dict[str, set[str]]:
        # Without a project, Google's package uses the provider's, which is not known here.
        spellings = {name: {_canonical(value)} for name, value in values.items() if value is not None}
        if (name := self.record_class.name_property) in spellings:
            # Packages also accept the whole domain instead of the part before the zone.
            spellings[name].add(domain)
        return spellings

    def _is_there_twice(self, urn: str, domain: str) -> str:
        return (
            f"the stack has the NS records of {domain} twice: as this resource, and as {urn}, and would delete them "
            "with that one. Remove it from the state first, which deletes no record:\n"
            f"{state_delete_line(urn, ProgramRun.current().stack)}"
        )

    def _belongs_to(self, other: Urn, domain: str) -> str:
        parent = other._replace(types=other.types.rpartition("$")[0])
        keeper, alias = "the adapter", other
        if parent.type == DELEGATION:
            # The name of the resource after that of its delegation: "-" and the value, if each value has a resource.
            rest = self.name.removeprefix(self.records.name)
            keeper, alias = f"the delegation {self.records.name}", parent._replace(name=other.name.removesuffix(rest))
        return (
            f"the stack already has NS records of {domain}, as {other}, and deletes them with that resource. If it "
            f"was renamed or moved in the program, give {keeper} the option below. Otherwise, remove it in a separate "
            f'`pulumi up` first.\nopts=pulumi.ResourceOptions(aliases=["{alias}"])'
        )


def _matches(outputs: Mapping[str, Any], declared: Mapping[str, set[str]]) -> bool:
    return all(_canonical(outputs.get(name)) in spellings for name, spellings in declared.items())


def _canonical(value: Any) -> str:
    """Returns a name, an ID or a number in the state or of the program in a form to compare."""
    return str(int(value)) if isinstance(value, int | float) else canonical_domain(str(value or ""))
