"""Cache of the list of all Agent Ingresses, which reads share for a few seconds.

A refresh reads each ingress of a stack separately, and an account has only 120 requests a minute.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import Clock

from . import errors
from .models import IngressModel

MAX_AGE_SECONDS = 5.0


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


class ListCache:
    """The account's ingresses by id and by domain, from a list that includes our last write.

    It is from the last 5 seconds, except in previews. `unreadable` has those that the list left out.
    """

    def __init__(self, read_list: Callable[[Budget], Listing], clock: Clock) -> None:
        self._read_list = read_list
        self._clock = clock
        self._changed = threading.Condition()
        self._ingresses: Mapping[str, IngressModel] = {}
        self.unreadable: Sequence[errors.UnreadableIngressError] = ()
        self._failure: errors.NgrokError | None = None
        self._listed_at = -math.inf
        self._last_read_at = -math.inf
        self._is_listing = False
        self._writes = 0

    def find(self, id_: str, budget: Budget) -> IngressModel | None:
        """Returns the ingress with an id; None if the list lacks it or could not be read.

        The caller then sends a request by id. So half of the time is reserved for that request, and a read that no
        other read came shortly before returns None, because a request by id is cheaper than a list.

        Raises UnreadableIngressError if the list has the id, but the ingress can't be read.
        """
        with self._changed:
            is_alone = not self._is_fresh(self._last_read_at)
            self._last_read_at = self._clock.monotonic()
            if is_alone and not self._is_fresh(self._listed_at):
                return None
            if not self._read(budget.part(budget.left / 2)):
                return None
            for error in self.unreadable:
                if error.id == id_:
                    raise error
            return self._ingresses.get(id_)

    def find_in_preview(self, domain: str, budget: Budget) -> IngressModel | None:
        """Returns the ingress with a domain; None if the list lacks it or was not read in time.

        The list may have any age, because a preview changes nothing. So only one is read. If that failed, each call
        raises its error.
        """
        with self._changed:
            if not self._read(budget, max_age=math.inf):
                return None
            if self._failure is not None:
                raise self._failure.with_traceback(None)
            return self._ingresses.get(domain)

    def clear(self) -> None:
        """Drops the list. Must be called before and after each write, so that no list read meanwhile is used later."""
        with self._changed:
            self._writes += 1
            self._ingresses, self.unreadable, self._listed_at = {}, (), -math.inf

    def _read(self, budget: Budget, max_age: float = MAX_AGE_SECONDS) -> bool:
        """Reads the list, unless there is one. The caller holds the lock, which is released during the request.

        If another thread reads it, this waits. Returns False if that takes longer than the budget.
        """
        while self._is_listing and budget.left > 0:
            self._clock.wait(self._changed, budget.left)
        if self._is_listing:
            return False
        if self._is_fresh(self._listed_at, max_age):
            return True
        self._is_listing = True
        writes = self._writes
        # With an empty list, each ingress is read by its id for a few seconds.
        listing, failure = Listing([]), None
        self._changed.release()
        try:
            listing = self._read_list(budget)
        except errors.NgrokError as error:
            failure = error
        finally:
            self._changed.acquire()
            self._is_listing = False
            if writes == self._writes:
                # No id is a domain: an id has an underscore and no dot.
                self._ingresses = {key: each for each in listing.ingresses for key in (each.id, each.domain)}
                self.unreadable, self._failure = listing.unreadable, failure
                self._listed_at = self._clock.monotonic()
            self._clock.notify_all(self._changed)
        return True

    def _is_fresh(self, moment: float, max_age: float = MAX_AGE_SECONDS) -> bool:
        return self._clock.monotonic() - moment < max_age
