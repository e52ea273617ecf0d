"""Exchange of messages with the primary server of a zone: one message at a time, signed with TSIG, and retried."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig
import dns.update

from pulumi_agin.api.clock import format_duration
from pulumi_agin.api.progress import Budget
from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle.operation import FailedError

CONNECT_TIMEOUT_SECONDS = 5.0
RESPONSE_TIMEOUT_SECONDS = 10.0
LONGEST_PAUSE_SECONDS = 20.0

# How long a message is retried if no connection can be made.
UNCONNECTED_SECONDS = 30.0

# The codes of a response about records, which must be signed if there is a key.
_SIGNED_RCODES = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET)

_NEXT_STEPS = {
    "BADKEY": "it has no key with this name and algorithm; check tsig_key_name and tsig_algorithm",
    "BADSIG": "it has another secret for this key; check tsig_secret",
    "BADTIME": "the clocks of this machine and of the server differ by more than 5 minutes",
    "REFUSED": "it does not allow this to the key or to this machine; check update-policy, tsig_key_name and server",
    "NOTAUTH": "it is not the primary server of the zone, or does not accept the key; check server and zone",
    "NOTZONE": "the domain is not in the zone; check zone",
    "NOTIMP": "it does not support DNS UPDATE (RFC 2136); check server and port",
    "FORMERR": "it does not support DNS UPDATE (RFC 2136); check server and port",
}


@dataclass(frozen=True)
class Attempt:
    """One attempt to send a message: the response that ends the attempts, or why there is none."""

    response: dns.message.Message | None = None
    problem: str = ""
    is_transient: bool = False
    was_sent: bool = True
    """Whether the server may have carried out an update."""


@dataclass(frozen=True)
class Sent:
    """A message after its last attempt. `is_in_doubt` is whether the server may have carried out an update unseen."""

    action: str
    response: dns.message.Message | None
    problem: str
    is_in_doubt: bool

    @property
    def failure(self) -> FailedError:
        return FailedError(f"could not {self.action}: {self.problem}")


class Exchange:
    """Sends messages about the NS records of one domain. The lifecycle makes one for each call.

    No connection, no response and SERVFAIL are retried until the budget ends, without a connection for 30 seconds. A
    server has undone an update to which it responds with SERVFAIL (RFC 2136, 3.4.2.7).
    """

    def __init__(self, place: Mapping[str, Any], budget: Budget) -> None:
        """`place` are the inputs or outputs with the server, the zone, the domain and the key."""
        self.zone: str = place["zone"]
        self.domain: str = place["domain"]
        self._address = (str(place["server"]), int(place["port"]))
        self._key = None
        if place.get("tsig_key_name"):
            algorithm = place["tsig_algorithm"]
            tsig = dns.tsig.HMAC_MD5 if algorithm == "hmac-md5" else algorithm
            self._key = dns.tsig.Key(place["tsig_key_name"], place["tsig_secret"], tsig)
        self._budget = budget

    def send(self, message: dns.message.Message, verb: str, budget: Budget | None = None) -> Sent:
        """Sends a message. `verb` is what the call does, for messages. Raises no network error."""
        budget = budget or self._budget
        action = f"{verb} the NS records of {self.domain} at {self._address[0]} port {self._address[1]}"
        if self._key:
            message.use_tsig(self._key)
        is_in_doubt, pause, unconnected_since = False, 1.0, None
        try:
            while True:
                began = budget.elapsed
                attempt = self._attempt(message, budget)
                if attempt.response is not None and not attempt.problem:
                    return Sent(action, attempt.response, "", is_in_doubt)
                is_in_doubt = is_in_doubt or (attempt.was_sent and message.opcode() == dns.opcode.UPDATE)
                unconnected_since = None if attempt.was_sent else (unconnected_since or began)
                gave_up = unconnected_since is not None and began - unconnected_since >= UNCONNECTED_SECONDS
                wait = budget.clock.jitter(pause)
                if not attempt.is_transient or wait >= budget.left or gave_up:
                    return Sent(action, attempt.response, attempt.problem, is_in_doubt)
                budget.wait(wait, action, attempt.problem)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        finally:
            budget.finish()

    def _attempt(self, message: dns.message.Message, budget: Budget) -> Attempt:
        wire = message.to_wire()  # signs it again, because the signature contains the time
        seconds = min(CONNECT_TIMEOUT_SECONDS, max(budget.left, 0.1))
        try:
            connection = socket.create_connection(self._address, seconds)
        except OSError as error:
            problem = f"no connection{_why(error, seconds)}; check server and port"
            return Attempt(problem=problem, is_transient=not isinstance(error, socket.gaierror), was_sent=False)
        seconds = min(RESPONSE_TIMEOUT_SECONDS, max(budget.left, 0.1))
        try:
            with connection:
                connection.setblocking(False)
                end = time.time() + seconds
                dns.query.send_tcp(connection, wire, end)
                # Signatures are verified later: `dns.query.tcp` rejects an unsigned rejection.
                unverified: Any = False
                response, _ = dns.query.receive_tcp(connection, end, keyring=unverified)
        except (dns.exception.Timeout, OSError, EOFError) as error:
            return Attempt(problem=f"no response{_why(error, seconds)}", is_transient=True)
        except (dns.exception.DNSException, ValueError):
            return Attempt(problem="its response is not a DNS message; check server and port")
        return self._judge(message, response)

    def _judge(self, message: dns.message.Message, response: dns.message.Message) -> Attempt:
        """Interprets a response. Without a valid signature, it is no evidence for what the server has done."""
        if not message.is_response(response):
            return Attempt(problem="its response is not a DNS message; check server and port")
        rcode = response.rcode()
        code = dns.rcode.to_text(rcode)
        if rcode in _SIGNED_RCODES and self._key and not self._is_signed(response, message):
            return Attempt(problem="its response is not validly signed with the key, so it is not trusted")
        if rcode == dns.rcode.SERVFAIL:
            return Attempt(problem="the server returned SERVFAIL; see its log", is_transient=True, was_sent=False)
        if rcode in _SIGNED_RCODES:
            return Attempt(response)
        if response.tsig_error:
            code = dns.rcode.to_text(dns.rcode.Rcode(response.tsig_error), tsig=True)
        problem = f"the server returned {code}: {_NEXT_STEPS.get(code, 'see its log')}"
        # Anything between could have sent an unsigned rejection.
        return Attempt(response, problem, was_sent=bool(self._key) and not response.had_tsig)

    @staticmethod
    def _is_signed(response: dns.message.Message, message: dns.message.Message) -> bool:
        try:
            dns.message.from_wire(response.wire or b"", keyring=message.keyring, request_mac=message.mac)
        except (dns.exception.DNSException, ValueError):
            return False
        return response.had_tsig


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, (TimeoutError, dns.exception.Timeout)):
        return f" within {format_duration(seconds)}"
    if isinstance(error, EOFError):
        return ", because the server closed the connection"
    return f" ({one_line(getattr(error, 'strerror', None) or type(error).__name__)})"
