"""Time budget of a call: the time limit, the cancellation, the pauses, and the progress lines about pauses."""

from __future__ import annotations

from collections.abc import Callable

from .clock import Clock, format_duration
from .errors import InterruptedCallError

# When a progress line is shown: at the first wait that lasts past FIRST_LINE_SECONDS of the call, and then at each wait
# that lasts past NEXT_LINE_SECONDS after the previous line.
FIRST_LINE_SECONDS = 3.0
NEXT_LINE_SECONDS = 20.0

# The longest time that a wait continues after its call was cancelled.
NOTICE_SECONDS = 1.0


class Budget:
    """The time limit of one call of the engine, or of one query of the program, including retries and pauses.

    `Account.budget` makes most budgets. Previews, a Python program's lookups, commands, and `rfc2136` make their own. A
    call can have several budgets: a validation has another budget for each read.
    """

    def __init__(
        self,
        seconds: float,
        *,
        clock: Clock | None = None,
        is_cancelled: Callable[[], bool] = lambda: False,
        show: Callable[[str], None] = lambda line: None,
    ) -> None:
        """Starts the time.

        `is_cancelled` returns whether the engine is gone or the user pressed Ctrl-C. `show` shows a progress line in
        place of the previous line.
        """
        self.seconds = seconds
        self.clock = clock or Clock()
        self._is_cancelled = is_cancelled
        self._show = show
        self._started = self.clock.monotonic()
        self._next_line = FIRST_LINE_SECONDS

    @property
    def elapsed(self) -> float:
        """Seconds since the call began."""
        return self.clock.monotonic() - self._started

    @property
    def left(self) -> float:
        """Seconds until the call must end; negative after its end."""
        return self.seconds - self.elapsed

    def part(self, seconds: float) -> Budget:
        """Returns a new budget for a part of this call, which starts now and ends no later than this budget."""
        return Budget(min(seconds, self.left), clock=self.clock, is_cancelled=self._is_cancelled, show=self._show)

    def wait(self, seconds: float, doing: str, reason: str) -> None:
        """Waits, and shows a line if the call takes long. Raises InterruptedCallError when the call is cancelled."""
        if self.elapsed + seconds >= self._next_line:
            self._next_line = self.elapsed + NEXT_LINE_SECONDS
            limit = format_duration(self.seconds)
            self._show(f"waiting to {doing} ({format_duration(self.elapsed)} elapsed, limit {limit}): {reason}")
        self.sleep(seconds, doing)

    def sleep(self, seconds: float, doing: str) -> None:
        """Waits without a line. Raises InterruptedCallError when the call is cancelled."""
        end = self.clock.monotonic() + seconds
        while (rest := end - self.clock.monotonic()) > 0:
            if self._is_cancelled():
                raise InterruptedCallError(f"could not {doing}: it was interrupted")
            self.clock.sleep(min(rest, NOTICE_SECONDS))
