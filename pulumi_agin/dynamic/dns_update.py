"""A conversation with the primary server of a zone: reading one name's NS records, and changing them by RFC 2136.

Over dnspython, of the extra `rfc2136`, which is loaded only when something is asked. By TCP alone, as an answer by
UDP is lost more easily, and each message is signed by the TSIG key (RFC 8945), where there is one, questions too:
servers may answer by key.
"""

from __future__ import annotations

import socket
import struct
import time
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.retry import Deadline, backoff_seconds
from pulumi_agin.api.text import one_line
from pulumi_agin.nameservers import Server

from . import servicer
from .servicer import ProviderError

if TYPE_CHECKING:
    import dns.message
    import dns.rrset
    import dns.tsig
    import dns.update

    from pulumi_agin.api.access import Secret
    from pulumi_agin.api.progress import Progress

CONNECT_TIMEOUT_SECONDS = 5.0
ANSWER_TIMEOUT_SECONDS = 10.0

# A write leaves this much of the call's time, or a quarter of it where that is less, for the look that may follow.
LOOK_SECONDS = 10.0

# Those of dnspython that are not cut short; its own name of the first is longer.
ALGORITHMS = ("hmac-md5", "hmac-sha1", "hmac-sha224", "hmac-sha256", "hmac-sha384", "hmac-sha512")


@dataclass(frozen=True)
class TsigKey:
    """What messages are signed by. `algorithm` is one of ALGORITHMS, and `secret` base64."""

    name: str
    secret: Secret
    algorithm: str

    def __str__(self) -> str:
        return f'the key "{self.name}"'

    def of_dnspython(self) -> dns.tsig.Key:
        import dns.tsig

        algorithm = dns.tsig.HMAC_MD5 if self.algorithm == "hmac-md5" else self.algorithm
        return dns.tsig.Key(self.name, self.secret.get_secret_value(), algorithm)


@dataclass(frozen=True)
class NsSet:
    """The NS records of one name: their values (lower case, trailing dot, sorted), and their TTL in seconds."""

    targets: tuple[str, ...]
    ttl: int

    def __str__(self) -> str:
        return f"{', '.join(map(one_line, self.targets))} (TTL {self.ttl})"


