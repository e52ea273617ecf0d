"""Moments in words."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from pulumi_agin.cli.times import moment_in_words

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=timezone.utc)


@pytest.mark.parametrize(
    ("distance", "words"),
    [
        (timedelta(), "now"),
        (timedelta(seconds=1), "in 1 second"),
        (timedelta(seconds=90), "in 90 seconds"),
        (timedelta(minutes=-3), "3 minutes ago"),
        (timedelta(minutes=90), "in 90 minutes"),
        (timedelta(hours=23, minutes=59), "in 24 hours"),
        (timedelta(days=60), "in 60 days"),
        (timedelta(days=-400), "400 days ago"),
    ],
)
def test_a_moment_and_how_far_away_it_is(distance: timedelta, words: str) -> None:
    moment = NOW + distance
    assert moment_in_words(moment.isoformat(), NOW) == f"{moment:%Y-%m-%d %H:%M} UTC, {words}"


@pytest.mark.parametrize("text", ["soon", "", "2026-03-01T12:00:00", "0001-01-01T00:00:00+14:00"])
def test_what_is_no_moment_stays_as_it_is(text: str) -> None:
    assert moment_in_words(text, NOW) == text


def test_a_moment_is_in_utc() -> None:
    assert moment_in_words("2026-03-01T14:00:00+02:00", NOW) == "2026-03-01 12:00 UTC, now"
    assert moment_in_words("2026-03-01T12:00:00.500Z", NOW) == "2026-03-01 12:00 UTC, now"
