"""DNS updates of the NS records of one name, each with the prerequisites under which the server may carry it out.

An update whose response was lost is settled by reading the records:

| the server then has        | a create or an update              | a delete               |
|----------------------------|------------------------------------|------------------------|
| the new records            | done                               |                        |
| some new value, not all so | unknown: it may be from the update |                        |
| no new value               | fails: it was not carried out      |                        |
| none of the deleted values |                                    | done                   |
| some of them               |                                    | fails                  |
| it can't be read           | unknown                            | fails                  |

What is unknown, `records` keeps in the state.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import dns.flags
import dns.message
import dns.rdatatype
import dns.update

from pulumi_agin.api.progress import Budget
from pulumi_agin.api.values import canonical_domain, canonical_ns_targets
from pulumi_agin.lifecycle.operation import FailedError

from .declaration import NsSet
from .exchange import Exchange, Sent

# The part of an update's time that is kept to read the records back, at most a quarter of it.
READ_BACK_SECONDS = 10.0


class PrimaryServer:
    """The primary server of a zone, in one call of the engine about the NS records of one domain."""

    def __init__(self, place: Mapping[str, Any], budget: Budget) -> None:
        """`place` are inputs or outputs of a resource, with the server, the zone, the domain and the key."""
        self._zone: str = place["zone"]
        self._domain: str = place["domain"]
        self._name = f"{self._domain}."
        self._exchange = Exchange(place, budget)

    def read(self, verb: str = "read") -> NsSet | None:
        """Returns the NS records; None if the server has authority for the name, and has none.

        An alias has none. `verb` is what the call does, for messages.
        """
        sent = self._exchange.send(dns.message.make_query(self._name, "NS", flags=0), verb, self._exchange.budget)
        response = sent.response
        if response is None:
            raise sent.failure
        # The records of a delegation are in the authority section, or in the answer if the server has both zones.
        for records in (*response.answer, *response.authority):
            if records.rdtype == dns.rdatatype.NS and canonical_domain(str(records.name)) == self._domain:
                return NsSet(tuple(canonical_ns_targets(str(record.target) for record in records)), records.ttl)
        zones = [canonical_domain(str(each.name)) for each in response.authority if each.rdtype == dns.rdatatype.SOA]
        types = {each.rdtype for each in response.answer}
        # It may come from a wildcard, which matches every name without records. That of a DNAME comes from above.
        has_alias = dns.rdatatype.CNAME in types and dns.rdatatype.DNAME not in types
        if response.flags & dns.flags.AA and (self._zone in zones or has_alias):
            return None
        raise self._exchange.failure(
            verb,
            f"the server has no authority for this name in the zone {self._zone}; check that it is the primary server "
            "of the zone, and that the domain is in no zone of its own",
        )

    def replace(self, wanted: NsSet, known: Collection[str], verb: str) -> str:
        """Replaces the records if each has a known value, or creates them if there are none.

        The server carries it out only if the records are still those that were read, and the name is no alias. Returns
        "" if the server has the records, or else a clause that says why this is unknown.
        """
        before = self.read(verb)
        if before is not None and not set(before.targets) <= set(known):
            raise FailedError(_others_sentence(self._domain, before) if known else taken_sentence(self._domain, before))
        update = dns.update.UpdateMessage(f"{self._zone}.")
        update.absent(self._name, "CNAME")
        if before is None:
            update.absent(self._name, "NS")
        else:
            update.present(self._name, "NS", *before.targets)
        update.replace(self._name, wanted.ttl, "NS", *wanted.targets)
        sent = self._send(update, verb)
        if sent.is_confirmed:
            return ""
        failure = sent.failure
        if sent.response is not None:
            reason = "the name is an alias (CNAME), or another client changed its records at the same time"
            failure = self._exchange.failure(verb, reason)
        if not sent.is_in_doubt:
            raise failure
        try:
            existing = self.read()
        except FailedError as error:
            return f"{failure}, and {error}"
        if existing == wanted:
            return ""
        new = set(wanted.targets).difference(before.targets if before else ())
        if existing is not None and not new.isdisjoint(existing.targets):
            return f"{failure}, and the server has {existing}"
        raise failure

    def delete(self, targets: Collection[str]) -> None:
        """Deletes the records with these values, and no others. It is no failure if they are gone already."""
        update = dns.update.UpdateMessage(f"{self._zone}.")
        for target in targets:
            update.delete(self._name, "NS", target)
        sent = self._send(update, "delete")
        if sent.is_confirmed:
            return
        if sent.is_in_doubt:
            try:
                existing = self.read()
            except FailedError as error:
                raise FailedError(f"{sent.failure}, and {error}") from None
            if existing is None or set(targets).isdisjoint(existing.targets):
                return
        raise sent.failure

    def _send(self, update: dns.update.UpdateMessage, verb: str) -> Sent:
        """Sends an update, and leaves time to read the records back."""
        budget = self._exchange.budget
        return self._exchange.send(update, verb, budget.part(budget.left - min(READ_BACK_SECONDS, budget.seconds / 4)))


def taken_sentence(domain: str, existing: NsSet) -> str:
    """Returns why records can't be created, for the create and for the preview."""
    return (
        f"{domain} already has NS records at the server, which are left unchanged: {existing}. If this stack has them "
        "under another name, add an alias, and if this run replaces them, delete_before_replace. Otherwise, import them"
    )


def _others_sentence(domain: str, existing: NsSet) -> str:
    return (
        f"{domain} has NS records that are not in the state, which are left unchanged: {existing}. After a `pulumi "
        "refresh`, the next `pulumi up` replaces them"
    )
