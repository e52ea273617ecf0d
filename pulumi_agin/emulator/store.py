"""Storage for the ingresses of all accounts, in memory or in a JSON file."""

from __future__ import annotations

import json
import os
import secrets
import time
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timezone
from pathlib import Path

_KSUID_EPOCH = 1_400_000_000
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The regions of a recorded response, in its order.
_REGIONS = ("us", "us-cal-1", "eu", "au", "ap", "jp", "sa", "in")
_NOT_LOOKED_UP = "The NS records have not been looked up yet."


class StoreError(ValueError):
    """The file can't be read or written, or is not an emulator's. The message is one sentence."""


@dataclass(frozen=True)
class Ingress:
    """One Agent Ingress, as the service holds it. Times are in seconds since 1970, as in `datetime.timestamp`."""

    id: str
    account: int
    """The number of the account: 1 for that of the first API key."""
    created_at: str
    domain: str
    ns_targets: list[str]
    region_domains: list[str]
    description: str = ""
    metadata: str = ""
    certificate_management_policy: dict[str, str] | None = None
    policy_set_at: float = 0.0
    certificate_since: float = 0.0
    """The start of the time to the certificate: when the policy was set, or when a later lookup found wrong records."""
    records_problem: str | None = _NOT_LOOKED_UP
    """The problem with the NS records at the last lookup since the policy was set; None if they were right."""
    certificate: dict[str, str | None] = field(default_factory=dict[str, "str | None"])
    """The state, error_code and msg that `set_certificate` keeps; empty if the clock decides."""

    def with_policy(self, policy: dict[str, str] | None, now: float) -> Ingress:
        """Returns the ingress with a policy. Only another policy than before restarts the certificate."""
        if policy == self.certificate_management_policy:
            return self
        restarted = replace(self, policy_set_at=now, certificate_since=now, records_problem=_NOT_LOOKED_UP)
        return replace(restarted, certificate_management_policy=policy)


def new_ingress(account: int, domain: str, now: float) -> Ingress:
    """Makes an ingress with an ID, NS targets and regions like those in recorded responses."""
    # Unsorted.
    targets = [_ns_target(1024, "org"), _ns_target(512, "net"), _ns_target(1536, "co.uk"), _ns_target(0, "com")]
    regions = [f"tunnel.{region}.{domain}" for region in _REGIONS]
    return Ingress(_new_id(now), account, timestamp(now), domain, targets, regions)


def _ns_target(base: int, tld: str) -> str:
    """Makes a name like those of a hosted zone at AWS: another one for each ingress, without a final dot."""
    number = secrets.randbelow(512)
    return f"ns-{base + number}.awsdns-{number // 8:02d}.{tld}"


def _new_id(now: float) -> str:
    """Makes an ID with a KSUID, whose random part begins with the real time, so that IDs sort by age."""
    value = (int(now) - _KSUID_EPOCH) << 128 | time.time_ns() << 64 | secrets.randbits(64)
    digits = ""
    while len(digits) < 27:
        value, digit = divmod(value, 62)
        digits = _BASE62[digit] + digits
    return f"agin_{digits}"


def timestamp(moment: float) -> str:
    """Returns a time as ngrok writes it, in whole seconds."""
    return datetime.fromtimestamp(moment, timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """All ingresses by ID, oldest first.

    A change replaces `ingresses`, after it has written the file, so that readers need no lock and a failed change
    changes nothing. Those who change something hold the lock of the state.
    """

    def __init__(self, file: Path | None) -> None:
        self._file = file
        self.ingresses: dict[str, Ingress] = {}
        self.load()

    def load(self) -> None:
        """Reads the file again. Without a file, nothing changes."""
        if self._file is None or not self._file.exists():
            return
        try:
            records = json.loads(self._file.read_text(encoding="utf-8"))
            self.ingresses = {record["id"]: Ingress(**record) for record in records}
        except OSError as error:
            raise StoreError(f"The file {self._file} can't be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError) as error:
            raise StoreError(f"The file {self._file} is not one that the emulator wrote, or it is damaged.") from error

    def put(self, ingress: Ingress) -> None:
        """Adds or replaces an ingress."""
        self.save({**self.ingresses, ingress.id: ingress})

    def remove(self, ingress_id: str) -> None:
        self.save({id_: ingress for id_, ingress in self.ingresses.items() if id_ != ingress_id})

    def save(self, ingresses: dict[str, Ingress]) -> None:
        """Replaces all ingresses. If the file can't be written, raises StoreError, and nothing has changed."""
        if self._file is not None:
            records = [asdict(ingress) for ingress in ingresses.values()]
            # A link's target, because a link would be replaced.
            file = Path(os.path.realpath(self._file))
            written = file.with_name(f"{file.name}.new")
            try:
                written.write_text(json.dumps(records, indent=1) + "\n", encoding="utf-8")
                written.replace(file)
            except OSError as error:
                raise StoreError(f"The file {self._file} can't be written: {error.strerror}.") from error
        self.ingresses = ingresses
