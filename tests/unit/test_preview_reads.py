"""How long a preview asks ngrok, by a clock that the tests turn."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import NgrokError, NotFoundError, UnreachableError
from pulumi_agin.patience import LONGEST_SECONDS, Patience
from tests.support.clock import Clock


class Ngrok:
    """Answers with the id that was asked for, once `answer` has been called, and keeps the time that each had."""

    timeout_seconds = 300.0

    def __init__(self, answer: Callable[[str], None] = lambda id_: None) -> None:
        self.clock = Clock()
        self.had: list[float] = []
        self._answer = answer

    def get_one_of_many(self, id_: str, seconds: float) -> str:
        self.had.append(seconds)
        self._answer(id_)
        return id_


def patience(ngrok: Ngrok) -> Patience:
    return Patience(cast(AgentIngressClient, ngrok), ngrok.clock)


def run(*calls: Awaitable[Any]) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_each_stretch_has_all_of_the_time_however_long_the_program_took_before() -> None:
    ngrok = Ngrok()
    asker = patience(ngrok)
    assert run(asker.get("one")) == ["one"]
    ngrok.clock.now += 10 * LONGEST_SECONDS
    assert run(asker.get("two")) == ["two"]
    assert ngrok.had == [LONGEST_SECONDS, LONGEST_SECONDS]


def test_a_call_may_take_no_longer_than_the_settings_say() -> None:
    ngrok = Ngrok()
    ngrok.timeout_seconds = 5
    run(patience(ngrok).get("one"))
    assert ngrok.had == [5]


def test_those_that_are_asked_for_together_share_the_time_and_fail_when_it_is_over() -> None:
    is_asked, may_answer = threading.Event(), threading.Event()

    def answer(id_: str) -> None:
        is_asked.set()
        if id_ == "slow":
            assert may_answer.wait(10)

    async def program() -> list[Any]:
        slow = asyncio.ensure_future(asker.get("slow"))
        await asyncio.to_thread(is_asked.wait, 10)
        ngrok.clock.now += LONGEST_SECONDS - 1
        quick = await asker.get("quick")
        ngrok.clock.now += 1
        [late] = await asyncio.gather(asker.get("late"), return_exceptions=True)
        may_answer.set()
        return [await slow, quick, str(late)]

    ngrok = Ngrok(answer)
    asker = patience(ngrok)
    assert asyncio.run(program()) == ["slow", "quick", "the time for it was over"]
    assert ngrok.had == [LONGEST_SECONDS, 1]


@pytest.mark.parametrize(
    ("error", "asks_again"),
    [
        (NotFoundError("gone", status=404, error_code="", operation_id=""), True),
        (UnreachableError("no network"), False),
    ],
)
def test_after_a_failure_that_meets_all_of_them_nothing_more_is_asked(error: NgrokError, asks_again: bool) -> None:
    def answer(id_: str) -> None:
        if id_ == "one":
            raise error

    ngrok = Ngrok(answer)
    asker = patience(ngrok)
    assert run(asker.get("one")) == [error]
    [second] = run(asker.get("two"))
    assert (second == "two") is asks_again
    assert len(ngrok.had) == 1 + asks_again
