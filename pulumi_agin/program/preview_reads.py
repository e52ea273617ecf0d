"""How long a program waits for ngrok in a preview, where the answers only decide how much is shown."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from pulumi_agin.api.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.api.errors import BadResponseError, NgrokError, NotFoundError, UnreachableError

from .threads import DaemonThreads

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.api.models import AgentIngress

# The user waits this long at most, for all ingresses of the stack together. Later answers leave outputs unknown.
LONGEST_SECONDS = 30


class PreviewReads:
    """Asks for the ingresses of one account, for a limited time, and stops asking after a failure.

    The time starts with the first request, and starts again with the first request after all others have ended.
    """

    def __init__(self, client: AgentIngressClient, clock: Clock = SYSTEM_CLOCK) -> None:
        """Asks for nothing yet.

        Args:
            client: The client of the account.
            clock: The clock that measures the time.
        """
        # Lookups have threads of their own, because they may take longer than a preview waits.
        self._threads = DaemonThreads()
        self._client = client
        self._clock = clock
        self._seconds = min(LONGEST_SECONDS, client.timeout_seconds)
        self._lock = threading.Lock()
        self._asking = 0
        self._is_over = False
        self._end = 0.0

    async def get(self, id_: str) -> AgentIngress:
        """Asks for one ingress, in a thread.

        Args:
            id_: The id of the ingress.

        Raises:
            NgrokError: There is no answer, or there will be none in time.
        """
        return await self._threads.run(self._get, id_)

    def _get(self, id_: str) -> AgentIngress:
        # The time begins here, in the thread: a busy program and a long queue of the SDK's calls use up none of it.
        with self._lock:
            if not self._asking:
                self._end = self._clock.monotonic() + self._seconds
            self._asking += 1
        try:
            # After a long wait for a free thread there may be no time left.
            seconds_left = self._end - self._clock.monotonic()
            if seconds_left <= 0 or self._is_over:
                raise UnreachableError("the time for it was over")
            return self._client.get_one_of_many(id_, self._client.deadline(seconds_left))
        except (NotFoundError, BadResponseError):
            # These are about this ingress alone.
            raise
        except NgrokError:
            # The others would fare no better.
            self._is_over = True
            raise
        finally:
            with self._lock:
                self._asking -= 1
