"""Faults that a test adds, and that `handler` carries out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

FaultKind = Literal["respond", "respond_after", "reset_before", "reset_after", "cut_short", "delay"]
"""The effect of a fault; docs/reference/emulator.md has a table of them."""


@dataclass
class Fault:
    """A fault of the emulator. `Emulator.add_fault` accepts any of these fields."""

    method: str | None
    """The HTTP method of the requests; None for any."""
    kind: FaultKind
    """The effect."""
    times: int | None = 1
    """The number of requests that the fault still affects; None for no limit."""
    domain: str | None = None
    """The domain that the requests are about; None for any domain. A request with the ID of an ingress in the path is
    about the domain of that ingress. Any other request is about each domain in the body or filter, as spelled there."""
    status: int = 500
    """The status of the response of `respond` and `respond_after`."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """The headers of the response of `respond` and `respond_after`."""
    body: object = ""
    """The body of the response of `respond` and `respond_after`: a string unchanged, any other value as JSON."""
    seconds: float = 0.0
    """The duration of a `delay`, in real time. The other kinds except the resets also wait so long before they respond.
    Stopping the emulator ends the wait."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"A fault's kind must be one of {', '.join(get_args(FaultKind))}, not {self.kind!r}.")

    def __str__(self) -> str:
        about = f" about {self.domain}" if self.domain else ""
        return f"{self.kind} for {self.method or 'any'} requests{about} ({self.times} left)"
