"""ngrok's rate limit, for which all threads of a process wait together.

The limit applies to the account: other processes use it up too, and no response has what is left of it. This process
knows only what it sent, and what was rejected.
"""

from __future__ import annotations

import threading
from collections import deque

from . import retry
from .clock import SYSTEM_CLOCK, Clock
from .retry import Deadline

# "Your account is rate limited to 120 API requests per minute", counted over a rolling minute.
LIMIT = 120
WINDOW_SECONDS = 60.0


class RateLimit:
    """A gate that each request passes first. It is open until the first 429.

    - If the 429 says when to come back, the gate opens then.
    - If as many requests of our own are in the window as the limit allows, the gate lets one request through each time
      that one leaves the window. This assumes that nobody else uses the account.
    - Otherwise others have used up the limit, and nobody knows when it has room again. One thread tries again after a
      pause that doubles each time, and the other threads wait for its result.
    """

    def __init__(self, clock: Clock = SYSTEM_CLOCK) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._counted: deque[float] = deque()
        self._under_way = 0
        self._probing = False
        self._most: int | None = None
        self._rejections = 0
        self._closings = 0
        self._opens_at = 0.0

    def enter(self, deadline: Deadline) -> int | None:
        """Waits until the next request may be sent. Returns a ticket, which must be given to `leave` afterwards.

        None if the call has no time left for the wait, or was cancelled.
        """
        with self._changed:
            while True:
                wait = self.seconds_closed()
                if wait == 0:
                    self._under_way += 1
                    self._probing = self._rejections > 0
                    return self._closings
                if (wait or 0) >= deadline.left or deadline.left <= 0 or deadline.is_cancelled():
                    return None
                self._clock.wait(self._changed, deadline.left if wait is None else wait)

    def seconds_closed(self) -> float | None:
        """Returns how long the next request has to wait: 0 if not at all, None if for another thread's response."""
        with self._changed:
            now = self._forget_old_requests()
            if now < self._opens_at:
                return self._opens_at - now
            if self._probing:
                return None
            if self._most is not None and len(self._counted) + self._under_way >= self._most:
                return self._counted[0] + WINDOW_SECONDS - now if self._counted else None
            return 0

    def leave(self, ticket: int, *, is_rejected: bool = False, retry_after: float | None = None) -> None:
        """Records the outcome of a request: a 429, with its `Retry-After` if it has one, or anything else."""
        with self._changed:
            self._under_way -= 1
            if not is_rejected:
                # The time of the response, because ngrok surely counted the request before it.
                self._counted.append(self._clock.monotonic())
            # A request that was under way already when another one was rejected shows nothing new.
            if ticket == self._closings:
                self._probing = False
                if is_rejected:
                    self._close(retry_after)
                else:
                    self._rejections = 0
            self._clock.notify_all(self._changed)

    def _close(self, retry_after: float | None) -> None:
        now = self._forget_old_requests()
        self._closings += 1
        if retry_after is None and len(self._counted) + self._under_way >= LIMIT:
            # Those that are under way may be rejected as well.
            self._most = max(LIMIT, len(self._counted))
            return
        self._rejections += 1
        pause = retry.backoff_seconds(self._rejections, retry_after, self._clock)
        if retry_after is None and self._counted:
            # There is room for one at the latest when our own oldest request leaves the window.
            pause = min(pause, self._counted[0] + WINDOW_SECONDS - now)
        self._opens_at = now + pause

    def _forget_old_requests(self) -> float:
        """Forgets the requests that have left the window. Returns the time."""
        now = self._clock.monotonic()
        while self._counted and self._counted[0] <= now - WINDOW_SECONDS:
            self._counted.popleft()
        return now
