"""Faults that tests add to the emulator."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from .configuration import MAX_NUMBER

FaultKind = Literal["respond", "respond_after", "reset_before", "reset_after", "cut_short", "hang", "delay"]
"""
The effect of a fault on a request:

- `respond`: it gets the given response, and is not carried out.
- `respond_after`: it is carried out, and gets the given response.
- `reset_before`: the connection is reset, and the request is not carried out.
- `reset_after`: the request is carried out, and the connection is reset.
- `cut_short`: it is carried out, and the connection ends halfway through the body of the response; without a body,
  before the response.
- `hang`: it gets no response. The connection stays open until the client closes it or the emulator stops. Only with
  `after`, it is carried out.
- `delay`: it is carried out and gets its response after `seconds`, of real time.
"""

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
"""The methods of requests that the emulator responds to."""


@dataclass
class Fault:
    """A fault, with the number of requests that are left. `Control.add_fault` documents the fields."""

    method: str | None
    kind: FaultKind
    times: int | None
    domain: str | None
    status: int
    headers: dict[str, str]
    body: str
    seconds: float
    after: bool
    optional: bool
    used: int = 0
    """The number of requests that it has affected."""

    def __post_init__(self) -> None:
        """Brings the method and the domain into canonical form. Raises ValueError if a value is not allowed."""
        self.method = self.method and self.method.upper()
        rules = {
            "method": (self.method in (None, *METHODS), f"one of {', '.join(METHODS)}, or None"),
            "kind": (self.kind in get_args(FaultKind), f"one of {', '.join(get_args(FaultKind))}"),
            "times": (self.times is None or self.times >= 1, "at least 1, or None"),
            "status": (200 <= self.status <= 599, "from 200 to 599"),
            "body": (isinstance(self.body, str), "a string"),
            "headers": (max("".join([*self.headers, *self.headers.values()]), default="") <= "\xff", "in Latin-1"),
            "seconds": (0 <= self.seconds <= MAX_NUMBER, f"from 0 to {MAX_NUMBER}"),
        }
        for name, (is_right, right) in rules.items():
            if not is_right:
                raise ValueError(f"A fault's {name} must be {right}, not {getattr(self, name)!r}.")
        self.domain = self.domain and self.domain.strip().lower().removesuffix(".")

    @property
    def is_carried_out(self) -> bool:
        """Whether the request is carried out nevertheless."""
        return self.after if self.kind == "hang" else self.kind not in ("respond", "reset_before")

    def applies_to(self, method: str, is_about: Callable[[str], bool]) -> bool:
        """Returns whether the fault affects a request. `is_about` tells whether that is about a domain."""
        return self.times != 0 and self.method in (None, method) and (self.domain is None or is_about(self.domain))

    @property
    def is_used_up(self) -> bool:
        """Whether it has affected `times` requests, or at least one if it applies to all."""
        return self.used > 0 if self.times is None else self.times == 0

    def count_request(self) -> None:
        self.used += 1
        if self.times is not None:
            self.times -= 1

    def __str__(self) -> str:
        requests = f"{self.method} requests" if self.method else "any request"
        about = f" about {self.domain}" if self.domain else ""
        return f"{self.kind} for {requests}{about} ({'never used' if self.times is None else f'{self.times} left'})"


def not_used_up(unused: Sequence[str]) -> str:
    """Returns the message for a test that ends with unused faults."""
    return (
        f"Some faults were not used up: {'; '.join(unused)}. `requests()` shows what was sent. Correct the fault's "
        "method, domain or times, or add it with optional=True."
    )
