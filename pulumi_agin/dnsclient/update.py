"""Reads the NS records of one name from the primary server of its zone, and changes them by RFC 2136.

All messages go over TCP, because answers are lost more easily over UDP. If there is a TSIG key (RFC 8945), it signs
every message, including questions, because answers may depend on the key. dnspython is loaded only when a message is
sent.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.retry import Deadline, backoff_seconds, effort, in_words

if TYPE_CHECKING:
    import dns.message
    import dns.rrset
    import dns.tsig
    import dns.update

    from pulumi_agin.api.credentials import Secret
    from pulumi_agin.api.progress import Progress
    from pulumi_agin.api.retry import Reachability

    from .lookup import Server

CONNECT_TIMEOUT_SECONDS = 5.0
ANSWER_TIMEOUT_SECONDS = 10.0

# A write leaves this much of the call's time, or a quarter of it if that is less, to look at the records afterwards.
LOOK_SECONDS = 10.0


class DnsUpdateError(Exception):
    """A call failed. The text is one sentence for the user."""


class UnsettledError(DnsUpdateError):
    """An update was sent, and neither its answer nor a look afterwards tells whether the server carried it out.

    Attributes:
        there: The records that the look found; None if it found none, or failed.
    """

    def __init__(self, message: str, there: NsSet | None) -> None:
        super().__init__(message)
        self.there = there


@dataclass(frozen=True)
class TsigKey:
    """The key that signs messages.

    Attributes:
        name: The name by which the server knows it.
        secret: Its secret in base64.
        algorithm: One of `limits.TSIG_ALGORITHMS`.
    """

    name: str
    secret: Secret
    algorithm: str

    def __str__(self) -> str:
        return f'the key "{self.name}"'

    def to_dnspython(self) -> dns.tsig.Key:
        """Returns the key as dnspython takes it."""
        import dns.tsig

        algorithm = dns.tsig.HMAC_MD5 if self.algorithm == "hmac-md5" else self.algorithm
        return dns.tsig.Key(self.name, self.secret.get_secret_value(), algorithm)


@dataclass(frozen=True)
class NsSet:
    """The NS records of one name.

    Attributes:
        targets: Their values: lower case, trailing dot, sorted.
        ttl: Their TTL in seconds.
    """

    targets: tuple[str, ...]
    ttl: int

    def __str__(self) -> str:
        return f"{', '.join(map(one_line, self.targets))} (TTL {self.ttl})"


class PrimaryServer:
    """The primary server of a zone, for one call of the engine.

    Transient failures are retried until the call's time is over: no answer, SERVFAIL (by RFC 2136, the server has
    undone an update that it answers with SERVFAIL). Without a connection, a message is retried for 30 seconds, or for 5
    if the server is on this machine, unless it may have arrived before. Other failures raise DnsUpdateError at once.
    Without a key, messages are unsigned, and answers are trusted without a signature.

    If no answer tells whether an update was carried out, the server is asked for its records. If they do not tell
    either, the call raises UnsettledError.
    """

    def __init__(
        self,
        address: Server,
        zone: str,
        key: TsigKey | None,
        deadline: Deadline,
        reachability: Reachability,
        progress: Progress,
        spell: Callable[[str], str],
    ) -> None:
        """Sends nothing yet.

        Args:
            address: Where the server listens for TCP.
            zone: The zone that the records are in, without a trailing dot.
            key: What signs the messages; None if they are unsigned.
            deadline: How long the call may take, not counting the lookup of the server's name, and whether anybody
                still waits for it.
            reachability: Since when no connection to the server can be made. The calls of a process share it.
            progress: Shows what a long call waits for.
            spell: Returns a program's spelling of the name of a property, for messages.
        """
        self._spell = spell
        self._address = address
        self._zone = zone
        self._key = key
        self._deadline = deadline
        self._reachability = reachability
        self._progress = progress

    # -- the calls ----------------------------------------------------------------------------------------

    def read(self, domain: str, action: str | None = None) -> NsSet | None:
        """Reads the NS records of a name below the zone's apex.

        An alias has none. The alias may come from a wildcard, which matches every name without records.

        Args:
            domain: The name.
            action: What the call does, for messages: a verb and its object. The default is to read the records.

        Returns:
            The records; None if the zone's server says with authority that there are none.

        Raises:
            DnsUpdateError: The server could not be asked, or does not have the name.
        """
        try:
            return self._look(domain, action or f"read the NS records of {domain}")
        except _AliasError:
            return None

    def _look(self, domain: str, action: str) -> NsSet | None:
        """Does the work of `read`. Raises _AliasError if the answer has an alias instead."""
        import dns.flags
        import dns.message
        import dns.rcode
        import dns.rdatatype

        operation = _Operation(action, domain, self._deadline)
        query = dns.message.make_query(f"{domain}.", dns.rdatatype.NS, flags=0)
        answer = self._send(query, operation)
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise self._refusal(operation, answer)
        # The records of a delegation are in the authority section, or in the answer if the server has both zones.
        records = _find_records(answer.answer, "NS", domain) or _find_records(answer.authority, "NS", domain)
        if records is not None:
            targets = sorted({str(record.target).lower().rstrip(".") + "." for record in records})
            return NsSet(tuple(targets), records.ttl)
        authoritative = bool(answer.flags & dns.flags.AA)
        above = _find_records(answer.answer, "DNAME")
        if above is not None and domain.endswith(f".{_owner(above)}"):
            raise DnsUpdateError(
                f"{self._summary(operation)}: all names below {_owner(above)} are aliases (DNAME), so records of "
                f"{domain} would have no effect; remove that record"
            )
        alias = _find_records(answer.answer, "CNAME", domain)
        if authoritative and alias is not None:
            raise _AliasError(
                f"{self._summary(operation)}: {domain} is an alias (CNAME) of {one_line(str(alias[0].target))}, so it "
                "can have no NS records; remove that record"
            )
        soa, referral = _find_records(answer.authority, "SOA"), _find_records(answer.authority, "NS")
        if authoritative and soa is not None:
            owner = _owner(soa)
            if owner == self._zone:
                return None
            raise DnsUpdateError(
                f"{self._summary(operation)}: it has the zone {owner} for {domain}, and not {self._zone}; set zone to "
                "the one that the records are to be in, or server to one that has it"
            )
        cut = "" if referral is None else _owner(referral)
        if referral is not None and domain.endswith(f".{cut}"):
            raise DnsUpdateError(
                f"{self._summary(operation)}: it delegates {cut} to {one_line(str(referral[0].target))}, so records of "
                f"{domain} would have no effect in the zone {self._zone}; set zone and server to those of {cut}"
            )
        raise DnsUpdateError(
            f"{self._summary(operation)}: it answered {dns.rcode.to_text(answer.rcode())} without authority for the "
            f"zone {self._zone}; check that server is the zone's primary server"
        )

    def create(self, domain: str, wanted: NsSet) -> NsSet | None:
        """Creates the records if there are none.

        After a lost answer, records that equal the wanted ones are ours, because there were none before.

        Args:
            domain: The name of the records.
            wanted: The records to create.

        Returns:
            None once they exist. Otherwise the existing records, which are left alone.

        Raises:
            UnsettledError: The server may have created them, or may yet.
            DnsUpdateError: It did not create them.
        """
        import dns.rcode

        operation = self._begin_write(f"create the NS records of {domain}", domain)
        there = self.read(domain, operation.action)
        if there is not None:
            # An update that changes nothing tells whether the records are in this zone or in another one.
            look = _Operation(operation.action, domain, self._deadline)
            update = self._new_update()
            update.absent(f"{domain}.", "NS")
            answer = self._send(update, look)
            if answer.rcode() == dns.rcode.NOERROR:
                raise DnsUpdateError(
                    f"{self._summary(look)}: it has NS records of that name, but none in the zone {self._zone}: they "
                    "are in another zone, so check zone, or were removed just now, so run `pulumi up` again"
                )
            if answer.rcode() != dns.rcode.YXRRSET:
                raise self._refusal(look, answer)
            return there
        update = self._new_update()
        update.absent(f"{domain}.", "NS")
        update.absent(f"{domain}.", "CNAME")
        update.add(f"{domain}.", wanted.ttl, "NS", *wanted.targets)
        failure = self._write(update, operation)
        if failure is None:
            return None
        if operation.is_doubtful:
            there = self._look_after(operation, failure, None)
            if there == wanted:
                return None
            if there is None or set(there.targets) & set(wanted.targets):
                raise _unsettled_error(failure, there)
            return there
        if operation.rcode != dns.rcode.YXRRSET:
            raise failure
        there = self._look(domain, operation.action)
        if there is None:
            raise failure
        return there

    def replace(self, domain: str, wanted: NsSet, action: str, ours: Collection[str] | None = None) -> NsSet | None:
        """Replaces all records of a name in one message, so that the name is never without records.

        Args:
            domain: The name of the records.
            wanted: The new records.
            action: What the call does, for messages: a verb and its object.
            ours: Records are replaced only if all their values are among these. None replaces any records.

        Returns:
            None once it is done. Otherwise the records that are left alone because of `ours`.

        Raises:
            UnsettledError: The server may have done it, or may yet.
            DnsUpdateError: It did not do it.
        """
        import dns.rcode

        before = self.read(domain, action)
        if before is not None and ours is not None and not set(before.targets) <= set(ours):
            return before
        operation = self._begin_write(action, domain)
        update = self._new_update()
        update.absent(f"{domain}.", "CNAME")
        if ours is not None:
            # Records that appear in between, such as after a lost try, belong to somebody else.
            if before is None:
                update.absent(f"{domain}.", "NS")
            else:
                update.present(f"{domain}.", "NS", *before.targets)
        update.replace(f"{domain}.", wanted.ttl, "NS", *wanted.targets)
        failure = self._write(update, operation)
        if failure is None:
            return None
        if operation.is_doubtful:
            there = self._look_after(operation, failure, before)
            if there == wanted:
                return None
            raise _unsettled_error(failure, there)
        if operation.rcode in (dns.rcode.YXRRSET, dns.rcode.NXRRSET):
            there = self._look(domain, action)  # if it is an alias, this raises and names it
            if there is not None and ours is not None and not set(there.targets) <= set(ours):
                return there
        raise failure

    def delete(self, domain: str, targets: Collection[str]) -> None:
        """Deletes the records with these values, and no others. It is not a failure if they are already gone.

        Args:
            domain: The name of the records.
            targets: The values.

        Raises:
            DnsUpdateError: They are still there, or nobody can tell whether they are.
        """
        import dns.exception

        operation = self._begin_write(f"delete the NS records of {domain}", domain)
        update = self._new_update()
        for target in targets:
            try:
                update.delete(f"{domain}.", "NS", target)
            except (dns.exception.DNSException, ValueError):
                raise DnsUpdateError(
                    f"{self._summary(operation)}: {one_line(target, 80)} is not a valid DNS name; check "
                    f"{self._spell('ns_targets')} in the state"
                ) from None
        failure = self._write(update, operation)
        if failure is None:
            return
        if not operation.is_doubtful:
            raise failure
        try:
            there = self.read(domain)
        except DnsUpdateError as error:
            if not operation.lost_an_answer:
                raise failure from None
            raise DnsUpdateError(f"{_with_doubt(failure)}, and a look at its records failed: {error}") from None
        if there is None or not set(there.targets) & set(targets):
            return
        if not operation.lost_an_answer:
            raise failure
        raise DnsUpdateError(f"{_with_doubt(failure)}, but {_description(there)}")

    def _begin_write(self, action: str, domain: str) -> _Operation:
        kept_back = min(LOOK_SECONDS, self._deadline.seconds / 4)
        return _Operation(action, domain, self._deadline.reserve(kept_back))

    def _write(self, update: dns.update.UpdateMessage, operation: _Operation) -> DnsUpdateError | None:
        """Sends an update. Returns None if the server says that it carried it out, or else the failure."""
        import dns.rcode

        try:
            answer = self._send(update, operation)
        except DnsUpdateError as error:
            return error
        operation.rcode = answer.rcode()
        return None if operation.rcode == dns.rcode.NOERROR else self._refusal(operation, answer)

    def _look_after(self, operation: _Operation, failure: DnsUpdateError, before: NsSet | None) -> NsSet | None:
        """Returns the records after an update that the server may have carried out.

        Args:
            operation: The update.
            failure: How it failed.
            before: The records before it.

        Raises:
            UnsettledError: The look failed.
            DnsUpdateError: The failure itself, if the look confirms it.
        """
        try:
            there = self.read(operation.domain)
        except DnsUpdateError as error:
            raise UnsettledError(f"{_with_doubt(failure)}, and a look at its records failed: {error}", None) from None
        if there == before and not operation.lost_an_answer:
            raise failure
        return there

    def _new_update(self) -> dns.update.UpdateMessage:
        import dns.update

        return dns.update.UpdateMessage(f"{self._zone}.")

    # -- how a message is sent, and retried ---------------------------------------------------------------

    def _send(self, message: dns.message.Message, operation: _Operation) -> dns.message.Message:
        """Sends a message, and retries transient failures, until there is an answer that can be trusted."""
        if self._key:
            message.use_tsig(self._key.to_dnspython())
        deadline = operation.deadline
        with self._progress.of(f"{operation.action} at {self._address}", deadline) as wait:
            while True:
                if deadline.is_cancelled():
                    # Somebody may have cleaned up by now, and would not know about later changes.
                    raise DnsUpdateError(f"{self._summary(operation)}: it was interrupted")
                operation.tries += 1
                try:
                    return self._exchange(message, operation)
                except _TransientError as error:
                    reason = str(error)
                    is_unsent = isinstance(error, _NotConnectedError) and not operation.is_doubtful
                left = self._reachability.seconds_left_of(deadline, is_unsent=is_unsent)
                pause = backoff_seconds(operation.tries, clock=deadline.clock)
                if left <= 0 or pause >= deadline.left:
                    raise DnsUpdateError(f"{self._summary(operation, is_unsent=is_unsent)}: {reason}")
                # Without a connection, the last try comes at the end of the time for it.
                pause = min(pause, left)
                wait.waits_for(reason, pause, deadline.elapsed + left if is_unsent else None)
                deadline.clock.sleep(pause)

    def _exchange(self, message: dns.message.Message, operation: _Operation) -> dns.message.Message:
        """Tries once. Raises _TransientError if the next try may succeed."""
        wire = message.to_wire()  # signs it again, because the signature contains the time
        tried_at = operation.deadline.clock.monotonic()
        seconds = min(CONNECT_TIMEOUT_SECONDS, operation.seconds_left, self._reachability.seconds_for_try)
        try:
            connection = socket.create_connection((self._address.host, self._address.port), seconds)
        except socket.gaierror as error:
            reason = f"its host name can't be resolved ({one_line(str(error.strerror))})"
            if error.errno == socket.EAI_AGAIN:
                self._reachability.note_try(tried_at, is_connected=False)
                raise _NotConnectedError(f"{reason}; check server") from None
            raise DnsUpdateError(f"{self._summary(operation)}: {reason}; check server") from None
        except OSError as error:
            self._reachability.note_try(tried_at, is_connected=False)
            raise _NotConnectedError(f"no connection{_why(error, seconds)}; check server and port") from None
        self._reachability.note_try(tried_at, is_connected=True)
        seconds = min(ANSWER_TIMEOUT_SECONDS, operation.seconds_left)
        with connection:
            try:
                received = _talk(connection, wire, operation.deadline.sub_deadline(seconds))
            except (OSError, EOFError) as error:
                operation.lost_an_answer = True
                raise _TransientError(f"no answer{_why(error, seconds)}") from None
        return self._verify(message, received, operation)

    def _verify(self, message: dns.message.Message, received: bytes, operation: _Operation) -> dns.message.Message:
        """Returns the answer to a message if it can be trusted."""
        import dns.exception
        import dns.message
        import dns.rcode

        try:
            answer = dns.message.from_wire(received, keyring=False)
        except (dns.exception.DNSException, ValueError):
            answer = None
        if answer is None or not message.is_response(answer):
            raise self._untrusted_answer_error(
                operation, "what it sent is not the answer of a DNS server; check server and port"
            )
        is_signed = self._key is not None and _is_signed(self._key, message.mac, answer, received)
        if answer.rcode() == dns.rcode.SERVFAIL:
            operation.refused_unsigned |= self._key is not None and not is_signed
            raise _TransientError("it answered SERVFAIL; its log says why")
        if self._key and not is_signed:
            self._check_unsigned(self._key, message, answer, operation)
        return answer

    def _check_unsigned(
        self, key: TsigKey, message: dns.message.Message, answer: dns.message.Message, operation: _Operation
    ) -> None:
        """Raises DnsUpdateError if an unsigned answer to a signed message can't be trusted.

        A server may refuse a message without a signature. Any other answer must have one.
        """
        import dns.rcode

        if answer.tsig_error:
            operation.refused_unsigned = True
            raise self._key_refusal(operation, key, message, answer)
        if answer.had_tsig:
            raise self._untrusted_answer_error(
                operation,
                f"its answer has a signature that is not by {key}, so it is not trusted; check what is "
                "between this machine and the server",
            )
        if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET):
            raise self._untrusted_answer_error(
                operation,
                f"its answer is not signed by {key}, so it is not trusted; check that the server knows this key, and "
                "what is between this machine and the server",
            )
        operation.refused_unsigned = True

    # -- errors in words ----------------------------------------------------------------------------------

    def _summary(self, operation: _Operation, *, is_unsent: bool = False) -> str:
        tried = effort(operation.tries, operation.deadline, is_unsent=is_unsent)
        return f"could not {operation.action} at {self._address}{tried}"

    def _untrusted_answer_error(self, operation: _Operation, why: str) -> DnsUpdateError:
        """Returns the error for an answer that can't be trusted. The server may have carried out the operation."""
        operation.lost_an_answer = True
        return DnsUpdateError(f"{self._summary(operation)}: {why}")

    def _key_refusal(
        self, operation: _Operation, key: TsigKey, message: dns.message.Message, answer: dns.message.Message
    ) -> DnsUpdateError:
        """Returns the error for a refusal of the key."""
        import dns.rcode

        error = dns.rcode.Rcode(answer.tsig_error or 0)
        said = f"{self._summary(operation)}: it refuses {key} ({dns.rcode.to_text(error, tsig=True)})"
        if error == dns.rcode.BADTIME:
            return DnsUpdateError(
                f"{said}, as the clocks differ by more than 5 minutes: {_clocks(message, answer)}; set them"
            )
        if error == dns.rcode.BADKEY:
            why = (
                f"it knows no key of this name with {key.algorithm}, or, if it is Knot DNS, the key may not "
                f"change {operation.domain}; check {self._spell('tsig_key_name')} and {self._spell('tsig_algorithm')}"
            )
        elif error == dns.rcode.BADSIG:
            why = f"it has another secret for it; check {self._spell('tsig_secret')}"
        else:
            why = "check its log"
        return DnsUpdateError(f"{said}: {why}. {_CREDENTIALS_HINT}")

    def _refusal(self, operation: _Operation, answer: dns.message.Message) -> DnsUpdateError:
        """Returns the error for a refusal."""
        import dns.opcode
        import dns.rcode

        rcode, key = answer.rcode(), self._key
        is_update = answer.opcode() == dns.opcode.UPDATE
        if rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH) and not key:
            why = (
                f"it accepts no unsigned updates of the zone {self._zone} from this address, or is not its primary "
                f"server; check server and zone, and give {self._spell('tsig_key_name')} and "
                f"{self._spell('tsig_secret')}, or allow unsigned updates at the server. {_CREDENTIALS_HINT}"
            )
        elif rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH) and not answer.had_tsig:
            # PowerDNS refuses a key in this way. Other servers refuse a zone that they don't have in this way.
            why = (
                f"it does not have the zone {self._zone}, does not let this machine ask, or does not accept "
                f"{key}, its secret or the time of this machine; its log says which"
            )
        elif key and rcode == dns.rcode.REFUSED and is_update:
            why = (
                f"{key} may not change the NS records of {operation.domain}; BIND allows that by "
                f'`update-policy {{ grant "{key.name}" name {operation.domain}. NS; }};` of the zone {self._zone}'
            )
        elif rcode == dns.rcode.REFUSED:
            why = f"it does not have the zone {self._zone}, or does not let this machine ask; check server and zone"
        elif rcode == dns.rcode.NOTAUTH:
            why = f"it is not the primary server of the zone {self._zone}; check server and zone"
        elif rcode == dns.rcode.NOTZONE:
            why = f"{operation.domain} is not in the zone {self._zone}; check zone"
        elif rcode in (dns.rcode.FORMERR, dns.rcode.NOTIMP):
            why = "it does not know DNS UPDATE (RFC 2136), or not this way; check server and port"
        elif rcode in (dns.rcode.YXRRSET, dns.rcode.NXRRSET):
            why = "somebody else is changing the records of this name right now; run `pulumi up` again"
        else:
            why = "its log says why"
        return DnsUpdateError(f"{self._summary(operation)}: it answered {dns.rcode.to_text(rcode)}: {why}")


