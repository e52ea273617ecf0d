"""The faults that the emulator can be told to have."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from .limits import is_sendable
from .settings import MAX_NUMBER

FaultKind = Literal["answer", "answer_after", "reset_before", "reset_after", "cut_short", "hang", "delay"]
"""
What happens to a request:

- `answer`: it gets the given answer, and is not carried out.
- `answer_after`: it is carried out, and gets the given answer.
- `reset_before`: the connection is reset, and the request is not carried out.
- `reset_after`: the request is carried out, and the connection is reset.
- `cut_short`: it is carried out, and the connection ends half-way through the body of the answer.
- `hang`: it gets no answer. The connection stays open until the client closes it or the emulator stops.
- `delay`: it is carried out and answered after `seconds`.
"""

_HEADER = re.compile(r"[\t -~\x80-\xff]*")

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass
class Fault:
    """A fault, and how often it will still happen."""

    method: str | None
    """The HTTP method of the requests; None for any."""
    kind: FaultKind
    """What happens to the request."""
    times: int | None
    """How many more requests it affects; None for all."""
    skip: int
    """How many matching requests are answered as usual first."""
    path_contains: str | None
    """A part of the path of the requests; None for any path."""
    domain: str | None
    """The domain that the requests are about, in lower case and without a final dot; None for any."""
    status: int
    """The status of the answer, 200 to 599."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """The headers of the answer. `{api_key}` in a value becomes the key of the request."""
    body: str = ""
    """The body of the answer. `{api_key}` in it becomes the key of the request."""
    seconds: float = 0.0
    """How long a `delay` takes, in seconds."""
    after: bool = False
    """For `hang` and `delay`: whether the request is carried out first."""

    def __post_init__(self) -> None:
        wrong: dict[str, bool] = {
            "method": not _is(self.method, str, None),
            "kind": self.kind not in KINDS,
            "times": not _is(self.times, int, None) or (self.times is not None and self.times < 1),
            "skip": not _is(self.skip, int) or self.skip < 0,
            "path_contains": not _is(self.path_contains, str, None),
            "domain": not _is(self.domain, str, None),
            "status": not _is(self.status, int) or not 200 <= self.status <= 599,
            "headers": not _is(self.headers, dict)
            or not all(_is(text, str) and _HEADER.fullmatch(text) for pair in self.headers.items() for text in pair),
            "body": not _is(self.body, str) or not is_sendable(self.body),
            "seconds": not _is(self.seconds, (int, float)) or not 0 <= self.seconds <= MAX_NUMBER,
            "after": not isinstance(self.after, bool),
        }
        for name, is_wrong in wrong.items():
            if is_wrong:
                raise ValueError(f"A fault's {name} cannot be {getattr(self, name)!r}.")
        if self.domain is not None:
            self.domain = self.domain.strip().lower().removesuffix(".")

    @property
    def is_carried_out(self) -> bool:
        """Whether the request is carried out nevertheless."""
        if self.kind == "hang":
            return self.after
        return self.kind not in ("answer", "reset_before")

    def applies_to(self, method: str, path: str, is_about: Callable[[str], bool]) -> bool:
        """Returns whether the fault affects a request, and counts the request.

        Args:
            method: The HTTP method of the request, in upper case.
            path: The path of the request.
            is_about: Tells whether the request is about a domain.
        """
        if (self.method or method).upper() != method or (self.path_contains or "") not in path:
            return False
        if self.domain is not None and not is_about(self.domain):
            return False
        if self.skip:
            self.skip -= 1
            return False
        if self.times is not None:
            if self.times == 0:
                return False
            self.times -= 1
        return True


def _is(value: Any, types: type | tuple[type, ...], *others: None) -> bool:
    """Returns whether a value has one of the types, or is None if `others` has None. A bool is not an int here."""
    return (isinstance(value, types) and not isinstance(value, bool)) or (value is None and None in others)
