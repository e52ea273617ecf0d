"""Services and accounts: what every call needs, and what never changes in a process."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.base.facts import canonical_base_url
from pulumi_agin.base.progress import Progress
from pulumi_agin.base.redaction import one_line
from pulumi_agin.settings import Settings

from .operation import Call
from .outputs import fingerprint
from .phrasing import Phrasing

if TYPE_CHECKING:
    # It loads requests, which a preview without requests does not need.
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.base.budget import Budget


def log_line(line: str) -> None:
    """Writes a line to stderr, which Pulumi shows to the user immediately for programs and dynamic providers."""
    # One write, so that the lines of several threads stay whole.
    sys.stderr.write(f"pulumi-agin: {line}\n")
    sys.stderr.flush()


def progress_in(log: Callable[[str], None]) -> Callable[[str, str], None]:
    """Returns a function that logs the progress of a resource, by its line and its URN, but not an empty last line."""
    return lambda line, urn: log(line) if line else None


class Account:
    """An ngrok account. Its calls share one client, so they share its list, and wait together after a 429."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock = SYSTEM_CLOCK,
        log: Callable[[str], None] = log_line,
        show_progress: Callable[[str, str], None] | None = None,
    ) -> None:
        self.settings = settings
        self._clock = clock
        self._log = log
        self._show_progress = show_progress or progress_in(log)
        self._lock = threading.Lock()
        self._client: AgentIngressClient | None = None

    def require_client(self) -> AgentIngressClient:
        """Returns the client. Raises InvalidInputsError if the settings have problems, which `check` reports, too."""
        with self._lock:
            if self._client is None:
                self._client = self._make_client()
            return self._client

    def budget(self, call: Call, seconds: float | None = None) -> Budget:
        """Returns the time budget of a call; by default, the timeout of the resource, or else of the settings."""
        return self.require_client().budget(seconds or call.timeout_seconds, call.is_cancelled, call.urn)

    def fingerprint(self, id_: str) -> str:
        """Returns the string in the state by which a later call recognizes the API key and the base URL.

        It does not need the client, which every diff would load.
        """
        return fingerprint(self.settings.api_key, canonical_base_url(self.settings.base_url), id_)

    def _make_client(self) -> AgentIngressClient:
        settings = self.settings
        if settings.problems:
            raise InvalidInputsError("; ".join(settings.problems))
        from pulumi_agin.api.client import AgentIngressClient

        return AgentIngressClient(
            settings.api_key,
            settings.base_url,
            settings.timeout_seconds,
            api_key_source=f"{settings.api_key_source.shown_as}{settings.api_key_hint}",
            base_url_source=settings.base_url_source.shown_as,
            base_url_hint=settings.base_url_hint,
            show_progress=self._show_progress,
            trace=self._log if settings.log else None,
            clock=self._clock,
        )


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
        warn: Callable[[str, str], None],
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
