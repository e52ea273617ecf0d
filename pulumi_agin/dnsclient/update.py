"""DNS updates (RFC 2136) of the NS records of one name, at the primary server of its zone.

All messages use TCP, because UDP loses responses more easily. If there is a TSIG key (RFC 8945), it signs every
message, including queries, because responses may depend on the key.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from pulumi_agin.base.budget import Budget, effort, format_duration
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.names import canonical_domain, canonical_ns_targets
from pulumi_agin.base.progress import Progress
from pulumi_agin.base.redaction import one_line
from pulumi_agin.base.retry import Reachability, backoff_seconds

from .rejections import describe_rejection
from .values import DnsUpdateError, NsSet, OtherRecordsError, Server, TsigKey, UnreadableZoneError, UnsettledError

CONNECT_TIMEOUT_SECONDS = 5.0
RESPONSE_TIMEOUT_SECONDS = 10.0

# The time that a write reserves to read the records back. The limit is a quarter of the call's time.
READ_BACK_SECONDS = 10.0


@dataclass(frozen=True)
class PrimaryServer:
    """The primary server of a zone, for one call of the engine.

    Transient failures are retried until the call times out: no response, and SERVFAIL (by RFC 2136, the server has
    undone an update to which it responds with SERVFAIL). Without a connection, a message is retried for 30 seconds, or
    for 5 if the server is on this machine, unless an earlier attempt may have arrived. Other failures raise
    DnsUpdateError immediately. Without a key, messages are unsigned, and responses are trusted without a signature.

    If no response shows whether an update was carried out, the update is in doubt, and the records are read back. If
    they do not show it either, the call raises UnsettledError.

    The calls of a process share `reachability`. `spell` returns the name of a property in the user's language.
    """

    address: Server
    zone: str
    key: TsigKey | None
    budget: Budget
    reachability: Reachability
    progress: Progress
    spell: Callable[[str], str]

    # -- reading ------------------------------------------------------------------------------------------

    def read(self, domain: str, verb: str = "read", *, rejects_alias: bool = False) -> NsSet | None:
        """Returns the NS records of a name below the zone's apex; None if the server reports that there are none.

        An alias has none: it may come from a wildcard, which matches every name without records. With `rejects_alias`,
        it raises DnsUpdateError. `verb` is what the call does, for messages. Raises UnreadableZoneError if the server
        does not respond, or rejects the key or the zone.
        """
        query = dns.message.make_query(f"{domain}.", "NS", flags=0)
        sent = self._send(query, domain, verb, self.budget)
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
            if soa is not None and _owner(soa) == self.zone:
                return None
        own_zone = soa or _find_records(response.authority, "NS")
        if own_zone is not None and _owner(own_zone) != self.zone and domain.endswith(f".{_owner(own_zone)}"):
            raise sent.error(
                f"{domain} is in the zone {_owner(own_zone)}, so its records would have no effect in the zone "
                f"{self.zone}; set zone and server to those of {_owner(own_zone)}"
            )
        raise sent.error(
            f"the server returned {dns.rcode.to_text(response.rcode())} without authority for the zone {self.zone}; "
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
        if sent.is_doubtful and not has_others:
            existing = self._settle(sent, domain, before)
            if existing == records:
                return
            if existing is not None and set(existing.targets).isdisjoint({*records.targets, *known}):
                # None of them can come from this update.
                raise OtherRecordsError(existing)
            raise sent.unsettled(existing)
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
        if sent.is_doubtful:
            existing = self._settle(sent, domain, before)
            if existing != records:
                raise sent.unsettled(existing)
            return
        if sent.has_failed_prerequisite:
            # There is an alias, unless it is already gone.
            self.read(domain, "update", rejects_alias=True)
        raise sent.failure

    def delete(self, domain: str, targets: Collection[str]) -> None:
        """Deletes the records with these values, and no others. It is not a failure if they are already gone."""
        update = dns.update.UpdateMessage(f"{self.zone}.")
        for target in targets:
            try:
                update.delete(f"{domain}.", "NS", target)
            except (dns.exception.DNSException, ValueError):
                raise DnsUpdateError(
                    f"could not {self._action('delete', domain)}: {one_line(target, 80)} is not a valid DNS name; "
                    f"check {self.spell('ns_targets')} in the state"
                ) from None
        sent = self._send_update(update, domain, "delete")
        if sent.is_accepted:
            return
        if not sent.is_doubtful:
            raise sent.failure
        existing = self._read_back(sent, domain)
        if existing is not None and not set(targets).isdisjoint(existing.targets):
            raise sent.unsettled(existing) if sent.may_be_applied else sent.failure

    def _replacement(self, domain: str, records: NsSet) -> dns.update.UpdateMessage:
        """Returns an update that replaces the records of a name, unless the name is an alias."""
        update = dns.update.UpdateMessage(f"{self.zone}.")
        update.absent(f"{domain}.", "CNAME")
        update.replace(f"{domain}.", records.ttl, "NS", *records.targets)
        return update

    # -- settling an update that the server may have carried out ------------------------------------------

    def _settle(self, sent: _Sent, domain: str, before: NsSet | None) -> NsSet | None:
        """Returns the records after an update in doubt, for the caller to compare with the expected ones.

        Raises the update's failure if a rejection without a signature is true: the records are those from before.
        """
        existing = self._read_back(sent, domain)
        if existing == before and not sent.may_be_applied:
            raise sent.failure
        return existing

    def _read_back(self, sent: _Sent, domain: str) -> NsSet | None:
        """Returns the records after an update in doubt. Raises UnsettledError if they can't be read."""
        try:
            return self.read(domain)
        except DnsUpdateError as error:
            raise UnsettledError(
                f"{sent.failure}{_DOUBT}, and reading the records back failed: {error}", None
            ) from None

    # -- how a message is sent, and retried ---------------------------------------------------------------

    def _send_update(self, update: dns.update.UpdateMessage, domain: str, verb: str) -> _Sent:
        """Sends an update, and reserves time to read the records back."""
        reserved = min(READ_BACK_SECONDS, self.budget.seconds / 4)
        return self._send(update, domain, verb, self.budget.reserve(reserved))

    def _send(self, message: dns.message.Message, domain: str, verb: str, budget: Budget) -> _Sent:
        """Sends a message until an attempt is final, the call is cancelled, or it times out.

        Raises no network error.
        """
        if self.key:
            algorithm = dns.tsig.HMAC_MD5 if self.key.algorithm == "hmac-md5" else self.key.algorithm
            message.use_tsig(dns.tsig.Key(self.key.name, self.key.secret.get_secret_value(), algorithm))
        action = self._action(verb, domain)
        attempts: list[_Attempt] = []
        with self.progress.of_call(action, budget) as progress:
            while True:
                if budget.is_cancelled():
                    # The caller may have cleaned up already, and would not undo later changes.
                    return _Sent(
                        action + effort(len(attempts), budget, is_unsent=False), attempts, "it was interrupted"
                    )
                last = self._attempt(message, domain, budget)
                attempts.append(last)
                if not last.is_transient:
                    return _Sent(action + effort(len(attempts), budget, is_unsent=False), attempts, last.problem)
                is_unsent = last.outcome is _Outcome.UNSENT and not any(each.is_doubtful for each in attempts)
                left = self.reachability.seconds_left_of(budget, is_unsent=is_unsent)
                pause = backoff_seconds(len(attempts), clock=budget.clock)
                if left <= 0 or pause >= budget.left:
                    return _Sent(action + effort(len(attempts), budget, is_unsent=is_unsent), attempts, last.problem)
                # Without a connection, the last attempt is at the end of its time budget.
                pause = min(pause, left)
                progress.show_wait(last.problem, pause, budget.elapsed + left if is_unsent else None)
                budget.clock.sleep(pause)

    def _attempt(self, message: dns.message.Message, domain: str, budget: Budget) -> _Attempt:
        """Sends a message once, over a connection of its own. Raises no network error."""
        wire = message.to_wire()  # signs it again, because the signature contains the time
        seconds = min(CONNECT_TIMEOUT_SECONDS, _seconds_for_step(budget), self.reachability.seconds_for_attempt)
        try:
            connection = self._connect(seconds, budget.clock)
        except OSError as error:
            problem = f"no connection{_why(error, seconds)}; check server and port"
            return _Attempt(_Outcome.UNSENT, problem, is_transient=not _is_unknown_host(error))
        seconds = min(RESPONSE_TIMEOUT_SECONDS, _seconds_for_step(budget))
        try:
            with connection:
                response = _exchange(connection, wire, seconds)
        except (dns.exception.Timeout, OSError, EOFError) as error:
            return _Attempt(_Outcome.UNKNOWN, f"no response{_why(error, seconds)}", is_transient=True)
        except (dns.exception.DNSException, ValueError):
            return _Attempt(_Outcome.UNKNOWN, _NO_DNS)
        return self._judge(message, response, domain)

    def _connect(self, seconds: float, clock: Clock) -> socket.socket:
        """Connects to the server, and records for the other calls whether that is possible. Raises OSError."""
        attempted_at = clock.monotonic()
        try:
            connection = socket.create_connection((self.address.host, self.address.port), seconds)
        except OSError as error:
            if not _is_unknown_host(error):
                self.reachability.record_attempt(attempted_at, is_connected=False)
            raise
        self.reachability.record_attempt(attempted_at, is_connected=True)
        return connection

    def _judge(self, message: dns.message.Message, response: dns.message.Message, domain: str) -> _Attempt:
        """Interprets a response to the message, after a check of its signature if there is a key."""
        if not message.is_response(response):
            return _Attempt(_Outcome.UNKNOWN, _NO_DNS)
        outcome, rcode = _Outcome.RESPONDED, response.rcode()
        if self.key and rcode not in _SIGNED_RCODES and (response.tsig_error or not response.had_tsig):
            outcome = _Outcome.REJECTED_UNSIGNED
        elif self.key and not _is_validly_signed(response, message):
            return _Attempt(
                _Outcome.UNKNOWN,
                f"its response is not validly signed with {self.key}, so it is not trusted; check that the server has "
                "this key, and check any proxy or firewall in between",
            )
        if rcode == dns.rcode.SERVFAIL:
            return _Attempt(outcome, "the server returned SERVFAIL; see its log", is_transient=True)
        if rcode == dns.rcode.NOERROR or (rcode == dns.rcode.NXDOMAIN and message.opcode() == dns.opcode.QUERY):
            return _Attempt(outcome, response=response)
        return _Attempt(
            outcome, describe_rejection(response, domain, self.zone, self.key, self.spell), response=response
        )

    def _action(self, verb: str, domain: str) -> str:
        return f"{verb} the NS records of {domain} at {self.address}"


