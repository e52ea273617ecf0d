"""AccountQueries: the queries that a program itself sends to ngrok, for lookups and previews."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar

from pulumi_agin.api.errors import BadResponseError, NgrokError, NotFoundError, UnreachableError
from pulumi_agin.lifecycle.services import Account

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel
    from pulumi_agin.base.budget import Budget

T = TypeVar("T")

# The time budget for the reads of a preview, all ingresses together. Without a response in time, outputs are unknown.
PREVIEW_READS_SECONDS = 30

# Enough that one slow response does not delay others. Reads share a list, so more threads would not be faster.
THREADS = 8


class AccountQueries:
    """The queries that the program itself sends to an ngrok account, for lookups and previews."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self._client = account.require_client()
        # Not asyncio's default executor: the SDK's calls fill it, and in a large stack ours would be queued.
        self._executor = ThreadPoolExecutor(THREADS)
        self._lock = threading.Lock()
        # Of a preview: the running reads, the budget that they share, and whether a failure has ended all reads.
        self._running_reads = 0
        self._read_budget = self._client.budget(0)
        self._have_reads_ended = False

    async def call(self, function: Callable[..., T], *args: Any) -> T:
        """Calls a function in a thread, while the program's event loop keeps running."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, function, *args)

    def get_for_preview(self, id_: str) -> IngressModel:
        """Reads an ingress within the time budget that all reads of a preview share.

        A failure that is not about one ingress alone, such as a timeout, makes all later reads fail immediately.
        """
        with self._shared_read_budget() as budget:
            if budget.left <= 0:
                self._have_reads_ended = True
            if self._have_reads_ended:
                raise UnreachableError("timed out")
            try:
                ingress, _ = self._client.get_one_of_many(id_, budget)
            except (NotFoundError, BadResponseError):
                # These are about this ingress alone.
                raise
            except NgrokError:
                self._have_reads_ended = True
                raise
            return ingress

    @contextmanager
    def _shared_read_budget(self) -> Iterator[Budget]:
        """Yields the budget that concurrent reads share. It starts with a read while no other is running."""
        with self._lock:
            if not self._running_reads:
                self._read_budget = self._client.budget(min(PREVIEW_READS_SECONDS, self._client.timeout_seconds))
            self._running_reads += 1
            budget = self._read_budget
        try:
            yield budget
        finally:
            with self._lock:
                self._running_reads -= 1
