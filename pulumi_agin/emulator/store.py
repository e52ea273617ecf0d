"""Storage for the ingresses of all accounts, in memory or in a JSON file."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from typing import Any

_FORMAT = "pulumi-agin emulator, version 1"
_KSUID_EPOCH = 1_400_000_000
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The names of the fields that are times.
TIMES = ("created_at", "policy_set_at", "records_wrong_at", "records_right_since")
# The regions of a recorded response, in its order.
_REGIONS = ("us", "us-cal-1", "eu", "au", "ap", "jp", "sa", "in")


class StoreError(ValueError):
    """The file can't be read or written, or is not an emulator's. The message is one sentence."""


@dataclass
class Ingress:
    """One Agent Ingress, as the service holds it."""

    id: str
    account: int
    """The number of the account: 1 for that of the first API key."""
    created_at: datetime
    """In whole seconds, UTC."""
    domain: str
    description: str = ""
    metadata: str = ""
    certificate_management_policy: dict[str, str] | None = None
    policy_set_at: datetime | None = None
    ns_targets: list[str] = field(default_factory=list[str])
    region_domains: list[str] = field(default_factory=list[str])
    certificate: dict[str, str | None] | None = None
    """The state, error_code and msg that the control plane has set; None if the clock decides."""
    records_wrong_at: datetime | None = None
    """The last lookup since the policy was set that did not find the right NS records; None if there was none."""
    records_right_since: datetime | None = None
    """When the NS records may have become right; None if the last lookup found others, or before the first."""
    records_problem: str | None = None
    """The problem with the NS records at the last lookup; None if there was none, or before the first."""

    def set_policy(self, policy: dict[str, str] | None, now: datetime) -> None:
        """Sets the policy. The certificate starts again only if that changes the policy."""
        if policy != self.certificate_management_policy:
            self.certificate_management_policy = policy
            self.policy_set_at = now
            self.records_wrong_at = self.records_right_since = self.records_problem = None

    def set_records(self, problem: str | None, now: datetime) -> bool:
        """Stores the result of a DNS lookup. Returns whether something changed."""
        before = (self.records_wrong_at, self.records_right_since)
        if problem is None:
            # They may have become right before this lookup: the emulator looks them up only when the ingress is read.
            self.records_right_since = self.records_right_since or self.records_wrong_at or self.policy_set_at
        else:
            self.records_wrong_at, self.records_right_since = now, None
        self.records_problem = problem
        return before != (self.records_wrong_at, self.records_right_since)


class Store:
    """All ingresses, oldest first. It is not thread-safe: the caller holds the lock of the state."""

    def __init__(self, file: Path | None) -> None:
        self._shown_file = file
        # If it is a link, its target is used, because a save would replace the link.
        self._file = None if file is None else Path(os.path.realpath(file))
        self.ingresses: dict[str, Ingress] = {}
        self._saved: str | None = None
        """The content of the file when it was last read or written."""
        self._last_ksuid = 0
        self.load()

    def load(self) -> None:
        """Loads the file, which others may have changed. Without a file, nothing changes. May raise StoreError."""
        if self._file is None:
            return
        # A device or a pipe may have no end.
        if os.path.exists(self._file) and not os.path.isfile(self._file):
            raise StoreError(f"The file {self._shown_file} is not a regular file.")
        try:
            content = self._file.read_text(encoding="utf-8")
            self.ingresses = _parse(content)
            self._saved = content
            self._last_ksuid = max(map(_ksuid_value, self.ingresses), default=0)
        except FileNotFoundError:
            return
        except OSError as error:
            raise StoreError(f"The file {self._shown_file} can't be read: {error.strerror}.") from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise StoreError(
                f"The file {self._shown_file} is not one that the emulator wrote, or it is damaged."
            ) from error

    def create(self, account: int, now: datetime, domain: str) -> Ingress:
        """Adds an ingress with a new ID. The caller must save it."""
        created_at = now.astimezone(timezone.utc).replace(microsecond=0)
        id_ = self._new_id(created_at)
        regions = [f"tunnel.{region}.{domain}" for region in _REGIONS]
        ingress = Ingress(id_, account, created_at, domain, ns_targets=_ns_targets(id_), region_domains=regions)
        self.ingresses[id_] = ingress
        return ingress

    def newest_first(self, account: int) -> list[Ingress]:
        own = (ingress for ingress in self.ingresses.values() if ingress.account == account)
        return sorted(own, key=lambda ingress: ingress.id, reverse=True)

    def save(self) -> None:
        """Writes the file in one step. If that fails, raises StoreError; the ingresses are those of the last save."""
        if self._file is None:
            return
        document = {"format": _FORMAT, "ingresses": [asdict(each) for each in self.ingresses.values()]}
        content = json.dumps(document, indent=1, default=datetime.isoformat) + "\n"
        try:
            handle, name = tempfile.mkstemp(prefix=self._file.name, dir=self._file.parent)
            try:
                with open(handle, "w", encoding="utf-8") as temporary:
                    temporary.write(content)
                os.replace(name, self._file)
            except BaseException:
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            self.ingresses = {} if self._saved is None else _parse(self._saved)
            raise StoreError(f"The file {self._shown_file} can't be written: {error.strerror}.") from error
        self._saved = content

    def _new_id(self, created_at: datetime) -> str:
        """Makes an ID with a KSUID. Each is greater than the last one, so that IDs sort by age."""
        value = ((int(created_at.timestamp()) - _KSUID_EPOCH) << 128) + secrets.randbits(127)
        value = max(value, self._last_ksuid + 1 + secrets.randbits(96))
        self._last_ksuid = value
        digits = ""
        while len(digits) < 27:
            value, digit = divmod(value, 62)
            digits = _BASE62[digit] + digits
        return f"agin_{digits}"


def _ksuid_value(ingress_id: str) -> int:
    value = 0
    for digit in ingress_id.removeprefix("agin_"):
        value = value * 62 + _BASE62.index(digit)
    return value


def _ns_targets(ingress_id: str) -> list[str]:
    """Makes names like those of a hosted zone at AWS: different for each ingress, without a final dot, unsorted."""
    digest = sha256(ingress_id.encode()).digest()
    names: list[str] = []
    for position, (base, tld) in enumerate(((1024, "org"), (512, "net"), (1536, "co.uk"), (0, "com"))):
        number = int.from_bytes(digest[position * 2 : position * 2 + 2], "big") % 512
        names.append(f"ns-{base + number}.awsdns-{number // 8:02d}.{tld}")
    return names


def _parse(content: str) -> dict[str, Ingress]:
    """Returns the ingresses in a file by ID. Other content than the emulator's raises any of several errors."""
    document: Any = json.loads(content)
    if document["format"] != _FORMAT:
        raise ValueError("another format")
    ingresses: dict[str, Ingress] = {}
    for record in document["ingresses"]:
        for name in TIMES:
            # Files of versions before 1.6 lack one of them.
            record[name] = record.get(name) and datetime.fromisoformat(record[name])
        ingresses[record["id"]] = Ingress(**record)
    return ingresses