_CREDENTIALS_HINT = (
    "Refresh and destroy use the key of the last `pulumi up`: after a change, run `pulumi up` first, or add "
    "--run-program"
)


class _AliasError(DnsUpdateError):
    """According to an answer, the name is an alias, by its own record or by a wildcard.

    Only the prerequisite of an update tells which of the two, because it looks at the name's own records alone.
    """


class _TransientError(Exception):
    """A try failed, and the next one may succeed. The text is a clause that says what went wrong."""


class _NotConnectedError(_TransientError):
    """No connection could be made, so a try has sent nothing."""


@dataclass
class _Operation:
    """A message to the server, with all of its tries.

    Attributes:
        action: What it does, for messages: a verb and its object.
        domain: The name whose records it is about.
        deadline: How long it may take.
        tries: How often it was tried so far.
        rcode: The code of the answer to an update, if there is an answer that can be trusted.
        lost_an_answer: Whether a try had no answer that can be trusted. The server may have carried it out.
        refused_unsigned: Whether a signed try was refused by an answer without a signature, which anybody between
            this machine and the server may have sent.
    """

    action: str
    domain: str
    deadline: Deadline
    tries: int = 0
    rcode: int | None = None
    lost_an_answer: bool = False
    refused_unsigned: bool = False

    @property
    def is_doubtful(self) -> bool:
        """Whether only a look at the records can tell what the server did."""
        return self.lost_an_answer or self.refused_unsigned

    @property
    def seconds_left(self) -> float:
        """How long a step of a try may take, in seconds. It is never 0."""
        return max(self.deadline.left, 0.1)


