"""How the threads of a process wait together after a 429."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_agin.api import errors
from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.rate_limit import RateLimit
from pulumi_agin.api.retry import Deadline
from pulumi_agin.emulator import Emulator
from tests.support.clock import Clock
from tests.support.keys import API_KEY


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def limit(clock: Clock) -> RateLimit:
    return RateLimit(clock)


def enter(limit: RateLimit, clock: Clock) -> int:
    ticket = limit.enter(Deadline(300, clock))
    assert ticket is not None
    return ticket


def answer(limit: RateLimit, times: int, clock: Clock, every: float = 0.0) -> None:
    for _ in range(times):
        limit.note_answer(enter(limit, clock))
        clock.now += every


def refuse(limit: RateLimit, clock: Clock, retry_after: float | None = None) -> None:
    limit.note_refusal(enter(limit, clock), retry_after)


def opening(limit: RateLimit, clock: Clock) -> float:
    """How long the next request waits; the clock is then there."""
    seconds = limit.seconds_closed()
    assert seconds is not None
    clock.now += seconds
    return seconds


def test_it_is_open_until_the_first_429(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 1000, clock)
    assert limit.seconds_closed() == 0


def test_with_a_full_history_it_waits_for_what_the_window_needs_and_no_longer(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 120, clock, every=0.25)
    refuse(limit, clock)
    # 30 seconds after the first one: 30 more, and then one each quarter of a second.
    assert opening(limit, clock) == 30
    for _ in range(3):
        under_way = enter(limit, clock)
        assert opening(limit, clock) == 0.25
        limit.note_answer(under_way)
        assert limit.seconds_closed() == 0
    # What is known does not end with a success: nobody runs into the next 429.
    answer(limit, 1, clock)
    assert limit.seconds_closed() == 0.25


def test_requests_that_are_refused_at_the_same_time_make_no_room(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 120, clock)
    for ticket in [enter(limit, clock) for _ in range(4)]:
        limit.note_refusal(ticket, None)
    assert opening(limit, clock) == 60
    answer(limit, 120, clock)
    assert limit.seconds_closed() == 60


def test_an_account_that_may_do_more_is_let_do_more(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 600, clock)
    refuse(limit, clock)
    assert opening(limit, clock) == 60
    answer(limit, 600, clock)
    assert limit.seconds_closed() == 60


def test_without_a_history_the_first_repetition_comes_within_two_seconds_and_later_ones_seldom(
    limit: RateLimit, clock: Clock
) -> None:
    for longest in (1, 2, 4, 8, 16, 20, 20):
        refuse(limit, clock)
        assert longest / 2 <= opening(limit, clock) <= longest
    # A success ends that.
    answer(limit, 1, clock)
    assert limit.seconds_closed() == 0


def test_what_leaves_the_window_of_our_own_makes_room_sooner(limit: RateLimit, clock: Clock) -> None:
    answer(limit, 5, clock)
    clock.now += 59.9
    refuse(limit, clock)
    assert opening(limit, clock) <= 0.1 + 1e-6
    # They have left. Of the others' requests nothing is known.
    refuse(limit, clock)
    assert opening(limit, clock) >= 1


def test_one_asks_again_and_the_others_wait_for_what_it_is_told(limit: RateLimit, clock: Clock) -> None:
    refuse(limit, clock)
    opening(limit, clock)
    probe = enter(limit, clock)
    assert limit.seconds_closed() is None
    limit.note_refusal(probe, None)
    assert opening(limit, clock) > 0
    probe = enter(limit, clock)
    assert limit.seconds_closed() is None
    limit.note_answer(probe)
    assert limit.seconds_closed() == 0


def test_a_request_that_hangs_since_before_holds_nobody_up(limit: RateLimit, clock: Clock) -> None:
    hangs = enter(limit, clock)
    refuse(limit, clock)
    assert opening(limit, clock) <= 1
    probe = enter(limit, clock)
    # Nor does its end tell anything about the limit.
    limit.note_answer(hangs)
    assert limit.seconds_closed() is None
    limit.note_answer(probe)
    assert limit.seconds_closed() == 0


@pytest.mark.parametrize("history", [0, 50, 120])
def test_retry_after_is_kept_by_all(history: int, limit: RateLimit, clock: Clock) -> None:
    answer(limit, history, clock)
    on_their_way = [enter(limit, clock) for _ in range(3)]
    refuse(limit, clock, retry_after=17)
    assert limit.seconds_closed() == 17
    # Neither a success nor another refusal of what was sent before changes that.
    limit.note_answer(on_their_way[0])
    limit.note_refusal(on_their_way[1], None)
    limit.note_refusal(on_their_way[2], 1)
    assert opening(limit, clock) == 17
    probe = enter(limit, clock)
    assert limit.seconds_closed() is None
    limit.note_answer(probe)
    assert limit.seconds_closed() == 0


def test_a_retry_after_of_nothing_is_no_leave_to_ask_without_a_pause(limit: RateLimit, clock: Clock) -> None:
    refuse(limit, clock, retry_after=0)
    assert 0.5 <= opening(limit, clock) <= 1


def test_who_has_no_time_for_it_is_told_at_once(limit: RateLimit, clock: Clock) -> None:
    refuse(limit, clock, retry_after=17)
    assert limit.enter(Deadline(17, clock)) is None
    assert clock.slept == []


def test_who_waits_for_anothers_answer_waits_no_longer_than_it_may(limit: RateLimit, clock: Clock) -> None:
    refuse(limit, clock)
    opening(limit, clock)
    probe = enter(limit, clock)
    assert limit.enter(Deadline(5, clock)) is None
    assert clock.slept == [5]
    limit.note_answer(probe)
    assert limit.enter(Deadline(5, clock)) is not None


def test_every_thread_goes_on_when_the_answer_is_there(limit: RateLimit, clock: Clock) -> None:
    refuse(limit, clock)
    opening(limit, clock)
    probe = enter(limit, clock)
    began = clock.now
    # Nobody's time runs out, as the one that asks is at work.
    with ThreadPoolExecutor(8) as threads, clock.at_work():
        waiting = [threads.submit(at_work, clock, lambda: enter(limit, clock)) for _ in range(8)]
        clock.wait_until_asleep(8)
        limit.note_answer(probe)
        assert len([each.result(20) for each in waiting]) == 8
    assert clock.now == began


def at_work(clock: Clock, function: Callable[[], object]) -> object:
    with clock.at_work():
        return function()


# -- the client against an emulator that counts, both by one clock ----------------------------------------


@pytest.fixture
def minute(clock: Clock) -> Iterator[Emulator]:
    """ngrok's limit, by the clock."""
    with Emulator(API_KEY, clock=clock.utc_now) as emulator:
        yield emulator


