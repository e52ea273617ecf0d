"""Exchange of one DNS message with the primary server of a zone: signed with TSIG, sent over TCP, and retried."""

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

from pulumi_agin.api.clock import format_duration
from pulumi_agin.api.errors import InterruptedCallError
from pulumi_agin.api.progress import Budget
from pulumi_agin.api.redaction import one_line
from pulumi_agin.lifecycle.operation import FailedError

CONNECT_TIMEOUT_SECONDS = 5.0
RESPONSE_TIMEOUT_SECONDS = 10.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 8.0

# How long a message is retried at most while no connection could be made.
UNCONNECTED_SECONDS = 30.0

# Responses with these codes show what the server has or did, so they must be signed if there is a key.
_EVIDENCE = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET)

_NO_DNS = "its response is not a DNS message; check server and port"
_NO_UPDATES = "it does not support DNS UPDATE (RFC 2136); check server and port"

# By the code of a rejection, or of its TSIG error.
_CAUSES = {
    "BADKEY": "it has no key with this name and algorithm; check tsig_key_name and tsig_algorithm",
    "BADSIG": "it has another secret for this key; check tsig_secret",
    "BADTIME": "the clocks of this machine and of the server differ by more than 5 minutes",
    "REFUSED": "it does not allow this to the key or this machine; check tsig_key_name, zone and its policy",
    "NOTAUTH": "it is not the primary server of the zone, or does not accept the key; check server, zone and the key",
    "NOTZONE": "the domain is not in the zone; check zone",
    "NOTIMP": _NO_UPDATES,
    "FORMERR": _NO_UPDATES,
}


@dataclass(frozen=True)
class Attempt:
    """The outcome of one attempt: a response that shows what the server has or did, or else a problem."""

    response: dns.message.Message | None = None
    problem: str = ""
    is_connected: bool = True
    is_transient: bool = False
    is_in_doubt: bool = False
    """Whether the server may have carried out the message although no response proves it."""


@dataclass(frozen=True)
class Sent:
    """A message after its last attempt: its response, or the failure."""

    response: dns.message.Message | None
    failure: FailedError
    is_in_doubt: bool
    """Whether the server may have carried out an update in this or an earlier attempt, unseen."""

    @property
    def is_confirmed(self) -> bool:
        return self.response is not None and self.response.rcode() == dns.rcode.NOERROR


