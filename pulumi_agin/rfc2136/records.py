"""Lifecycle of an Rfc2136Delegation: the NS records of one name, which one message changes together."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.clock import Clock
from pulumi_agin.api.progress import Budget
from pulumi_agin.api.values import canonical_domain, canonical_ns_targets
from pulumi_agin.lifecycle.inputs import validate
from pulumi_agin.lifecycle.operation import Call, Checked, Created, Difference, Existing, FailedError, InputFailure

from .declaration import NsRecordsInputs

if TYPE_CHECKING:
    from .exchange import Exchange, Sent

# The hidden input with the option `import_` of a Python program.
IMPORT = "__import"

CALL_SECONDS = 300
# The part of a write's time that is kept to read the records back, at most a quarter of it.
READ_BACK_SECONDS = 10.0
# How long a preview waits for the server.
PREVIEW_SECONDS = 5

_MISSING = "NS records by DNS updates need dnspython: pip install 'pulumi-agin[rfc2136]'"


class NsRecordsLifecycle:
    """The lifecycle of an Rfc2136Delegation. `operation.Lifecycle` says when each method is called.

    Nothing of somebody else is changed: each update requires that the name has the records that were read before, and
    a delete names its values. An update whose response was lost is settled by reading the records.
    """

    def __init__(self, clock: Clock | None = None) -> None:
        self._clock = clock

    def check(self, call: Call, inputs: Mapping[str, Any]) -> Checked:
        """Normalizes the inputs, and reports every problem with them."""
        values = {name: value for name, value in inputs.items() if name != IMPORT}
        checked, problems = validate(NsRecordsInputs, values, call.is_unknown)
        failures = [InputFailure(str(problem)) for problem in problems]
        if ("tsig_key_name" in checked) != ("tsig_secret" in checked):
            failures.append(InputFailure("set both tsig_key_name and tsig_secret, or neither"))
        names = [checked.get(name) for name in ("domain", "zone")]
        if all(isinstance(name, str) for name in names) and not str(names[0]).endswith(f".{names[1]}"):
            failures.append(InputFailure(f"the domain {names[0]} is not below the apex of the zone {names[1]}"))
        if IMPORT in inputs:
            checked[IMPORT] = inputs[IMPORT]
        return Checked(checked, failures)

    def diff(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> Difference:
        before, names = call.outputs_before, NsRecordsInputs.model_fields
        changed = [name for name in names if _canonical(inputs.get(name)) != _canonical(before.get(name))]
        return Difference(changed, [name for name in changed if name in ("domain", "zone")])

    def create(self, call: Call, inputs: Mapping[str, Any]) -> Created:
        """Creates the records of a name that has none, or with `import_`, takes those that are as wanted."""
        exchange = self._exchange(call, inputs)
        if IMPORT in inputs:
            existing = _read(exchange, "import")
            if existing != _wanted(inputs):
                raise FailedError(
                    f"the NS records of {exchange.domain} can't be imported, because the program differs from them: "
                    f"the server has {_shown(existing)}"
                )
        else:
            self._replace(call, exchange, inputs, known=())
        return Created(exchange.domain, _outputs(inputs))

    def read(self, call: Call, id_: str) -> Existing | None:
        """Reads the records for a refresh. An ID does not say where they are, so an import fails."""
        before = call.outputs_before
        if "server" not in before:
            raise FailedError("an Rfc2136Delegation can't be read by its ID, which does not contain the server")
        existing = _read(self._exchange(call, before), "read")
        if existing is None:
            return None
        outputs = {**before, "ns_targets": existing[0], "ttl": existing[1]}
        inputs = {**(call.inputs_before or {}), "ns_targets": existing[0], "ttl": existing[1]}
        return Existing(id_, outputs, inputs if call.inputs_before else None)

    def update(self, call: Call, id_: str, inputs: Mapping[str, Any]) -> dict[str, Any]:
        """Replaces the records, if the name has none but those of the state or of the program.

        The program's may be there since an update whose outcome was unknown.
        """
        exchange = self._exchange(call, inputs)
        self._replace(call, exchange, inputs, known=[*call.outputs_before["ns_targets"], *inputs["ns_targets"]])
        return _outputs(inputs)

    def delete(self, call: Call, id_: str) -> None:
        """Deletes the records with the values of the state, and no others. They may be gone already."""
        import dns.update

        before = call.outputs_before
        exchange = self._exchange(call, before)
        update = dns.update.UpdateMessage(f"{exchange.zone}.")
        for target in before["ns_targets"]:
            update.delete(f"{exchange.domain}.", "NS", target)
        sent = exchange.send(update, "delete", self._time_for_write(call))
        if sent.problem:
            existing = _read_back(exchange, sent)
            if existing is not None and set(before["ns_targets"]) & set(existing[0]):
                raise sent.failure

    # -- one call -----------------------------------------------------------------------------------------

    def _exchange(self, call: Call, place: Mapping[str, Any]) -> Exchange:
        return _new_exchange(place, self._budget(call))

    def _budget(self, call: Call) -> Budget:
        seconds = call.timeout_seconds or CALL_SECONDS
        return Budget(seconds, clock=self._clock, is_cancelled=call.is_cancelled, show=call.show)

    def _time_for_write(self, call: Call) -> Budget:
        budget = self._budget(call)
        return budget.part(budget.seconds - min(READ_BACK_SECONDS, budget.seconds / 4))

    def _replace(self, call: Call, exchange: Exchange, inputs: Mapping[str, Any], known: Collection[str]) -> None:
        """Replaces the records of a name if each has a known value, or creates them if there are none."""
        import dns.update

        verb = "update" if known else "create"
        before = _read(exchange, verb)
        if before is not None and not set(before[0]) <= set(known):
            raise FailedError(
                f"{exchange.domain} already has NS records that are not of this stack, which were left unchanged: "
                f"{_shown(before)}. Import or delete them"
            )
        update = dns.update.UpdateMessage(f"{exchange.zone}.")
        update.absent(f"{exchange.domain}.", "CNAME")
        if before is None:
            update.absent(f"{exchange.domain}.", "NS")
        else:
            update.present(f"{exchange.domain}.", "NS", *before[0])
        update.replace(f"{exchange.domain}.", inputs["ttl"], "NS", *inputs["ns_targets"])
        sent = exchange.send(update, verb, self._time_for_write(call))
        if sent.problem or _has_failed_prerequisite(sent):
            existing = _read_back(exchange, sent)
            if not sent.is_in_doubt or existing != _wanted(inputs):
                raise FailedError(
                    f"{_failure(sent)}. The server has {_shown(existing)}. Run `pulumi up` again; before a destroy, "
                    "check that no record is left"
                )


def preview_problem(inputs: Mapping[str, Any]) -> str:
    """Returns why the server can't be used or the records can't be created, for previews; "" without a problem."""
    try:
        existing = _read(_new_exchange(inputs, Budget(PREVIEW_SECONDS)), "read")
    except FailedError as error:
        return str(error)
    if existing is None or IMPORT in inputs:
        return ""
    return f"{inputs['domain']} already has NS records at the server, {_shown(existing)}: import or delete them"


def _new_exchange(place: Mapping[str, Any], budget: Budget) -> Exchange:
    try:
        from .exchange import Exchange
    except ImportError:
        raise FailedError(_MISSING) from None
    return Exchange(place, budget)


def _read(exchange: Exchange, verb: str) -> tuple[list[str], int] | None:
    """Returns the values and the TTL of the NS records; None if the server is sure that there are none."""
    import dns.flags
    import dns.message
    import dns.rdatatype

    sent = exchange.send(dns.message.make_query(f"{exchange.domain}.", "NS", flags=0), verb)
    response = sent.response
    if response is None or sent.problem:
        raise sent.failure
    # The records of a delegation are in the authority section, or in the answer if the server has both zones.
    for records in (*response.answer, *response.authority):
        if records.rdtype == dns.rdatatype.NS and canonical_domain(str(records.name)) == exchange.domain:
            targets = canonical_ns_targets(str(record.target) for record in records)
            return targets, records.ttl
    is_authoritative = bool(response.flags & dns.flags.AA)
    zones = [canonical_domain(str(each.name)) for each in response.authority if each.rdtype == dns.rdatatype.SOA]
    # An alias may come from a wildcard, which matches every name without records.
    has_alias = any(each.rdtype == dns.rdatatype.CNAME for each in response.answer)
    if is_authoritative and (exchange.zone in zones or has_alias):
        return None
    raise FailedError(
        f"could not {sent.action}: the server has no authority for {exchange.domain} in the zone {exchange.zone}; "
        "check that server is the zone's primary server, and that the domain is not in a zone of its own"
    )


def _read_back(exchange: Exchange, sent: Sent) -> tuple[list[str], int] | None:
    """Reads the records after an update that was not confirmed."""
    try:
        return _read(exchange, "read")
    except FailedError as error:
        raise FailedError(
            f"{_failure(sent)}, and {error}. The server may have applied it: run `pulumi up` again before anything else"
        ) from None


def _failure(sent: Sent) -> FailedError:
    if sent.problem:
        return sent.failure
    return FailedError(
        f"could not {sent.action}: another client changed them at the same time, or the name is an alias"
    )


def _has_failed_prerequisite(sent: Sent) -> bool:
    import dns.rcode

    return sent.response is not None and sent.response.rcode() in (dns.rcode.YXRRSET, dns.rcode.NXRRSET)


def _wanted(inputs: Mapping[str, Any]) -> tuple[list[str], int]:
    return list(inputs["ns_targets"]), int(inputs["ttl"])


def _shown(existing: tuple[list[str], int] | None) -> str:
    return f"{', '.join(existing[0])} (TTL {existing[1]})" if existing else "no NS records of this name"


def _outputs(inputs: Mapping[str, Any]) -> dict[str, Any]:
    return {name: inputs[name] for name in NsRecordsInputs.model_fields if inputs.get(name) is not None}


def _canonical(value: Any) -> Any:
    return int(value) if isinstance(value, float) else value
