"""One DNS message to a server, and the response: over TCP, signed with TSIG. Each error is a clause for messages."""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any

import dns.exception
import dns.message
import dns.query
import dns.rcode
import dns.tsig

from pulumi_agin.api.budget import Budget

TIMEOUT_SECONDS = 10.0

# A response with one of these codes shows what the server has or did. With a key, such a response must be signed,
# because anyone between the server and this machine can forge an unsigned response. Rejections may be unsigned: a
# forged rejection only makes a call fail.
_EVIDENCE = (dns.rcode.NOERROR, dns.rcode.NXDOMAIN, dns.rcode.YXRRSET, dns.rcode.NXRRSET)

_NO_DNS = "its response is not a DNS message; check server and port"
_NO_UPDATES = "it does not support DNS UPDATE (RFC 2136); check server and port"

# The cause of a rejection, by its TSIG error code if it has such a code, or else by its response code.
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


class ServerError(Exception):
    """A DNS query or update failed. Only an error of a subclass may be retried."""


class NoConnectionError(ServerError):
    """Nothing was sent. Another attempt may succeed."""


class NoResponseError(ServerError):
    """There is no response, or the response proves nothing. The server may have carried out an update."""


class Exchange:
    """The server and the key of a resource, for all messages of one call or preview. `PrimaryServer` creates one."""

    def __init__(self, place: Mapping[str, Any], budget: Budget) -> None:
        """`place` has the checked inputs or the outputs of a resource. Pulumi passes numbers as floats."""
        self._budget = budget
        self._address = (str(place["server"]), int(place["port"]))
        self._key = None
        if place.get("tsig_key_name"):
            self._key = dns.tsig.Key(place["tsig_key_name"], place["tsig_secret"], place["tsig_algorithm"])

    def send(self, message: dns.message.Message) -> dns.message.Message:
        """Sends a message once. Raises ServerError unless the response shows what the server has or did."""
        if self._key:
            message.use_tsig(self._key)
        # Each attempt signs the message again, because the signature contains the time.
        wire = message.to_wire()
        # At most half of the remaining time, so that there is time to read the records after an update.
        seconds = min(TIMEOUT_SECONDS, max(self._budget.left / 2, 0.1))
        try:
            connection = socket.create_connection(self._address, seconds)
        except OSError as error:
            raise NoConnectionError(f"no connection ({_reason(error)}); check server and port") from None
        try:
            with connection:
                response = _response_to(wire, connection, seconds)
        except (dns.exception.Timeout, OSError, EOFError) as error:
            raise NoResponseError(f"no response ({_reason(error)})") from None
        except (dns.exception.DNSException, ValueError):
            raise NoResponseError(_NO_DNS) from None
        self._require_evidence(message, response)
        return response

    def _require_evidence(self, message: dns.message.Message, response: dns.message.Message) -> None:
        """Raises ServerError for a rejection, and NoResponseError for a response that proves nothing."""
        if not message.is_response(response):
            raise NoResponseError(_NO_DNS)
        rcode = response.rcode()
        if rcode not in _EVIDENCE:
            code = dns.rcode.to_text(rcode)
            if response.tsig_error:
                code = dns.rcode.to_text(dns.rcode.Rcode(response.tsig_error), tsig=True)
            # SERVFAIL may be temporary, for example while the server loads the zone.
            kind = NoResponseError if rcode == dns.rcode.SERVFAIL else ServerError
            raise kind(f"the server returned {code}: {_CAUSES.get(code, 'see its log')}")
        if self._key and not _is_validly_signed(response, message):
            raise NoResponseError("its response is not validly signed with the key, so it is not trusted")


def _response_to(wire: bytes, connection: socket.socket, seconds: float) -> dns.message.Message:
    """Sends a message, and returns the response without verifying its signature."""
    connection.setblocking(False)
    end = time.time() + seconds
    dns.query.send_tcp(connection, wire, end)
    # `dns.query.tcp` would raise an error for an unsigned response, but a rejection may be unsigned.
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


def _reason(error: Exception) -> str:
    if isinstance(error, EOFError):
        return "the server closed the connection"
    return getattr(error, "strerror", None) or "timed out"
