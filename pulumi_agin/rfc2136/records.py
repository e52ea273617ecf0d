"""Lifecycle of an Rfc2136Delegation: the NS records of one name, which one message changes together."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.budget import Budget
from pulumi_agin.api.clock import Clock
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
from pulumi_agin.lifecycle.owners import Owners, mark_in, new_mark

from .declaration import NsRecordsInputs, NsSet

if TYPE_CHECKING:
    from .primary_server import PrimaryServer

# How long a call may take without a custom timeout. A name server that restarts needs seconds.
CALL_SECONDS = 30.0
# How long a preview waits for a server. After a failure, the preview does not query the server again.
PREVIEW_READ_SECONDS = 5.0


class NsRecordsLifecycle:
    """The lifecycle of an Rfc2136Delegation. `operation.Lifecycle` documents when each method is called.

    No method changes records that belong to another owner:

    - A create requires that the name has no NS records.
    - An update requires that each existing value is in the state or in the inputs.
    - A delete deletes only the values in the state.

    `primary_server` handles lost responses. All settings, including the key, are inputs, so that the state has them for
    a refresh and a destroy.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock
        # The key of an owner is the `_place` of its records.
        self._owners = Owners()
        # Previews query one at a time, so that only one preview waits for a server that does not respond.
        self._preview_lock = threading.Lock()
        self._failed_in_preview: set[tuple[Any, ...]] = set()

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them."""
        values = {name: value for name, value in inputs.items() if name != IMPORT}
        checked, problems = validate(NsRecordsInputs, values, call.is_unknown)
        failures = [InputFailure(str(problem)) for problem in problems]
        if (values.get("tsig_key_name") is None) != (values.get("tsig_secret") is None):
            failures.append(InputFailure("set both tsig_key_name and tsig_secret, or neither"))
        domain, zone = _known_name(checked.get("domain")), _known_name(checked.get("zone"))
        if domain and zone and not domain.endswith(f".{zone}"):
            failures.append(InputFailure(f"the domain {domain} is not below the apex of the zone {zone}"))
        if IMPORT in inputs:
            checked[IMPORT] = inputs[IMPORT]
            # Otherwise, a later change of the domain would fail in `create`, after the ingress was replaced.
            if domain and _known_name(inputs[IMPORT]) not in (None, domain):
                failures.append(InputFailure(f"the option import_ is not the domain {domain}: change or remove it"))
        return Checked(checked, failures)

    def preview_problem(self, call: Call, inputs: Mapping[str, Any]) -> str:
        """Returns why a create with checked inputs will fail, as a sentence; "" if no reason is known.

        The program or the plugin calls this method in the preview of a create. `call` needs only `is_unknown`. After a
        failed read, the sentence reports the failure. Later calls with the same server, zone and key name return "".
        """
        unknown = {name for name, value in inputs.items() if _contains_unknown(call, value)}
        if not unknown <= {"ns_targets", "ttl"}:
            return ""
        where = (inputs["server"], inputs["port"], inputs["zone"], inputs.get("tsig_key_name"))
        with self._preview_lock:
            if where in self._failed_in_preview:
                return ""
            try:
                with self._server(call, inputs, "read", PREVIEW_READ_SECONDS) as server:
                    existing = server.read()
            except FailedError as error:
                self._failed_in_preview.add(where)
                return f"{error}. This preview checks no other records at this server"
        if IMPORT not in inputs:
            return _taken_sentence(inputs, existing)
        return "" if unknown else _not_imported_sentence(inputs, existing)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the state."""
        before = call.outputs_before
        changed = [name for name in NsRecordsInputs.model_fields if before.get(name) != inputs.get(name)]
        replacing = NsRecordsInputs.replacing(changed)
        # Records that this run replaces are not recorded, for the same reasons as in the lifecycle of an ingress.
        if not replacing:
            self._owners.record(_place(before), call.urn, before)
        return Difference(changed, replacing)

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the records of a name without NS records. With `import_`, reads the existing records instead."""
        outputs = _outputs(inputs)
        if IMPORT in inputs:
            with self._server(call, inputs, "import") as server:
                existing = server.read()
            if sentence := _not_imported_sentence(inputs, existing):
                raise FailedError(sentence)
            outputs |= new_mark()
        else:
            with self._server(call, inputs, "create") as server:
                server.replace(_wanted(inputs), partial(_taken_sentence, inputs))
        self._owners.record(_place(inputs), call.urn, outputs)
        return Created(inputs["domain"], outputs)

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the records for a refresh. An import by ID fails, because the ID does not identify the server."""
        before = call.outputs_before
        if "server" not in before:
            raise FailedError(
                "an Rfc2136Delegation can't be imported by an ID, which does not say where the records are"
            )
        with self._server(call, before, "read") as server:
            existing = server.read()
        if not existing.targets:
            return None
        found = {"ns_targets": list(existing.targets), "ttl": existing.ttl}
        inputs = {**call.inputs_before, **found} if call.inputs_before else None
        return Existing(id_, {**before, **found}, inputs)

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Replaces the records, even with equal records, so that no unverified key gets into the state."""
        # The server may already have the new values, from an earlier update that failed.
        known = {*call.outputs_before["ns_targets"], *inputs["ns_targets"]}
        with self._server(call, inputs, "update") as server:
            server.replace(_wanted(inputs), partial(_others_sentence, inputs, known))
        return {**_outputs(inputs), **mark_in(call.outputs_before)}

    def delete(self, call: Call, id_: str) -> None:
        """Deletes only the values in the state, and nothing if another resource of the program has the records, too."""
        before = call.outputs_before
        if self._owners.has_other(_place(before), call.urn, before):
            call.warn(
                f"the NS records of {before['domain']} were not deleted, because another resource of the program "
                "has them, as after a rename or `--replace` with the option import_. Remove it from the program"
            )
            return
        with self._server(call, before, "delete") as server:
            left = server.delete(set(before["ns_targets"]))
        if left:
            call.warn(
                f"{before['domain']} still has NS records at the server that are not in the state: "
                f"{', '.join(sorted(left))}. If they delegate it to ngrok, delete them there, because somebody else "
                "could take the domain over"
            )

    @contextmanager
    def _server(
        self, call: Call, place: Mapping[str, Any], verb: str, seconds: float | None = None
    ) -> Iterator[PrimaryServer]:
        """Yields the server that inputs or outputs name, and turns a ServerError into a FailedError.

        `verb` is the operation on the records, for messages. The imports are here because dnspython takes time to load,
        and the plugin starts without it.
        """
        try:
            from .exchange import ServerError
            from .primary_server import PrimaryServer
        except ImportError:
            raise FailedError(
                "NS records by DNS updates need a package that is not installed: pip install 'pulumi-agin[rfc2136]'"
            ) from None
        seconds = seconds or call.timeout_seconds or CALL_SECONDS
        budget = Budget(seconds, clock=self._clock, is_cancelled=call.is_cancelled, show=call.show)
        doing = f"{verb} the NS records of {place['domain']} at {place['server']} port {int(place['port'])}"
        try:
            yield PrimaryServer(place, doing, budget)
        except ServerError as error:
            raise FailedError(f"could not {doing}: {error}") from None


# -- why records must stay as they are; "" if nothing prevents a write -------------------------------------------------


def _taken_sentence(inputs: Mapping[str, Any], existing: NsSet) -> str:
    """For a create and its preview."""
    if not existing.targets:
        return ""
    return (
        f"{inputs['domain']} already has NS records at the server, which are left unchanged: {existing}. If this stack "
        "has them under another name, add an alias, and if this run replaces them, delete_before_replace. Otherwise, "
        "import or delete them"
    )


def _not_imported_sentence(inputs: Mapping[str, Any], existing: NsSet) -> str:
    """For an import and its preview."""
    if existing == _wanted(inputs):
        return ""
    return (
        f"the NS records of {inputs['domain']} can't be imported, because the server has {existing}, and the "
        f"program has {_wanted(inputs)}. Change the program or the records, or remove the option import_"
    )


def _others_sentence(inputs: Mapping[str, Any], known: set[str], existing: NsSet) -> str:
    """For an update. `known` has the values that the update may replace."""
    if known.issuperset(existing.targets):
        return ""
    return (
        f"{inputs['domain']} has NS records that are not in the state, which are left unchanged: {existing}. After a "
        "`pulumi refresh`, the next `pulumi up` replaces them"
    )


# -- values ------------------------------------------------------------------------------------------------------------


def _contains_unknown(call: Call, value: Any) -> bool:
    return call.is_unknown(value) or (isinstance(value, list) and any(map(call.is_unknown, value)))


def _wanted(inputs: Mapping[str, Any]) -> NsSet:
    return NsSet(tuple(inputs["ns_targets"]), int(inputs["ttl"]))


def _known_name(value: object) -> str | None:
    """Returns a name in canonical form; None for a missing name, or an unknown name in a preview."""
    return canonical_domain(value) if isinstance(value, str) else None


def _outputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the outputs for inputs, without hidden outputs."""
    return {name: inputs[name] for name in NsRecordsInputs.model_fields if inputs.get(name) is not None}


def _place(values: Mapping[str, Any]) -> tuple[Any, ...]:
    """Returns the values that identify the records of inputs or of a state."""
    return tuple(values.get(name) for name in ("server", "port", "zone", "domain"))