def client_of(emulator: Emulator, clock: Clock) -> AgentIngressClient:
    return AgentIngressClient(Secret(API_KEY), emulator.url, 300, clock=clock)


def create_at_once(clients: list[AgentIngressClient], clock: Clock, each: int) -> None:
    """So many creates by each client, in 4 threads of its own."""

    def create(client: int, thread: int) -> None:
        with clock.at_work():
            for number in range(thread, each, 4):
                clients[client].create({"domain": f"d{number}.c{client}.acme.com"})

    with ThreadPoolExecutor(4 * len(clients)) as threads, clock.at_work():
        creating = [threads.submit(create, client, thread) for client in range(len(clients)) for thread in range(4)]
    for done in creating:
        done.result()


def test_three_hundred_creates_need_no_more_than_a_tenth_more_requests(minute: Emulator, clock: Clock) -> None:
    create_at_once([client_of(minute, clock)], clock, 300)
    assert len({ingress["id"] for ingress in minute.ingresses()}) == 300
    assert len(minute.requests()) <= 330
    assert 120 <= clock.now - 1000 <= 130


def test_others_who_use_the_account_up_make_nothing_fail(minute: Emulator, clock: Clock) -> None:
    create_at_once([client_of(minute, clock) for _ in range(3)], clock, 100)
    assert len(minute.ingresses()) == 300


def test_a_thread_that_was_refused_and_one_that_was_not_fail_at_once_where_there_is_no_time(
    emulator: Emulator, clock: Clock
) -> None:
    emulator.add_fault("GET", "answer", status=429, headers={"Retry-After": "400"})
    client = client_of(emulator, clock)
    for _ in range(2):
        with pytest.raises(errors.RateLimitedError, match=r"could not list the Agent Ingresses: ngrok .*429|120"):
            client.list()
    assert len(emulator.requests()) == 1
    assert clock.slept == []
