"""Stores the ingresses of all accounts, in memory or in a JSON file."""

from __future__ import annotations

import errno
import json
import os
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from hashlib import sha256
from pathlib import Path
from random import Random
from typing import Any, cast

from .lock import FileLock

_FORMAT = "pulumi-agin emulator, version 1"
_KSUID_EPOCH = 1_400_000_000
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
# The regions of a recorded answer, in its order.
_REGIONS = ("us", "us-cal-1", "eu", "au", "ap", "jp", "sa", "in")


class StoreError(ValueError):
    """The file cannot be read or written, is in use, or is not an emulator's. The message is one sentence."""


@dataclass
class Ingress:
    """One Agent Ingress, as the service holds it."""

    id: str
    account: int
    """The number of the account: 1 for that of the first API key."""
    created_at: datetime
    """In whole seconds, UTC."""
    domain: str
    description: str
    metadata: str
    certificate_management_policy: dict[str, str] | None
    policy_set_at: datetime | None
    ns_targets: list[str]
    region_domains: list[str]
    certificate: dict[str, str | None] | None = None
    """The state, error_code and msg that the control plane has set; None if the clock decides."""
    records_right_since: datetime | None = None
    """When DNS was first seen with the right NS records; None if the last look found others, or before any look."""
    records_problem: str | None = None
    """What was wrong with the NS records at the last look; None if nothing was, or before any look."""

    def set_policy(self, policy: dict[str, str] | None, now: datetime) -> None:
        """Sets the policy. The certificate starts again only if that changes the policy.

        Args:
            policy: The policy; None for none.
            now: The current time.
        """
        if policy != self.certificate_management_policy:
            self.certificate_management_policy = policy
            self.policy_set_at = now
            self.records_right_since = self.records_problem = None

    def set_records(self, problem: str | None, now: datetime) -> bool:
        """Stores the result of a look at DNS.

        Args:
            problem: What is wrong with the NS records; None if they are right.
            now: The current time.

        Returns:
            Whether something changed.
        """
        before = (self.records_right_since, self.records_problem)
        self.records_right_since = (self.records_right_since or now) if problem is None else None
        self.records_problem = problem
        return before != (self.records_right_since, problem)


