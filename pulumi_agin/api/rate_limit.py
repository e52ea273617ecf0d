"""ngrok's limit of requests, and how all threads of a process wait by it together.

The limit is of the account: others use it up too, and nothing tells how much is left. What is known is what this
process sent itself, and what was refused.
"""

from __future__ import annotations

import threading
import time
from collections import deque

from . import retry
from .retry import Deadline

# "Your account is rate limited to 120 API requests per minute", in a rolling one.
LIMIT = 120
WINDOW_SECONDS = 60.0


class RateLimit:
    """A gate before each request. It stands open until the first 429.

    - After a 429 that says when to come back, it opens then.
    - After one that found as many requests of our own in the window as the limit allows, it opens as they leave
      the window, one by one: the rest of the account's users, if any, are out of the question.
    - After any other, others must have used up the limit, and nobody knows when: one thread asks again after a
      pause that doubles, and the rest wait for what it is told.
    """

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._counted: deque[float] = deque()
        self._under_way = 0
        self._probing = False
        self._most: int | None = None
        self._refusals = 0
        self._closings = 0
        self._opens_at = 0.0

    def enter(self, deadline: Deadline) -> int | None:
        """Waits for this request's turn. Returns a ticket, to be given back; None where it would come too late."""
        with self._changed:
            while True:
                wait = self._seconds_to_wait(time.monotonic())
                if wait == 0:
                    self._under_way += 1
                    self._probing = self._refusals > 0
                    return self._closings
                if (wait or 0) >= deadline.left or deadline.left <= 0:
                    return None
                self._changed.wait(deadline.left if wait is None else wait)

    def seconds_closed(self) -> float | None:
        """How long the next request has to wait: 0 is not at all, None until an answer of another thread's."""
        with self._changed:
            return self._seconds_to_wait(time.monotonic())

    def counted(self, ticket: int) -> None:
        """A request was answered by anything but a 429, or never will be: it has used up a part of the limit."""
        with self._changed:
            self._under_way -= 1
            # The moment of the answer, as it is surely not before ngrok counted it.
            self._counted.append(time.monotonic())
            if self._is_news(ticket):
                self._refusals = 0
                self._probing = False
            self._changed.notify_all()

    def refused(self, ticket: int, retry_after: float | None) -> None:
        """A request was answered by a 429, which says when to come back, or does not."""
        with self._changed:
            self._under_way -= 1
            if self._is_news(ticket):
                self._probing = False
                self._close(time.monotonic(), retry_after)
            self._changed.notify_all()

    def _is_news(self, ticket: int) -> bool:
        # What was on its way already when another one was refused tells nothing new.
        return ticket == self._closings

    def _close(self, now: float, retry_after: float | None) -> None:
        self._forget_before(now - WINDOW_SECONDS)
        self._closings += 1
        if retry_after is None and len(self._counted) + self._under_way >= LIMIT:
            # Those that are under way may be refused as well.
            self._most = max(LIMIT, len(self._counted))
            return
        self._refusals += 1
        pause = retry.backoff_seconds(self._refusals, retry_after)
        if retry_after is None and self._counted:
            # When our own oldest request leaves the window, there is room for one at last.
            pause = min(pause, self._counted[0] + WINDOW_SECONDS - now)
        self._opens_at = now + pause

    def _seconds_to_wait(self, now: float) -> float | None:
        self._forget_before(now - WINDOW_SECONDS)
        if now < self._opens_at:
            return self._opens_at - now
        if self._probing:
            return None
        if self._most is not None and len(self._counted) + self._under_way >= self._most:
            return self._counted[0] + WINDOW_SECONDS - now if self._counted else None
        return 0

    def _forget_before(self, moment: float) -> None:
        while self._counted and self._counted[0] <= moment:
            self._counted.popleft()
