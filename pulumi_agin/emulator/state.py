"""All that the API's rules, the HTTP front and the control plane share."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field, fields
from datetime import datetime, timedelta
from random import Random
from typing import Literal

from pulumi_agin.emulator.delegation import DnsServer
from pulumi_agin.emulator.faults import Fault
from pulumi_agin.emulator.limits import MAX_NUMBER, is_sendable
from pulumi_agin.emulator.log import RequestLog
from pulumi_agin.emulator.store import Store

DEFAULT_API_KEY = "emulator-key"
"""The key of the first account, where none is given. It opens nothing but an emulator."""

DEFAULT_LIMIT = 120
"""Requests of an account in a rolling minute: ngrok's documented limit."""


@dataclass(frozen=True)
class Settings:
    """What `Emulator.configure` changes."""

    limit: int = DEFAULT_LIMIT
    """Requests of an account within the window; 0: no limit."""
    window_seconds: float = 60.0
    """Length of the rolling window; ngrok's is 60."""
    job_after_seconds: float = 2.0
    """From a policy's being set to the certificate's job: the status is null so long."""
    issue_after_seconds: float = 20.0
    """From a policy's being set to the certificate; ngrok takes seconds to minutes.

    With a DNS server: from the look that found the NS records right.
    """
    null_policy: Literal["ignored", "removes"] = "ignored"
    """What a null policy in a PATCH does. ngrok's documents don't say; most likely it ignores it."""
    default_private_key_type: Literal["rsa", "ecdsa"] = "rsa"
    """For a policy without one: rsa is documented, ecdsa was recorded of a sibling resource."""
    trailing_dots: bool = False
    """A dot at the end of each of ns_targets, as in the documents' samples; recorded answers have none."""
    empty_keys: Literal["absent", "null", "empty"] = "absent"
    """An empty description or metadata: no key (recorded), null, or "" (older answers)."""
    order: Literal["as_made", "reversed", "sorted", "shuffled"] = "as_made"
    """The order of ns_targets and region_domains; shuffled: another one in each answer."""
    upper_case: bool = False
    """Domain names in capitals."""
    unknown_keys: bool = False
    """Keys that no document names, at every level."""
    base_url: str = ""
    """The beginning of a list's absolute URLs; "": the host that the request was sent to."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value = getattr(self, each.name)
            choices = _CHOICES.get(each.name)
            if choices is not None:
                if value not in choices:
                    raise ValueError(f"{each.name} is one of {', '.join(choices)}, not {value!r}.")
            elif isinstance(each.default, (bool, str)):
                if type(value) is not type(each.default):
                    raise ValueError(f"{each.name} is a {type(each.default).__name__}, not {value!r}.")
                if isinstance(value, str) and not is_sendable(value):
                    raise ValueError(f"{each.name} is a text of whole characters, not {value!r}.")
            elif (
                isinstance(value, bool)
                or not isinstance(value, int if isinstance(each.default, int) else (int, float))
                or not 0 <= value <= MAX_NUMBER
            ):
                raise ValueError(f"{each.name} is a number of 0 or more, and at most {MAX_NUMBER}, not {value!r}.")


_CHOICES = {
    "null_policy": ("ignored", "removes"),
    "default_private_key_type": ("rsa", "ecdsa"),
    "empty_keys": ("absent", "null", "empty"),
    "order": ("as_made", "reversed", "sorted", "shuffled"),
}


@dataclass(repr=False)
class State:
    """Not printed: it holds the keys. Every use of it is under its lock."""

    clock: Callable[[], datetime]
    random: Random
    store: Store
    settings: Settings
    accounts: dict[str, int]
    """Account numbers by API key."""
    dns: DnsServer | None = None
    """What the certificates' jobs ask for NS records; None: they need none."""
    requests: RequestLog = field(default_factory=RequestLog)
    faults: list[Fault] = field(default_factory=list[Fault])
    connections: int = 0
    recent: dict[int, deque[datetime]] = field(default_factory=dict[int, "deque[datetime]"])
    """The times of each account's requests within the window."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def spend(self, account: int) -> bool:
        """Counts a request of the account; False when it is over the limit. Those that are don't count."""
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
