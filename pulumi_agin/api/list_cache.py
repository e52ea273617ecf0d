"""Cache of an account's list of Agent Ingresses, for all reads of a refresh, and for the previews of `native`.

Without the cache, each read would need a request, and ngrok allows 120 requests per minute.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .budget import Budget
    from .client import Client
    from .models import IngressModel

# How long a list is used, unless this process writes in the meantime.
LIST_SECONDS = 5.0


class ListCache:
    """The account's latest list, for all threads of a process."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self._lock = threading.Lock()
        self._ingresses: Sequence[IngressModel] = []
        self._listed_at = 0.0
        # The value of `Client.last_write` before the list was read; None if no list was read yet.
        self._last_write: object = None

    def get(self, id_: str, budget: Budget) -> IngressModel:
        """Reads one Agent Ingress for a refresh. Raises NotFoundError if the account of the key has no such ingress.

        If the list lacks the ingress, it is read by its ID, because only ngrok's 404 for the ID shows that it is gone.
        """
        self._client.require_id(id_)
        in_list = next((each for each in self.ingresses(budget) if each.id == id_), None)
        return in_list or self._client.get(id_, budget)

    def ingresses(self, budget: Budget) -> Sequence[IngressModel]:
        """Returns the account's Agent Ingresses. The list is newer than the last write, and at most 5 seconds old."""
        with self._lock:
            clock, last_write = self._client.clock, self._client.last_write
            is_old = clock.monotonic() - self._listed_at > LIST_SECONDS
            if is_old or self._last_write is not last_write:
                # The list may lack the effect of a write that ends while the list is read. The earlier `last_write` is
                # stored, so that the next call then reads a new list.
                self._ingresses = self._client.list_ingresses(None, budget)
                self._listed_at, self._last_write = clock.monotonic(), last_write
            return self._ingresses
