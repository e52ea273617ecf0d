"""How the threads of a process wait together after a 429."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from itertools import count

import pytest

from pulumi_agin.api import errors, rate_limit, retry
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.rate_limit import RateLimit
from pulumi_agin.api.retry import Deadline
from pulumi_agin.emulator import Emulator
from tests.keys import API_KEY
from tests.unit.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(rate_limit, "time", clock)
    monkeypatch.setattr(retry, "time", clock)
    return clock


def entered(limit: RateLimit) -> int:
    ticket = limit.enter(Deadline(300))
    assert ticket is not None
    return ticket


def answered(limit: RateLimit, times: int, clock: Clock, every: float = 0.0) -> None:
    for _ in range(times):
        limit.counted(entered(limit))
        clock.now += every


def refused(limit: RateLimit, retry_after: float | None = None) -> None:
    limit.refused(entered(limit), retry_after)


def opens_in(limit: RateLimit, clock: Clock) -> float:
    """How long the next request waits; the clock is then there."""
    seconds = limit.seconds_closed()
    assert seconds is not None
    clock.now += seconds
    return seconds


def test_it_is_open_until_the_first_429(clock: Clock) -> None:
    limit = RateLimit()
    answered(limit, 1000, clock)
    assert limit.seconds_closed() == 0


def test_with_a_full_history_it_waits_for_what_the_window_needs_and_no_longer(clock: Clock) -> None:
    limit = RateLimit()
    answered(limit, 120, clock, every=0.25)
    refused(limit)
    # 30 seconds after the first one: 30 more, and then one each quarter of a second.
    assert opens_in(limit, clock) == 30
    for _ in range(3):
        under_way = entered(limit)
        assert opens_in(limit, clock) == 0.25
        limit.counted(under_way)
        assert limit.seconds_closed() == 0
    # What is known does not end with a success: nobody runs into the next 429.
    answered(limit, 1, clock)
    assert limit.seconds_closed() == 0.25


def test_requests_that_are_refused_at_the_same_time_make_no_room(clock: Clock) -> None:
    limit = RateLimit()
    answered(limit, 120, clock)
    for ticket in [entered(limit) for _ in range(4)]:
        limit.refused(ticket, None)
    assert opens_in(limit, clock) == 60
    answered(limit, 120, clock)
    assert limit.seconds_closed() == 60


def test_an_account_that_may_do_more_is_let_do_more(clock: Clock) -> None:
    limit = RateLimit()
    answered(limit, 600, clock)
    refused(limit)
    assert opens_in(limit, clock) == 60
    answered(limit, 600, clock)
    assert limit.seconds_closed() == 60


def test_without_a_history_the_first_repetition_comes_within_two_seconds_and_later_ones_seldom(clock: Clock) -> None:
    limit = RateLimit()
    for longest in (1, 2, 4, 8, 16, 20, 20):
        refused(limit)
        assert longest / 2 <= opens_in(limit, clock) <= longest
    # A success ends that.
    answered(limit, 1, clock)
    assert limit.seconds_closed() == 0


def test_what_leaves_the_window_of_our_own_makes_room_sooner(clock: Clock) -> None:
    limit = RateLimit()
    answered(limit, 5, clock)
    clock.now += 59.9
    refused(limit)
    assert opens_in(limit, clock) <= 0.1 + 1e-6
    # They have left. Of the others' requests nothing is known.
    refused(limit)
    assert opens_in(limit, clock) >= 1


def test_one_asks_again_and_the_others_wait_for_what_it_is_told(clock: Clock) -> None:
    limit = RateLimit()
    refused(limit)
    opens_in(limit, clock)
    probe = entered(limit)
    assert limit.seconds_closed() is None
    limit.refused(probe, None)
    assert opens_in(limit, clock) > 0
    probe = entered(limit)
    assert limit.seconds_closed() is None
    limit.counted(probe)
    assert limit.seconds_closed() == 0


def test_a_request_that_hangs_since_before_holds_nobody_up(clock: Clock) -> None:
    limit = RateLimit()
    hangs = entered(limit)
    refused(limit)
    assert opens_in(limit, clock) <= 1
    probe = entered(limit)
    # Nor does its end tell anything about the limit.
    limit.counted(hangs)
    assert limit.seconds_closed() is None
    limit.counted(probe)
    assert limit.seconds_closed() == 0


@pytest.mark.parametrize("history", [0, 50, 120])
def test_retry_after_is_kept_by_all(history: int, clock: Clock) -> None:
    limit = RateLimit()
    answered(limit, history, clock)
    on_their_way = [entered(limit) for _ in range(3)]
    refused(limit, retry_after=17)
    assert limit.seconds_closed() == 17
    # Neither a success nor another refusal of what was sent before changes that.
    limit.counted(on_their_way[0])
    limit.refused(on_their_way[1], None)
    limit.refused(on_their_way[2], 1)
    assert opens_in(limit, clock) == 17
    probe = entered(limit)
    assert limit.seconds_closed() is None
    limit.counted(probe)
    assert limit.seconds_closed() == 0


def test_a_retry_after_of_nothing_is_no_leave_to_ask_without_a_pause(clock: Clock) -> None:
    limit = RateLimit()
    refused(limit, retry_after=0)
    assert 0.5 <= opens_in(limit, clock) <= 1


def test_who_has_no_time_for_it_is_told_at_once(clock: Clock) -> None:
    limit = RateLimit()
    refused(limit, retry_after=17)
    assert limit.enter(Deadline(17)) is None
    assert clock.slept == []


def test_who_waits_for_anothers_answer_waits_no_longer_than_it_may() -> None:
    limit = RateLimit()
    limit.refused(entered(limit), 0.5)
    probe = entered(limit)
    assert limit.enter(Deadline(0.05)) is None
    limit.counted(probe)
    assert limit.enter(Deadline(0.05)) is not None


def test_every_thread_goes_on_when_the_answer_is_there() -> None:
    limit = RateLimit()
    limit.refused(entered(limit), 0.5)
    probe = entered(limit)
    with ThreadPoolExecutor(8) as threads:
        waiting = [threads.submit(entered, limit) for _ in range(8)]
        limit.counted(probe)
        assert len([each.result(20) for each in waiting]) == 8


# -- the client against an emulator that counts -----------------------------------------------------------


@pytest.fixture
def minute(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    """The minute is 2 seconds, and the pauses are as much shorter."""
    emulator.configure(window_seconds=2)
    monkeypatch.setattr(rate_limit, "WINDOW_SECONDS", 2)
    monkeypatch.setattr(retry, "FIRST_BACKOFF_SECONDS", retry.FIRST_BACKOFF_SECONDS / 30)
    monkeypatch.setattr(retry, "LONGEST_BACKOFF_SECONDS", retry.LONGEST_BACKOFF_SECONDS / 30)
    return emulator


def client_of(emulator: Emulator) -> AgentIngressClient:
    return AgentIngressClient(Secret(API_KEY), emulator.url, 300)


def test_three_hundred_creates_need_no_more_than_a_tenth_more_requests(minute: Emulator) -> None:
    client = client_of(minute)
    with ThreadPoolExecutor(4) as threads:
        made = list(threads.map(lambda number: client.create({"domain": f"d{number}.acme.com"}), range(300)))
    assert len({ingress.id for ingress in made}) == len(minute.ingresses()) == 300
    assert len(minute.requests()) <= 330


def test_others_who_use_the_account_up_make_nothing_fail(minute: Emulator) -> None:
    numbers = count()
    clients = [client_of(minute) for _ in range(3)]

    def create(client: AgentIngressClient) -> None:
        client.create({"domain": f"d{next(numbers)}.acme.com"})

    with ThreadPoolExecutor(12) as threads:
        for done in [threads.submit(create, client) for _ in range(100) for client in clients]:
            done.result()
    assert len(minute.ingresses()) == 300


def test_a_thread_that_was_refused_and_one_that_was_not_fail_at_once_where_there_is_no_time(
    emulator: Emulator,
) -> None:
    emulator.add_fault("GET", "answer", status=429, headers={"Retry-After": "400"})
    client = client_of(emulator)
    for _ in range(2):
        with pytest.raises(errors.RateLimitedError, match=r"could not list the Agent Ingresses: ngrok .*429|120"):
            client.list()
    assert len(emulator.requests()) == 1
