"""A DNS service in a file: its NS records, and the writes to them. Both the plugin and the test open it."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path


class RefusedError(Exception):
    """A sentence that says what the service refuses."""


@dataclass(frozen=True)
class NsRecord:
    """An NS record. The records with the same zone and name are a record set."""

    number: int
    zone: str
    name: str
    ttl: int
    value: str


@dataclass(frozen=True)
class Operation:
    """A write that succeeded."""

    what: str
    """create, update or delete."""
    name: str
    """The name of the records, relative to their zone."""
    time: float
    """In seconds of `time.monotonic()`, like the times of the emulator's requests."""


@dataclass
class _Content:
    records: list[NsRecord] = field(default_factory=list)
    operations: list[Operation] = field(default_factory=list)
    locked: list[str] = field(default_factory=list)
    numbers: int = 0

    def wrote(self, what: str, name: str) -> None:
        self.operations.append(Operation(what, name, time.monotonic()))

    def take_number(self) -> int:
        self.numbers += 1
        return self.numbers

    def in_set(self, zone: str, name: str) -> list[NsRecord]:
        return [each for each in self.records if (each.zone, each.name) == (zone, name)]

    def number(self, number: int) -> NsRecord | None:
        return next((each for each in self.records if each.number == number), None)


class DnsService:
    """The service. It refuses to create a set for a name that has records, and a record with a value that exists."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._lock = threading.Lock()

    def records(self, zone: str, name: str) -> list[NsRecord]:
        """Returns the records of a name, sorted by value."""
        with self._lock:
            return sorted(self._load().in_set(zone, name), key=lambda each: each.value)

    def names(self, zone: str) -> list[str]:
        """Returns the names that have records in a zone, sorted."""
        with self._lock:
            return sorted({each.name for each in self._load().records if each.zone == zone})

    def record(self, number: int) -> NsRecord | None:
        """Returns the record with a number, or None."""
        with self._lock:
            return self._load().number(number)

    def operations(self) -> list[Operation]:
        """Returns the writes, oldest first."""
        with self._lock:
            return self._load().operations

    def clear_operations(self) -> None:
        """Forgets the writes."""
        with self._change() as content:
            content.operations.clear()

    def lock_name(self, name: str) -> None:
        """Refuses to create records of the name from now on."""
        with self._change() as content:
            content.locked.append(name)

    def unlock_names(self) -> None:
        """Undoes all calls of `lock_name`."""
        with self._change() as content:
            content.locked.clear()

    # One record

    def create(self, zone: str, name: str, ttl: int, value: str) -> int:
        """Creates a record and returns its number.

        Raises:
            RefusedError: It exists, or its name is locked.
        """
        with self._change() as content:
            self._check_is_free(content, name, any(each.value == value for each in content.in_set(zone, name)))
            record = NsRecord(content.take_number(), zone, name, ttl, value)
            content.records.append(record)
            content.wrote("create", name)
            return record.number

    def update(self, number: int, name: str, ttl: int, value: str) -> None:
        """Updates a record.

        Raises:
            RefusedError: It does not exist.
        """
        with self._change() as content:
            before = content.number(number)
            if before is None:
                raise RefusedError(f"there is no record {number}")
            after = replace(before, name=name, ttl=ttl, value=value)
            content.records = [after if each == before else each for each in content.records]
            content.wrote("update", name)

    def delete(self, number: int) -> None:
        """Deletes a record if it exists."""
        with self._change() as content:
            if record := content.number(number):
                content.records.remove(record)
                content.wrote("delete", record.name)

    # All records of a name

    def create_set(self, zone: str, name: str, ttl: int, values: Sequence[str]) -> None:
        """Creates the records of a name.

        Raises:
            RefusedError: The name has records, or is locked.
        """
        with self._change() as content:
            self._check_is_free(content, name, bool(content.in_set(zone, name)))
            content.records += [NsRecord(content.take_number(), zone, name, ttl, value) for value in values]
            content.wrote("create", name)

    def update_set(self, zone: str, name: str, ttl: int, values: Sequence[str]) -> None:
        """Replaces the records of a name in one step."""
        with self._change() as content:
            kept = [each for each in content.records if each not in content.in_set(zone, name)]
            content.records = kept + [NsRecord(content.take_number(), zone, name, ttl, value) for value in values]
            content.wrote("update", name)

    def delete_set(self, zone: str, name: str) -> None:
        """Deletes all records of a name, if there are any."""
        with self._change() as content:
            if found := content.in_set(zone, name):
                content.records = [each for each in content.records if each not in found]
                content.wrote("delete", name)

    @staticmethod
    def _check_is_free(content: _Content, name: str, is_taken: bool) -> None:
        if name in content.locked:
            raise RefusedError(f"the name {name} is locked")
        if is_taken:
            raise RefusedError(f"NS records of {name} exist already")

    def _load(self) -> _Content:
        if not self._file.exists():
            return _Content()
        read = json.loads(self._file.read_text())
        return _Content(
            [NsRecord(**each) for each in read["records"]],
            [Operation(**each) for each in read["operations"]],
            read["locked"],
            read["numbers"],
        )

    @contextmanager
    def _change(self) -> Iterator[_Content]:
        with self._lock:
            content = self._load()
            yield content
            self._file.write_text(json.dumps(asdict(content)))
