"""The lines that show what a call waits for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import Clock as SystemClock
from pulumi_agin.api.credentials import Secret
from pulumi_agin.api.http import NoResponse, Response
from pulumi_agin.api.progress import Wait
from pulumi_agin.api.retry import Deadline
from tests.support.client import DOMAIN
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.wire import Slow

EMPTY = Response(200, {}, b'{"ingresses": []}')


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def lines() -> list[str]:
    """The lines that were shown, each after the seconds at which it was."""
    return []


def make_client(clock: Clock, lines: list[str], *outcomes: tuple[float, Response | NoResponse]) -> AgentIngressClient:
    return AgentIngressClient(
        Secret(API_KEY),
        timeout_seconds=300,
        show_progress=lambda line, _: lines.append(f"{clock.now - 1000:.1f}: {line}"),
        clock=clock,
        http_client=Slow(clock, *outcomes),
    )


def at_work(clock: Clock, call: Callable[[], object]) -> object:
    with clock.at_work():
        return call()


def test_slow_response_shows_a_line_after_3_seconds_and_every_20(clock: Clock, lines: list[str]) -> None:
    assert make_client(clock, lines, (50, EMPTY)).list() == []
    assert lines == [
        "3.0: still waiting to list the Agent Ingresses, for 3 seconds (5 minutes at most): no response yet",
        "23.0: still waiting to list the Agent Ingresses, for 23 seconds (5 minutes at most): no response yet",
        "43.0: still waiting to list the Agent Ingresses, for 43 seconds (5 minutes at most): no response yet",
        "50.0: ",
    ]


def test_quick_call_shows_nothing(clock: Clock, lines: list[str]) -> None:
    make_client(clock, lines, (2.9, EMPTY)).list()
    # The watch over the call has ended with it.
    clock.sleep(100)
    assert lines == []


def test_refused_connection_is_shown(clock: Clock, lines: list[str]) -> None:
    refused = NoResponse("Connection refused", may_have_arrived=False, is_transient=True)
    make_client(clock, lines, (0.5, refused), (0.5, refused), (0, EMPTY)).list()
    # The second pause is from the second to the fourth second.
    assert lines == [
        "3.0: still waiting to list the Agent Ingresses, for 3 seconds (30 seconds at most): no connection to "
        "https://api.ngrok.com: Connection refused; it goes on in 1 second",
        "4.0: ",
    ]


def test_limit_is_shown_for_each_call_that_waits_for_it(clock: Clock, lines: list[str]) -> None:
    client = make_client(clock, lines, (0, Response(429, {"Retry-After": "9"}, b"")), (0, EMPTY), (0, EMPTY))
    with ThreadPoolExecutor(2) as threads, clock.at_work():
        refused = threads.submit(at_work, clock, client.list)
        clock.wait_until_asleep(1)
        unsent = threads.submit(at_work, clock, lambda: client.find(DOMAIN))
        clock.wait_until_asleep(2)
    assert (refused.result(), unsent.result()) == ([], None)
    for doing in ("list the Agent Ingresses", f"find the Agent Ingress {DOMAIN}"):
        [line] = [line for line in lines if doing in line]
        assert line.startswith("3.0: ")
        assert line.endswith(": ngrok accepts 120 requests a minute from the whole account; it goes on in 6 seconds")


def test_search_for_a_create_with_a_lost_response_is_shown(clock: Clock, lines: list[str]) -> None:
    client = make_client(clock, lines, (0, Response(201, {}, b"<html>")), *[(0.9, EMPTY)] * 9)
    with pytest.raises(errors.CreateUnsettledError):
        client.create({"domain": DOMAIN})
    assert lines[0] == (
        f"3.0: still waiting to find out whether the Agent Ingress {DOMAIN} was made, for 3 seconds (30 seconds at "
        "most): it is not there, but may still appear; it goes on in 2 seconds"
    )


def test_only_four_of_many_calls_show_lines(clock: Clock, lines: list[str]) -> None:
    client = make_client(clock, lines, *[(10, EMPTY)] * 12)
    with ThreadPoolExecutor(12) as threads, clock.at_work():
        listing = [threads.submit(at_work, clock, client.list) for _ in range(12)]
        clock.wait_until_asleep(12)
    assert [each.result() for each in listing] == [[]] * 12
    assert all("still waiting to list the Agent Ingresses" in line for line in lines[:4])
    assert lines[4:] == ["3.0: still waiting for 8 more", *["10.0: "] * 4]


def test_no_moment_in_the_past_is_promised(clock: Clock) -> None:
    wait = Wait("list", Deadline(300, clock), says_next=0)
    wait.waits_for("the limit", 7)
    assert wait.line().endswith("the limit; it goes on in 7 seconds")
    clock.now += 8
    assert wait.line().endswith("the limit")


def test_system_clock_repeats_in_a_daemon_thread_that_ends() -> None:
    calls: list[threading.Thread] = []

    def step() -> bool:
        calls.append(threading.current_thread())
        return len(calls) < 3

    SystemClock().repeat(0.01, step)
    while len(calls) < 3:
        time.sleep(0.001)
    calls[0].join(20)
    assert len(calls) == 3
    assert calls[0].daemon
    assert not calls[0].is_alive()
