"""The state of the service, which the API, the HTTP server and the control plane share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, get_args

from .dns_lookup import DnsServer
from .faults import Fault
from .store import Store

DEFAULT_API_KEY = "emulator-key"
"""The default key of the first account. Only an emulator accepts it."""
DEFAULT_LIMIT = 120
"""Requests of an account in a rolling minute, as ngrok documents it."""
MAX_REQUESTS = 10_000
"""The number of requests in the log: the newest ones."""
MAX_NUMBER = 1_000_000_000
"""The largest number in a setting. In seconds it is about thirty years."""

NullPolicy = Literal["removes", "ignored"]
PrivateKeyType = Literal["rsa", "ecdsa"]


@dataclass(frozen=True)
class EmulatorSettings:
    """The settings of an emulator.

    Some of them change behavior that ngrok does not document, so that a client's tests can cover each possibility.
    """

    limit: int = DEFAULT_LIMIT
    """Requests of an account in a rolling minute; 0 for no limit."""
    job_after_seconds: float = 2.0
    """Seconds from setting a policy until the certificate's job starts. Until then, the status is null."""
    issue_after_seconds: float = 20.0
    """Seconds from setting a policy until the certificate is issued, if its job has started; with a DNS server, from
    the last lookup that did not find the right NS records, if there was one. ngrok takes seconds to minutes."""
    null_policy: NullPolicy = "removes"
    """The effect of a null policy in a PATCH: "removes" (documented) or "ignored" (recorded for another field)."""
    default_private_key_type: PrivateKeyType = "rsa"
    """The private key type of a policy that names none: "rsa" (documented) or "ecdsa" (seen for a similar resource)."""
    base_url: str = ""
    """The beginning of the absolute URLs of a list; "" for the host that the request was sent to."""

    def __post_init__(self) -> None:
        for name in ("limit", "job_after_seconds", "issue_after_seconds"):
            if not 0 <= getattr(self, name) <= MAX_NUMBER:
                raise ValueError(f"{name} must be a number from 0 to {MAX_NUMBER}, not {getattr(self, name)!r}.")
        for name, choices in (("null_policy", NullPolicy), ("default_private_key_type", PrivateKeyType)):
            if getattr(self, name) not in get_args(choices):
                raise ValueError(f"{name} must be one of {', '.join(get_args(choices))}, not {getattr(self, name)!r}.")


@dataclass(repr=False)
class State:
    """The state of the service. It has no repr, because it holds keys. Its lock is held by whoever changes it."""

    clock: Callable[[], datetime]
    store: Store
    settings: EmulatorSettings
    accounts: dict[str, int]
    """The number of the account of each API key."""
    dns: DnsServer | None = None
    """The server that has the NS records. Without one, certificates need no NS records."""
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_REQUESTS))
    """The requests to the API, oldest first."""
    faults: list[Fault] = field(default_factory=list[Fault])
    recent: dict[int, list[float]] = field(default_factory=dict[int, "list[float]"])
    """The times of the requests of each account in the last minute."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def now(self) -> float:
        """Returns the current time, in seconds since 1970."""
        return self.clock().timestamp()

    def spend(self, account: int) -> bool:
        """Counts a request of an account. Returns False if it exceeds the limit, and then does not count it."""
        now, limit = self.now(), self.settings.limit
        if limit == 0:
            return True
        with self.lock:
            times = [each for each in self.recent.get(account, []) if now - each < 60]
            is_allowed = len(times) < limit
            self.recent[account] = [*times, now] if is_allowed else times
            return is_allowed