class Exchange:
    """Sends messages about the NS records of one domain, for one call of the engine.

    | outcome of an attempt           | retried             | an update is then in doubt         |
    |---------------------------------|---------------------|------------------------------------|
    | no connection                   | yes, for 30 seconds | no                                 |
    | no response                     | yes                 | yes                                |
    | SERVFAIL (the update is undone) | yes                 | only if unsigned in spite of a key |
    | any other rejection             | no                  | only if unsigned in spite of a key |
    | no DNS, or a wrong signature    | no                  | yes                                |

    Anyone between the server and this machine can forge an unsigned response.
    """

    def __init__(self, place: Mapping[str, Any], budget: Budget) -> None:
        """`place` are inputs or outputs of a resource, with the server, the domain and the key."""
        self.budget = budget
        self._address = (str(place["server"]), int(place["port"]))
        self._object = f"the NS records of {place['domain']} at {place['server']} port {self._address[1]}"
        self._key = None
        if place.get("tsig_key_name"):
            algorithm = place["tsig_algorithm"]
            # dnspython has a longer name for it.
            algorithm = dns.tsig.HMAC_MD5 if algorithm == "hmac-md5" else algorithm
            self._key = dns.tsig.Key(place["tsig_key_name"], place["tsig_secret"], algorithm)

    def failure(self, verb: str, reason: str) -> FailedError:
        """Returns a failure of the call. `verb` is what it does with the NS records."""
        return FailedError(f"could not {verb} {self._object}: {reason}")

    def send(self, message: dns.message.Message, verb: str, budget: Budget) -> Sent:
        """Sends a message until an attempt is final or the budget ends. `verb` is for messages. Raises no failure."""
        if self._key:
            message.use_tsig(self._key)
        is_update = message.opcode() == dns.opcode.UPDATE
        is_in_doubt = has_connected = False
        pause = FIRST_PAUSE_SECONDS
        try:
            while True:
                attempt = self._attempt(message, budget)
                is_in_doubt = is_in_doubt or (is_update and attempt.is_in_doubt)
                has_connected = has_connected or attempt.is_connected
                left = budget.left if has_connected else min(budget.left, UNCONNECTED_SECONDS - budget.elapsed)
                wait = budget.clock.jitter(pause)
                if not attempt.is_transient or wait >= left:
                    return Sent(attempt.response, self.failure(verb, attempt.problem), is_in_doubt)
                budget.wait(wait, f"{verb} {self._object}", attempt.problem)
                pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
        except InterruptedCallError:
            return Sent(None, self.failure(verb, "it was interrupted"), is_in_doubt)
        finally:
            budget.finish()

    def _attempt(self, message: dns.message.Message, budget: Budget) -> Attempt:
        """Sends a message once, over a connection of its own. Raises no network error."""
        wire = message.to_wire()  # signs it again, because the signature contains the time
        seconds = min(CONNECT_TIMEOUT_SECONDS, max(budget.left, 0.1))
        try:
            connection = socket.create_connection(self._address, seconds)
        except OSError as error:
            is_transient = not isinstance(error, socket.gaierror) or error.errno == socket.EAI_AGAIN
            problem = f"no connection{_why(error, seconds)}; check server and port"
            return Attempt(problem=problem, is_connected=False, is_transient=is_transient)
        seconds = min(RESPONSE_TIMEOUT_SECONDS, max(budget.left, 0.1))
        try:
            with connection:
                response = _response_to(wire, connection, seconds)
        except (dns.exception.Timeout, OSError, EOFError) as error:
            return Attempt(problem=f"no response{_why(error, seconds)}", is_transient=True, is_in_doubt=True)
        except (dns.exception.DNSException, ValueError):
            return Attempt(problem=_NO_DNS, is_in_doubt=True)
        return self._judge(message, response)

    def _judge(self, message: dns.message.Message, response: dns.message.Message) -> Attempt:
        """Interprets a response to the message, after a check of its signature if there is a key."""
        if not message.is_response(response):
            return Attempt(problem=_NO_DNS, is_in_doubt=True)
        is_trusted = self._key is None or _is_validly_signed(response, message)
        rcode = response.rcode()
        if rcode in _EVIDENCE:
            if is_trusted:
                return Attempt(response)
            problem = "its response is not validly signed with the key, so it is not trusted"
            return Attempt(problem=problem, is_in_doubt=True)
        code = dns.rcode.to_text(rcode)
        if response.tsig_error:
            code = dns.rcode.to_text(dns.rcode.Rcode(response.tsig_error), tsig=True)
        problem = f"the server returned {code}: {_CAUSES.get(code, 'see its log')}"
        return Attempt(problem=problem, is_transient=rcode == dns.rcode.SERVFAIL, is_in_doubt=not is_trusted)


def _response_to(wire: bytes, connection: socket.socket, seconds: float) -> dns.message.Message:
    """Sends a message, and returns the response, whose signature is not verified yet."""
    connection.setblocking(False)
    end = time.time() + seconds
    dns.query.send_tcp(connection, wire, end)
    # `dns.query.tcp` raises an error if the response is unsigned, which a rejection may be.
    unverified: Any = False
    response, _ = dns.query.receive_tcp(connection, end, keyring=unverified)
    return response


def _is_validly_signed(response: dns.message.Message, message: dns.message.Message) -> bool:
    if not response.had_tsig:
        return False
    try:
        dns.message.from_wire(response.wire or b"", keyring=message.keyring, request_mac=message.mac)
    except (dns.exception.DNSException, ValueError):
        return False
    return True


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, (TimeoutError, dns.exception.Timeout)):
        return f" within {format_duration(seconds)}"
    if isinstance(error, EOFError):
        return ", because the server closed the connection"
    return f" ({one_line(getattr(error, 'strerror', None) or type(error).__name__)})"
