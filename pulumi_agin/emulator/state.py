"""State of the emulator: its settings, accounts and ingresses, and the faults and requests of a test."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, Literal, get_args

from .faults import Fault

DEFAULT_API_KEY = "emulator-key"
"""The default key of the first account. Only an emulator accepts it."""
DEFAULT_LIMIT = 120
"""The documented limit of requests of an account in a rolling minute."""

NullPolicy = Literal["removes", "ignored"]
PrivateKeyType = Literal["rsa", "ecdsa"]

MAX_REQUESTS = 10_000
"""The number of requests in the log, which keeps the newest requests."""
# The regions of a recorded response, in the same order.
_REGIONS = ("us", "us-cal-1", "eu", "au", "ap", "jp", "sa", "in")


@dataclass(frozen=True)
class EmulatorSettings:
    """The settings that `Emulator.configure` changes.

    Some settings change behavior that ngrok does not document, so that a client's tests can cover each possibility.
    """

    limit: int = DEFAULT_LIMIT
    """The limit of requests of an account in a rolling minute; 0 for no limit."""
    job_after_seconds: float = 2.0
    """Seconds from setting a policy until the certificate's job starts. Until then, the status is null."""
    issue_after_seconds: float = 20.0
    """Seconds from setting a policy until the certificate is issued. With a DNS server, each lookup that does not find
    the right NS records starts this time again. ngrok takes seconds to minutes."""
    null_policy: NullPolicy = "removes"
    """The effect of a null policy in a PATCH: "removes" (documented) or "ignored" (recorded for another field)."""
    default_private_key_type: PrivateKeyType = "rsa"
    """The key type of a policy without a key type: "rsa" (documented) or "ecdsa" (seen for a similar resource)."""

    def __post_init__(self) -> None:
        if min(self.limit, self.job_after_seconds, self.issue_after_seconds) < 0:
            raise ValueError("limit, job_after_seconds and issue_after_seconds must not be negative.")
        if self.null_policy not in get_args(NullPolicy):
            raise ValueError(f"null_policy must be one of {', '.join(get_args(NullPolicy))}.")
        if self.default_private_key_type not in get_args(PrivateKeyType):
            raise ValueError(f"default_private_key_type must be one of {', '.join(get_args(PrivateKeyType))}.")


@dataclass(frozen=True)
class Ingress:
    """One Agent Ingress, as the emulator stores it. A float is a time in seconds since 1970."""

    id: str
    account: int
    """The number of the account: 1 for the account of the first API key."""
    created_at: str
    domain: str
    ns_targets: list[str]
    region_domains: list[str]
    description: str = ""
    metadata: str = ""
    certificate_management_policy: dict[str, str] | None = None
    policy_set_at: float = 0.0
    waiting_since: float = 0.0
    """The start of the time until issuance: when the policy was set, or the last lookup that found wrong NS records."""
    records_problem: str | None = None
    """The problem at the last lookup; None if the NS records were right. Before the first lookup: no records."""
    certificate: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """The `state`, `error_code` and `msg` that `set_certificate` keeps; empty if the state is computed."""

    def with_policy(self, policy: dict[str, str] | None, now: float) -> Ingress:
        """Returns the ingress with a policy, which this method does not check.

        The certificate restarts only if the policy differs from the existing policy.
        """
        if policy == self.certificate_management_policy:
            return self
        restarted = replace(self, policy_set_at=now, waiting_since=now, records_problem=no_records(self.domain))
        return replace(restarted, certificate_management_policy=policy)


def new_ingress(account: int, domain: str, now: float) -> Ingress:
    """Makes an ingress with an ID, NS targets and regions like those in recorded responses."""
    # The NS targets are not sorted.
    targets = [_ns_target(1024, "org"), _ns_target(512, "net"), _ns_target(1536, "co.uk"), _ns_target(0, "com")]
    regions = [f"tunnel.{region}.{domain}" for region in _REGIONS]
    # The ID is as long as ngrok's IDs, and begins with the real time, so that IDs sort by age.
    id_ = f"agin_{time.time_ns():020}{secrets.token_hex(4)[:7]}"
    return Ingress(id_, account, timestamp(now), domain, targets, regions)


def no_records(domain: str) -> str:
    """Returns the message of ERR_NGROK_6702: a domain has no NS records."""
    return f"No DNS records were returned when querying for an NS record for the domain `{domain}`."


def _ns_target(base: int, tld: str) -> str:
    """Makes a random name like the name servers of a hosted zone at AWS, without a trailing dot."""
    number = secrets.randbelow(512)
    return f"ns-{base + number}.awsdns-{number // 8:02d}.{tld}"


def timestamp(moment: float) -> str:
    """Returns a time as ngrok writes it, in whole seconds."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(repr=False)
class State:
    """The state of one `Emulator`. It has no repr, because a repr would show API keys.

    A change of any field needs the lock. A change of the ingresses replaces the dict, so that readers
    need no lock.
    """

    accounts: dict[str, int]
    """The number of the account of each API key."""
    settings: EmulatorSettings
    clock: Callable[[], datetime]
    dns: str | None
    """HOST:PORT of the server that has the NS records. Without such a server, certificates need no NS records."""
    file: Path | None
    """The file with the ingresses. ValueError: the file can't be used, or was not written by an emulator."""
    ingresses: dict[str, Ingress] = field(default_factory=dict[str, Ingress])
    """All ingresses by ID, oldest first."""
    faults: list[Fault] = field(default_factory=list[Fault])
    requests: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=MAX_REQUESTS))
    """The requests to the API, oldest first."""
    recent: dict[int, list[float]] = field(default_factory=dict[int, "list[float]"])
    """The times of the requests of each account in the last minute."""
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        if self.file is not None:
            self._open(self.file)

    def now(self) -> float:
        """Returns the current time, in seconds since 1970."""
        return self.clock().timestamp()

    def spend(self, account: int) -> bool:
        """Counts a request of an account. If the request exceeds the limit, returns False without counting it.

        `rules` calls this method once for each request with an accepted API key, and turns False into ERR_NGROK_226.
        """
        now, limit = self.now(), self.settings.limit
        with self.lock:
            times = [each for each in self.recent.get(account, []) if now - each < 60]
            is_allowed = limit == 0 or len(times) < limit
            self.recent[account] = [*times, now] if is_allowed else times
            return is_allowed

    def put(self, ingress: Ingress) -> None:
        """Adds or replaces an ingress."""
        self._replace({**self.ingresses, ingress.id: ingress})

    def remove(self, ingress_id: str) -> None:
        self._replace({id_: ingress for id_, ingress in self.ingresses.items() if id_ != ingress_id})

    def _replace(self, ingresses: dict[str, Ingress]) -> None:
        """Replaces all ingresses. If the file can't be written, raises OSError, and changes nothing."""
        if self.file is not None:
            written = self.file.with_name(f"{self.file.name}.new")
            written.write_text(json.dumps([asdict(each) for each in ingresses.values()], indent=1), encoding="utf-8")
            written.replace(self.file)
        self.ingresses = ingresses

    def _open(self, file: Path) -> None:
        """Reads the file, and writes it back, so that an unwritable folder causes an error now and not in a request."""
        try:
            records = json.loads(file.read_text(encoding="utf-8")) if file.exists() else []
            self._replace({record["id"]: Ingress(**record) for record in records})
        except OSError as error:
            raise ValueError(f"The file {file} can't be used: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise ValueError(f"The file {file} is not one that the emulator wrote, or it is damaged.") from error
