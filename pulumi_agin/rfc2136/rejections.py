"""Reasons and next steps for the response codes of a server that rejected a message."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone

import dns.message
import dns.opcode
import dns.rcode

from pulumi_agin.lifecycle.shell_commands import explain_line

from .values import TsigKey

# PowerDNS rejects keys in this way too.
_NOT_ALLOWED = (
    "it is not the primary server of the zone {zone}, or rejects this machine, its clock, {key} or its secret; see its "
    "log"
)
_NO_UPDATES = "it does not support DNS UPDATE (RFC 2136), or does not accept this form of it; check server and port"
_CONCURRENT_CHANGE = "another client is changing the records of this name; run `pulumi up` again"

# By the code of a response or of its TSIG error. "no key" and "no permission" are rejections whose cause is clear.
_EXPLANATIONS = {
    "no key": (
        "it requires a key, or is not the primary server of the zone {zone}; check server and zone, and set "
        "{tsig_key_name} and {tsig_secret} (`{explain}`)"
    ),
    "no permission": (
        "{key} is not allowed to change the NS records of {domain}; in BIND, allow it with "
        '`update-policy {{ grant "{key.name}" name {domain}. NS; }};` in the zone {zone}'
    ),
    "REFUSED": _NOT_ALLOWED,
    "NOTAUTH": _NOT_ALLOWED,
    "NOTZONE": "{domain} is not in the zone {zone}; check zone",
    "FORMERR": _NO_UPDATES,
    "NOTIMP": _NO_UPDATES,
    "YXRRSET": _CONCURRENT_CHANGE,
    "NXRRSET": _CONCURRENT_CHANGE,
    "BADKEY": (
        "it has no key with this name and the algorithm {key.algorithm}; check {tsig_key_name} and {tsig_algorithm} "
        "(`{explain}`)"
    ),
    "BADSIG": "it has a different secret for this key; check {tsig_secret} (`{explain}`)",
    "BADTIME": "the clocks differ by more than 5 minutes: here it is {now:%Y-%m-%d %H:%M:%S} UTC; fix the wrong one",
}


def describe_rejection(
    response: dns.message.Message, domain: str, zone: str, key: TsigKey | None, spell: Callable[[str], str]
) -> str:
    """Returns a clause with the code of a response, its meaning, and the next step.

    `key` is the key of the message; `spell` returns the name of a property in the user's language.
    """
    code = dns.rcode.to_text(response.rcode())
    clause, case = f"the server returned {code}", code
    if response.tsig_error:
        case = dns.rcode.to_text(dns.rcode.Rcode(response.tsig_error), tsig=True)
        clause = f"it rejects {key} ({case})"
    elif code in ("REFUSED", "NOTAUTH") and not key:
        case = "no key"
    elif code == "REFUSED" and response.had_tsig and response.opcode() == dns.opcode.UPDATE:
        case = "no permission"
    explanation = _EXPLANATIONS.get(case, "see its log").format(
        domain=domain,
        zone=zone,
        key=key,
        now=datetime.now(timezone.utc),
        tsig_key_name=spell("tsig_key_name"),
        tsig_secret=spell("tsig_secret"),
        tsig_algorithm=spell("tsig_algorithm"),
        # A change of the key needs a second step before a refresh or destroy.
        explain=explain_line("rejected-key"),
    )
    return f"{clause}: {explanation}"