def _talk(connection: socket.socket, wire: bytes, deadline: Deadline) -> bytes:
    """Sends a message and receives one, each with its length before it (RFC 1035, 4.2.2)."""
    connection.sendall(struct.pack("!H", len(wire)) + wire)
    (length,) = struct.unpack("!H", _receive(connection, 2, deadline))
    return _receive(connection, length, deadline)


def _receive(connection: socket.socket, size: int, deadline: Deadline) -> bytes:
    data = b""
    while len(data) < size:
        connection.settimeout(max(deadline.left, 0.001))
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f" within {in_words(seconds)}"
    if isinstance(error, EOFError):
        return ", because it ended the connection"
    return f" ({one_line(getattr(error, 'strerror', None) or type(error).__name__)})"


def _is_signed(key: TsigKey, request_mac: bytes | None, answer: dns.message.Message, received: bytes) -> bool:
    """Tells whether the answer has a valid signature by the key."""
    import dns.exception
    import dns.message

    if not answer.had_tsig:
        return False
    try:
        dns.message.from_wire(received, keyring=key.to_dnspython(), request_mac=request_mac)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def _unsettled_error(failure: DnsUpdateError, there: NsSet | None) -> UnsettledError:
    return UnsettledError(f"{_with_doubt(failure)}: {_description(there)}", there)


