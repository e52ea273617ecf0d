"""Times in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pulumi_agin.cli.relative_time import moment_in_words

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=1), "in 1 second"),
        (timedelta(seconds=90), "in 90 seconds"),
        (timedelta(minutes=-3), "3 minutes ago"),
        (timedelta(hours=23, minutes=59), "in 24 hours"),
        (timedelta(days=-400), "400 days ago"),
    ],
)
def test_time_and_distance(distance: timedelta, words: str) -> None:
    time = NOW + distance
    assert moment_in_words(time.isoformat(), NOW) == f"{time:%Y-%m-%d %H:%M} UTC, {words}"


def test_time_is_shown_in_utc() -> None:
    for text in ("2026-03-01T14:00:00+02:00", "2026-03-01T12:00:00.500Z"):
        assert moment_in_words(text, NOW) == "2026-03-01 12:00 UTC, now"
    for text in ("soon", "", "2026-03-01T12:00:00", "0001-01-01T00:00:00+14:00"):
        assert moment_in_words(text, NOW) == text
