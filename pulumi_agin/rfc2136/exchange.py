"""Exchange of messages with the primary server of a zone: how each is signed, sent, retried, and its response judged.

All messages use TCP, because UDP loses responses more easily. If there is a TSIG key (RFC 8945), it signs every
message, including queries, because responses may depend on the key.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import dns.exception
import dns.message
import dns.opcode
import dns.query
import dns.rcode
import dns.tsig

from pulumi_agin.base.attempts import Attempts, Reachability
from pulumi_agin.base.budget import Budget, format_duration
from pulumi_agin.base.names import Server
from pulumi_agin.base.progress import Progress
from pulumi_agin.base.redaction import one_line

from .rejections import describe_rejection
from .values import DnsUpdateError, TsigKey

CONNECT_TIMEOUT_SECONDS = 5.0
RESPONSE_TIMEOUT_SECONDS = 10.0

# Responses with these codes are evidence of the server's records or actions, so they must be signed if there is a key.
_SIGNED_RCODES = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET)

_NO_DNS = "its response is not a DNS message; check server and port"

# Signatures are verified later. The type of the parameter leaves this value out.
_UNVERIFIED: Any = False


class Evidence(Enum):
    """The evidence of one attempt for what the server did with the message."""

    UNSENT = auto()
    """No connection, so the server did nothing."""
    RESPONDED = auto()
    """A response of the server. It does not carry out an update that it rejects."""
    REJECTED_UNSIGNED = auto()
    """A rejection without a signature of a message with one. Any intermediary can send it."""
    UNKNOWN = auto()
    """No response, or none that can be trusted. The server may have carried out the message, or may do so later."""


@dataclass(frozen=True)
class MessageOutcome:
    """One attempt to send a message. It has the properties of an `AttemptOutcome`."""

    evidence: Evidence
    problem: str = ""
    """A clause with the reason that the attempt failed; "" if the server accepted the message."""
    is_transient: bool = False
    response: dns.message.Message | None = None
    """The response that ends the attempts: an acceptance or a rejection."""

    @property
    def is_unconnected(self) -> bool:
        return self.is_transient and self.evidence is Evidence.UNSENT

    @property
    def may_have_effect(self) -> bool:
        return not self.problem or self.evidence in (Evidence.REJECTED_UNSIGNED, Evidence.UNKNOWN)

    @property
    def retry_after(self) -> None:
        """DNS servers don't ask for a pause."""
        return None


@dataclass(frozen=True)
class SentMessage:
    """A message to the server after its last attempt."""

    action: str
    """A verb phrase for messages: a verb, its object, the server, and the number of attempts."""
    problem: str
    """A clause: why the last attempt failed, or why there was no other; "" if the server accepted the message."""
    made_attempts: Sequence[MessageOutcome]
    is_possibly_applied: bool
    """Whether the server may have carried out an update by any of the attempts. Without an acceptance, only the records
    show whether it has."""

    @property
    def is_accepted(self) -> bool:
        return not self.problem

    @property
    def failure(self) -> DnsUpdateError:
        """The failure of a message that was not accepted."""
        return self.error(self.problem)

    def error(self, reason: str) -> DnsUpdateError:
        return DnsUpdateError(f"could not {self.action}: {reason}")

    @property
    def response(self) -> dns.message.Message | None:
        """The response of the last attempt, if it was accepted or rejected."""
        return self.made_attempts[-1].response if self.made_attempts else None

    @property
    def has_failed_prerequisite(self) -> bool:
        """Whether the records were not those that the update requires, by the server's response."""
        return self.response is not None and self.response.rcode() in (dns.rcode.YXRRSET, dns.rcode.NXRRSET)

    @property
    def may_be_applied_later(self) -> bool:
        """Whether an attempt got no trusted response, so that the server may apply the update after the next read.

        If not, but the update is possibly applied, each rejection lacks a signature. Unchanged records confirm it.
        """
        return any(each.evidence is Evidence.UNKNOWN for each in self.made_attempts)


