"""The state of the service, which the API, the HTTP server and the control plane share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from .delegation import DnsServer
from .faults import Fault
from .limits import MAX_NUMBER, is_sendable
from .log import RequestLog
from .store import Store

DEFAULT_API_KEY = "emulator-key"
"""The default key of the first account. Only an emulator accepts it."""

DEFAULT_LIMIT = 120
"""Requests of an account in a rolling minute, as ngrok documents it."""


@dataclass(frozen=True)
class Settings:
    """The settings that `Emulator.configure` changes.

    Raises:
        ValueError: A value is not allowed.
    """

    limit: int = DEFAULT_LIMIT
    """Requests of an account within the window; 0 for no limit."""
    window_seconds: float = 60.0
    """The length of the rolling window, in seconds. ngrok's is 60."""
    job_after_seconds: float = 2.0
    """The seconds from the setting of a policy to the job of the certificate. Until then the status is null."""
    issue_after_seconds: float = 20.0
    """The seconds from the setting of a policy to the certificate. ngrok takes seconds to minutes.

    With a DNS server, the time begins when the NS records are found to be right.
    """
    null_policy: Literal["ignored", "removes"] = "ignored"
    """What a null policy in a PATCH does. ngrok does not document it; most likely it is ignored."""
    default_private_key_type: Literal["rsa", "ecdsa"] = "rsa"
    """The private key type of a policy that names none. rsa is documented; a similar resource was seen to use ecdsa."""
    trailing_dots: bool = False
    """Whether `ns_targets` end in a dot. They do in the samples of the documents, but not in recorded answers."""
    empty_keys: Literal["absent", "null", "empty"] = "absent"
    """How an empty description or metadata is shown: not at all (recorded), as null, or as "" (older answers)."""
    order: Literal["as_made", "reversed", "sorted", "shuffled"] = "as_made"
    """The order of `ns_targets` and `region_domains`. `shuffled` changes it with each answer."""
    upper_case: bool = False
    """Whether domain names are in upper case."""
    unknown_keys: bool = False
    """Whether answers have undocumented keys, at every level."""
    base_url: str = ""
    """The beginning of the absolute URLs of a list; "" for the host that the request was sent to."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            choices = _CHOICES.get(each.name)
            if choices is not None:
                if value not in choices:
                    raise ValueError(f"{each.name} must be one of {', '.join(choices)}, not {value!r}.")
            elif isinstance(each.default, (bool, str)):
                if type(value) is not type(each.default):
                    raise ValueError(f"{each.name} must be a {type(each.default).__name__}, not {value!r}.")
                if isinstance(value, str) and not is_sendable(value):
                    raise ValueError(f"{each.name} must be a text of whole characters, not {value!r}.")
            elif (
                isinstance(value, bool)
                or not isinstance(value, int if isinstance(each.default, int) else (int, float))
                or not 0 <= value <= MAX_NUMBER
            ):
                raise ValueError(f"{each.name} must be a number of 0 or more, and at most {MAX_NUMBER}, not {value!r}.")


_CHOICES = {
    "null_policy": ("ignored", "removes"),
    "default_private_key_type": ("rsa", "ecdsa"),
    "empty_keys": ("absent", "null", "empty"),
    "order": ("as_made", "reversed", "sorted", "shuffled"),
}


@dataclass(repr=False)
class State:
    """The state of the service. It has no repr, because it holds keys. Every use of it is under its lock."""

    clock: Callable[[], datetime]
    random: Random
    store: Store
    settings: Settings
    accounts: dict[str, int]
    """The number of the account of each API key."""
    dns: DnsServer | None = None
    """The server that has the NS records. Without one, certificates need no NS records."""
    requests: RequestLog = field(default_factory=RequestLog)
    faults: list[Fault] = field(default_factory=list[Fault])
    connections: int = 0
    recent: dict[int, deque[datetime]] = field(default_factory=dict[int, "deque[datetime]"])
    """The times of the requests of each account within the window."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def spend(self, account: int) -> bool:
        """Counts a request of an account.

        Args:
            account: The number of the account.

        Returns:
            False if the request is over the limit. Such a request does not count.
        """
        if not self.settings.limit:
            return True
        now = self.clock()
        times = self.recent.setdefault(account, deque())
        while times and now - times[0] >= timedelta(seconds=self.settings.window_seconds):
            times.popleft()
        if len(times) >= self.settings.limit:
            return False
        times.append(now)
        return True