class PrimaryServer:
    """The primary server of a zone, for one call, which takes `seconds` at most, the look-up of its name aside.

    What passes by is repeated until then: no connection, no answer, SERVFAIL (RFC 2136 has a server undo the update
    that it answers so). Whatever else goes wrong raises ProviderError, at once, with one sentence. Without a key,
    messages are unsigned, and answers are believed without a signature.

    When no answer tells whether an update was carried out, the server is asked for its records. Where they do not tell
    either, the call raises UnsettledError.
    """

    def __init__(self, server: Server, zone: str, key: TsigKey | None, seconds: float) -> None:
        self._server = server
        self._zone = zone
        self._key = key
        self._deadline = Deadline(seconds)

    # -- what can be asked --------------------------------------------------------------------------------

    def read(self, domain: str, doing: str | None = None) -> NsSet | None:
        """The NS records of a name below the zone's apex, or None where there are none, on the zone's authority.

        An alias has none. It may as well be one that a wildcard of the zone makes of every name without records.
        """
        try:
            return self._look(domain, doing or f"read the NS records of {domain}")
        except _AliasError:
            return None

    def _look(self, domain: str, doing: str) -> NsSet | None:
        """What `read` returns. Raises _AliasError where the answer has an alias instead."""
        import dns.flags
        import dns.message
        import dns.rcode
        import dns.rdatatype

        call = _Call(doing, domain, self._deadline)
        query = dns.message.make_query(f"{domain}.", dns.rdatatype.NS, flags=0)
        answer = self._sent(query, call)
        if answer.rcode() not in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN):
            raise self._refusal(call, answer)
        # Of a delegation they are in the authority section; where the server has both zones, in the answer.
        records = _first(answer.answer, "NS", domain) or _first(answer.authority, "NS", domain)
        if records is not None:
            targets = sorted({str(record.target).lower().rstrip(".") + "." for record in records})
            return NsSet(tuple(targets), records.ttl)
        authoritative = bool(answer.flags & dns.flags.AA)
        above = _first(answer.answer, "DNAME")
        if above is not None and domain.endswith(f".{_name(above)}"):
            raise ProviderError(
                f"{self._could_not(call)}: all names below {_name(above)} are aliases (DNAME), so records of {domain} "
                "would have no effect; remove that record"
            )
        alias = _first(answer.answer, "CNAME", domain)
        if authoritative and alias is not None:
            raise _AliasError(
                f"{self._could_not(call)}: {domain} is an alias (CNAME) of {one_line(str(alias[0].target))}, beside "
                "which no NS records can be; remove that record"
            )
        soa, referral = _first(answer.authority, "SOA"), _first(answer.authority, "NS")
        if authoritative and soa is not None:
            owner = _name(soa)
            if owner == self._zone:
                return None
            raise ProviderError(
                f"{self._could_not(call)}: it has the zone {owner} for {domain}, and not {self._zone}; set zone to the "
                "one that the records are to be in, or server to one that has it"
            )
        cut = "" if referral is None else _name(referral)
        if referral is not None and domain.endswith(f".{cut}"):
            raise ProviderError(
                f"{self._could_not(call)}: it delegates {cut} to {one_line(str(referral[0].target))}, so records of "
                f"{domain} would have no effect in the zone {self._zone}; set zone and server to those of {cut}"
            )
        raise ProviderError(
            f"{self._could_not(call)}: it answered {dns.rcode.to_text(answer.rcode())} without authority for the zone "
            f"{self._zone}; see that server is the zone's primary server"
        )

    def create(self, domain: str, wanted: NsSet) -> NsSet | None:
        """Makes the records where there are none.

        After a lost answer, records that are exactly the wanted ones are our own, as there were none before.

        Args:
            domain: The name of the records.
            wanted: The records to make.

        Returns:
            None once they are made. Otherwise the records that are there already, which are left alone.

        Raises:
            UnsettledError: The server may have made them, or may yet.
            ProviderError: It did not make them.
        """
        import dns.rcode

        call = self._write_call(f"create the NS records of {domain}", domain)
        there = self.read(domain, call.doing)
        if there is not None:
            # An update that would change nothing tells whether the server has this zone: maybe they are of another.
            look = _Call(call.doing, domain, self._deadline)
            update = self._update()
            update.absent(f"{domain}.", "NS")
            answer = self._sent(update, look)
            if answer.rcode() == dns.rcode.NOERROR:
                raise ProviderError(
                    f"{self._could_not(look)}: it has NS records of that name, and none in the zone {self._zone}: they "
                    "are in another zone, so see zone, or were removed right now, so run `pulumi up` again"
                )
            if answer.rcode() != dns.rcode.YXRRSET:
                raise self._refusal(look, answer)
            return there
        update = self._update()
        update.absent(f"{domain}.", "NS")
        update.absent(f"{domain}.", "CNAME")
        update.add(f"{domain}.", wanted.ttl, "NS", *wanted.targets)
        failure = self._failure(update, call)
        if failure is None:
            return None
        if call.is_doubtful:
            there = self._looked_after(call, failure, None)
            if there == wanted:
                return None
            if there is None or set(there.targets) & set(wanted.targets):
                raise _unsettled(failure, there)
            return there
        if call.rcode != dns.rcode.YXRRSET:
            raise failure
        there = self._look(domain, call.doing)
        if there is None:
            raise failure
        return there

    def replace(self, domain: str, wanted: NsSet, doing: str, ours: Collection[str] | None = None) -> NsSet | None:
        """Makes the records the wanted ones in one message, so that at no time there are none.

        Args:
            domain: The name of the records.
            wanted: The records to make.
            doing: What is being done, for messages: a verb and its object.
            ours: Records are replaced only where all their values are among these. None: any are.

        Returns:
            None once it is done. Otherwise the records that are left alone because of `ours`.

        Raises:
            UnsettledError: The server may have done it, or may yet.
            ProviderError: It did not do it.
        """
        import dns.rcode

        before = self.read(domain, doing)
        if before is not None and ours is not None and not set(before.targets) <= set(ours):
            return before
        call = self._write_call(doing, domain)
        update = self._update()
        update.absent(f"{domain}.", "CNAME")
        if ours is not None:
            # What came in between, maybe while a try was lost, is somebody else's.
            if before is None:
                update.absent(f"{domain}.", "NS")
            else:
                update.present(f"{domain}.", "NS", *before.targets)
        update.replace(f"{domain}.", wanted.ttl, "NS", *wanted.targets)
        failure = self._failure(update, call)
        if failure is None:
            return None
        if call.is_doubtful:
            there = self._looked_after(call, failure, before)
            if there == wanted:
                return None
            raise _unsettled(failure, there)
        if call.rcode in (dns.rcode.YXRRSET, dns.rcode.NXRRSET):
            there = self._look(domain, doing)  # of an alias, it raises and names it
            if there is not None and ours is not None and not set(there.targets) <= set(ours):
                return there
        raise failure

    def delete(self, domain: str, targets: Collection[str]) -> None:
        """Deletes the records with these values, and no other. Those that are gone already are as good.

        Raises:
            ProviderError: They are still there, or that they are gone can't be known.
        """
        import dns.exception

        call = self._write_call(f"delete the NS records of {domain}", domain)
        update = self._update()
        for target in targets:
            try:
                update.delete(f"{domain}.", "NS", target)
            except (dns.exception.DNSException, ValueError):
                raise ProviderError(
                    f"{self._could_not(call)}: {one_line(target, 80)} is not a valid DNS name; see ns_targets in the "
                    "state"
                ) from None
        failure = self._failure(update, call)
        if failure is None:
            return
        if not call.is_doubtful:
            raise failure
        try:
            there = self.read(domain)
        except ProviderError as error:
            if not call.lost_an_answer:
                raise failure from None
            raise ProviderError(f"{_may_be_done(failure)}, and a look at its records failed: {error}") from None
        if there is None or not set(there.targets) & set(targets):
            return
        raise ProviderError(f"{_may_be_done(failure)}, but {_seen(there)}") if call.lost_an_answer else failure

    def _write_call(self, doing: str, domain: str) -> _Call:
        kept_back = min(LOOK_SECONDS, self._deadline.seconds / 4)
        return _Call(doing, domain, self._deadline.keeping_back(kept_back))

    def _failure(self, update: dns.update.UpdateMessage, call: _Call) -> ProviderError | None:
        """Sends an update. Returns None where the server says that it was carried out, and else what went wrong."""
        import dns.rcode

        try:
            answer = self._sent(update, call)
        except ProviderError as error:
            return error
        call.rcode = answer.rcode()
        return None if call.rcode == dns.rcode.NOERROR else self._refusal(call, answer)

    def _looked_after(self, call: _Call, failure: ProviderError, before: NsSet | None) -> NsSet | None:
        """The records after an update that failed in doubt. `before` are those that were there before it.

        Raises the failure where the look confirms it, and UnsettledError where the look fails.
        """
        try:
            there = self.read(call.domain)
        except ProviderError as error:
            raise UnsettledError(f"{_may_be_done(failure)}, and a look at its records failed: {error}", None) from None
        if there == before and not call.lost_an_answer:
            raise failure
        return there

    def _update(self) -> dns.update.UpdateMessage:
        import dns.update

        return dns.update.UpdateMessage(f"{self._zone}.")

    # -- how a message is sent, and repeated --------------------------------------------------------------

    def _sent(self, message: dns.message.Message, call: _Call) -> dns.message.Message:
        """The loop: sends, and repeats what passes by, until there is an answer that can be believed."""
        if self._key:
            message.use_tsig(self._key.of_dnspython())
        with _progress().of(f"{call.doing} at {self._server}", call.deadline) as wait:
            while True:
                if not servicer.is_awaited():
                    # Whoever asked may have cleaned up by now, and what is done later would be left behind.
                    raise ProviderError(f"{self._could_not(call)}: nobody waits for it any more")
                wait.waits_for("no answer yet")
                call.tries += 1
                try:
                    return self._exchanged(message, call)
                except _PassesByError as error:
                    reason = str(error)
                pause = backoff_seconds(call.tries)
                if pause >= call.deadline.left:
                    raise ProviderError(f"{self._could_not(call)}: {reason}")
                wait.waits_for(reason, pause)
                time.sleep(pause)

    def _exchanged(self, message: dns.message.Message, call: _Call) -> dns.message.Message:
        """One try. Raises _PassesByError where the next one may go better."""
        wire = message.to_wire()  # signed anew: the signature holds the time
        seconds = min(CONNECT_TIMEOUT_SECONDS, call.seconds_left)
        try:
            connection = socket.create_connection((self._server.host, self._server.port), seconds)
        except socket.gaierror as error:
            reason = f"its host name can't be resolved ({one_line(str(error.strerror))})"
            if error.errno == socket.EAI_AGAIN:
                raise _PassesByError(reason) from None
            raise ProviderError(f"{self._could_not(call)}: {reason}; see server") from None
        except OSError as error:
            raise _PassesByError(f"no connection{_why(error, seconds)}; see server and port") from None
        seconds = min(ANSWER_TIMEOUT_SECONDS, call.seconds_left)
        with connection:
            try:
                received = _talk(connection, wire, time.monotonic() + seconds)
            except (OSError, EOFError) as error:
                call.lost_an_answer = True
                raise _PassesByError(f"no answer{_why(error, seconds)}") from None
        return self._believed(message, received, call)

    def _believed(self, message: dns.message.Message, received: bytes, call: _Call) -> dns.message.Message:
        """The answer to this message, once it is verified."""
        import dns.exception
        import dns.message
        import dns.rcode

        try:
            answer = dns.message.from_wire(received, keyring=False)
        except (dns.exception.DNSException, ValueError):
            answer = None
        if answer is None or not message.is_response(answer):
            raise self._not_believed(call, "what it sent is no answer of a DNS server; see server and port")
        is_signed = self._key is not None and _is_signed(self._key, message.mac, answer, received)
        if answer.rcode() == dns.rcode.SERVFAIL:
            call.refused_unsigned |= self._key is not None and not is_signed
            raise _PassesByError("it answered SERVFAIL; its log says why")
        if self._key and not is_signed:
            self._accept_unsigned(self._key, answer, call)
        return answer

    def _accept_unsigned(self, key: TsigKey, answer: dns.message.Message, call: _Call) -> None:
        """Raises where the answer to a signed message must be signed. Unsigned, it may refuse, and nothing else."""
        import dns.rcode

        if answer.tsig_error:
            call.refused_unsigned = True
            raise self._refused_key(call, key, answer)
        if answer.had_tsig:
            raise self._not_believed(
                call,
                f"its answer has a signature that is not the one of {key}, so it is not believed; see what stands "
                "between here and the server",
            )
        if answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET):
            raise self._not_believed(
                call,
                f"its answer is not signed by {key}, so it is not believed; see that the server knows this key, and "
                "what stands between here and the server",
            )
        call.refused_unsigned = True

    # -- what went wrong, in words ------------------------------------------------------------------------

    def _not_believed(self, call: _Call, why: str) -> ProviderError:
        call.lost_an_answer = True
        return ProviderError(f"{self._could_not(call)}: {why}")

    def _could_not(self, call: _Call) -> str:
        effort = f" after {call.tries} tries in {call.deadline}" if call.tries > 1 else ""
        return f"could not {call.doing} at {self._server}{effort}"

    def _refused_key(self, call: _Call, key: TsigKey, answer: dns.message.Message) -> ProviderError:
        import dns.rcode

        error = dns.rcode.Rcode(answer.tsig_error or 0)
        said = f"{self._could_not(call)}: it refuses {key} ({dns.rcode.to_text(error, tsig=True)})"
        if error == dns.rcode.BADTIME:
            return ProviderError(f"{said}, as the clocks differ by more than 5 minutes: {_clocks(answer)}; set them")
        if error == dns.rcode.BADKEY:
            why = (
                f"it knows no key of this name with {key.algorithm}, or, as Knot says it, one that may not "
                f"change {call.domain}; see tsig_key_name and tsig_algorithm"
            )
        elif error == dns.rcode.BADSIG:
            why = "it has another secret for it; see tsig_secret"
        else:
            why = "see its log"
        return ProviderError(f"{said}: {why}. {_CREDENTIALS_HINT}")

    def _refusal(self, call: _Call, answer: dns.message.Message) -> ProviderError:
        """What an answer means that says no."""
        import dns.opcode
        import dns.rcode

        rcode, key = answer.rcode(), self._key
        is_update = answer.opcode() == dns.opcode.UPDATE
        if rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH) and not key:
            why = (
                f"it takes no unsigned updates of the zone {self._zone} from this address, or is not its primary "
                "server; see server and zone, and give tsig_key_name and tsig_secret, or allow unsigned updates at "
                f"the server. {_CREDENTIALS_HINT}"
            )
        elif rcode in (dns.rcode.REFUSED, dns.rcode.NOTAUTH) and not answer.had_tsig:
            # PowerDNS's way to refuse a key, and that of others which don't have the zone.
            why = (
                f"it does not have the zone {self._zone}, does not let this machine ask, or does not take "
                f"{key}, its secret or the time here; its log says which"
            )
        elif key and rcode == dns.rcode.REFUSED and is_update:
            why = (
                f"{key} may not change the NS records of {call.domain}; with BIND it may by "
                f'`update-policy {{ grant "{key.name}" name {call.domain}. NS; }};` of the zone {self._zone}'
            )
        elif rcode == dns.rcode.REFUSED:
            why = f"it does not have the zone {self._zone}, or does not let this machine ask; see server and zone"
        elif rcode == dns.rcode.NOTAUTH:
            why = f"it is not the primary server of the zone {self._zone}; see server and zone"
        elif rcode == dns.rcode.NOTZONE:
            why = f"{call.domain} is not in the zone {self._zone}; see zone"
        elif rcode in (dns.rcode.FORMERR, dns.rcode.NOTIMP):
            why = "it does not know DNS UPDATE (RFC 2136), or not this way; see server and port"
        elif rcode in (dns.rcode.YXRRSET, dns.rcode.NXRRSET):
            why = "somebody else is changing the records of this name right now; run `pulumi up` again"
        else:
            why = "its log says why"
        return ProviderError(f"{self._could_not(call)}: it answered {dns.rcode.to_text(rcode)}: {why}")


