"""Reads and updates of the NS records of one name, at the primary server of its zone.

The server carries out an update only if its prerequisites hold. If the response to an update is lost, a read shows
whether the server carried out the update. If not, the update is sent once more.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.update

from pulumi_agin.api.budget import Budget
from pulumi_agin.api.errors import InterruptedCallError
from pulumi_agin.api.values import canonical_domain, canonical_ns_targets
from pulumi_agin.lifecycle.operation import FailedError

from .declaration import NsSet
from .exchange import Exchange, NoConnectionError, NoResponseError, ServerError

# The pause between two attempts to read the records.
PAUSE_SECONDS = 2.0


class PrimaryServer:
    """The primary server of a zone, for the NS records of one domain, in one call of the engine or one preview."""

    def __init__(self, place: Mapping[str, Any], doing: str, budget: Budget) -> None:
        """`place` has the inputs or outputs of a resource. `doing` is a verb phrase for progress lines."""
        self._zone: str = place["zone"]
        self._domain: str = place["domain"]
        self._name = f"{self._domain}."
        self._exchange = Exchange(place, budget)
        self._doing = doing
        self._budget = budget

    def read(self) -> NsSet:
        """Returns the NS records of the name. An alias (CNAME) has no NS records.

        If the response has no records, the server must have authority for the name. Otherwise, raises ServerError.
        """
        response = self._query()
        # A delegation is in the authority section, or in the answer section if the server has both zones.
        for records in (*response.answer, *response.authority):
            if records.rdtype == dns.rdatatype.NS and canonical_domain(str(records.name)) == self._domain:
                return NsSet(tuple(canonical_ns_targets(str(record.target) for record in records)), records.ttl)
        zones = [canonical_domain(str(each.name)) for each in response.authority if each.rdtype == dns.rdatatype.SOA]
        # The alias may come from a wildcard, which matches every name without records.
        is_alias = any(each.rdtype == dns.rdatatype.CNAME for each in response.answer)
        if response.flags & dns.flags.AA and (self._zone in zones or is_alias):
            return NsSet((), 0)
        raise ServerError(
            f"the server has no authority for this name in the zone {self._zone}; check that it is the primary server "
            "of the zone, and that the domain is in no zone of its own"
        )

    def replace(self, wanted: NsSet, objection: Callable[[NsSet], str]) -> None:
        """Creates the records, or replaces the existing records.

        `objection` returns why the existing records must not be replaced, as the sentence to fail with, or else "". The
        server replaces the records only if they have not changed since they were read, and the name is not an alias.
        """
        existing = self.read()
        for is_last in (False, True):
            if sentence := objection(existing):
                raise FailedError(sentence)
            update = dns.update.UpdateMessage(f"{self._zone}.")
            update.absent(self._name, "CNAME")
            if existing.targets:
                update.present(self._name, "NS", *existing.targets)
            else:
                update.absent(self._name, "NS")
            update.replace(self._name, wanted.ttl, "NS", *wanted.targets)
            try:
                self._send(update)
                break
            except NoResponseError as lost:
                existing = self._read_after(lost)
                if existing == wanted:
                    break
                if is_last:
                    raise

    def delete(self, targets: set[str]) -> set[str]:
        """Deletes the records with these values. Returns the values of the remaining records."""
        left = set(self.read().targets)
        for is_last in (False, True):
            if targets.isdisjoint(left):
                break
            update = dns.update.UpdateMessage(f"{self._zone}.")
            for target in targets:
                update.delete(self._name, "NS", target)
            try:
                self._send(update)
                left -= targets
            except NoResponseError as lost:
                left = set(self._read_after(lost).targets)
                if is_last and not targets.isdisjoint(left):
                    raise
        return left

    def _query(self) -> dns.message.Message:
        """Queries the records. Retries a query without a usable response until the time budget is used up."""
        query = dns.message.make_query(self._name, "NS", flags=0)
        while True:
            try:
                return self._exchange.send(query)
            except (NoConnectionError, NoResponseError) as error:
                if self._budget.left <= PAUSE_SECONDS:
                    raise
                self._budget.wait(PAUSE_SECONDS, self._doing, str(error))

    def _send(self, update: dns.update.UpdateMessage) -> None:
        """Sends an update once. Raises ServerError unless the response shows that the update was carried out."""
        if self._exchange.send(update).rcode() != dns.rcode.NOERROR:
            raise ServerError("the name is an alias (CNAME), or another client changed its records at the same time")

    def _read_after(self, lost: NoResponseError) -> NsSet:
        """Reads the records after an update whose response was lost."""
        try:
            return self.read()
        except (ServerError, InterruptedCallError) as error:
            raise ServerError(
                f"{lost}, and reading them failed: {error}. It is unknown whether the server has carried it out, so "
                "run the same command again, or `pulumi refresh`, before you change the program"
            ) from None
