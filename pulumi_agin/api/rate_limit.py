"""Rate limit of ngrok, which all threads of a process share.

The limit applies to the account, so other processes use it up too, and responses don't contain the remaining number of
requests. So the limit is estimated from the requests of this process and from 429s.
"""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass

from pulumi_agin.base.attempts import backoff_seconds
from pulumi_agin.base.budget import Budget
from pulumi_agin.base.clock import Clock

# "Your account is rate limited to 120 API requests per minute", counted over a rolling minute.
LIMIT = 120
WINDOW_SECONDS = 60.0


@dataclass(frozen=True)
class Ticket:
    """The permission to send one request.

    The thread that gets it from `enter` sends the request at once, and passes it to `leave` afterwards, whatever the
    outcome. Until then, the request is under way, and may be the probe that all other threads wait for.

    Attributes:
        closings: How many 429s had closed the limit before it. After another one, the outcome of an older request is no
            new information.
    """

    closings: int


class RateLimit:
    """The limiter through which every request passes. It is open until the first 429.

    - If the 429 has a `Retry-After`, it opens then.
    - If our own requests in the window have reached the limit, it admits one request each time that one leaves the
      window. This assumes that no other process uses the account.
    - Otherwise other processes have used up the limit, for an unknown time. It opens after a pause that doubles each
      time.

    The first request after a `Retry-After` or a pause is a probe: the other threads wait for its result.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        # Guards everything below, with a reentrant lock. Waiting threads are notified of each request that ends.
        self._changed = threading.Condition()
        # When ngrok counted the requests in the window, the oldest first.
        self._counted: deque[float] = deque()
        self._under_way = 0
        self._is_probing = False
        # The most requests in the window, once our own have reached the limit.
        self._most: int | None = None
        # How many 429s since the last success were followed by a `Retry-After` or a pause.
        self._rejections = 0
        self._closings = 0
        self._opens_at = 0.0

    def enter(self, budget: Budget) -> Ticket | None:
        """Waits until the next request may be sent. Returns its ticket; see there for what to do with it.

        Returns None, and changes nothing, in two cases:

        - The call is cancelled. That is checked before the wait, and each time the wait is over or another request
          ends, so a cancellation does not end the wait at once. But a cancelled call never gets a ticket, because its
          request would count, and as a probe it would open the limit.
        - The wait would take all that is left of the call's budget. If its length is known, that is found at once,
          otherwise at the end of the budget.

        While the limit is open, a call whose budget is used up gets a ticket, too.
        """
        with self._changed:
            while not budget.is_cancelled():
                wait = self.seconds_closed()
                if wait == 0:
                    self._under_way += 1
                    self._is_probing = self._rejections > 0
                    return Ticket(self._closings)
                left = budget.left
                if left <= 0 or (wait is not None and wait >= left):
                    return None
                self._clock.wait(self._changed, left if wait is None else wait)
            return None

    def seconds_closed(self) -> float | None:
        """Returns the wait before the next request: 0 if there is none, None until another thread has its response."""
        with self._changed:
            now = self._drop_old_requests()
            if now < self._opens_at:
                return self._opens_at - now
            if self._is_probing:
                return None
            if self._most is not None and len(self._counted) + self._under_way >= self._most:
                return self._counted[0] + WINDOW_SECONDS - now if self._counted else None
            return 0

    def leave(self, ticket: Ticket, *, is_rejected: bool = False, retry_after: float | None = None) -> None:
        """Takes the ticket of a request back after its response, or without one, and wakes the waiting threads.

        `is_rejected` is whether the response was a 429, and `retry_after` its `Retry-After` if it has one.
        """
        with self._changed:
            self._under_way -= 1
            if not is_rejected:
                # The time of the response, because ngrok has counted the request by then.
                self._counted.append(self._clock.monotonic())
            if ticket.closings == self._closings:
                self._is_probing = False
                if is_rejected:
                    self._close(retry_after)
                else:
                    self._rejections = 0
            self._clock.notify_all(self._changed)

    def _close(self, retry_after: float | None) -> None:
        """Closes the limit after a 429, by the rules of the class."""
        now = self._drop_old_requests()
        self._closings += 1
        if retry_after is None and len(self._counted) + self._under_way >= LIMIT:
            # ngrok may have accepted more than it documents. The requests in progress may still be rejected.
            self._most = max(LIMIT, len(self._counted))
            return
        self._rejections += 1
        pause = backoff_seconds(self._rejections, retry_after, self._clock)
        if retry_after is None and self._counted:
            # One more is allowed at the latest when our own oldest request leaves the window.
            pause = min(pause, self._counted[0] + WINDOW_SECONDS - now)
        self._opens_at = now + pause

    def _drop_old_requests(self) -> float:
        """Drops the requests that have left the window. Returns the current time."""
        now = self._clock.monotonic()
        while self._counted and self._counted[0] <= now - WINDOW_SECONDS:
            self._counted.popleft()
        return now