# Responses with these codes are evidence of the server's records or actions, so they must be signed if there is a key.
_SIGNED_RCODES = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET)


class _Outcome(Enum):
    """The evidence of one attempt for what the server did with the message."""

    UNSENT = auto()
    """No connection, so the server did nothing."""
    RESPONDED = auto()
    """A response of the server. It does not carry out an update that it rejects."""
    REJECTED_UNSIGNED = auto()
    """A rejection without a signature of a message with one. Any intermediary can send it."""
    UNKNOWN = auto()
    """No response, or none that can be trusted. The server may have carried out the message."""


@dataclass(frozen=True)
class _Attempt:
    """One attempt to send a message."""

    outcome: _Outcome
    problem: str = ""
    """A clause with the reason that the attempt failed; "" if the server accepted the message."""
    is_transient: bool = False
    """Whether the next attempt may succeed."""
    response: dns.message.Message | None = None
    """The response that ends the attempts: an acceptance or a rejection."""

    @property
    def is_doubtful(self) -> bool:
        return self.outcome in (_Outcome.REJECTED_UNSIGNED, _Outcome.UNKNOWN)


@dataclass(frozen=True)
class _Sent:
    """A message to the server after its last attempt."""

    effort: str
    """For messages: a verb, its object, the server, and the number of attempts."""
    attempts: Sequence[_Attempt]
    problem: str
    """A clause: why the last attempt failed, or why there was no other; "" if the server accepted the message."""

    @property
    def is_accepted(self) -> bool:
        return not self.problem

    @property
    def failure(self) -> DnsUpdateError:
        """The failure of a message that was not accepted."""
        return self.error(self.problem)

    def error(self, reason: str) -> DnsUpdateError:
        return DnsUpdateError(f"could not {self.effort}: {reason}")

    def unsettled(self, existing: NsSet | None) -> UnsettledError:
        """Returns the failure of an update in doubt, after which the server has the existing records."""
        records = "it now has no NS records for this name" if existing is None else f"it now has {existing}"
        return UnsettledError(f"{self.failure}{_DOUBT}: {records}", existing)

    @property
    def response(self) -> dns.message.Message | None:
        """The response of the last attempt, if it was accepted or rejected."""
        return self.attempts[-1].response if self.attempts else None

    @property
    def has_failed_prerequisite(self) -> bool:
        """Whether the records were not those that the update requires, by the server's response."""
        return self.response is not None and self.response.rcode() in (dns.rcode.YXRRSET, dns.rcode.NXRRSET)

    @property
    def is_doubtful(self) -> bool:
        """Whether only the records can show what the server did, by any of the attempts."""
        return any(each.is_doubtful for each in self.attempts)

    @property
    def may_be_applied(self) -> bool:
        """Whether the server may have carried out the update by an attempt that it did not reject."""
        return any(each.outcome is _Outcome.UNKNOWN for each in self.attempts)


