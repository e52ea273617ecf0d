"""Moments in words: when something is, and how far away that is."""

from __future__ import annotations

from datetime import datetime, timezone

_UNITS = (("day", 86_400), ("hour", 3600), ("minute", 60), ("second", 1))


def moment_in_words(text: str, now: datetime) -> str:
    """Returns a moment in UTC and its distance from now, such as "2026-03-02 12:00 UTC, in 23 hours".

    Args:
        text: The moment, RFC 3339. Other text is returned as it is.
        now: The date and time now.
    """
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
        # Fails if the moment has no zone.
        seconds = (moment - now).total_seconds()
        moment = moment.astimezone(timezone.utc)
    except (ValueError, OverflowError, TypeError):
        return text
    return f"{moment:%Y-%m-%d %H:%M} UTC, {_distance(seconds)}"


def _distance(seconds: float) -> str:
    if abs(seconds) < 1:
        return "now"
    # From two of a unit on, so that 90 minutes are not "1 hour".
    unit, length = next(((unit, length) for unit, length in _UNITS if abs(seconds) >= 2 * length), _UNITS[-1])
    number = round(abs(seconds) / length)
    words = f"{number} {unit}{'' if number == 1 else 's'}"
    return f"in {words}" if seconds > 0 else f"{words} ago"
