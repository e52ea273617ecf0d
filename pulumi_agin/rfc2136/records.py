"""Lifecycle of an Rfc2136Delegation: the NS records of one name, which one message changes together."""

from __future__ import annotations

import threading
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.clock import Clock
from pulumi_agin.api.progress import Budget
from pulumi_agin.api.values import canonical_domain
from pulumi_agin.lifecycle.inputs import validate
from pulumi_agin.lifecycle.operation import (
    IMPORT,
    Call,
    Checked,
    Created,
    Difference,
    Existing,
    FailedError,
    InputFailure,
)
from pulumi_agin.lifecycle.owners import Owners

from .declaration import NsRecordsInputs, NsSet

if TYPE_CHECKING:
    from .primary_server import PrimaryServer

# The hidden output after a create or an update of unknown outcome: all values of ours that the server may have. Users'
# states contain it, so its name never changes.
UNSETTLED = "_unsettled_ns_targets"

# How long a call may take without a custom timeout. A name server that restarts needs seconds.
CALL_SECONDS = 60.0
# How long a preview waits for a server, once for all records there.
PREVIEW_SECONDS = 5.0

_REPLACING = ("domain", "zone")


class NsRecordsLifecycle:
    """The lifecycle of an Rfc2136Delegation. `operation.Lifecycle` says when each method is called.

    Nothing of somebody else is changed: `primary_server` says under which conditions the server carries out an update,
    and how one is settled whose response was lost. One of unknown outcome succeeds with a warning, because a failure
    would leave its values out of the state, and no delete would find them. The next `pulumi up` repeats it.

    All settings, including the key, are inputs, so that they are in the state for a refresh and a destroy.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        # By the `_place` of records.
        self._owners = Owners()
        # One query of a preview at a time, so that a server that does not respond costs its time once.
        self._preview_lock = threading.Lock()
        self._failed_in_preview: set[tuple[Any, ...]] = set()

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them."""
        values = {name: value for name, value in inputs.items() if name != IMPORT}
        checked, problems = validate(NsRecordsInputs, values, call.is_unknown)
        failures = [InputFailure(str(problem)) for problem in problems]
        if ("tsig_key_name" in checked) != ("tsig_secret" in checked):
            failures.append(InputFailure("set both tsig_key_name and tsig_secret, or neither"))
        domain, zone, id_ = checked.get("domain"), checked.get("zone"), inputs.get(IMPORT)
        # In a preview, each may be unknown.
        if isinstance(domain, str) and isinstance(zone, str) and not domain.endswith(f".{zone}"):
            failures.append(InputFailure(f"the domain {domain} is not below the apex of the zone {zone}"))
        if isinstance(domain, str) and isinstance(id_, str) and canonical_domain(id_) != domain:
            failures.append(
                InputFailure(f"the option import_ must be the domain {domain}; remove it once the records are imported")
            )
        if id_ is not None:
            checked[IMPORT] = id_
        return Checked(checked, failures)

    def preview_problem(self, call: Call, inputs: Mapping[str, Any]) -> str:
        """Returns what will make the create of checked inputs fail, as a sentence; "" if nothing is known to.

        The program or the plugin calls it in a preview of a create. A server that does not respond, or rejects the key,
        is reported once, because it is no problem of each record. `call` needs no more than `is_unknown`.
        """
        where = {name: value for name, value in inputs.items() if name not in ("ns_targets", "ttl", IMPORT)}
        if any(map(call.is_unknown, where.values())):
            return ""
        server = (inputs["server"], inputs["port"], inputs["zone"], inputs.get("tsig_key_name"))
        with self._preview_lock:
            if server in self._failed_in_preview:
                return ""
            try:
                existing = _connect(where, Budget(PREVIEW_SECONDS, clock=self._clock)).read()
            except FailedError as error:
                self._failed_in_preview.add(server)
                return f"{error}. This preview checks no other records at this server"
        if inputs.get(IMPORT) is not None:
            targets = inputs["ns_targets"]
            is_known = isinstance(targets, list) and not any(map(call.is_unknown, [*targets, inputs["ttl"]]))
            return _not_imported_sentence(inputs, existing) if is_known else ""
        if existing is None:
            return ""
        from .primary_server import taken_sentence

        return taken_sentence(inputs["domain"], existing)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the state. After a create or an update of unknown outcome, it is to be repeated."""
        before = call.outputs_before
        changed = [name for name in NsRecordsInputs.model_fields if before.get(name) != inputs.get(name)]
        replacing = [name for name in changed if name in _REPLACING]
        if not replacing:
            self._owners.record(_place(before), call.urn)
        return Difference(changed, replacing, is_repeated=UNSETTLED in before)

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the records of a name that has none, or reads those that `import_` names."""
        server = _connect(inputs, self._budget(call))
        if inputs.get(IMPORT) is None:
            outputs = self._write(call, server, inputs, known=(), verb="create")
        else:
            if sentence := _not_imported_sentence(inputs, server.read("import")):
                raise FailedError(sentence)
            self._owners.record_import(_place(inputs))
            outputs = _outputs(inputs)
        self._owners.record(_place(inputs), call.urn)
        return Created(inputs["domain"], outputs)

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the records for a refresh. An ID does not say where they are, so an import by the ID fails."""
        before = call.outputs_before
        if "server" not in before:
            raise FailedError(
                "an Rfc2136Delegation can't be imported by an ID, which does not say where the records are"
            )
        existing = _connect(before, self._budget(call)).read()
        if existing is None:
            return None
        if UNSETTLED in before:
            ours = _ours(before)
            if ours.isdisjoint(existing.targets):
                return None
            if not ours.issuperset(existing.targets):
                # Somebody else's are there, too, and must not become ours.
                return Existing(id_, dict(before), None)
        found = {"ns_targets": list(existing.targets), "ttl": existing.ttl}
        inputs = {**call.inputs_before, **found} if call.inputs_before else None
        return Existing(id_, {**_outputs(before), **found}, inputs)

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Replaces the records, even with equal ones, so that a new key is verified before the state has it.

        Those of the program may be there since an update that failed.
        """
        server = _connect(inputs, self._budget(call))
        known = _ours(call.outputs_before).union(inputs["ns_targets"])
        return self._write(call, server, inputs, known, verb="update")

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the values of the state, and no others, unless another resource of the program has them, too."""
        before = call.outputs_before
        if self._owners.must_keep(_place(before), call.urn):
            call.warn(
                f"the NS records of {before['domain']} were not deleted, because another resource of the program "
                "has them, as after a rename or `--replace` with the option import_. Remove it from the program"
            )
            return
        _connect(before, self._budget(call)).delete(_ours(before))

    # -- one call -----------------------------------------------------------------------------------------

    def _budget(self, call: Call) -> Budget:
        seconds = call.timeout_seconds or CALL_SECONDS
        return Budget(seconds, clock=self._clock, is_cancelled=call.is_cancelled, show=call.show)

    def _write(
        self, call: Call, server: PrimaryServer, inputs: Mapping[str, Any], known: Collection[str], verb: str
    ) -> dict[str, Any]:
        """Writes the records of a create or an update, and returns the outputs."""
        doubt = server.replace(_wanted(inputs), known, verb)
        if not doubt:
            return _outputs(inputs)
        call.warn(
            f"it is unknown whether the server has the new NS records of {inputs['domain']}: {doubt}. The state has "
            "all values that may be there, and the next `pulumi up` writes the records again"
        )
        return {**_outputs(inputs), UNSETTLED: sorted({*known, *inputs["ns_targets"]})}


def _connect(place: Mapping[str, Any], budget: Budget) -> PrimaryServer:
    """Returns the server of inputs or outputs. The plugin starts without dnspython, which takes time to load."""
    try:
        from .primary_server import PrimaryServer
    except ImportError:
        raise FailedError(
            "NS records by DNS updates need a package that is not installed: pip install 'pulumi-agin[rfc2136]'"
        ) from None
    return PrimaryServer(place, budget)


def _not_imported_sentence(inputs: Mapping[str, Any], existing: NsSet | None) -> str:
    """Returns why existing records can't be imported, for the create and for the preview; "" if they can be."""
    if existing == _wanted(inputs):
        return ""
    return (
        f"the NS records of {inputs['domain']} can't be imported, because the server has {existing or 'none'}, and the "
        f"program has {_wanted(inputs)}. Change the program or the records, or remove the option import_"
    )


def _wanted(inputs: Mapping[str, Any]) -> NsSet:
    return NsSet(tuple(inputs["ns_targets"]), int(inputs["ttl"]))


def _ours(outputs: Mapping[str, Any]) -> set[str]:
    """Returns all values in a state that the server may have from this resource."""
    return {*outputs["ns_targets"], *outputs.get(UNSETTLED, ())}


def _outputs(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the outputs in inputs or in a state, without hidden ones."""
    return {name: values[name] for name in NsRecordsInputs.model_fields if values.get(name) is not None}


def _place(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Returns what identifies the records of inputs or of a state."""
    return tuple(values.get(name) for name in ("server", "port", "zone", "domain"))
