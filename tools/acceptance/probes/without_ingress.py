"""Questions that need no ingress."""

from __future__ import annotations

import base64
from collections.abc import Callable
from urllib.parse import quote

from tools.acceptance.probes.probe import UNKNOWN_ID, Probe, outcome_of
from tools.acceptance.service import COLLECTION, Request
from tools.acceptance.session import Seen, Session, outcome

NO_KEY = "not-a-key"
NO_BODYS_KEY = "2aginAcceptanceTestNobodys0_" + "0" * 21
"""As long as a key of ngrok's, and of nobody."""


def _unknown_key(key: str) -> Callable[[Session], Seen]:
    def ask(session: Session) -> Seen:
        seen = outcome(session.ask(Request(authorization=f"Bearer {key}")))
        repeats = "repeats" if key in seen.msg else "does not repeat"
        return Seen(f"{seen.found}; the message {repeats} the key", seen.msg)

    return ask


_BODY = {"description": "changed by make acceptance"}
_BASIC = "Basic " + base64.b64encode(f"acceptance:{NO_KEY}".encode()).decode()

WITHOUT_INGRESS = (
    Probe("unknown-key", "a key that does not look like one", _unknown_key(NO_KEY)),
    Probe("unknown-key", "a key that looks like one", _unknown_key(NO_BODYS_KEY)),
    Probe("other-credentials", "Basic credentials", outcome_of(Request(authorization=_BASIC))),
    Probe("other-credentials", "Digest credentials", outcome_of(Request(authorization='Digest username="acceptance"'))),
    Probe("wrong-method", "PUT on the list", outcome_of(Request("PUT", json=_BODY))),
    Probe(
        "order-of-checks",
        "a wrong path, without a key",
        outcome_of(Request(path="/agent_ingresses_acceptance", authorization=None)),
    ),
    Probe(
        "order-of-checks", "a wrong method, without a key", outcome_of(Request("PUT", json=_BODY, authorization=None))
    ),
    Probe("order-of-checks", "no key, and no version", outcome_of(Request(authorization=None, version=None))),
    Probe(
        "order-of-checks", "no version, and an unknown query parameter", outcome_of(Request(query="a=b", version=None))
    ),
    Probe(
        "order-of-checks", "an unknown query parameter, and a body on GET", outcome_of(Request(query="a=b", json={}))
    ),
    Probe(
        "order-of-checks",
        "a body on GET, and a malformed id",
        outcome_of(Request(path=f"{COLLECTION}/nonsense", json={})),
    ),
    Probe(
        "order-of-checks",
        "a malformed id, and a body that can't be parsed",
        outcome_of(Request("PATCH", f"{COLLECTION}/nonsense", text="{")),
    ),
    Probe(
        "order-of-checks",
        "an unknown id, and an unknown parameter",
        outcome_of(Request("PATCH", f"{COLLECTION}/{UNKNOWN_ID}", json={"a": "b"})),
    ),
    Probe("unknown-id", "an id that nothing has", outcome_of(Request(path=f"{COLLECTION}/{UNKNOWN_ID}"))),
    Probe("unknown-id", "a malformed id", outcome_of(Request(path=f"{COLLECTION}/nonsense"))),
    Probe("before-id", "a malformed before_id", outcome_of(Request(query="limit=1&before_id=nonsense"))),
    Probe("page-size", "a size that is not a number", outcome_of(Request(query="limit=many"))),
    Probe("page-size", "a size of 0", outcome_of(Request(query="limit=0"))),
    Probe("page-size", "a size of 101", outcome_of(Request(query="limit=101"))),
    Probe(
        "wrong-filter",
        "a filter with another field",
        outcome_of(Request(query="filter=" + quote('obj.acceptance == "a"'))),
    ),
    Probe(
        "wrong-filter",
        "a filter that is neither true nor false",
        outcome_of(Request(query="filter=" + quote('"text"'))),
    ),
    Probe("refused-input", "an id of something else", outcome_of(Request(path=f"{COLLECTION}/ep_{'0' * 27}"))),
    Probe("refused-input", "a repeated query parameter", outcome_of(Request(query="limit=1&limit=2"))),
    Probe("refused-input", "an API version that is none", outcome_of(Request(version="1000000"))),
)
