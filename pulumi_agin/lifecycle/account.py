"""Account: the settings of one API key, and the one client that all of its calls share."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.api.fingerprint import fingerprint
from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.base.names import canonical_base_url
from pulumi_agin.settings import Settings

from .operation import Call

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
