"""ngrok's rate limit: how the threads of a process wait together after a 429."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.rate_limit import RateLimit, Ticket
from pulumi_agin.base.budget import Budget
from pulumi_agin.base.redaction import Secret
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.keys import API_KEY


@pytest.fixture
def limit(clock: Clock) -> RateLimit:
    return RateLimit(clock)


def enter(limit: RateLimit, clock: Clock) -> Ticket:
    ticket = limit.enter(Budget(300, clock))
    assert ticket is not None
    return ticket


def answer(limit: RateLimit, times: int, clock: Clock, every: float = 0.0) -> None:
    for _ in range(times):
        limit.leave(enter(limit, clock))
        clock.now += every


def reject(limit: RateLimit, clock: Clock, retry_after: float | None = None) -> None:
    limit.leave(enter(limit, clock), is_rejected=True, retry_after=retry_after)


def wait_until_open(limit: RateLimit, clock: Clock) -> float:
    """Advances the clock until the next request may be sent. Returns the seconds."""
    seconds = limit.seconds_closed()
    assert seconds is not None
    clock.now += seconds
    return seconds


def test_no_wait_before_the_first_429(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 1000, clock)
    assert limit.seconds_closed() == 0


def test_full_window_waits_until_a_request_leaves_it(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 120, clock, every=0.25)
    reject(limit, clock)
    # 30 seconds after the first one: 30 more, and then one each quarter of a second.
    assert wait_until_open(limit, clock) == 30
    for _ in range(3):
        under_way = enter(limit, clock)
        assert wait_until_open(limit, clock) == 0.25
        limit.leave(under_way)
        assert limit.seconds_closed() == 0
    # A success does not end the wait, because the next request would get another 429.
    answer(limit, 1, clock)
    assert limit.seconds_closed() == 0.25


def test_rejected_requests_make_no_room_in_the_window(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 120, clock)
    for ticket in [enter(limit, clock) for _ in range(4)]:
        limit.leave(ticket, is_rejected=True, retry_after=None)
    assert wait_until_open(limit, clock) == 60
    answer(limit, 120, clock)
    assert limit.seconds_closed() == 60


def test_account_with_a_higher_limit_may_use_it(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 600, clock)
    reject(limit, clock)
    assert wait_until_open(limit, clock) == 60
    answer(limit, 600, clock)
    assert limit.seconds_closed() == 60


def test_own_requests_that_leave_the_window_make_room(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 5, clock)
    clock.now += 59.9
    reject(limit, clock)
    assert wait_until_open(limit, clock) <= 0.1 + 1e-6


def test_empty_window_waits_with_growing_pauses(limit: RateLimit, clock: Clock) -> None:
    for longest in (1, 2, 4, 8, 16, 20, 20):
        reject(limit, clock)
        assert longest / 2 <= wait_until_open(limit, clock) <= longest
    # A success ends the pauses.
    answer(limit, 1, clock)
    assert limit.seconds_closed() == 0


def test_others_wait_for_the_response_to_one_probe(limit: RateLimit, clock: Clock) -> None:
    reject(limit, clock)
    wait_until_open(limit, clock)
    probe = enter(limit, clock)
    assert limit.seconds_closed() is None
    limit.leave(probe, is_rejected=True, retry_after=None)
    assert wait_until_open(limit, clock) > 0
    probe = enter(limit, clock)
    assert limit.seconds_closed() is None
    limit.leave(probe)
    assert limit.seconds_closed() == 0


def test_request_sent_before_the_429_blocks_no_other(limit: RateLimit, clock: Clock) -> None:
    hangs = enter(limit, clock)
    reject(limit, clock)
    assert wait_until_open(limit, clock) <= 1
    probe = enter(limit, clock)
    # Its response shows nothing about the limit.
    limit.leave(hangs)
    assert limit.seconds_closed() is None
    limit.leave(probe)
    assert limit.seconds_closed() == 0


@pytest.mark.parametrize("history", [0, 120])
def test_all_requests_honor_a_retry_after(history: int, limit: RateLimit, clock: Clock) -> None:
    answer(limit, history, clock)
    under_way = [enter(limit, clock) for _ in range(3)]
    reject(limit, clock, retry_after=17)
    assert limit.seconds_closed() == 17
    # Responses to requests that were sent before change nothing.
    limit.leave(under_way[0])
    limit.leave(under_way[1], is_rejected=True)
    limit.leave(under_way[2], is_rejected=True, retry_after=1)
    assert wait_until_open(limit, clock) == 17
    probe = enter(limit, clock)
    assert limit.seconds_closed() is None
    limit.leave(probe)
    assert limit.seconds_closed() == 0


def test_wait_ends_with_the_time_of_the_call(limit: RateLimit, clock: Clock) -> None:
    reject(limit, clock, retry_after=17)
    assert limit.enter(Budget(17, clock)) is None
    assert clock.slept == []
    clock.now += 17
    limit.leave(enter(limit, clock))
    reject(limit, clock)
    wait_until_open(limit, clock)
    probe = enter(limit, clock)
    assert limit.enter(Budget(5, clock)) is None
    assert clock.slept == [5]
    limit.leave(probe)
    assert limit.enter(Budget(5, clock)) is not None


def test_cancelled_call_changes_nothing(limit: RateLimit, clock: Clock) -> None:
    def cancel() -> None:
        assert limit.enter(Budget(300, clock, is_cancelled=lambda: True)) is None

    answer(limit, 119, clock, every=0.25)
    cancel()
    # 119 requests in the last minute are less than the limit, so other processes have used it up.
    reject(limit, clock)
    assert wait_until_open(limit, clock) == 1
    cancel()
    # The next call is the probe, and the others wait for it.
    probe = enter(limit, clock)
    assert limit.seconds_closed() is None
    cancel()
    limit.leave(probe, is_rejected=True)
    assert wait_until_open(limit, clock) == 2


def test_call_that_is_cancelled_while_it_waits_gets_no_ticket(limit: RateLimit, clock: Clock) -> None:
    reject(limit, clock, retry_after=17)
    assert limit.enter(Budget(300, clock, is_cancelled=lambda: bool(clock.slept))) is None
    assert clock.slept == [17]
    enter(limit, clock)
    assert limit.seconds_closed() is None


def test_every_thread_continues_after_the_probe(limit: RateLimit, clock: Clock) -> None:
    reject(limit, clock)
    wait_until_open(limit, clock)
    probe = enter(limit, clock)
    began = clock.now

    def enter_at_work() -> None:
        with clock.at_work():
            enter(limit, clock)

    # This thread is at work, so the clock stands still.
    with ThreadPoolExecutor(8) as threads, clock.at_work():
        waiting = [threads.submit(enter_at_work) for _ in range(8)]
        clock.wait_until_asleep(8)
        limit.leave(probe)
        for each in waiting:
            each.result(20)
    assert clock.now == began


@pytest.fixture
def minute(clock: Clock) -> Iterator[Emulator]:
    """An emulator whose rate limit uses the clock."""
    with Emulator(API_KEY, clock=clock.utc_now) as emulator:
        yield emulator


@pytest.mark.parametrize(("clients", "each", "most_requests"), [(1, 300, 330), (3, 60, 270)])
def test_creates_of_several_threads_keep_to_the_limit(
    clients: int, each: int, most_requests: int, minute: Emulator, clock: Clock
) -> None:
    def create(client: AgentIngressClient, domains: list[str]) -> None:
        with clock.at_work():
            for domain in domains:
                client.create({"domain": domain})

    # Each client knows only its own requests, as in a process of its own.
    with ThreadPoolExecutor(4 * clients) as threads, clock.at_work():
        creating = []
        for number in range(clients):
            client = AgentIngressClient(Secret(API_KEY), minute.url, 300, clock=clock)
            domains = [f"d{each}.c{number}.acme.com" for each in range(each)]
            creating += [threads.submit(create, client, domains[thread::4]) for thread in range(4)]
    for done in creating:
        done.result()
    assert len(minute.ingresses()) == clients * each
    assert len(minute.requests()) <= most_requests
    assert clock.now - 1000 <= 130
