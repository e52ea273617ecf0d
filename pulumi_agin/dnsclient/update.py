"""DNS updates (RFC 2136) of the NS records of one name, at the primary server of its zone.

All messages use TCP, because UDP loses answers more easily. If there is a TSIG key (RFC 8945), it signs every message,
including queries, because answers may depend on the key.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.flags
import dns.message
import dns.query
import dns.rcode
import dns.rdatatype
import dns.rrset
import dns.tsig
import dns.update

from pulumi_agin.base.budget import Budget, effort, format_duration
from pulumi_agin.base.names import canonical_domain, canonical_ns_targets
from pulumi_agin.base.progress import Progress
from pulumi_agin.base.redaction import one_line
from pulumi_agin.base.retry import Reachability, backoff_seconds

from .rejections import describe_rejection
from .values import DnsUpdateError, NsSet, Server, TsigKey, UnsettledError, UnusableServerError

CONNECT_TIMEOUT_SECONDS = 5.0
ANSWER_TIMEOUT_SECONDS = 10.0

# The time that a write reserves to read the records back. The limit is a quarter of the call's time.
READ_BACK_SECONDS = 10.0


@dataclass(frozen=True)
class PrimaryServer:
    """The primary server of a zone, for one call of the engine.

    Transient failures are retried until the call times out: no answer, and SERVFAIL (by RFC 2136, the server has undone
    an update that it answers with SERVFAIL). Without a connection, a message is retried for 30 seconds, or for 5 if the
    server is on this machine, unless an earlier try may have arrived. Other failures raise DnsUpdateError immediately.
    Without a key, messages are unsigned, and answers are trusted without a signature.

    If no answer shows whether an update was carried out, the records are read back. If they do not show it either, the
    call raises UnsettledError.

    The calls of a process share `reachability`. `spell` returns the name of a property in the user's language.
    """

    address: Server
    zone: str
    key: TsigKey | None
    budget: Budget
    reachability: Reachability
    progress: Progress
    spell: Callable[[str], str]

    # -- the calls ----------------------------------------------------------------------------------------

    def read(self, domain: str, action: str = "read", *, rejects_alias: bool = False) -> NsSet | None:
        """Returns the NS records of a name below the zone's apex; None if the server answers that there are none.

        An alias has none: it may come from a wildcard, which matches every name without records. With `rejects_alias`,
        it raises DnsUpdateError. `action` is the verb of the call for messages. Raises UnusableServerError if the
        server can't be queried for any name.
        """
        operation = self._operation(action, domain)
        query = dns.message.make_query(f"{domain}.", "NS", flags=0)
        try:
            answer = self._send(query, operation)
            if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
                raise self._rejection(answer, operation)
        except DnsUpdateError as error:
            raise UnusableServerError(str(error)) from None
        # The records of a delegation are in the authority section, or in the answer if the server has both zones.
        records = _find_records(answer.answer, "NS", domain) or _find_records(answer.authority, "NS", domain)
        if records is not None:
            return NsSet(tuple(canonical_ns_targets(str(record.target) for record in records)), records.ttl)
        is_authoritative = answer.flags & dns.flags.AA
        above = _find_records(answer.answer, "DNAME")
        is_below = above is not None and domain.endswith(f".{_owner(above)}")
        alias = above if is_below else _find_records(answer.answer, "CNAME", domain)
        if is_authoritative and alias is not None:
            if not (is_below or rejects_alias):
                return None
            raise operation.error(
                f"{_owner(alias)} is an alias ({dns.rdatatype.to_text(alias.rdtype)}) of "
                f"{one_line(str(alias[0].target))}, so {domain} can have no NS records; remove that record"
            )
        soa = _find_records(answer.authority, "SOA") if is_authoritative else None
        if soa is not None and _owner(soa) == self.zone:
            return None
        own_zone = soa or _find_records(answer.authority, "NS")
        if own_zone is not None and _owner(own_zone) != self.zone and domain.endswith(f".{_owner(own_zone)}"):
            raise operation.error(
                f"{domain} is in the zone {_owner(own_zone)}, so its records would have no effect in the zone "
                f"{self.zone}; set zone and server to those of {_owner(own_zone)}"
            )
        raise operation.error(
            f"it answered {dns.rcode.to_text(answer.rcode())} without authority for the zone {self.zone}; check that "
            "server is the zone's primary server"
        )

    def write(self, domain: str, inputs: NsSet, verb: str, ours: Collection[str] | None = None) -> NsSet | None:
        """Replaces the records of a name in one message, so that the name is never without records.

        With `ours`, existing records with any value that is not in `ours` are left unchanged and returned. After a lost
        answer, records that equal the inputs are ours, because the update required the records from before.
        """

        def is_left_alone(records: NsSet | None) -> bool:
            return records is not None and ours is not None and not set(records.targets) <= set(ours)

        operation = self._operation(verb, domain, is_write=True)
        before = self.read(domain, verb)
        update = dns.update.UpdateMessage(f"{self.zone}.")
        update.absent(f"{domain}.", "CNAME")
        if ours is not None:
            # Records that appear in between, such as after a lost try, belong to another client. If there are some
            # already, the rejection shows whether they are in this zone.
            if before is None or is_left_alone(before):
                update.absent(f"{domain}.", "NS")
            else:
                update.present(f"{domain}.", "NS", *before.targets)
        update.replace(f"{domain}.", inputs.ttl, "NS", *inputs.targets)
        failure = self._send_update(update, operation)
        if failure is None:
            return None
        if operation.is_doubtful and not is_left_alone(before):
            existing = self._read_back(operation, failure)
            if existing == before and not operation.lost_an_answer:
                raise failure
            if existing == inputs:
                return None
            if existing and is_left_alone(existing) and not set(existing.targets) & {*inputs.targets, *(ours or ())}:
                return existing
            raise _unsettled_error(failure, existing)
        if operation.rcode in (dns.rcode.YXRRSET, dns.rcode.NXRRSET):
            existing = self.read(domain, verb, rejects_alias=True)
            if is_left_alone(existing):
                return existing
        raise failure

    def delete(self, domain: str, targets: Collection[str]) -> None:
        """Deletes the records with these values, and no others. It is not a failure if they are already gone."""
        operation = self._operation("delete", domain, is_write=True)
        update = dns.update.UpdateMessage(f"{self.zone}.")
        for target in targets:
            try:
                update.delete(f"{domain}.", "NS", target)
            except (dns.exception.DNSException, ValueError):
                raise operation.error(
                    f"{one_line(target, 80)} is not a valid DNS name; check {self.spell('ns_targets')} in the state"
                ) from None
        failure = self._send_update(update, operation)
        if failure is None:
            return
        if not operation.is_doubtful:
            raise failure
        existing = self._read_back(operation, failure)
        if existing is not None and set(existing.targets) & set(targets):
            raise _unsettled_error(failure, existing) if operation.lost_an_answer else failure

    def _operation(self, verb: str, domain: str, *, is_write: bool = False) -> _Operation:
        budget = self.budget.reserve(min(READ_BACK_SECONDS, self.budget.seconds / 4) if is_write else 0)
        return _Operation(f"{verb} the NS records of {domain} at {self.address}", domain, budget)

    def _send_update(self, update: dns.update.UpdateMessage, operation: _Operation) -> DnsUpdateError | None:
        """Sends an update. Returns None if the server confirms it, and otherwise the failure."""
        try:
            answer = self._send(update, operation)
        except DnsUpdateError as error:
            return error
        operation.rcode = answer.rcode()
        return None if operation.rcode == dns.rcode.NOERROR else self._rejection(answer, operation)

    def _read_back(self, operation: _Operation, failure: DnsUpdateError) -> NsSet | None:
        """Returns the records after an update that the server may have carried out."""
        try:
            return self.read(operation.domain)
        except DnsUpdateError as error:
            raise UnsettledError(f"{failure}{_DOUBT}, and reading the records back failed: {error}", None) from None

    # -- how a message is sent, and retried ---------------------------------------------------------------

    def _send(self, message: dns.message.Message, operation: _Operation) -> dns.message.Message:
        """Sends a message, and retries transient failures, until there is an answer that can be trusted."""
        if self.key:
            algorithm = dns.tsig.HMAC_MD5 if self.key.algorithm == "hmac-md5" else self.key.algorithm
            message.use_tsig(dns.tsig.Key(self.key.name, self.key.secret.get_secret_value(), algorithm))
        budget = operation.budget
        with self.progress.of(operation.action, budget) as wait:
            while True:
                if budget.is_cancelled():
                    # The caller may have cleaned up already, and would not undo later changes.
                    raise operation.error("it was interrupted")
                operation.tries += 1
                try:
                    return self._send_once(message, operation)
                except _TransientError as error:
                    reason = str(error)
                    is_unsent = isinstance(error, _NotConnectedError) and not operation.is_doubtful
                left = self.reachability.seconds_left_of(budget, is_unsent=is_unsent)
                pause = backoff_seconds(operation.tries, clock=budget.clock)
                if left <= 0 or pause >= budget.left:
                    raise operation.error(reason, is_unsent=is_unsent)
                # Without a connection, the last try is at the end of its time budget.
                pause = min(pause, left)
                wait.waits_for(reason, pause, budget.elapsed + left if is_unsent else None)
                budget.clock.sleep(pause)

    def _send_once(self, message: dns.message.Message, operation: _Operation) -> dns.message.Message:
        """Sends a message once. Raises _TransientError if the next try may succeed."""
        wire = message.to_wire()  # signs it again, because the signature contains the time
        with self._connect(operation) as connection:
            connection.setblocking(False)
            seconds = min(ANSWER_TIMEOUT_SECONDS, operation.seconds_left)
            expiration = time.time() + seconds
            try:
                dns.query.send_tcp(connection, wire, expiration)
                # `dns.query.tcp` raises an error if the answer is unsigned, which a rejection may be.
                answer, _ = dns.query.receive_tcp(connection, expiration, keyring=_UNVERIFIED)
            except (dns.exception.Timeout, OSError, EOFError) as error:
                operation.lost_an_answer = True
                raise _TransientError(f"no answer{_why(error, seconds)}") from None
            except (dns.exception.DNSException, ValueError):
                raise operation.untrusted(_NO_DNS) from None
        if not message.is_response(answer):
            raise operation.untrusted(_NO_DNS)
        if self.key:
            self._verify(message, answer, operation)
        if answer.rcode() == dns.rcode.SERVFAIL:
            raise _TransientError("it answered SERVFAIL; see its log")
        return answer

    def _verify(self, message: dns.message.Message, answer: dns.message.Message, operation: _Operation) -> None:
        """Raises DnsUpdateError if an answer to a signed message can't be trusted. Rejections may be unsigned."""
        if answer.rcode() not in _SIGNED_RCODES and (answer.tsig_error or not answer.had_tsig):
            operation.rejected_unsigned = True
            return
        with suppress(dns.exception.DNSException, ValueError):
            if answer.had_tsig:
                dns.message.from_wire(answer.wire or b"", keyring=message.keyring, request_mac=message.mac)
                return
        raise operation.untrusted(
            f"its answer is not validly signed with {self.key}, so it is not trusted; check that the server has this "
            "key, and check any proxy or firewall in between"
        )

    def _connect(self, operation: _Operation) -> socket.socket:
        tried_at = operation.budget.clock.monotonic()
        seconds = min(CONNECT_TIMEOUT_SECONDS, operation.seconds_left, self.reachability.seconds_for_try)
        try:
            connection = socket.create_connection((self.address.host, self.address.port), seconds)
        except OSError as error:
            reason = f"no connection{_why(error, seconds)}; check server and port"
            if isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN:
                raise operation.error(reason) from None
            self.reachability.record_try(tried_at, is_connected=False)
            raise _NotConnectedError(reason) from None
        self.reachability.record_try(tried_at, is_connected=True)
        return connection

    def _rejection(self, answer: dns.message.Message, operation: _Operation) -> DnsUpdateError:
        return operation.error(describe_rejection(answer, operation.domain, self.zone, self.key, self.spell))