def _with_doubt(failure: DnsUpdateError) -> str:
    return f"{failure}. The server may have carried it out nevertheless"


def _description(there: NsSet | None) -> str:
    """Says what a look found, in a clause."""
    return "it has no NS records of this name now" if there is None else f"it now has {there}"


def _clocks(message: dns.message.Message, answer: dns.message.Message) -> str:
    """Compares the time at which a message was signed with the server's, which is in its answer (RFC 8945, 5.2.3)."""
    signed: Any = message.tsig
    tsig: Any = answer.tsig
    here = _moment(signed[0].time_signed)
    other: bytes = tsig[0].other
    there = _moment(int.from_bytes(other, "big")) if len(other) == 6 else "another time"
    return f"here it is {here}, and there {there}"


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(int(seconds), timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "an invalid time"


def _find_records(section: Sequence[dns.rrset.RRset], rdtype: str, domain: str | None = None) -> Any:
    """Returns the first records of a type in a section, of one name if it is given; None if there are none."""
    import dns.rdatatype

    for records in section:
        if records.rdtype == dns.rdatatype.from_text(rdtype) and domain in (None, _owner(records)):
            return records
    return None


def _owner(records: Any) -> str:
    """Returns the name that records are of, in lower case and without the trailing dot."""
    return one_line(str(records.name).lower().rstrip("."))
