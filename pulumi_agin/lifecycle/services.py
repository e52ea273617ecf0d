"""Services: what every call of a plugin process needs, and what never changes."""

from __future__ import annotations

import threading
from collections.abc import Callable

from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.base.progress import Progress
from pulumi_agin.base.redaction import one_line
from pulumi_agin.settings import Settings

from .account import Account, progress_in
from .phrasing import Phrasing


class Services:
    """The phrasing, the clock, lines for the user, and the accounts that all calls share.

    A front end makes it, and passes it to every lifecycle. `warn` and `show_progress` also get the URN of a resource.
    """

    def __init__(
        self,
        phrasing: Phrasing,
        log: Callable[[str], None],
        clock: Clock = SYSTEM_CLOCK,
        *,
        show_progress: Callable[[str, str], None] | None = None,
        warn: Callable[[str, str], None] = lambda sentence, urn: None,
    ) -> None:
        self.phrasing = phrasing
        self.log = log
        self.clock = clock
        self.show_progress = show_progress or progress_in(log)
        self.warn = warn
        # For calls that do not query ngrok.
        self.progress = Progress(self.show_progress, clock)
        self._lock = threading.Lock()
        self._accounts: dict[Settings, Account] = {}
        self._shown: set[object] = set()

    def account(self, settings: Settings) -> Account:
        """Returns the account of these settings, the same object each time."""
        with self._lock:
            if settings not in self._accounts:
                self._accounts[settings] = Account(settings, self.clock, self.log, self.show_progress)
            return self._accounts[settings]

    def announce(self, settings: Settings) -> None:
        """Logs once that requests with these settings do not go to ngrok itself."""
        # `check` reports problems with the settings.
        if not settings.problems and settings.has_other_base_url:
            who = f'the Provider "{one_line(settings.provider_name, 60)}"' if settings.provider_name else "this command"
            self.log_once(f"{who} does not use ngrok itself: the base URL is {settings.shown_base_url}")

    def log_once(self, sentence: str) -> None:
        """Logs a sentence that several resources cause."""
        if self._is_first(sentence):
            self.log(sentence)

    def warn_once(self, sentence: str, urn: str = "", about: object = None) -> None:
        """Warns of something that several resources notice, with the URN of the first one, or of the whole run.

        `about` identifies it if the sentences differ.
        """
        if self._is_first(about or sentence):
            self.warn(sentence, urn)

    def has_warned_about(self, about: object) -> bool:
        """Returns whether `warn_once` has shown a sentence about this."""
        return about in self._shown

    def _is_first(self, about: object) -> bool:
        with self._lock:
            is_first = about not in self._shown
            self._shown.add(about)
            return is_first