_CREDENTIALS_HINT = (
    "Refresh and destroy take the key as the last `pulumi up` left it: after a change run `pulumi up` first, or add "
    "--run-program"
)


class UnsettledError(ProviderError):
    """An update was sent, and neither its answer nor a look afterwards tells whether the server carried it out.

    Attributes:
        there: The records that the look found; None where it found none, or failed.
    """

    def __init__(self, message: str, there: NsSet | None) -> None:
        super().__init__(message)
        self.there = there


class _AliasError(ProviderError):
    """In an answer, the name is an alias: by a record of its own, or by a wildcard.

    Only the prerequisite of an update tells which: it looks at the name's own records alone.
    """


class _PassesByError(Exception):
    """The same may go better a little later. The text is a clause that says what went wrong."""


@dataclass
class _Call:
    """What is being done, and how it went so far."""

    doing: str
    domain: str
    deadline: Deadline
    tries: int = 0
    rcode: int | None = None
    """Of the answer to an update, where one was believed."""
    lost_an_answer: bool = False
    """Whether a try was sent and no answer to it was believed: the server may have carried it out."""
    refused_unsigned: bool = False
    """Whether an answer refused a signed try without a signature: anybody on the way may have said so."""

    @property
    def is_doubtful(self) -> bool:
        """Whether a look has to tell what was carried out."""
        return self.lost_an_answer or self.refused_unsigned

    @property
    def seconds_left(self) -> float:
        """How long a step of a try may take: always long enough to be one."""
        return max(self.deadline.left, 0.1)


