"""What the answers to all questions have shown."""

from __future__ import annotations

from tools.acceptance.probes.probe import Probe
from tools.acceptance.session import Seen, Session, outcome


def _unknown_keys(session: Session) -> Seen:
    found = [f"{place}: {', '.join(sorted(keys))}" for place, keys in sorted(session.unknown_keys.items())]
    return Seen("; ".join(found) or "none")


def _limit(session: Session) -> Seen:
    headers = f"headers about the limit: {', '.join(sorted(session.limit_headers)) or 'none'}"
    refused = session.service.over_limit
    if not refused:
        return Seen(f"no request was refused; {headers}")
    first = refused[0]
    seen = outcome(first.answer)
    return Seen(
        f"{seen.found} ({seen.msg}), after {first.sent} requests of this run within a minute, to which those of others "
        f"in the account are added; {headers}"
    )


FROM_ALL_ANSWERS = (
    Probe("unknown-keys", "undocumented keys in all answers", _unknown_keys),
    Probe("limit", "requests that were refused because of the limit", _limit),
)
