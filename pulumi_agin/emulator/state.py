"""The state of the service, which the API, the HTTP server and the control plane share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from .configuration import EmulatorSettings
from .dns_lookup import DnsServer
from .faults import Fault
from .request_log import MAX_REQUESTS, RequestSeen
from .store import Store

DEFAULT_API_KEY = "emulator-key"
"""The default key of the first account. Only an emulator accepts it."""

_WINDOW = timedelta(minutes=1)


@dataclass(repr=False)
class State:
    """The state of the service. It has no repr, because it holds keys. Every use of it is under its lock."""

    clock: Callable[[], datetime]
    store: Store
    settings: EmulatorSettings
    accounts: dict[str, int]
    """The number of the account of each API key."""
    dns: DnsServer | None = None
    """The server that has the NS records. Without one, certificates need no NS records."""
    requests: deque[RequestSeen] = field(default_factory=lambda: deque(maxlen=MAX_REQUESTS))
    """The requests to the API, oldest first."""
    faults: list[Fault] = field(default_factory=list[Fault])
    connections: int = 0
    recent: dict[int, deque[datetime]] = field(default_factory=dict[int, "deque[datetime]"])
    """The times of the requests of each account in the last minute."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def spend(self, account: int) -> bool:
        """Counts a request of an account. Returns False if it exceeds the limit, and then does not count it."""
        if not self.settings.limit:
            return True
        now = self.clock()
        times = self.recent.setdefault(account, deque())
        while times and now - times[0] >= _WINDOW:
            times.popleft()
        if len(times) >= self.settings.limit:
            return False
        times.append(now)
        return True
