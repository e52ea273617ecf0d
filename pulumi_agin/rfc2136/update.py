"""DNS updates (RFC 2136) of the NS records of one name, at the primary server of its zone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.update

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.names import canonical_domain, canonical_ns_targets
from pulumi_agin.base.redaction import one_line

from .exchange import Exchange, SentMessage
from .values import DnsUpdateError, NsSet, OtherRecordsError, UnreadableZoneError, UnsettledError

# The time that a write reserves to read the records back. The limit is a quarter of the call's time.
READ_BACK_SECONDS = 10.0


@dataclass(frozen=True)
class PrimaryServer:
    """The primary server of a zone, for one call of the engine.

    A failed message raises DnsUpdateError. If no response shows whether an update was applied, the records are read
    back. If they do not show it either, the call raises UnsettledError.
    """

    exchange: Exchange
    budget: Budget

    # -- reading ------------------------------------------------------------------------------------------

    def read(self, domain: str, verb: str = "read", *, rejects_alias: bool = False) -> NsSet | None:
        """Returns the NS records of a name below the zone's apex; None if the server reports that there are none.

        An alias has none: it may come from a wildcard, which matches every name without records. With `rejects_alias`,
        it raises DnsUpdateError. `verb` is what the call does, for messages. Raises UnreadableZoneError if the server
        does not respond, or rejects the key or the zone.
        """
        zone = self.exchange.zone
        query = dns.message.make_query(f"{domain}.", "NS", flags=0)
        sent = self.exchange.send(query, domain, verb, self.budget)
        response = sent.response
        if response is None or not sent.is_accepted:
            raise UnreadableZoneError(str(sent.failure))
        # The records of a delegation are in the authority section, or in the answer if the server has both zones.
        records = _find_records(response.answer, "NS", domain) or _find_records(response.authority, "NS", domain)
        if records is not None:
            return NsSet(tuple(canonical_ns_targets(str(record.target) for record in records)), records.ttl)
        soa = None
        if response.flags & dns.flags.AA:
            dname = _find_records(response.answer, "DNAME")
            if dname is not None and domain.endswith(f".{_owner(dname)}"):
                raise sent.error(_describe_alias(dname, domain))
            cname = _find_records(response.answer, "CNAME", domain)
            if cname is not None:
                if rejects_alias:
                    raise sent.error(_describe_alias(cname, domain))
                return None
            soa = _find_records(response.authority, "SOA")
            if soa is not None and _owner(soa) == zone:
                return None
        own_zone = soa or _find_records(response.authority, "NS")
        if own_zone is not None and _owner(own_zone) != zone and domain.endswith(f".{_owner(own_zone)}"):
            raise sent.error(
                f"{domain} is in the zone {_owner(own_zone)}, so its records would have no effect in the zone "
                f"{zone}; set zone and server to those of {_owner(own_zone)}"
            )
        raise sent.error(
            f"the server returned {dns.rcode.to_text(response.rcode())} without authority for the zone {zone}; "
            "check that server is the zone's primary server"
        )

    # -- writing: one message for all records of a name, so that it is never without records --------------

    def create(self, domain: str, records: NsSet) -> None:
        """Creates the records of a name that has none. Raises OtherRecordsError if it has some."""
        self.replace_known(domain, records, known=(), verb="create")

    def replace_known(self, domain: str, records: NsSet, known: Collection[str], verb: str = "update") -> None:
        """Replaces the records of a name if each has a known value, or creates them if there are none.

        Otherwise, raises OtherRecordsError and changes nothing. The update requires that the records are still those
        from before, so after a lost response, records that equal the new ones are this call's own. `verb` is what the
        call does, for messages.
        """
        before = self.read(domain, verb)
        has_others = before is not None and not set(before.targets) <= set(known)
        update = self._replacement(domain, records)
        if before is None or has_others:
            # It is sent with others there too: the rejection shows whether they are in this zone.
            update.absent(f"{domain}.", "NS")
        else:
            update.present(f"{domain}.", "NS", *before.targets)
        sent = self._send_update(update, domain, verb)
        if sent.is_accepted:
            return
        # The server can't apply it with others there, because its requirement is not met.
        if sent.is_possibly_applied and not has_others:
            existing = self._settle(sent, domain, before)
            if existing == records:
                return
            if existing is not None and set(existing.targets).isdisjoint({*records.targets, *known}):
                # None of them can come from this update.
                raise OtherRecordsError(existing)
            raise _unsettled(sent, existing)
        if sent.has_failed_prerequisite:
            existing = self.read(domain, verb, rejects_alias=True)
            if existing is not None and not set(existing.targets) <= set(known):
                raise OtherRecordsError(existing)
        raise sent.failure

    def replace(self, domain: str, records: NsSet) -> None:
        """Replaces the records of a name, whatever they are."""
        before = self.read(domain, "update")
        sent = self._send_update(self._replacement(domain, records), domain, "update")
        if sent.is_accepted:
            return
        if sent.is_possibly_applied:
            existing = self._settle(sent, domain, before)
            if existing != records:
                raise _unsettled(sent, existing)
            return
        if sent.has_failed_prerequisite:
            # There is an alias, unless it is already gone.
            self.read(domain, "update", rejects_alias=True)
        raise sent.failure

    def delete(self, domain: str, targets: Collection[str]) -> None:
        """Deletes the records with these values, and no others. It is not a failure if they are already gone."""
        update = dns.update.UpdateMessage(f"{self.exchange.zone}.")
        for target in targets:
            try:
                update.delete(f"{domain}.", "NS", target)
            except (dns.exception.DNSException, ValueError):
                action, property_name = self.exchange.action("delete", domain), self.exchange.spell("ns_targets")
                raise DnsUpdateError(
                    f"could not {action}: {one_line(target, 80)} is not a valid DNS name; check {property_name} in the "
                    "state"
                ) from None
        sent = self._send_update(update, domain, "delete")
        if sent.is_accepted:
            return
        if not sent.is_possibly_applied:
            raise sent.failure
        existing = self._read_back(sent, domain)
        if existing is not None and not set(targets).isdisjoint(existing.targets):
            raise _unsettled(sent, existing) if sent.may_be_applied_later else sent.failure

    def _replacement(self, domain: str, records: NsSet) -> dns.update.UpdateMessage:
        """Returns an update that replaces the records of a name, unless the name is an alias."""
        update = dns.update.UpdateMessage(f"{self.exchange.zone}.")
        update.absent(f"{domain}.", "CNAME")
        update.replace(f"{domain}.", records.ttl, "NS", *records.targets)
        return update

    # -- sending an update, and settling one that the server may have applied -----------------------------

    def _send_update(self, update: dns.update.UpdateMessage, domain: str, verb: str) -> SentMessage:
        """Sends an update, and reserves time to read the records back."""
        reserved = min(READ_BACK_SECONDS, self.budget.seconds / 4)
        return self.exchange.send(update, domain, verb, self.budget.reserve(reserved))

    def _settle(self, sent: SentMessage, domain: str, before: NsSet | None) -> NsSet | None:
        """Returns the records after an update that is possibly applied, for the caller to compare with its own.

        Raises the update's failure if it was rejected without a signature, and the records, which are still those from
        before, confirm it.
        """
        existing = self._read_back(sent, domain)
        if existing == before and not sent.may_be_applied_later:
            raise sent.failure
        return existing

    def _read_back(self, sent: SentMessage, domain: str) -> NsSet | None:
        """Returns the records after an update that is possibly applied. Raises UnsettledError if they can't be read."""
        try:
            return self.read(domain)
        except DnsUpdateError as error:
            raise UnsettledError(
                f"{sent.failure}{_DOUBT}, and reading the records back failed: {error}", None
            ) from None


_DOUBT = ". The server may have applied it anyway"


def _unsettled(sent: SentMessage, existing: NsSet | None) -> UnsettledError:
    """Returns the failure of an update that is possibly applied, after which the server has the existing records."""
    records = "it now has no NS records for this name" if existing is None else f"it now has {existing}"
    return UnsettledError(f"{sent.failure}{_DOUBT}: {records}", existing)


def _describe_alias(alias: Any, domain: str) -> str:
    return (
        f"{_owner(alias)} is an alias ({dns.rdatatype.to_text(alias.rdtype)}) of {one_line(str(alias[0].target))}, so "
        f"{domain} can have no NS records; remove that record"
    )


def _find_records(section: Sequence[dns.rrset.RRset], rdtype: str, domain: str | None = None) -> Any:
    """Returns the first records of a type in a section, of one name if it is given; None if there are none."""
    found = (each for each in section if each.rdtype == dns.rdatatype.from_text(rdtype))
    return next((each for each in found if domain in (None, _owner(each))), None)


def _owner(records: Any) -> str:
    return one_line(canonical_domain(str(records.name)))
