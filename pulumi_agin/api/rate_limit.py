"""ngrok's limit on requests, and how all threads of a process wait for it together.

The limit applies to the account: other processes use it up too, and ngrok does not tell how much of it is left. This
process knows only what it sent, and what was refused.
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
        """Opens the gate.

        Args:
            clock: The clock that measures the time and waits.
        """
        self._clock = clock
        self._changed = threading.Condition()
        self._counted: deque[float] = deque()
        self._under_way = 0
        self._probing = False
        self._most: int | None = None
        self._error_mapping = 0
        self._closings = 0
        self._opens_at = 0.0

    def enter(self, deadline: Deadline) -> int | None:
        """Waits until the next request may be sent.

        Args:
            deadline: How long the call may take.

        Returns:
            A ticket, which must be given to `note_response` or `note_rejection` afterwards; None if the call has no
            time left for the wait, or nobody waits for it any more.
        """
        with self._changed:
            while True:
                wait = self._seconds_to_wait()
                if wait == 0:
                    self._under_way += 1
                    self._probing = self._error_mapping > 0
                    return self._closings
                if (wait or 0) >= deadline.left or deadline.left <= 0 or deadline.is_cancelled():
                    return None
                self._clock.wait(self._changed, deadline.left if wait is None else wait)

    def seconds_closed(self) -> float | None:
        """Returns how long the next request has to wait: 0 if not at all, None if for another thread's answer."""
        with self._changed:
            return self._seconds_to_wait()

    def note_response(self, ticket: int) -> None:
        """Records that a request got an answer other than a 429, or never will: it has used up a part of the limit.

        Args:
            ticket: What `enter` returned for the request.
        """
        with self._changed:
            self._under_way -= 1
            # The time of the answer, because ngrok surely counted the request before it.
            self._counted.append(self._clock.monotonic())
            if self._is_news(ticket):
                self._error_mapping = 0
                self._probing = False
            self._clock.notify_all(self._changed)

    def note_rejection(self, ticket: int, retry_after: float | None) -> None:
        """Records that a request was answered with a 429.

        Args:
            ticket: What `enter` returned for the request.
            retry_after: The seconds after which the service wants us to come back, if it said so.
        """
        with self._changed:
            self._under_way -= 1
            if self._is_news(ticket):
                self._probing = False
                self._close(retry_after)
            self._clock.notify_all(self._changed)

    def _is_news(self, ticket: int) -> bool:
        # A request that was under way already when another one was refused tells nothing new.
        return ticket == self._closings

    def _close(self, retry_after: float | None) -> None:
        now = self._forget_old_requests()
        self._closings += 1
        if retry_after is None and len(self._counted) + self._under_way >= LIMIT:
            # Those that are under way may be refused as well.
            self._most = max(LIMIT, len(self._counted))
            return
        self._error_mapping += 1
        pause = retry.backoff_seconds(self._error_mapping, retry_after, self._clock)
        if retry_after is None and self._counted:
            # There is room for one at the latest when our own oldest request leaves the window.
            pause = min(pause, self._counted[0] + WINDOW_SECONDS - now)
        self._opens_at = now + pause

    def _seconds_to_wait(self) -> float | None:
        now = self._forget_old_requests()
        if now < self._opens_at:
            return self._opens_at - now
        if self._probing:
            return None
        if self._most is not None and len(self._counted) + self._under_way >= self._most:
            return self._counted[0] + WINDOW_SECONDS - now if self._counted else None
        return 0

    def _forget_old_requests(self) -> float:
        """Forgets the requests that have left the window. Returns the time."""
        now = self._clock.monotonic()
        while self._counted and self._counted[0] <= now - WINDOW_SECONDS:
            self._counted.popleft()
        return now