@cache
def _progress() -> Progress:
    """One for all calls of the plugin process."""
    from pulumi_agin.api.progress import Progress
    from pulumi_agin.settings import say

    return Progress(say)


def _talk(connection: socket.socket, wire: bytes, until: float) -> bytes:
    """Sends a message and receives one, each with its length before it (RFC 1035, 4.2.2)."""
    connection.sendall(struct.pack("!H", len(wire)) + wire)
    (length,) = struct.unpack("!H", _received(connection, 2, until))
    return _received(connection, length, until)


def _received(connection: socket.socket, size: int, until: float) -> bytes:
    data = b""
    while len(data) < size:
        connection.settimeout(max(until - time.monotonic(), 0.001))
        more = connection.recv(size - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, TimeoutError):
        return f" within {seconds:.3g} seconds"
    if isinstance(error, EOFError):
        return ", as it ended the connection"
    return f" ({one_line(getattr(error, 'strerror', None) or type(error).__name__)})"


def _is_signed(key: TsigKey, request_mac: bytes | None, answer: dns.message.Message, received: bytes) -> bool:
    """Whether the answer has the key's signature, and it is right."""
    import dns.exception
    import dns.message

    if not answer.had_tsig:
        return False
    try:
        dns.message.from_wire(received, keyring=key.of_dnspython(), request_mac=request_mac)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def _unsettled(failure: ProviderError, there: NsSet | None) -> UnsettledError:
    return UnsettledError(f"{_may_be_done(failure)}: {_seen(there)}", there)


