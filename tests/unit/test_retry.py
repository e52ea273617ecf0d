"""When a request is repeated, and how long is waited before."""

from __future__ import annotations

import pytest

from pulumi_agin.api import retry


@pytest.mark.parametrize(
    ("status", "repeated"),
    [
        (None, True),
        (429, True),
        (500, True),
        (502, True),
        (503, True),
        (504, True),
        (301, False),
        (307, False),
        (400, False),
        (401, False),
        (403, False),
        (404, False),
        (409, False),
        (501, False),
    ],
)
def test_what_passes_by_is_repeated_and_nothing_else(status: int | None, repeated: bool) -> None:
    assert retry.passes_by(status) is repeated


def test_waits_double_with_jitter_up_to_a_longest() -> None:
    for repetition, longest in [(1, 1), (2, 2), (3, 4), (4, 8), (5, 16), (6, 20), (60, 20)]:
        waits = [retry.backoff_seconds(repetition) for _ in range(50)]
        assert longest / 2 <= min(waits) <= max(waits) <= longest
        assert len(set(waits)) > 1
    assert retry.backoff_seconds(10_000) <= 20
    assert retry.backoff_seconds(1, retry_after=7) == 7
    assert retry.backoff_seconds(1, retry_after=0) >= 0.5


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({}, None),
        ({"Retry-After": "7"}, 7),
        ({"Retry-After": "soon"}, None),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "9" * 400}, None),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:49 GMT", "Date": "Fri, 02 Aug 2024 07:15:39 GMT"}, 10),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:29 GMT", "Date": "Fri, 02 Aug 2024 07:15:39 GMT"}, 0),
        ({"Retry-After": "Fri, 02 Aug 2024 07:15:29 GMT"}, 0),
    ],
)
def test_retry_after_is_seconds_or_a_date_by_the_servers_clock(headers: dict[str, str], seconds: float | None) -> None:
    assert retry.retry_after_seconds(headers) == seconds
