"""Cache of the list of all Agent Ingresses, which reads that follow each other share.

A refresh reads each ingress of a stack separately, and an account has only 120 requests a minute. So a refresh uses one
list, however long it takes.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import NamedTuple

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import Clock

from . import errors
from .models import IngressModel

# A list is dropped if no read has used it for this many seconds.
MAX_UNUSED_SECONDS = 5.0
ANY_AGE = math.inf


class Listing(NamedTuple):
    """The Agent Ingresses in a list. Those that can't be read are left out, and have an error instead."""

    ingresses: list[IngressModel]
    unreadable: Sequence[errors.UnreadableIngressError] = ()
    listed_at: datetime | None = None
    """The time of the last page by the server's clock, if it is known."""

    def complete(self) -> list[IngressModel]:
        """Returns the ingresses. Fails if one of them can't be read."""
        if self.unreadable:
            raise self.unreadable[0]
        return self.ingresses


class InList(NamedTuple):
    """The result of a search of the shared list."""

    ingress: IngressModel | None
    unreadable: Sequence[errors.UnreadableIngressError] = ()
    """The ingresses that this list leaves out, because they can't be read. Empty if no list was used."""


@dataclass(frozen=True)
class _Read:
    """A read of the list. If it failed, the list is empty."""

    listing: Listing
    failure: errors.NgrokError | None

    def raise_failure(self) -> None:
        """Raises the failure of the read, if it failed. All callers share it."""
        if self.failure is not None:
            # Otherwise, each raise would add to its traceback.
            raise self.failure.with_traceback(None)

    @cached_property
    def ingresses(self) -> Mapping[str, IngressModel]:
        """The ingresses by ID and by domain. No ID is a domain: an ID has an underscore and no dot."""
        return {key: each for each in self.listing.ingresses for key in (each.id, each.domain)}


class ListCache:
    """The last read of the account's list, which all threads share until the next write of this process.

    At most one thread reads the list at a time, and the others wait for it.
    """

    def __init__(self, read_list: Callable[[Budget], Listing], clock: Clock) -> None:
        self._read_list = read_list
        self._clock = clock
        # Guards everything below. Waiting threads are notified at the end of a read.
        self._changed = threading.Condition()
        self._last_read: _Read | None = None
        # The time of the last read, or of the last search of its list.
        self._last_used_at = -math.inf
        self._is_reading = False
        self._writes = 0
        self._last_search_at = -math.inf

    def find(self, id_: str, budget: Budget) -> InList:
        """Searches a list for an ID, for a caller that otherwise reads the ingress by its ID.

        The list was used in the last 5 seconds, or is read now. Finds nothing if it lacks the ID, or could not be read.
        Without another search in the last 5 seconds, no list is read, because one request by ID is cheaper. Half of the
        time is reserved for that request.

        Raises UnreadableIngressError if the list has the ID, but the ingress can't be read.
        """
        with self._changed:
            now = self._clock.monotonic()
            is_alone = now - self._last_search_at >= MAX_UNUSED_SECONDS
            self._last_search_at = now
            if is_alone and not self._has_list(MAX_UNUSED_SECONDS):
                return InList(None)
        last_read = self._shared(budget.part(budget.left / 2), MAX_UNUSED_SECONDS)
        if last_read is None:
            return InList(None)
        # The time of a failed read is not renewed, so that the read is repeated after 5 seconds.
        if last_read.failure is None:
            with self._changed:
                self._last_used_at = self._clock.monotonic()
        for error in last_read.listing.unreadable:
            if error.id == id_:
                raise error
        return InList(last_read.ingresses.get(id_), last_read.listing.unreadable)

    def find_in_preview(self, domain: str, budget: Budget) -> InList:
        """Searches a list of any age for a domain, because a preview changes nothing. So only one list is read.

        Finds nothing if the list lacks the domain, or another thread does not read it in time. If reading it failed,
        this call and all later ones raise that error.
        """
        last_read = self._shared(budget, ANY_AGE)
        if last_read is None:
            return InList(None)
        last_read.raise_failure()
        return InList(last_read.ingresses.get(domain), last_read.listing.unreadable)

    def ids(self, budget: Budget) -> Set[str]:
        """Returns the IDs in a list of any age, by which a diff sees whether the account lacks an ingress of the state.

        Also those of the ingresses that can't be read, which exist, too. Raises an error without a list. The caller
        keeps the result for all diffs of a run: after each write, another call would read the list again.
        """
        last_read = self._shared(budget, ANY_AGE)
        if last_read is None:
            raise errors.UnreachableError("no list of Agent Ingresses could be read in time")
        last_read.raise_failure()
        listing = last_read.listing
        return {each.id for each in listing.ingresses} | {error.id for error in listing.unreadable}

    def clear(self) -> None:
        """Drops the list. Must be called before and after each write, so that no list read meanwhile is used later."""
        with self._changed:
            self._writes += 1
            self._last_read = None

    def _shared(self, budget: Budget, max_unused: float) -> _Read | None:
        """Returns the last read, if it was used in the last `max_unused` seconds; otherwise, reads the list for all.

        Returns None if another thread still reads it at the end of the budget, or if a write cleared the list during
        the read, unless `max_unused` is `ANY_AGE`.
        """
        with self._changed:
            while self._is_reading and budget.left > 0:
                self._clock.wait(self._changed, budget.left)
            if self._is_reading:
                return None
            if self._has_list(max_unused):
                return self._last_read
            self._is_reading = True
            writes_before = self._writes
        new_read: _Read | None = None
        try:
            new_read = self._read(budget)
        finally:
            # This also runs after an interrupt by the user.
            with self._changed:
                self._is_reading = False
                is_current = self._writes == writes_before
                self._last_read = new_read if is_current else None
                self._last_used_at = self._clock.monotonic()
                self._clock.notify_all(self._changed)
        return new_read if is_current or max_unused == ANY_AGE else None

    def _read(self, budget: Budget) -> _Read:
        listing = Listing([])
        failure: errors.NgrokError | None = None
        try:
            listing = self._read_list(budget)
        except errors.NgrokError as error:
            failure = error
        return _Read(listing, failure)

    def _has_list(self, max_unused: float) -> bool:
        """Returns whether the last read was used in the last `max_unused` seconds. The caller holds the lock."""
        return self._last_read is not None and self._clock.monotonic() - self._last_used_at < max_unused
