"""record_set: the builder of adapters for packages in which one resource has all values of a domain."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

import pulumi

from pulumi_agin.program.errors import WrongArgumentsError
from pulumi_agin.program.resource import require_options

from .adapter import Adapter, Made, NsRecords
from .adoption import NameValuesTtl, ToImport, import_or_keep, reject_import_option, require_ingress
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
            return "", values(resource), getattr(resource, record_class.ttl)

        to_import: pulumi.Output[ToImport] = require_ingress(records).apply(with_import_id)
        return import_or_keep(records, to_import, identity_of)

    return Adapter(create)
