"""The lifecycle of the NS records of a delegation, at a primary server that accepts DNS updates (RFC 2136).

All of its settings, including the key, are inputs, so that they are in the state for refresh and destroy.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi_agin.base.attempts import Reachability
from pulumi_agin.base.budget import Budget
from pulumi_agin.base.names import LOOPBACK_HOSTS, Server
from pulumi_agin.base.redaction import Secret, listed
from pulumi_agin.lifecycle.claims import Claims, RecordSet
from pulumi_agin.lifecycle.operation import Call, Checked, Created, Difference, Existing, Failed, Lifecycle, PartlyDone
from pulumi_agin.lifecycle.schema import compared_fields, replacing_fields, validate
from pulumi_agin.lifecycle.services import Services
from pulumi_agin.lifecycle.shell_commands import explain_line
from pulumi_agin.lifecycle.taken import reject_delete_of_renamed

from . import missing_package
from .inputs import UNSETTLED, KeptNsRecords, NsRecordsInputs
from .values import DnsUpdateError, NsSet, OtherRecordsError, TsigKey, UnreadableZoneError, UnsettledError

if TYPE_CHECKING:
    from .update import PrimaryServer

# The time budget of a call if the resource has no custom timeouts. A name server that restarts needs seconds.
TIMEOUT_SECONDS = 60.0

# The time budget of the read in a check or a preview. The engine checks one resource after the other.
CHECK_SECONDS = 10.0

OUTPUTS = compared_fields(NsRecordsInputs)


class NsRecordsLifecycle(Lifecycle):
    """The lifecycle of the NS records that delegate one domain."""

    def __init__(self, services: Services, claims: Claims) -> None:
        self._services = services
        self._claims = claims
        # Guards the reachabilities of the servers.
        self._lock = threading.Lock()
        self._reachabilities: dict[Server, Reachability] = {}

    # -- check and diff -----------------------------------------------------------------------------------

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them, and a missing dnspython.

        With `adopt`, it also compares existing records with the inputs of a new resource.
        """
        self._claims.record_check(call)
        checked, problems = validate(NsRecordsInputs, inputs, call.is_unknown, self._services.phrasing)
        missing = missing_package(self._services.phrasing.rfc2136)
        sentences = [*([missing] if missing else []), *(problem.sentence for problem in problems)]
        is_new = not sentences and not call.inputs_before
        if is_new and checked["adopt"] and self._may_meet_records(call, checked):
            try:
                self._compare_with_existing(call, checked)
            except Failed as error:
                sentences = [str(error)]
        return Checked.of(checked, sentences)

    def _may_meet_records(self, call: Call, inputs: Mapping[str, Any]) -> bool:
        """Returns whether a new resource has a known location, and existing records there are not its own.

        A replacement is checked a second time, or only once, as if it were new.
        """
        is_known = not any(call.is_unknown(inputs[name]) for name in inputs.keys() - {"ns_targets", "ttl"})
        return is_known and self._claims.state(call.urn).get("domain") != inputs["domain"]

    def _compare_with_existing(self, call: Call, inputs: Mapping[str, Any]) -> None:
        """Fails if the existing records can't be adopted. Logs whether they will be adopted or created."""
        services, domain, address = self._services, inputs["domain"], _address(inputs)
        existing = self._server(call._replace(timeout_seconds=CHECK_SECONDS), inputs).read(domain)
        if existing is None:
            services.log(f"{domain} has no NS records to adopt at {address}, so they will be created")
            return
        if _are_unknown(call, inputs):
            raise Failed(
                f"{_existing_records(inputs, existing)}. They can't be adopted, because the program's "
                "records are unknown in this preview: a new Agent Ingress gets its own name servers. If the Agent "
                "Ingress exists at ngrok, import it first; otherwise, remove the records"
            )
        if existing != _ns_set(inputs):
            raise Failed(self._explain_taken(call, inputs, existing))
        services.log(
            f"the NS records of {domain} at {address} already match the program, so they will be adopted, and nothing "
            "is written there"
        )
        services.log_once(
            "if the records to adopt were created by a resource that this run deletes, use "
            f"{services.phrasing.aliases} instead of {services.phrasing.adopt_records}: otherwise, they may be deleted "
            "with it",
        )

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        """Compares the inputs with the state. A change of `adopt` alone changes nothing.

        A change of the zone replaces the resource. The new records are created first, so a wrong zone fails before
        anything is deleted.
        """
        kept = self._outputs_before(call)
        # An unknown value equals no value in the state, so it counts as a change.
        changed = [field for field in OUTPUTS if kept.get(field) != inputs.get(field)]
        replacing = replacing_fields(NsRecordsInputs, changed)
        if replacing:
            self._claims.record_replaced(call.urn, kept)
        else:
            self._claims.keep_ns_records(call.urn, _record_set(kept), kept["ns_targets"])
        return Difference(changed, replacing, bool(changed))

    # -- previews -----------------------------------------------------------------------------------------

    def preview_create(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Warns of existing records, and of problems with the server. With `adopt`, the check has read the records."""
        # In an `up`, the engine sends the plugin this call for a create that it skips because another resource failed.
        self._claims.record_uncreated(call.urn, inputs["domain"])
        if not inputs.get("adopt") and self._may_meet_records(call, inputs):
            self._warn_of_failure(call, inputs)
        return _all_outputs(inputs)

    def _warn_of_failure(self, call: Call, inputs: Mapping[str, Any]) -> None:
        """Warns of existing records, and once of a server that does not respond, or rejects the key or the zone.

        The update may run on another machine.
        """
        services, server = self._services, self._server(call._replace(timeout_seconds=CHECK_SECONDS), inputs)
        if services.has_warned_about(server.exchange.address):
            return
        up = "`pulumi up` on this machine"
        try:
            existing = server.read(inputs["domain"], rejects_alias=True)
        except UnreadableZoneError as error:
            if not call.is_cancelled():
                # Other calls may have waited for the same server, and `up` may run on a machine that it accepts.
                sentence = f"{up} may fail: {error}. This preview checks no other records at this server"
                services.warn_once(sentence, call.urn, about=server.exchange.address)
            return
        except DnsUpdateError as error:
            sentence = f"{up} will fail: {error}"
        else:
            if existing is None:
                return
            sentence = f"{up} will fail unless it deletes these records first: "
            sentence += self._explain_taken(call, inputs, existing)
        if not call.is_cancelled():
            services.warn(sentence, call.urn)

    def preview_update(self, call: Call, inputs: Mapping[str, Any]) -> dict[str, Any]:
        return _all_outputs(inputs)

    # -- create, read, update, delete ---------------------------------------------------------------------

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the records if none exist. With `adopt`, adopts existing ones that equal them."""
        domain, records = inputs["domain"], _ns_set(inputs)
        try:
            server = self._server(call, inputs)
            if not inputs.get("adopt") or server.read(domain, "create") != records:
                server.create(domain, records)
        except Exception as error:
            self._claims.record_uncreated(call.urn, domain)
            if isinstance(error, OtherRecordsError):
                raise Failed(self._explain_taken(call, inputs, error.existing)) from None
            if isinstance(error, UnsettledError):
                raise _partly_done(error, {**_outputs(inputs), "ns_targets": []}, set(records.targets)) from None
            raise
        outputs = _outputs(inputs)
        self._claims.record_created(call.urn, outputs)
        self._claims.record_written_ns_records(call.urn, _record_set(inputs), records.targets)
        return Created(domain, outputs)

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the records. They are gone only if the zone's primary server reports it. A `get` or an import fails."""
        if not self.is_refresh(call):
            raise Failed(f"NS records can't be imported: {self._services.phrasing.adopt_records} adopts existing ones")
        kept = self._outputs_before(call)
        existing = self._server(call, kept).read(kept["domain"])
        if existing is None:
            return None
        outputs = {**_outputs(kept), "ns_targets": list(existing.targets), "ttl": existing.ttl}
        if not kept["ns_targets"] and not set(existing.targets) <= set(kept[UNSETTLED]):
            # No record was known to belong to this resource, and some of these do not.
            if not set(existing.targets) & set(kept[UNSETTLED]):
                return None
            outputs |= {"ns_targets": [], UNSETTLED: kept[UNSETTLED]}
        # Returns the inputs too, so that the next preview compares the program with the existing records.
        inputs = call.inputs_before or _outputs(outputs)
        return Existing(id_, outputs, {**inputs, "ns_targets": outputs["ns_targets"], "ttl": existing.ttl})

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Replaces the records, even with equal ones, so that a new key is verified before the state keeps it."""
        kept, domain, records = self._outputs_before(call), inputs["domain"], _ns_set(inputs)
        has_moved = any(kept[field] != inputs[field] for field in ("server", "port"))
        known = {*records.targets, *kept["ns_targets"], *kept[UNSETTLED]}
        server = self._server(call, inputs)
        try:
            if has_moved or not kept["ns_targets"]:
                # No record is known to belong to this resource, so the existing ones may not be its own.
                server.replace_known(domain, records, known)
            else:
                server.replace(domain, records)
        except OtherRecordsError as error:
            raise Failed(self._explain_taken(call, inputs, error.existing)) from None
        except UnsettledError as error:
            # The new address and key are kept: they have just worked to read the records.
            outputs = _outputs(inputs) | {
                "ns_targets": [] if has_moved else kept["ns_targets"],
                "ttl": error.existing.ttl if error.existing else kept["ttl"],
            }
            note = f", but not those at {_address(kept)}"
            raise _partly_done(error, outputs, known, note if has_moved else "") from None
        self._claims.record_written_ns_records(call.urn, _record_set(inputs), records.targets)
        return _outputs(inputs)

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the records that are in the state, and leaves records that others have added.

        It also leaves records that another resource of the program has, as after a replacement, or a renaming with
        `adopt`.
        """
        kept = self._outputs_before(call)
        why = f"the NS records of {kept['domain']} are not deleted, because they have the domain of"
        reject_delete_of_renamed(self._claims, self._services.phrasing, kept["domain"], call.urn, why)
        values = {*kept["ns_targets"], *kept[UNSETTLED]}
        ours = values - self._claims.ns_records_to_keep(_record_set(kept), call.urn)
        if ours or not values:
            self._server(call, kept).delete(kept["domain"], sorted(ours))

    # -- the state, the server and other records ----------------------------------------------------------

    def _outputs_before(self, call: Call) -> dict[str, Any]:
        """Returns the outputs in the state, in canonical form. Fails if they are not valid."""
        kept, problems = validate(KeptNsRecords, call.outputs_before, phrasing=self._services.phrasing)
        if problems:
            found = "; ".join(problem.sentence for problem in problems)
            raise Failed(f"the state of this resource is invalid: {found}. Correct it with `pulumi state edit`")
        return kept

    def _server(self, call: Call, properties: Mapping[str, Any]) -> PrimaryServer:
        """Returns the server that has the records. Fails if dnspython is missing."""
        if missing := missing_package(self._services.phrasing.rfc2136):
            raise Failed(missing)
        from .exchange import Exchange
        from .update import PrimaryServer

        key = None
        if "tsig_key_name" in properties:
            key = TsigKey(properties["tsig_key_name"], Secret(properties["tsig_secret"]), properties["tsig_algorithm"])
        services, address = self._services, _address(properties)
        budget = Budget(call.timeout_seconds or TIMEOUT_SECONDS, services.clock, call.is_cancelled, call.urn)
        reachability, spell = self._reachability(address), services.phrasing.spell
        exchange = Exchange(address, properties["zone"], key, reachability, services.progress, spell)
        return PrimaryServer(exchange, budget)

    def _reachability(self, server: Server) -> Reachability:
        """Returns the reachability of a server, which the calls of this lifecycle share."""
        with self._lock:
            if server not in self._reachabilities:
                is_loopback = server.host in LOOPBACK_HOSTS
                self._reachabilities[server] = Reachability(self._services.clock, is_loopback=is_loopback)
            return self._reachabilities[server]

    def _explain_taken(self, call: Call, inputs: Mapping[str, Any], existing: NsSet) -> str:
        """Returns the message about records that are not known to belong to this resource, with the next step."""
        phrasing = self._services.phrasing
        comparison, adopt = "", ""
        if not _are_unknown(call, inputs):
            records = _ns_set(inputs)
            comparison = f" The program declares {'the same' if existing == records else records}."
            if existing == records:
                adopt = f"; if an interrupted run created them, {phrasing.adopt_records} adopts them"
            elif inputs.get("adopt"):
                adopt = "; otherwise, change the program or the records so that they match"
        return (
            f"{_existing_records(inputs, existing)}.{comparison} If a resource of this stack that was renamed or moved "
            f"in the program has them, use {phrasing.aliases}{adopt}\n{explain_line('taken-records')}"
        )


def _partly_done(error: UnsettledError, outputs: Mapping[str, Any], values: set[str], note: str = "") -> PartlyDone:
    """Returns the failure that keeps the resource in the state after a write of unknown outcome.

    The outputs contain no uncertain value; `values` are all that the server may have from this resource.
    """
    message = (
        f"{error}. The state keeps all possible values ({listed(sorted(values))}){note}: run `pulumi up` again\n"
        f"{explain_line('lost-response')}"
    )
    unsettled = sorted(values - {*outputs["ns_targets"]})
    return PartlyDone(message, outputs["domain"], {**outputs, UNSETTLED: unsettled})


def _existing_records(inputs: Mapping[str, Any], existing: NsSet) -> str:
    return f"{inputs['domain']} already has NS records at {_address(inputs)}, which are left unchanged: {existing}"


def _are_unknown(call: Call, inputs: Mapping[str, Any]) -> bool:
    """Returns whether a part of the records is unknown in a preview."""
    targets = inputs["ns_targets"]
    return any(map(call.is_unknown, [inputs["ttl"], targets, *(targets if isinstance(targets, list) else [])]))


def _outputs(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {field: properties[field] for field in OUTPUTS if field in properties}


def _all_outputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the outputs for a preview. Those without a value are None, because absent ones would be unknown."""
    return dict.fromkeys(OUTPUTS) | _outputs(inputs)


def _ns_set(properties: Mapping[str, Any]) -> NsSet:
    return NsSet(tuple(properties["ns_targets"]), int(properties["ttl"]))


def _address(properties: Mapping[str, Any]) -> Server:
    return Server(properties["server"], int(properties["port"]))


def _record_set(properties: Mapping[str, Any]) -> RecordSet:
    return RecordSet(str(_address(properties)), properties["zone"], properties["domain"])
