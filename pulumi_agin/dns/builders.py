"""Builders of adapters: `record_set` for packages in which one resource has all values, and `single_records`."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pulumi

from pulumi_agin.program.errors import WrongArgumentsError
from pulumi_agin.program.resource import require_options

from .adapter import Adapter, Made, NsRecords, reject_deleted_with, resource_name
from .adoption import (
    Ids,
    NameValuesTtl,
    Pairs,
    ToImport,
    checked_ids,
    checked_pairs,
    import_or_keep,
    reject_import_option,
    require_ingress,
)
from .declared_record import DeclaredRecord, RecordClass


def record_set(
    record_class: RecordClass,
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    *,
    import_id: Callable[[NsRecords], pulumi.Input[str]],
    values: Callable[[Any], pulumi.Input[Sequence[str]]],
    opts: pulumi.ResourceOptions | None,
    adopt: bool,
) -> Adapter:
    """Returns an adapter that creates one resource with all values, or with `adopt` imports the one that exists.

    `arguments` returns those of the resource. `import_id` returns the ID to import, and `values` returns the values of
    the imported resource. `opts` and `adopt` are those of the adapter.
    """
    require_options(opts, "the adapter")
    # The program may not be type-checked.
    if adopt is not None and not isinstance(cast(object, adopt), bool):
        raise WrongArgumentsError(f"the adapter's argument adopt must be True or False; got {type(adopt).__name__}")
    if adopt:
        reject_import_option(opts)

    def create(records: NsRecords) -> Made:
        options = records.options(opts, named_by=record_class.name_property)
        record = DeclaredRecord(records, record_class, records.name, arguments(records), options)
        if not adopt:
            return record.create()

        # Only if the ingress exists, because Azure's ID comes from a function of the package.
        def with_import_id(_: None) -> Any:
            return pulumi.Output.from_input([(record, import_id(records))])

        def identity_of(resource: Any) -> NameValuesTtl:
            # No name, because the ID to import contains it.
            return "", values(resource), getattr(resource, record_class.ttl)

        to_import: pulumi.Output[ToImport] = require_ingress(records).apply(with_import_id)
        return import_or_keep(records, to_import, identity_of)

    return Adapter(create)


def single_records(
    record_class: RecordClass,
    arguments: Callable[[NsRecords], Mapping[str, Any]],
    *,
    is_dotted: bool,
    import_id: Callable[[str], pulumi.Input[str]],
    find: Callable[[NsRecords], pulumi.Output[Pairs]] | None = None,
    opts: pulumi.ResourceOptions | None,
    adopt: bool | Ids | None,
) -> Adapter:
    """Returns an adapter that creates a resource for each value, or with `adopt` imports those that exist.

    `arguments` returns those that all resources share; each also gets its value, with a trailing dot if `is_dotted`.
    `import_id` returns the ID to import for the DNS provider's ID of a record. `find` finds the existing records; None
    if the package can't, so that `adopt` must have their IDs. `opts` and `adopt` are those of the adapter.
    """
    require_options(opts, "the adapter")
    ids = checked_ids(adopt, can_find=find is not None)
    if adopt:
        reject_import_option(opts)

    def create(records: NsRecords) -> Made:
        # Both are called before the values are known, so that the first preview checks the arguments and options too.
        shared = arguments(records)
        reject_deleted_with(records, opts)

        def declare(name: str, target: str) -> DeclaredRecord:
            options = records.options(opts, named_by=record_class.name_property, name=name)
            value = target if is_dotted else target.rstrip(".")
            return DeclaredRecord(records, record_class, name, {**shared, record_class.value: value}, options)

        if not adopt:
            return records.of_each(lambda name, target: declare(name, target).create())

        def existing(_: None) -> Any:
            found = find(records) if find and not ids else pulumi.Output.from_input(list(ids.items()))
            return pulumi.Output.all(records.domain, records.ns_targets, found).apply(
                lambda known: checked_pairs(records, *known, are_given=bool(ids))
            )

        def with_import_ids(pairs: Pairs) -> Any:
            return pulumi.Output.from_input(
                [(declare(resource_name(records, target), target), import_id(str(id_))) for target, id_ in pairs]
            )

        def identity_of(resource: Any) -> NameValuesTtl:
            return (
                getattr(resource, record_class.name),
                [getattr(resource, record_class.value)],
                getattr(resource, record_class.ttl),
            )

        to_import: pulumi.Output[ToImport] = require_ingress(records).apply(existing).apply(with_import_ids)
        return import_or_keep(records, to_import, identity_of)

    return Adapter(create)
