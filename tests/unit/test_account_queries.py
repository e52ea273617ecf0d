"""The time budget that the reads of a preview share."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

import pytest

from pulumi_agin.api.errors import NgrokError, NotFoundError, UnreachableError
from pulumi_agin.base.budget import Budget
from pulumi_agin.program.account_queries import PREVIEW_READS_SECONDS, AccountQueries
from tests.support.clock import Clock


class Ngrok:
    """Returns each ID after a call of `respond`. `seconds` has the time limits of the reads."""

    def __init__(self, respond: Callable[[str], None] = lambda id_: None, timeout_seconds: float = 300) -> None:
        self.clock = Clock()
        self.seconds: list[float] = []
        self.timeout_seconds = timeout_seconds
        self._respond = respond

    def require_client(self) -> Ngrok:
        return self

    def budget(self, seconds: float) -> Budget:
        return Budget(seconds, self.clock)

    def get_one_of_many(self, id_: str, budget: Budget) -> tuple[str, tuple[()]]:
        self.seconds.append(budget.left)
        self._respond(id_)
        return id_, ()


def queries_at(ngrok: Ngrok) -> Any:
    return AccountQueries(cast(Any, ngrok))


def test_each_group_of_reads_has_30_seconds_or_the_timeout() -> None:
    ngrok = Ngrok()
    queries = queries_at(ngrok)
    assert queries.get_for_preview("one") == "one"
    ngrok.clock.now += 10 * PREVIEW_READS_SECONDS
    assert queries.get_for_preview("two") == "two"
    quick = Ngrok(timeout_seconds=5)
    assert queries_at(quick).get_for_preview("three") == "three"
    assert [*ngrok.seconds, *quick.seconds] == [PREVIEW_READS_SECONDS, PREVIEW_READS_SECONDS, 5]


def test_reads_at_the_same_time_share_the_time() -> None:
    is_requested, may_respond = threading.Event(), threading.Event()

    def respond(id_: str) -> None:
        is_requested.set()
        if id_ == "slow":
            assert may_respond.wait(10)

    ngrok = Ngrok(respond)
    queries = queries_at(ngrok)
    with ThreadPoolExecutor() as threads:
        slow = threads.submit(queries.get_for_preview, "slow")
        assert is_requested.wait(10)
        ngrok.clock.now += PREVIEW_READS_SECONDS - 1
        assert queries.get_for_preview("quick") == "quick"
        ngrok.clock.now += 1
        with pytest.raises(UnreachableError, match=r"^timed out$"):
            queries.get_for_preview("late")
        may_respond.set()
        assert slow.result() == "slow"
    assert ngrok.seconds == [PREVIEW_READS_SECONDS, 1]


@pytest.mark.parametrize(
    ("error", "reads_again"),
    [
        (NotFoundError("gone", status=404, is_from_ngrok=True), True),
        (UnreachableError("no network"), False),
    ],
)
def test_no_read_is_sent_after_a_failure_that_affects_all(error: NgrokError, reads_again: bool) -> None:
    def respond(id_: str) -> None:
        if id_ == "one":
            raise error

    ngrok = Ngrok(respond)
    queries = queries_at(ngrok)
    with pytest.raises(type(error)):
        queries.get_for_preview("one")
    if reads_again:
        assert queries.get_for_preview("two") == "two"
    else:
        with pytest.raises(UnreachableError, match="timed out"):
            queries.get_for_preview("two")
    assert len(ngrok.seconds) == 1 + reads_again