@dataclass(frozen=True)
class Exchange:
    """The exchange of messages with the primary server of a zone.

    Transient failures are retried by the rules of `Attempts`: no connection, no response, and SERVFAIL (by RFC 2136,
    the server has undone an update to which it responds with SERVFAIL). Without a key, messages are unsigned, and
    responses are trusted without a signature.

    The calls of a lifecycle share `reachability`. `spell` returns the name of a property in the user's language.
    """

    address: Server
    zone: str
    key: TsigKey | None
    reachability: Reachability
    progress: Progress
    spell: Callable[[str], str]

    def send(self, message: dns.message.Message, domain: str, verb: str, budget: Budget) -> SentMessage:
        """Sends a message about the NS records of a domain, until an attempt is final, or the call ends.

        `verb` is what the call does, for messages. Raises no network error.
        """
        if self.key:
            algorithm = dns.tsig.HMAC_MD5 if self.key.algorithm == "hmac-md5" else self.key.algorithm
            message.use_tsig(dns.tsig.Key(self.key.name, self.key.secret.get_secret_value(), algorithm))
        action = self.action(verb, domain)
        attempts = Attempts(budget, self.reachability, is_write=message.opcode() == dns.opcode.UPDATE)
        made: list[MessageOutcome] = []
        with self.progress.of_call(action, budget) as progress:
            while not budget.is_cancelled():
                began_at = budget.clock.monotonic()
                attempt = self._attempt(message, domain, attempts)
                made.append(attempt)
                attempts.record(attempt, began_at)
                if not attempts.pause(attempt.problem, progress):
                    return SentMessage(action + attempts.effort, attempt.problem, made, attempts.is_possibly_applied)
        # Nothing more is sent, because the caller may have cleaned up already, and would not undo later changes.
        return SentMessage(action + attempts.effort, "it was interrupted", made, attempts.is_possibly_applied)

    def action(self, verb: str, domain: str) -> str:
        """Returns a verb phrase for messages."""
        return f"{verb} the NS records of {domain} at {self.address}"

    def _attempt(self, message: dns.message.Message, domain: str, attempts: Attempts) -> MessageOutcome:
        """Sends a message once, over a connection of its own. Raises no network error."""
        wire = message.to_wire()  # signs it again, because the signature contains the time
        seconds = attempts.seconds_to_connect(CONNECT_TIMEOUT_SECONDS)
        try:
            connection = socket.create_connection((self.address.host, self.address.port), seconds)
        except OSError as error:
            problem = f"no connection{_why(error, seconds)}; check server and port"
            return MessageOutcome(Evidence.UNSENT, problem, is_transient=not _is_unknown_host(error))
        seconds = min(RESPONSE_TIMEOUT_SECONDS, attempts.seconds_left)
        try:
            with connection:
                response = _response_to(wire, connection, seconds)
        except (dns.exception.Timeout, OSError, EOFError) as error:
            return MessageOutcome(Evidence.UNKNOWN, f"no response{_why(error, seconds)}", is_transient=True)
        except (dns.exception.DNSException, ValueError):
            return MessageOutcome(Evidence.UNKNOWN, _NO_DNS)
        return self._judge(message, response, domain)

    def _judge(self, message: dns.message.Message, response: dns.message.Message, domain: str) -> MessageOutcome:
        """Interprets a response to the message, after a check of its signature if there is a key."""
        if not message.is_response(response):
            return MessageOutcome(Evidence.UNKNOWN, _NO_DNS)
        evidence, rcode = Evidence.RESPONDED, response.rcode()
        if self.key and rcode not in _SIGNED_RCODES and (response.tsig_error or not response.had_tsig):
            evidence = Evidence.REJECTED_UNSIGNED
        elif self.key and not _is_validly_signed(response, message):
            return MessageOutcome(
                Evidence.UNKNOWN,
                f"its response is not validly signed with {self.key}, so it is not trusted; check that the server has "
                "this key, and check any proxy or firewall in between",
            )
        if rcode == dns.rcode.SERVFAIL:
            return MessageOutcome(evidence, "the server returned SERVFAIL; see its log", is_transient=True)
        if rcode == dns.rcode.NOERROR or (rcode == dns.rcode.NXDOMAIN and message.opcode() == dns.opcode.QUERY):
            return MessageOutcome(evidence, response=response)
        return MessageOutcome(
            evidence, describe_rejection(response, domain, self.zone, self.key, self.spell), response=response
        )


def _response_to(wire: bytes, connection: socket.socket, seconds: float) -> dns.message.Message:
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


def _is_unknown_host(error: OSError) -> bool:
    return isinstance(error, socket.gaierror) and error.errno != socket.EAI_AGAIN


def _why(error: Exception, seconds: float) -> str:
    if isinstance(error, (TimeoutError, dns.exception.Timeout)):
        return f" within {format_duration(seconds)}"
    if isinstance(error, EOFError):
        return ", because the server closed the connection"
    return f" ({one_line(getattr(error, 'strerror', None) or type(error).__name__)})"
