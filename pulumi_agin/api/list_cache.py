"""Cache of the list of all Agent Ingresses, which reads share for a few seconds.

A refresh reads each ingress of a stack separately, and an account has only 120 requests a minute.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Mapping

from . import errors
from .clock import Clock
from .models import IngressModel
from .retry import Deadline

MAX_AGE_SECONDS = 5.0


class ListCache:
    """The account's ingresses by id and by domain, from a list of the last 5 seconds that includes our last write."""

    def __init__(self, read_list: Callable[[Deadline], list[IngressModel]], clock: Clock) -> None:
        self._read_list = read_list
        self._clock = clock
        self._changed = threading.Condition()
        self._ingresses: Mapping[str, IngressModel] = {}
        self._listed_at = -math.inf
        self._last_read_at = -math.inf
        self._is_listing = False
        self._writes = 0

    def find(self, key: str, deadline: Deadline, *, is_only_source: bool = False) -> IngressModel | None:
        """Returns the ingress with an id or a domain; None if the list lacks it or could not be read.

        Unless the list is the caller's only source, the caller then sends a request by id. So half of the time is
        reserved for that request, and a read that no other read came shortly before returns None, because a request by
        id is cheaper than a list.
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
            return self._ingresses.get(key)

    def clear(self) -> None:
        """Drops the list. Must be called before and after each write, so that no list read meanwhile is used later."""
        with self._changed:
            self._writes += 1
            self._ingresses, self._listed_at = {}, -math.inf

    def _list(self, deadline: Deadline) -> None:
        """Reads the list. The caller holds the lock, which is released during the request."""
        self._is_listing = True
        writes = self._writes
        ingresses: dict[str, IngressModel] = {}
        self._changed.release()
        try:
            for ingress in self._read_list(deadline):
                # No id is a domain: an id has an underscore and no dot.
                ingresses[ingress.id] = ingresses[ingress.domain] = ingress
        except errors.NgrokError:
            # With an empty list, each ingress is read by its id for a few seconds.
            pass
        finally:
            self._changed.acquire()
            self._is_listing = False
            if writes == self._writes:
                self._ingresses, self._listed_at = ingresses, self._clock.monotonic()
            self._clock.notify_all(self._changed)

    def _is_fresh(self, moment: float) -> bool:
        return self._clock.monotonic() - moment < MAX_AGE_SECONDS
