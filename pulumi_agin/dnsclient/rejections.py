"""Reasons and next steps for the response codes of a server that rejects a message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import dns.message
import dns.opcode
import dns.rcode

from .values import TsigKey

_NO_KEY = "no key"
_KEY = "the key itself is rejected"
_UNSIGNED = "the client's message is signed, and the answer is not"
_UPDATE = "UPDATE"
_CREDENTIALS_HINT = (
    ". Refresh and destroy use the key of the last `pulumi up`: after a change, run `pulumi up` first, or add "
    "--run-program"
)
_UNSIGNED_UPDATES = (
    "it accepts no unsigned updates of the zone {zone} from this address, or is not its primary server; check server "
    "and zone, and give {tsig_key_name} and {tsig_secret}, or allow unsigned updates at the server"
    f"{_CREDENTIALS_HINT}"
)
# PowerDNS rejects a key in this way. Other servers reject a zone that they don't have in this way.
_KEY_OR_ZONE = (
    "it does not have the zone {zone}, does not allow queries from this machine, or does not accept {key}, its secret "
    "or the time of this machine; its log says which"
)
_NO_UPDATES = "it does not support DNS UPDATE (RFC 2136), or not in this form; check server and port"
_CONCURRENT_CHANGE = "another client is changing the records of this name right now; run `pulumi up` again"

_REASONS: dict[tuple[dns.rcode.Rcode, str], str] = {
    (dns.rcode.REFUSED, _NO_KEY): _UNSIGNED_UPDATES,
    (dns.rcode.NOTAUTH, _NO_KEY): _UNSIGNED_UPDATES,
    (dns.rcode.REFUSED, _UNSIGNED): _KEY_OR_ZONE,
    (dns.rcode.NOTAUTH, _UNSIGNED): _KEY_OR_ZONE,
    (dns.rcode.REFUSED, _UPDATE): (
        "{key} may not change the NS records of {domain}; BIND allows that by "
        '`update-policy {{ grant "{key.name}" name {domain}. NS; }};` of the zone {zone}'
    ),
    (dns.rcode.REFUSED, ""): (
        "it does not have the zone {zone}, or does not allow queries from this machine; check server and zone"
    ),
    (dns.rcode.NOTAUTH, ""): "it is not the primary server of the zone {zone}; check server and zone",
    (dns.rcode.NOTZONE, ""): "{domain} is not in the zone {zone}; check zone",
    (dns.rcode.FORMERR, ""): _NO_UPDATES,
    (dns.rcode.NOTIMP, ""): _NO_UPDATES,
    (dns.rcode.YXRRSET, ""): _CONCURRENT_CHANGE,
    (dns.rcode.NXRRSET, ""): _CONCURRENT_CHANGE,
    (dns.rcode.BADKEY, _KEY): (
        "it has no key of this name with {key.algorithm}, or, if it is Knot DNS, the key may not change {domain}; "
        f"check {{tsig_key_name}} and {{tsig_algorithm}}{_CREDENTIALS_HINT}"
    ),
    (dns.rcode.BADSIG, _KEY): f"it has another secret for it; check {{tsig_secret}}{_CREDENTIALS_HINT}",
    (
        dns.rcode.BADTIME,
        _KEY,
    ): "the clocks differ by more than 5 minutes: {clocks}; set the wrong one",
}


def describe_rejection(
    message: dns.message.Message,
    answer: dns.message.Message,
    domain: str,
    zone: str,
    key: TsigKey | None,
    spell: Callable[[str], str],
) -> str:
    """Returns a clause with the code of an answer, what it means, and the next step."""
    code, case = answer.rcode(), _NO_KEY
    clause = f"it answered {dns.rcode.to_text(code)}"
    if answer.tsig_error:
        code, case = dns.rcode.Rcode(answer.tsig_error), _KEY
        clause = f"it rejects {key} ({dns.rcode.to_text(code, tsig=True)})"
    elif key:
        case = dns.opcode.to_text(answer.opcode()) if answer.had_tsig else _UNSIGNED
    template = _REASONS.get((code, case)) or _REASONS.get((code, ""), "its log says why")
    names = {name: spell(name) for name in ("tsig_key_name", "tsig_secret", "tsig_algorithm")}
    clocks = _compare_clocks(message.tsig, answer.tsig)
    return f"{clause}: {template.format(domain=domain, zone=zone, key=key, clocks=clocks, **names)}"


def _compare_clocks(signed: Any, received: Any) -> str:
    """Compares the time at which a message was signed with the server's in the answer (RFC 8945, 5.2.3)."""
    if not signed or not received:
        return ""
    return f"here it is {_moment(signed[0].time_signed)}, and there {_moment(int.from_bytes(received[0].other, 'big'))}"


def _moment(seconds: int) -> str:
    try:
        return f"{datetime.fromtimestamp(seconds, timezone.utc):%Y-%m-%d %H:%M:%S} UTC"
    except (ValueError, OverflowError, OSError):
        return "an invalid time"
