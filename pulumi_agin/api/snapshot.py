"""Reading many Agent Ingresses with few requests: out of one list, for a few seconds.

A refresh reads each ingress of a stack on its own, and 120 requests a minute are all that the account has.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

from . import errors, models
from .retry import Deadline

MAX_AGE_SECONDS = 5.0

Query = Mapping[str, str]


class Page(NamedTuple):
    """A page of the list of ingresses: when it was asked for, what it holds, and the next one, if any."""

    asked_at: float
    ingresses: list[models.AgentIngress]
    next_page: Query | None


class Snapshot:
    """The account's ingresses by id, at most 5 seconds old, and not older than the last write.

    The first read is left to a request of its own: one is cheaper than a list. The reads that follow close upon it
    share a list, which is read on, page by page, as far as it takes to find what is asked for.
    """

    def __init__(self, list_page: Callable[[Query, Deadline], Page], first_page: Query) -> None:
        """`list_page` asks for the page that a query names."""
        self._list_page = list_page
        self._first_page = first_page
        self._lock = threading.Lock()
        self._last_read_at: float | None = None
        self._taken_at: float | None = None
        self._writes = 0
        # Of the list, and so of the one thread that reads it.
        self._listing = threading.Lock()
        self._ingresses: dict[str, models.AgentIngress] = {}
        self._next_page: Query | None = None

    def find(self, id_: str, deadline: Deadline) -> models.AgentIngress | None:
        """The ingress; None where it has to be asked for by its id."""
        with self._lock:
            is_first = not _is_young(self._last_read_at)
            self._last_read_at = time.monotonic()
            if is_first and not _is_young(self._taken_at):
                return None
        # One lists, and the others wait for it; half of the time is left to ask by id.
        if not self._listing.acquire(timeout=max(0.0, deadline.left / 2)):
            return None
        try:
            self._read_on(id_, Deadline(deadline.left / 2))
            return self._ingresses.get(id_) if _is_young(self._taken_at) else None
        finally:
            self._listing.release()

    def written(self) -> None:
        """To be called before and after each write: what was read before it is not to be used after it."""
        with self._lock:
            self._writes += 1
            self._taken_at = None

    def _read_on(self, id_: str, deadline: Deadline) -> None:
        with self._lock:
            writes, taken_at = self._writes, self._taken_at
        begins = not _is_young(taken_at)
        if begins:
            taken_at, self._ingresses, self._next_page = None, {}, self._first_page
        try:
            while id_ not in self._ingresses and self._next_page is not None:
                page = self._list_page(self._next_page, deadline)
                taken_at = page.asked_at if taken_at is None else taken_at
                new = {ingress.id: ingress for ingress in page.ingresses if ingress.id not in self._ingresses}
                self._ingresses |= new
                # Pages that bring nothing new could go round in a circle.
                self._next_page = page.next_page if new and _is_young(taken_at) else None
        except errors.NgrokError:
            self._next_page = None
        if begins and not _is_young(taken_at):
            # Failed or too slow, it is as good as an empty one: each is asked for by its id, and not the list again.
            taken_at, self._ingresses = time.monotonic(), {}
        with self._lock:
            self._taken_at = taken_at if writes == self._writes else None


def _is_young(moment: float | None) -> bool:
    return moment is not None and time.monotonic() - moment < MAX_AGE_SECONDS
