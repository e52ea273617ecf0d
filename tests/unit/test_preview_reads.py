"""The time budget of the reads of a preview."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable
from typing import Any, cast

import pytest

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import NgrokError, NotFoundError, UnreachableError
from pulumi_agin.api.retry import Deadline
from pulumi_agin.program.preview_reads import LONGEST_SECONDS, PreviewReads
from tests.support.clock import Clock


class Ngrok:
    """Returns each id after a call of `respond`. `seconds` are the time limits of the reads."""

    timeout_seconds = 300.0

    def __init__(self, respond: Callable[[str], None] = lambda id_: None) -> None:
        self.clock = Clock()
        self.seconds: list[float] = []
        self._answer = respond

    def deadline(self, seconds: float) -> Deadline:
        return Deadline(seconds, self.clock)

    def get_one_of_many(self, id_: str, deadline: Deadline) -> str:
        self.seconds.append(deadline.seconds)
        self._answer(id_)
        return id_


def patience(ngrok: Ngrok) -> PreviewReads:
    return PreviewReads(cast(AgentIngressClient, ngrok), ngrok.clock)


def run(*calls: Awaitable[Any]) -> list[Any]:
    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*calls, return_exceptions=True)

    return asyncio.run(all_of_them())


def test_each_group_of_reads_has_30_seconds_or_the_timeout() -> None:
    ngrok = Ngrok()
    reads = patience(ngrok)
    assert run(reads.get("one")) == ["one"]
    ngrok.clock.now += 10 * LONGEST_SECONDS
    assert run(reads.get("two")) == ["two"]
    ngrok.timeout_seconds = 5
    assert run(patience(ngrok).get("three")) == ["three"]
    assert ngrok.seconds == [LONGEST_SECONDS, LONGEST_SECONDS, 5]


def test_reads_at_the_same_time_share_the_time() -> None:
    is_requested, may_respond = threading.Event(), threading.Event()

    def respond(id_: str) -> None:
        is_requested.set()
        if id_ == "slow":
            assert may_respond.wait(10)

    async def program() -> list[Any]:
        slow = asyncio.ensure_future(reads.get("slow"))
        await asyncio.to_thread(is_requested.wait, 10)
        ngrok.clock.now += LONGEST_SECONDS - 1
        quick = await reads.get("quick")
        ngrok.clock.now += 1
        [late] = await asyncio.gather(reads.get("late"), return_exceptions=True)
        may_respond.set()
        return [await slow, quick, str(late)]

    ngrok = Ngrok(respond)
    reads = patience(ngrok)
    assert asyncio.run(program()) == ["slow", "quick", "the time for it was over"]
    assert ngrok.seconds == [LONGEST_SECONDS, 1]


@pytest.mark.parametrize(
    ("error", "reads_again"),
    [
        (NotFoundError("gone", status=404, error_code="", operation_id=""), True),
        (UnreachableError("no network"), False),
    ],
)
def test_no_read_follows_a_failure_that_affects_all(error: NgrokError, reads_again: bool) -> None:
    def respond(id_: str) -> None:
        if id_ == "one":
            raise error

    ngrok = Ngrok(respond)
    reads = patience(ngrok)
    assert run(reads.get("one")) == [error]
    [second] = run(reads.get("two"))
    assert (second == "two") is reads_again
    assert len(ngrok.seconds) == 1 + reads_again
