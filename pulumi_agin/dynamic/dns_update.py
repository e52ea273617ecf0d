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
    """The primary server of a zone, for one call, which takes `seconds` at most.

    What passes by is repeated until then: no connection, no answer, SERVFAIL (RFC 2136 has a server undo the update
    that it answers so). Whatever else goes wrong raises ProviderError, at once, with one sentence. Without a key,
    messages are unsigned, and answers are believed without a signature.
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

        call = _Call(doing, domain, changes=False)
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
        """Makes them where there are none. Returns those that are there already, and are left alone, or None.

        After a lost answer, records that are exactly the wanted ones, and were not there before, are our own.
        """
        import dns.rcode

        call = _Call(f"create the NS records of {domain}", domain)
        there = self.read(domain, call.doing)
        if there is not None:
            # An update that would change nothing tells whether the server has this zone: maybe they are of another.
            look = _Call(call.doing, domain, changes=False)
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
        answer = self._sent(update, call)
        if answer.rcode() == dns.rcode.NOERROR:
            return None
        if answer.rcode() != dns.rcode.YXRRSET:
            raise self._refusal(call, answer)
        there = self._look(domain, call.doing)
        if there == wanted and call.lost_an_answer:
            return None
        if there is None:
            raise self._refusal(call, answer)
        return there

    def replace(
        self, domain: str, wanted: NsSet, doing: str, ours: Collection[tuple[str, ...]] | None = None
    ) -> NsSet | None:
        """Makes them the wanted ones in one message, so that at no time there are none.

        ours: the values that may be replaced; None is any. Returns those that are left alone for that, or None.
        """
        import dns.rcode

        there = self.read(domain, doing)
        if there is not None and ours is not None and there.targets not in ours:
            return there
        call = _Call(doing, domain)
        update = self._update()
        update.absent(f"{domain}.", "CNAME")
        update.replace(f"{domain}.", wanted.ttl, "NS", *wanted.targets)
        answer = self._sent(update, call)
        if answer.rcode() == dns.rcode.YXRRSET:
            self._look(domain, doing)  # raises, and names the alias
        if answer.rcode() != dns.rcode.NOERROR:
            raise self._refusal(call, answer)
        return None

    def delete(self, domain: str, targets: Sequence[str]) -> None:
        """Deletes the records with these values, and no other. Those that are gone already are as good."""
        import dns.rcode

        call = _Call(f"delete the NS records of {domain}", domain)
        update = self._update()
        for target in targets:
            update.delete(f"{domain}.", "NS", target)
        answer = self._sent(update, call)
        if answer.rcode() != dns.rcode.NOERROR:
            raise self._refusal(call, answer)

    def _update(self) -> dns.update.UpdateMessage:
        import dns.update

        return dns.update.UpdateMessage(f"{self._zone}.")

    # -- how a message is sent, and repeated --------------------------------------------------------------

    def _sent(self, message: dns.message.Message, call: _Call) -> dns.message.Message:
        """The loop: sends, and repeats what passes by, until there is an answer that can be believed."""
        if self._key:
            message.use_tsig(self._key.of_dnspython())
        with _progress().of(f"{call.doing} at {self._server}", self._deadline) as wait:
            while True:
                wait.waits_for("no answer yet")
                call.tries += 1
                try:
                    return self._exchanged(message, call)
                except _PassesByError as error:
                    reason = str(error)
                pause = backoff_seconds(call.tries)
                if pause >= self._deadline.left:
                    raise ProviderError(f"{self._could_not(call)}: {reason}{_what_is_unknown(call)}")
                wait.waits_for(reason, pause)
                time.sleep(pause)

    def _exchanged(self, message: dns.message.Message, call: _Call) -> dns.message.Message:
        """One try. Raises _PassesByError where the next one may go better."""
        wire = message.to_wire()  # signed anew: the signature holds the time
        left = max(self._deadline.left, 0.1)
        seconds = min(CONNECT_TIMEOUT_SECONDS, left)
        try:
            connection = socket.create_connection((self._server.host, self._server.port), seconds)
        except socket.gaierror as error:
            reason = f"its host name can't be resolved ({one_line(str(error.strerror))})"
            if error.errno == socket.EAI_AGAIN:
                raise _PassesByError(reason) from None
            raise ProviderError(f"{self._could_not(call)}: {reason}; see server") from None
        except OSError as error:
            raise _PassesByError(f"no connection{_why(error, seconds)}; see server and port") from None
        seconds = min(ANSWER_TIMEOUT_SECONDS, left)
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
            raise ProviderError(
                f"{self._could_not(call)}: what it sent is no answer of a DNS server; see server and port"
            )
        if answer.rcode() == dns.rcode.SERVFAIL:
            raise _PassesByError("it answered SERVFAIL; its log says why")
        if self._key:
            self._verify(self._key, message.mac, answer, received, call)
        return answer

    def _verify(
        self, key: TsigKey, request_mac: bytes | None, answer: dns.message.Message, received: bytes, call: _Call
    ) -> None:
        """Raises where the key's signature is not right. Unsigned, an answer may be an error, and nothing else."""
        import dns.exception
        import dns.message
        import dns.rcode

        if answer.tsig_error:
            raise self._refused_key(call, key, answer)
        if answer.had_tsig:
            try:
                dns.message.from_wire(received, keyring=key.of_dnspython(), request_mac=request_mac)
            except dns.exception.DNSException:
                raise ProviderError(
                    f"{self._could_not(call)}: its answer has a signature that is not the one of {key}, so it is not "
                    "believed; see what stands between here and the server"
                ) from None
        elif answer.rcode() in (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET):
            raise ProviderError(
                f"{self._could_not(call)}: its answer is not signed by {key}, so it is not believed; see that the "
                "server knows this key, and what stands between here and the server"
            )

    # -- what went wrong, in words ------------------------------------------------------------------------

    def _could_not(self, call: _Call) -> str:
        effort = f" after {call.tries} tries in {self._deadline}" if call.tries > 1 else ""
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
        elif rcode == dns.rcode.YXRRSET:
            why = "somebody else is changing the records of this name right now; run `pulumi up` again"
        else:
            why = "its log says why"
        return ProviderError(f"{self._could_not(call)}: it answered {dns.rcode.to_text(rcode)}: {why}")


_CREDENTIALS_HINT = (
    "Refresh and destroy take the key as the last `pulumi up` left it: after a change run `pulumi up` first, or add "
    "--run-program"
)


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
    changes: bool = True
    tries: int = 0
    lost_an_answer: bool = False
    """Whether the server may have carried out what it did not answer."""


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


def _what_is_unknown(call: _Call) -> str:
    if not (call.changes and call.lost_an_answer):
        return ""
    return ". It may have been done all the same; the next run finds out"


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