_NO_DNS = "its response is not a DNS message; check server and port"

# Signatures are verified later. The type of the parameter leaves this value out.
_UNVERIFIED: Any = False

_DOUBT = ". The server may have applied it anyway"


def _exchange(connection: socket.socket, wire: bytes, seconds: float) -> dns.message.Message:
    """Sends a message and returns the response, whose signature is not verified."""
    connection.setblocking(False)
    expiration = time.time() + seconds
    dns.query.send_tcp(connection, wire, expiration)
    # `dns.query.tcp` raises an error if the response is unsigned, which a rejection may be.
    response, _ = dns.query.receive_tcp(connection, expiration, keyring=_UNVERIFIED)
    return response


def _is_validly_signed(response: dns.message.Message, message: dns.message.Message) -> bool:
    if not response.had_tsig:
        return False
    try:
        dns.message.from_wire(response.wire or b"", keyring=message.keyring, request_mac=message.mac)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def _seconds_for_step(budget: Budget) -> float:
    """Returns the time limit of one step of an attempt, which is never 0."""
    return max(budget.left, 0.1)


def _is_unknown_host(error: OSError) -> bool:
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, (TimeoutError, dns.exception.Timeout)):
        return f" within {format_duration(seconds)}"
    if isinstance(error, EOFError):
        return ", because the server closed the connection"
    return f" ({one_line(getattr(error, 'strerror', None) or type(error).__name__)})"


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
