"""The ingresses of all accounts, in memory or in a JSON file."""

from __future__ import annotations

import json
import os
import tempfile
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, cast

_FORMAT = "pulumi-agin emulator, version 1"
_KSUID_EPOCH = 1_400_000_000
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The regions of a recorded answer, in its order, which is no sorted one.
_REGIONS = ("us", "us-cal-1", "eu", "au", "ap", "jp", "sa", "in")


class StoreError(ValueError):
    """The file cannot be read or written, or is not an emulator's. The text is one sentence."""


@dataclass
class Ingress:
    """One Agent Ingress, as the service holds it."""

    id: str
    account: int
    """1 for the first API key's account."""
    created_at: datetime
    """Whole seconds, UTC."""
    domain: str
    description: str
    metadata: str
    certificate_management_policy: dict[str, str] | None
    policy_set_at: datetime | None
    ns_targets: list[str]
    region_domains: list[str]
    certificate: dict[str, str | None] | None = None
    """A state set by the control plane (state, error_code, msg); None leaves it to the clock."""
    records_right_since: datetime | None = None
    """Since when looks at DNS found the NS records right; None where the last one didn't, or there was none."""
    records_problem: str | None = None
    """What the last look at DNS found wrong; None where it found nothing, or there was none."""

    def set_policy(self, policy: dict[str, str] | None, now: datetime) -> None:
        """A policy that changes nothing doesn't start the certificate anew."""
        if policy != self.certificate_management_policy:
            self.certificate_management_policy = policy
            self.policy_set_at = now
            self.records_right_since = self.records_problem = None

    def set_records(self, problem: str | None, now: datetime) -> bool:
        """What a look at DNS found wrong; None where the records are right. Returns whether that is news."""
        before = (self.records_right_since, self.records_problem)
        self.records_right_since = (self.records_right_since or now) if problem is None else None
        self.records_problem = problem
        return before != (self.records_right_since, problem)


class Store:
    """All ingresses, oldest first. Not locked: whoever uses it holds the state's lock."""

    def __init__(self, file: Path | None, random: Random) -> None:
        self._file = file
        self._random = random
        self.ingresses: dict[str, Ingress] = {}
        if file is not None:
            if file.exists():
                self.ingresses = {ingress.id: ingress for ingress in _read(file)}
            self.save()
        self._last_ksuid = max((_ksuid_value(ingress_id) for ingress_id in self.ingresses), default=0)

    def create(self, *, account: int, now: datetime, domain: str, description: str, metadata: str) -> Ingress:
        """Adds an ingress without a certificate policy. The caller saves."""
        created_at = now.astimezone(timezone.utc).replace(microsecond=0)
        ingress_id = self._new_id(created_at)
        ingress = Ingress(
            id=ingress_id,
            account=account,
            created_at=created_at,
            domain=domain,
            description=description,
            metadata=metadata,
            certificate_management_policy=None,
            policy_set_at=None,
            ns_targets=_ns_targets(ingress_id),
            region_domains=[f"tunnel.{region}.{domain}" for region in _REGIONS],
        )
        self.ingresses[ingress_id] = ingress
        return ingress

    def newest_first(self, account: int) -> list[Ingress]:
        mine = (ingress for ingress in self.ingresses.values() if ingress.account == account)
        return sorted(mine, key=lambda ingress: ingress.id, reverse=True)

    def save(self) -> None:
        """Writes the file, whole or not at all."""
        if self._file is None:
            return
        document = {"format": _FORMAT, "ingresses": [asdict(each) for each in self.ingresses.values()]}
        text = json.dumps(document, indent=1, default=datetime.isoformat) + "\n"
        try:
            handle, name = tempfile.mkstemp(prefix=self._file.name, dir=self._file.parent)
            try:
                with open(handle, "w", encoding="utf-8") as temporary:
                    temporary.write(text)
                os.replace(name, self._file)
            except BaseException:
                os.unlink(name)
                raise
        except OSError as error:
            raise StoreError(f"The file {self._file} cannot be written: {error.strerror}.") from error

    def _new_id(self, created_at: datetime) -> str:
        """A KSUID. Within one second each is greater than the last, so that the order of ids is that of age."""
        floor = (int(created_at.timestamp()) - _KSUID_EPOCH) << 128
        value = floor + self._random.getrandbits(127)
        if floor <= self._last_ksuid < floor + (1 << 128):
            value = self._last_ksuid + 1 + self._random.getrandbits(96)
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
    """Four names as a hosted zone at AWS has them: other ones for each ingress, no dots at the end, unsorted."""
    digest = sha256(ingress_id.encode()).digest()
    names: list[str] = []
    for position, (base, tld) in enumerate(((1024, "org"), (512, "net"), (1536, "co.uk"), (0, "com"))):
        number = int.from_bytes(digest[position * 2 : position * 2 + 2], "big") % 512
        names.append(f"ns-{base + number}.awsdns-{number // 8:02d}.{tld}")
    return names[::-1] if names == sorted(names) else names


def _read(file: Path) -> list[Ingress]:
    try:
        document: Any = json.loads(file.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT:
            raise ValueError("another format")
        return [_ingress(record) for record in document["ingresses"]]
    except OSError as error:
        raise StoreError(f"The file {file} cannot be read: {error.strerror}.") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"The file {file} is not one that the emulator wrote, or it is damaged.") from error


def _moment(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _ingress(record: dict[str, Any]) -> Ingress:
    ingress = Ingress(
        **{
            **record,
            "created_at": datetime.fromisoformat(record["created_at"]),
            "policy_set_at": _moment(record["policy_set_at"]),
            # Older files lack it.
            "records_right_since": _moment(record.get("records_right_since")),
        }
    )
    _ksuid_value(ingress.id)
    texts = (ingress.domain, ingress.description, ingress.metadata, *ingress.ns_targets, *ingress.region_domains)
    # What a hand wrote into the file may be of any type.
    if not isinstance(cast(object, ingress.account), int) or not all(
        isinstance(cast(object, text), str) for text in texts
    ):
        raise TypeError("a value of the wrong type")
    return ingress
