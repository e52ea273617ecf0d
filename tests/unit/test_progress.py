"""Progress lines of calls."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.messages import NoResponse, Response
from pulumi_agin.base.redaction import Secret
from tests.support.client import DOMAIN
from tests.support.clock import Clock
from tests.support.keys import API_KEY
from tests.support.wire import Slow

EMPTY = Response(200, {}, b'{"ingresses": []}')
REFUSED = NoResponse("Connection refused", may_have_arrived=False, is_transient=True)


@pytest.fixture
def lines() -> list[str]:
    """Collects the shown lines, each after its time in seconds."""
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


def test_quick_call_shows_nothing(clock: Clock, lines: list[str]) -> None:
    make_client(clock, lines, (0.9, REFUSED), (0, EMPTY)).list()
    # Nor does a call that only waits for a response.
    make_client(clock, lines, (25, EMPTY)).list()
    assert lines == []


def test_pause_after_a_refused_connection_is_shown(clock: Clock, lines: list[str]) -> None:
    make_client(clock, lines, (0.5, REFUSED), (0.5, REFUSED), (0, EMPTY)).list()
    assert lines == [
        "2.0: still waiting to list the Agent Ingresses (2 seconds elapsed, limit 30 seconds): no connection to "
        "https://api.ngrok.com: Connection refused; next attempt in 2 seconds",
        "4.0: ",
    ]


def test_line_is_shown_every_20_seconds(clock: Clock, lines: list[str]) -> None:
    # Only before a pause: after 0, 1, 3, 7, 15, 31 and 51 seconds. The line at the end clears the last one.
    make_client(clock, lines, *[(0, Response(503, {}, b""))] * 7, (0, EMPTY)).list()
    assert [line.partition(": ")[0] for line in lines] == ["1.0", "31.0", "51.0", "71.0"]


def test_limit_is_shown_once_for_all_calls_that_wait_for_it(clock: Clock, lines: list[str]) -> None:
    client = make_client(clock, lines, (0, Response(429, {"Retry-After": "9"}, b"")), (0, EMPTY), (0, EMPTY))
    with ThreadPoolExecutor(2) as threads, clock.at_work():
        refused = threads.submit(at_work, clock, client.list)
        clock.wait_until_asleep(1)
        unsent = threads.submit(at_work, clock, lambda: client.find(DOMAIN))
        clock.wait_until_asleep(2)
    assert (refused.result(), unsent.result()) == ([], None)
    assert lines == [
        "0.0: still waiting to list the Agent Ingresses (0 seconds elapsed, limit 5 minutes): ngrok accepts 120 "
        "requests a minute for the whole account; next attempt in 9 seconds",
        "9.0: ",
    ]


def test_search_for_a_create_with_a_lost_response_is_shown(clock: Clock, lines: list[str]) -> None:
    client = make_client(clock, lines, (0, Response(201, {}, b"<html>")), *[(0.9, EMPTY)] * 9)
    with pytest.raises(errors.CreateUnsettledError):
        client.create({"domain": DOMAIN})
    assert lines[0] == (
        f"2.8: still waiting to find out whether the Agent Ingress {DOMAIN} was created (2.8 seconds elapsed, limit "
        "30 seconds): ngrok does not list it, but it may still appear; next attempt in 2 seconds"
    )