# Answers with these codes are evidence of the server's records or actions, so they must be signed if there is a key.
_SIGNED_RCODES = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET)


class _TransientError(Exception):
    """A failed try, after which the next one may succeed. The message is a clause with the reason."""


class _NotConnectedError(_TransientError):
    """A try that could not connect, so it sent nothing."""


@dataclass
class _Operation:
    """A message to the server, with all of its tries."""

    action: str
    """For messages: a verb, its object and the server."""
    domain: str
    budget: Budget
    tries: int = 0
    rcode: int | None = None
    """The code of the answer to an update."""
    lost_an_answer: bool = False
    """Whether a try got no trusted answer. The server may have carried it out."""
    rejected_unsigned: bool = False
    """Whether a signed try was rejected without a signature. Any intermediary can do that."""

    def error(self, reason: str, *, is_unsent: bool = False) -> DnsUpdateError:
        tried = effort(self.tries, self.budget, is_unsent=is_unsent)
        return DnsUpdateError(f"could not {self.action}{tried}: {reason}")

    def untrusted(self, reason: str) -> DnsUpdateError:
        """Returns the error for an answer that can't be trusted. The server may have carried out the operation."""
        self.lost_an_answer = True
        return self.error(reason)

    @property
    def is_doubtful(self) -> bool:
        """Whether only the records can show whether the server carried out the update."""
        return self.lost_an_answer or self.rejected_unsigned

    @property
    def seconds_left(self) -> float:
        """The time limit of one step of a try, which is never 0."""
        return max(self.budget.left, 0.1)


_NO_DNS = "its answer is not a DNS message; check server and port"

# Signatures are verified later. The type of the parameter leaves this value out.
_UNVERIFIED: Any = False

_DOUBT = ". The server may have applied it anyway"


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, (TimeoutError, dns.exception.Timeout)):
        return f" within {format_duration(seconds)}"
    if isinstance(error, EOFError):
        return ", because it ended the connection"
    return f" ({one_line(getattr(error, 'strerror', None) or type(error).__name__)})"


def _unsettled_error(failure: DnsUpdateError, existing: NsSet | None) -> UnsettledError:
    records = "it now has no NS records for this name" if existing is None else f"it now has {existing}"
    return UnsettledError(f"{failure}{_DOUBT}: {records}", existing)


def _find_records(section: Sequence[dns.rrset.RRset], rdtype: str, domain: str | None = None) -> Any:
    """Returns the first records of a type in a section, of one name if it is given; None if there are none."""
    found = (each for each in section if each.rdtype == dns.rdatatype.from_text(rdtype))
    return next((each for each in found if domain in (None, _owner(each))), None)


def _owner(records: Any) -> str:
    return one_line(canonical_domain(str(records.name)))
