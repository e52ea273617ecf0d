"""The faults that a test adds. `handler` carries them out."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

FaultKind = Literal["respond", "respond_after", "reset_before", "reset_after", "cut_short", "delay"]
"""The effect of a fault; docs/reference/emulator.md has a table of them."""


@dataclass
class Fault:
    """A fault. `Emulator.add_fault` makes it, with any of these fields."""

    method: str | None
    """The HTTP method of the requests; None for any."""
    kind: FaultKind
    """The effect."""
    times: int | None = 1
    """The number of requests that are left; None for all."""
    domain: str | None = None
    """The domain that the requests are about, spelled as in the request: in its body, in a filter of a list, or that of
    the ingress whose ID is in the path. None for any."""
    status: int = 500
    """The status of the response of `respond` and `respond_after`."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """The headers of that response."""
    body: object = ""
    """The body of that response: a string as it is, any other value as JSON."""
    seconds: float = 0.0
    """The duration of a `delay`, in real time; stopping the emulator ends it."""

    def __post_init__(self) -> None:
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"A fault's kind must be one of {', '.join(get_args(FaultKind))}, not {self.kind!r}.")

    def __str__(self) -> str:
        about = f" about {self.domain}" if self.domain else ""
        return f"{self.kind} for {self.method or 'any'} requests{about} ({self.times} left)"
