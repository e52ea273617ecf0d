"""Reading many Agent Ingresses with few requests: out of one list, for a few seconds.

A refresh reads each ingress of a stack on its own, and 120 requests a minute are all that the account has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import NamedTuple

from . import errors, models
from .retry import Deadline

MAX_AGE_SECONDS = 5.0

# All pages of a list together may be so long: the Agent Ingresses of an account are thousands at most, of some KB each.
LONGEST_LIST_BYTES = 64 * 2**20

Query = Mapping[str, str]


class Page(NamedTuple):
    """A page of the list of ingresses: when it was asked for, what it holds, and the next one, if any.

    answered_at: by the server's clock, where the answer told. size: in bytes.
    """

    asked_at: float
    answered_at: datetime | None
    ingresses: list[models.AgentIngress]
    next_page: Query | None
    size: int = 0


class _Seen(NamedTuple):
    """An ingress, with the page that had it and when that was asked for."""

    ingress: models.AgentIngress
    page: Query
    asked_at: float


class Snapshot:
    """The account's ingresses by id, each as a list had it at most 5 seconds ago, and not before the last write.

    The first read is left to a request of its own: one is cheaper than a list. The reads that follow close upon it
    share a list, which is read on, page by page, as far as it takes to find what is asked for. Under the limit that can
    take long: a page that has become too old is read again when something of it is asked for.
    """

    def __init__(self, list_page: Callable[[Query, Deadline], Page], first_page: Query) -> None:
        """`list_page` asks for the page that a query names."""
        self._list_page = list_page
        self._first_page = first_page
        self._lock = threading.Lock()
        self._reading = 0
        self._last_read_at: float | None = None
        self._writes = 0
        # Of the list, and so of the one thread that reads it.
        self._listing = threading.Lock()
        self._forget(0)

    def find(self, id_: str, deadline: Deadline) -> models.AgentIngress | None:
        """The ingress; None where it has to be asked for by its id."""
        with self._lock:
            is_first = not self._reading and not _is_young(self._last_read_at)
            self._reading += 1
        try:
            # One lists, and the others wait for it; half of the time is left to ask by id.
            if is_first or not self._listing.acquire(timeout=max(0.0, deadline.left / 2)):
                return None
            try:
                return self._looked_up(id_, Deadline(deadline.left / 2))
            finally:
                self._listing.release()
        finally:
            with self._lock:
                self._reading -= 1
                self._last_read_at = time.monotonic()

    def written(self) -> None:
        """To be called before and after each write: what was read before it is not to be used after it."""
        with self._lock:
            self._writes += 1

    def _forget(self, writes: int) -> None:
        self._as_of_write = writes
        self._seen: dict[str, _Seen] = {}
        self._size = 0
        self._asked: list[Query] = []
        self._next_page: Query | None = None
        self._ended_at: float | None = None
        self._failed_at: float | None = None

    def _looked_up(self, id_: str, deadline: Deadline) -> models.AgentIngress | None:
        writes = self._writes
        if writes != self._as_of_write:
            self._forget(writes)
        seen = self._seen.get(id_)
        try:
            if seen is None:
                self._read_on(id_, deadline)
            elif not _is_young(seen.asked_at) and not _is_young(self._failed_at):
                self._read(seen.page, deadline)
        except errors.NgrokError:
            self._fail()
        seen = self._seen.get(id_)
        return seen.ingress if seen and _is_young(seen.asked_at) and writes == self._writes else None

    def _read_on(self, id_: str, deadline: Deadline) -> None:
        if self._next_page is None and not _is_young(self._ended_at):
            self._next_page, self._asked, self._size = self._first_page, [], 0
        while id_ not in self._seen and self._next_page is not None:
            if self._asked and (deadline.left <= 0 or self._size > LONGEST_LIST_BYTES):
                self._fail()
                return
            self._asked.append(self._next_page)
            page = self._read(self._next_page, deadline)
            self._size += page.size
            # Pages can go round in a circle, and a list that failed is at its end.
            goes_on = page.next_page not in self._asked and self._next_page is not None
            self._next_page = page.next_page if goes_on else None
            self._ended_at = time.monotonic()

    def _read(self, query: Query, deadline: Deadline) -> Page:
        page = self._list_page(query, deadline)
        self._seen |= {ingress.id: _Seen(ingress, query, page.asked_at) for ingress in page.ingresses}
        if not _is_young(page.asked_at):
            self._fail()
        return page

    def _fail(self) -> None:
        # A list that fails or is too slow is as good as none for a while: each is asked for by its id.
        self._next_page = None
        self._failed_at = self._ended_at = time.monotonic()


def _is_young(moment: float | None) -> bool:
    return moment is not None and time.monotonic() - moment < MAX_AGE_SECONDS
