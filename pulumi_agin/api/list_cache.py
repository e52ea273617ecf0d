"""Reading many Agent Ingresses with few requests, from a list that is used for a few seconds.

A refresh reads each ingress of a stack separately, and an account has only 120 requests a minute.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from . import errors
from .clock import SYSTEM_CLOCK, Clock
from .retry import Deadline

if TYPE_CHECKING:
    from .models import AgentIngress

MAX_AGE_SECONDS = 5.0

# The longest list that is read, all pages together. An account has thousands of Agent Ingresses at most, of a few KB.
LONGEST_LIST_BYTES = 64 * 2**20

Query = Mapping[str, str]


class Page(NamedTuple):
    """A page of the list of Agent Ingresses.

    Attributes:
        asked_at: When it was asked for, by the monotonic clock.
        answered_at: When it was answered, by the server's clock, if the answer has a date.
        ingresses: The Agent Ingresses on it.
        next_page: The query of the next page, if there is one.
        size: The length of the answer in bytes.
    """

    asked_at: float
    answered_at: datetime | None
    ingresses: list[AgentIngress]
    next_page: Query | None
    size: int = 0


class _Seen(NamedTuple):
    """An ingress, the page that had it, and when that page was asked for."""

    ingress: AgentIngress
    page: Query
    asked_at: float


class ListCache:
    """The account's ingresses by id and by domain, each as a list had it at most 5 seconds ago, and not before the last
    write.

    The first read by id sends a request of its own, which is cheaper than a list. The reads that follow soon share a
    list. It is read page by page, only as far as needed to find what is asked for. Under the rate limit that can take
    long. So a page that has become too old is read again when something on it is asked for.
    """

    def __init__(
        self, list_page: Callable[[Query, Deadline], Page], first_page: Query, clock: Clock = SYSTEM_CLOCK
    ) -> None:
        """Reads nothing yet.

        Args:
            list_page: Asks for the page of a query.
            first_page: The query of the first page.
            clock: The clock that measures the time and waits.
        """
        self._list_page = list_page
        self._first_page = first_page
        self._clock = clock
        self._changed = threading.Condition()
        self._reading = 0
        self._last_read_at: float | None = None
        self._writes = 0
        self._is_listing = False
        # These values belong to the list. Only the thread that reads it changes them.
        self._forget(0)

    def find(self, key: str, deadline: Deadline, *, always_lists: bool = False) -> AgentIngress | None:
        """Returns the ingress with an id or a domain; None if it is not on the list, or the list could not be read.

        Args:
            key: The id or the domain.
            deadline: How long the call may take. Half of the time left is reserved for a request by id, unless
                `always_lists`.
            always_lists: Whether the first read lists, too.
        """
        with self._changed:
            ingress = self._find_seen(key)
            if ingress is not None:
                self._last_read_at = self._clock.monotonic()
                return ingress
            is_first = not always_lists and not self._reading and not self._is_young(self._last_read_at)
            self._reading += 1
        try:
            if is_first:
                return None
            share = 1 if always_lists else 2
            with self._turn_to_list(deadline.sub_deadline(deadline.left / share)) as has_turn:
                return self._look_up(key, deadline.sub_deadline(deadline.left / share)) if has_turn else None
        finally:
            with self._changed:
                self._reading -= 1
                self._last_read_at = self._clock.monotonic()

    def note_write(self) -> None:
        """Drops what was read so far. Call it before and after each write."""
        with self._changed:
            self._writes += 1

    @contextmanager
    def _turn_to_list(self, deadline: Deadline) -> Iterator[bool]:
        """Waits until no other thread lists. Yields False if that takes too long."""
        with self._changed:
            while self._is_listing and deadline.left > 0:
                self._clock.wait(self._changed, deadline.left)
            has_turn = not self._is_listing
            self._is_listing = True
        try:
            yield has_turn
        finally:
            if has_turn:
                with self._changed:
                    self._is_listing = False
                    self._clock.notify_all(self._changed)

    def _forget(self, writes: int) -> None:
        self._as_of_write = writes
        self._seen: dict[str, _Seen] = {}
        self._size = 0
        self._asked: list[Query] = []
        self._next_page: Query | None = None
        self._ended_at: float | None = None
        self._failed_at: float | None = None

    def _look_up(self, key: str, deadline: Deadline) -> AgentIngress | None:
        with self._changed:
            if self._writes != self._as_of_write:
                self._forget(self._writes)
        seen = self._seen.get(key)
        try:
            if seen is None:
                self._read_on(key, deadline)
            elif not self._is_young(seen.asked_at) and not self._is_young(self._failed_at):
                self._read(seen.page, deadline)
        except errors.NgrokError:
            self._fail()
        with self._changed:
            return self._find_seen(key)

    def _find_seen(self, key: str) -> AgentIngress | None:
        """Returns an ingress that the list has, if that is recent enough. The caller holds the lock."""
        seen = self._seen.get(key)
        if seen is None or self._writes != self._as_of_write or not self._is_young(seen.asked_at):
            return None
        return seen.ingress

    def _read_on(self, key: str, deadline: Deadline) -> None:
        if self._next_page is None and not self._is_young(self._ended_at):
            self._next_page, self._asked, self._size = self._first_page, [], 0
        while key not in self._seen and self._next_page is not None:
            if self._asked and (deadline.left <= 0 or self._size > LONGEST_LIST_BYTES):
                self._fail()
                return
            self._asked.append(self._next_page)
            page = self._read(self._next_page, deadline)
            self._size += page.size
            # Pages can form a loop, and a list that failed has ended.
            goes_on = page.next_page not in self._asked and self._next_page is not None
            self._next_page = page.next_page if goes_on else None
            self._ended_at = self._clock.monotonic()

    def _read(self, query: Query, deadline: Deadline) -> Page:
        page = self._list_page(query, deadline)
        for ingress in page.ingresses:
            # No id is a domain: an id has an underscore and no dot.
            self._seen[ingress.id] = self._seen[ingress.domain] = _Seen(ingress, query, page.asked_at)
        if not self._is_young(page.asked_at):
            self._fail()
        return page

    def _fail(self) -> None:
        # If a list fails or is too slow, none is used for a while: each ingress is asked for by its id.
        self._next_page = None
        self._failed_at = self._ended_at = self._clock.monotonic()

    def _is_young(self, moment: float | None) -> bool:
        return moment is not None and self._clock.monotonic() - moment < MAX_AGE_SECONDS
