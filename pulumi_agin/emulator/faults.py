"""What can be made to go wrong."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Literal, get_args

from pulumi_agin.emulator.limits import MAX_NUMBER, is_sendable

FaultKind = Literal["answer", "answer_after", "reset_before", "reset_after", "cut_short", "hang", "delay"]
"""
answer: the given answer, and the request is not carried out. answer_after: the same, and it is.
reset_before, reset_after: the connection is reset, before or after the request is carried out.
cut_short: carried out; the connection ends half-way through the body.
hang: no answer until the client goes away or the emulator stops. delay: `seconds` pass first.
"""

_HEADER = re.compile(r"[\t -~\x80-\xff]*")

KINDS: tuple[FaultKind, ...] = get_args(FaultKind)


@dataclass
class Fault:
    """One fault, and how often it is still to happen."""

    method: str | None
    """None: any."""
    kind: FaultKind
    times: int | None
    """How many more requests meet it; None: all."""
    skip: int
    """How many matching requests pass unharmed first."""
    path_contains: str | None
    status: int
    headers: dict[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    """May hold `{api_key}`, which becomes the key of the request when it is answered."""
    seconds: float = 0.0
    after: bool = False
    """For hang and delay: whether the request is carried out first."""

    def __post_init__(self) -> None:
        wrong: dict[str, bool] = {
            "method": not _is(self.method, str, None),
            "kind": self.kind not in KINDS,
            "times": not _is(self.times, int, None) or (self.times is not None and self.times < 1),
            "skip": not _is(self.skip, int) or self.skip < 0,
            "path_contains": not _is(self.path_contains, str, None),
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

    @property
    def is_carried_out(self) -> bool:
        """Whether the request has its effect all the same."""
        if self.kind == "hang":
            return self.after
        return self.kind not in ("answer", "reset_before")

    def meets(self, method: str, path: str) -> bool:
        """Whether this request meets the fault; counts it if so."""
        if (self.method or method).upper() != method or (self.path_contains or "") not in path:
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
    """Whether it is of the type, where bool is no int; or None where that is among the others."""
    return (isinstance(value, types) and not isinstance(value, bool)) or (value is None and None in others)
