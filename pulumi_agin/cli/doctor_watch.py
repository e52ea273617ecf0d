"""`pulumi-agin doctor --watch`: looks again and again until all is well."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable
from typing import TypeVar

from pulumi_agin.api.clock import Clock
from pulumi_agin.api.retry import Deadline, in_words

from .common import print_text
from .doctor_report import FleetReport, Report
from .terminal import style_of

# For each request to ngrok, which accepts 120 a minute from the whole account: this leaves most of them to others.
SHORTEST_INTERVAL_SECONDS = 5

_CLEAR_SCREEN = "\x1b[2J\x1b[H"

# The lines below a report, and the one in which the cursor is.
_FOOT_LINES = 3

AnyReport = TypeVar("AnyReport", Report, FleetReport, Report | FleetReport)


class Screen:
    """Where reports are drawn: a terminal, which is cleared before each one, or something that keeps them all."""

    def __init__(self, *, is_silent: bool) -> None:
        """Draws nothing yet.

        Args:
            is_silent: Whether nothing is to be drawn at all.
        """
        self._is_silent = is_silent
        self._is_terminal = sys.stdout.isatty() and os.environ.get("TERM") != "dumb"

    def draw(self, report: Report | FleetReport, foot: str) -> bool:
        """Draws a report.

        Args:
            report: The report.
            foot: A line below it.

        Returns:
            Whether somebody reads what is drawn.
        """
        if self._is_silent:
            return True
        table = report.table(style_of(sys.stdout))
        if not self._is_terminal:
            return print_text(f"{table}\n{foot}\n\n") == 0
        lines = table.splitlines()
        room = max(1, shutil.get_terminal_size().lines - _FOOT_LINES)
        if len(lines) > room:
            lines = [*lines[: room - 1], f"… {len(lines) - room + 1} more lines"]
        return print_text(_CLEAR_SCREEN + "\n".join([*lines, "", foot]) + "\n") == 0

    def clear(self) -> None:
        """Clears a terminal, for the last report."""
        if self._is_terminal and not self._is_silent:
            print_text(_CLEAR_SCREEN)


def watch(
    look: Callable[[], AnyReport], screen: Screen, interval_seconds: float, timeout_seconds: float, clock: Clock
) -> AnyReport:
    """Looks again and again, until all is well, the time is over, or another look can find nothing else.

    Args:
        look: Looks once.
        screen: Where to draw each report but the last.
        interval_seconds: How long to wait between two looks, in seconds. The wait is longer if a look needs many
            requests.
        timeout_seconds: How long to look in all, in seconds.
        clock: The clock that measures the time and waits.

    Returns:
        The last report.
    """
    deadline = Deadline(timeout_seconds, clock)
    while True:
        report = look()
        left = deadline.left
        if report.is_ok or not report.can_change or left <= 0:
            break
        pause = min(max(interval_seconds, SHORTEST_INTERVAL_SECONDS * report.requests), left)
        foot = f"looking again in {in_words(pause)}, for {in_words(left)} at most; Ctrl-C ends it"
        if not screen.draw(report, foot):
            return report
        clock.sleep(pause)
    screen.clear()
    return report