class Store:
    """All ingresses, oldest first. It has no lock of its own for threads: the caller holds that of the state."""

    def __init__(self, file: Path | None, random: Random) -> None:
        """Reads the file, if there is one.

        Args:
            file: The file; None to keep the ingresses in memory only.
            random: The source of IDs.

        Raises:
            StoreError: The file cannot be read, has no folder, or is not an emulator's.
        """
        self._shown_file = file
        # If it is a link, its target is used, because a save would replace the link.
        self._file = None if file is None else Path(os.path.realpath(file))
        self._lock = None if self._file is None else FileLock(self._file)
        self._random = random
        self.ingresses: dict[str, Ingress] = {}
        self._saved: str | None = None
        """The text of the file when it was last read or written."""
        self._last_ksuid = 0
        self._is_started = False
        self._load()
        if self._file is not None and not self._file.parent.is_dir():
            raise self._write_error(FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT)))

    def start(self) -> None:
        """Keeps other emulators off the file until `stop`, and reads it again: others may have changed it.

        Raises:
            StoreError: Another emulator has the file, or it cannot be read or written.
        """
        self._acquire()
        self._is_started = True
        try:
            self._load()
            self.save()
        except BaseException:
            self.stop()
            raise

    def stop(self) -> None:
        """Lets other emulators use the file."""
        self._is_started = False
        if self._lock is not None:
            self._lock.release()

    def create(self, *, account: int, now: datetime, domain: str, description: str, metadata: str) -> Ingress:
        """Adds an ingress without a certificate policy. The caller must save it.

        Args:
            account: The number of the account.
            now: The current time.
            domain: The domain, in canonical form.
            description: The description, "" for none.
            metadata: The metadata, "" for none.

        Returns:
            The ingress, with a new ID.
        """
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
        """Returns the ingresses of an account, the newest first.

        Args:
            account: The number of the account.
        """
        mine = (ingress for ingress in self.ingresses.values() if ingress.account == account)
        return sorted(mine, key=lambda ingress: ingress.id, reverse=True)

    def save(self) -> None:
        """Writes the file in one step. If that fails, the ingresses are again those of the last save.

        Raises:
            StoreError: The file cannot be written, or another emulator has taken or changed it.
        """
        if self._lock is None:
            return
        try:
            was_held = self._lock.is_held
            self._acquire()
            try:
                if not was_held and self._read() not in (self._saved, None):
                    raise StoreError(
                        f"The file {self._shown_file} has changed since this emulator read it. "
                        "Restart the emulator to read it again."
                    )
                self._write()
            finally:
                if not self._is_started:
                    self._lock.release()
        except BaseException:
            self.ingresses = {} if self._saved is None else _parse(self._saved)
            raise

    def _acquire(self) -> None:
        if self._lock is not None:
            try:
                self._lock.acquire()
            except BlockingIOError as error:
                raise StoreError(
                    f"The file {self._shown_file} is in use by another emulator: stop that one, or give each its own "
                    "file."
                ) from error
            except OSError as error:
                raise self._write_error(error) from error

    def _load(self) -> None:
        """Loads the file. Without a file, nothing changes."""
        text = self._read()
        if text is not None and text != self._saved:
            try:
                self.ingresses = _parse(text)
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise self._format_error() from error
            self._saved = text
            self._last_ksuid = max((_ksuid_value(ingress_id) for ingress_id in self.ingresses), default=0)

    def _read(self) -> str | None:
        """Returns the text of the file, or None if there is none."""
        if self._file is None:
            return None
        try:
            return self._file.read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StoreError(f"The file {self._shown_file} cannot be read: {error.strerror}.") from error
        except UnicodeDecodeError as error:
            raise self._format_error() from error

    def _write(self) -> None:
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
                with suppress(OSError):
                    os.unlink(name)
                raise
        except OSError as error:
            raise self._write_error(error) from error
        self._saved = text

    def _write_error(self, error: OSError) -> StoreError:
        return StoreError(f"The file {self._shown_file} cannot be written: {error.strerror}.")

    def _format_error(self) -> StoreError:
        return StoreError(f"The file {self._shown_file} is not one that the emulator wrote, or it is damaged.")

    def _new_id(self, created_at: datetime) -> str:
        """Makes an ID with a KSUID. Within a second, each is greater than the last, so that IDs sort by age."""
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
    """Makes names like those of a hosted zone at AWS: different for each ingress, without a final dot, unsorted."""
    digest = sha256(ingress_id.encode()).digest()
    names: list[str] = []
    for position, (base, tld) in enumerate(((1024, "org"), (512, "net"), (1536, "co.uk"), (0, "com"))):
        number = int.from_bytes(digest[position * 2 : position * 2 + 2], "big") % 512
        names.append(f"ns-{base + number}.awsdns-{number // 8:02d}.{tld}")
    return names[::-1] if names == sorted(names) else names


def _parse(text: str) -> dict[str, Ingress]:
    """Parses what `_write` wrote. An edited file may hold values of any type, so that several errors can be raised."""
    document: Any = json.loads(text)
    if document["format"] != _FORMAT:
        raise ValueError("another format")
    ingresses = [_ingress(record) for record in document["ingresses"]]
    return {ingress.id: ingress for ingress in ingresses}


def _ingress(record: dict[str, Any]) -> Ingress:
    ingress = Ingress(
        **{
            **record,
            "created_at": _moment(record["created_at"]),
            "policy_set_at": _moment(record["policy_set_at"]),
            # Files of older versions do not have this.
            "records_right_since": _moment(record.get("records_right_since")),
        }
    )
    _ksuid_value(ingress.id)
    is_right = (
        type(cast(object, ingress.account)) is int
        and ingress.created_at is not None
        and all(_is_text(each) for each in (ingress.domain, ingress.description, ingress.metadata))
        and all(_are_texts(each) for each in (ingress.ns_targets, ingress.region_domains))
        and all(_is_table(each) for each in (ingress.certificate_management_policy, ingress.certificate))
        and (ingress.records_problem is None or _is_text(ingress.records_problem))
    )
    if not is_right:
        raise TypeError("a value of the wrong type")
    return ingress


def _moment(text: str | None) -> datetime | None:
    moment = None if text is None else datetime.fromisoformat(text)
    if moment is not None and moment.tzinfo is None:
        raise ValueError("a time without its zone")
    return moment


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _are_texts(values: object) -> bool:
    return isinstance(values, list) and all(_is_text(each) for each in cast("list[object]", values))


def _is_table(value: object) -> bool:
    """Returns whether a value is null, or an object whose values are strings and nulls."""
    if value is None:
        return True
    return isinstance(value, dict) and _are_texts(
        [each for each in cast("dict[str, object]", value).values() if each is not None]
    )