def _may_be_done(failure: ProviderError) -> str:
    return f"{failure}. The server may have carried it out all the same"


def _seen(there: NsSet | None) -> str:
    """What a look found, as a clause."""
    return "it has no NS records of this name now" if there is None else f"it now has {there}"


def _clocks(answer: dns.message.Message) -> str:
    """This machine's clock and the server's, which it sends along (RFC 8945, 5.2.3)."""
    here = _moment(time.time())
    tsig: Any = answer.tsig
    other: bytes = tsig[0].other
    there = _moment(int.from_bytes(other, "big")) if len(other) == 6 else "another time"
    return f"here it is {here}, and there {there}"


def _moment(seconds: float) -> str:
    try:
        return f"{datetime.fromtimestamp(int(seconds), timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "a time that is none"


def _first(section: Sequence[dns.rrset.RRset], rdtype: str, domain: str | None = None) -> Any:
    """The first set of records of this type in a section, of the given name where there is one; or None."""
    import dns.rdatatype

    for records in section:
        if records.rdtype == dns.rdatatype.from_text(rdtype) and domain in (None, _name(records)):
            return records
    return None


def _name(records: Any) -> str:
    """Whose they are: lower case, without the trailing dot."""
    return one_line(str(records.name).lower().rstrip("."))
