"""Reading many Agent Ingresses with few requests: out of one list, for a few seconds.

A refresh reads each ingress of a stack on its own, and 120 requests a minute are all that the account has.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Mapping

from . import errors, models
from .retry import Deadline

MAX_AGE_SECONDS = 5.0


class Snapshot:
    """The account's ingresses by id, at most 5 seconds old, and not older than the last write.

    The first read is left to a request of its own: one is cheaper than a list. The reads that follow close upon it
    share the list that the first of them asks for.
    """

    def __init__(self, list_all: Callable[[Deadline], tuple[float, list[models.AgentIngress]]]) -> None:
        """`list_all` lists the account, and says at which moment it asked for the first page."""
        self._list_all = list_all
        self._lock = threading.Lock()
        self._listing = threading.Lock()
        self._ingresses: Mapping[str, models.AgentIngress] = {}
        self._taken_at: float | None = None
        self._last_read_at: float | None = None
        self._writes = 0

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
            if not _is_young(self._taken_at):
                self._take(Deadline(deadline.left / 2))
            return self._ingresses.get(id_) if _is_young(self._taken_at) else None
        finally:
            self._listing.release()

    def written(self) -> None:
        """To be called before and after each write: what was read before it is not to be used after it."""
        with self._lock:
            self._writes += 1
            self._taken_at = None

    def _take(self, deadline: Deadline) -> None:
        writes = self._writes
        try:
            taken_at, found = self._list_all(deadline)
        except errors.NgrokError:
            taken_at, found = -math.inf, []
        if not _is_young(taken_at):
            # Failed or too slow, it is as good as an empty one: each is asked for by its id, and not the list again.
            taken_at, found = time.monotonic(), []
        with self._lock:
            self._ingresses = {ingress.id: ingress for ingress in found}
            self._taken_at = taken_at if writes == self._writes else None


def _is_young(moment: float | None) -> bool:
    return moment is not None and time.monotonic() - moment < MAX_AGE_SECONDS
