"""Cache of the list of all Agent Ingresses, which reads share for a few seconds.

A refresh reads each ingress of a stack separately, and an account has only 120 requests a minute.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from . import errors
from .clock import Clock
from .models import IngressModel
from .retry import Deadline

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
    """The account's ingresses by id and by domain, from a list of the last 5 seconds that includes our last write.

    `unreadable` has those that the list left out.
    """

    def __init__(self, read_list: Callable[[Deadline], Listing], clock: Clock) -> None:
        self._read_list = read_list
        self._clock = clock
        self._changed = threading.Condition()
        self._ingresses: Mapping[str, IngressModel] = {}
        self.unreadable: Sequence[errors.UnreadableIngressError] = ()
        self._listed_at = -math.inf
        self._last_read_at = -math.inf
        self._is_listing = False
        self._writes = 0

    def find(self, key: str, deadline: Deadline, *, is_only_source: bool = False) -> IngressModel | None:
        """Returns the ingress with an id or a domain; None if the list lacks it or could not be read.

        Unless the list is the caller's only source, the caller then sends a request by id. So half of the time is
        reserved for that request, and a read that no other read came shortly before returns None, because a request by
        id is cheaper than a list.

        Raises UnreadableIngressError if the list has the id, but the ingress can't be read.
        """
        list_deadline = deadline.sub_deadline(deadline.left if is_only_source else deadline.left / 2)
        with self._changed:
            is_alone = not is_only_source and not self._is_fresh(self._last_read_at)
            self._last_read_at = self._clock.monotonic()
            if is_alone and not self._is_fresh(self._listed_at):
                return None
            while self._is_listing and list_deadline.left > 0:
                self._clock.wait(self._changed, list_deadline.left)
            if self._is_listing:
                return None
            if not self._is_fresh(self._listed_at):
                self._list(list_deadline)
            for error in self.unreadable:
                if error.id == key:
                    raise error
            return self._ingresses.get(key)

    def clear(self) -> None:
        """Drops the list. Must be called before and after each write, so that no list read meanwhile is used later."""
        with self._changed:
            self._writes += 1
            self._ingresses, self.unreadable, self._listed_at = {}, (), -math.inf

    def _list(self, deadline: Deadline) -> None:
        """Reads the list. The caller holds the lock, which is released during the request."""
        self._is_listing = True
        writes = self._writes
        # With an empty list, each ingress is read by its id for a few seconds.
        listing = Listing([])
        self._changed.release()
        try:
            listing = self._read_list(deadline)
        except errors.NgrokError:
            pass
        finally:
            self._changed.acquire()
            self._is_listing = False
            if writes == self._writes:
                # No id is a domain: an id has an underscore and no dot.
                self._ingresses = {key: each for each in listing.ingresses for key in (each.id, each.domain)}
                self.unreadable = listing.unreadable
                self._listed_at = self._clock.monotonic()
            self._clock.notify_all(self._changed)

    def _is_fresh(self, moment: float) -> bool:
        return self._clock.monotonic() - moment < MAX_AGE_SECONDS
