"""Faults that tests add to the emulator."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal, get_args

from .api_request import ApiRequest, ApiResponse

FaultKind = Literal["respond", "respond_after", "reset_before", "reset_after", "cut_short", "hang", "delay"]
"""
The effect of a fault on a request:

- `respond`: it gets the given response, and is not carried out.
- `respond_after`: it is carried out, and gets the given response.
- `reset_before`: the connection is reset, and the request is not carried out.
- `reset_after`: the request is carried out, and the connection is reset.
- `cut_short`: it is carried out, and the connection ends halfway through the body of the response; without a body,
  before the response.
- `hang`: it gets no response, and the connection stays open until the emulator stops. Only with `after`, it is carried
  out.
- `delay`: it is carried out and gets its response after `seconds`, of real time.
"""
_CARRIED_OUT = ("respond_after", "reset_after", "cut_short")


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
    """The domain that the requests are about: those that create its ingress or name its ID, and lists whose filter has
    the domain. None for any."""
    status: int = 500
    """The status of the response of `respond` and `respond_after`, 200 to 599."""
    headers: dict[str, str] = field(default_factory=dict[str, str])
    """The headers of the response. `{api_key}` in a value becomes the key of the request."""
    body: str = ""
    """The body of the response. `{api_key}` in it becomes the key of the request."""
    json_body: object = None
    """In place of `body`: a value that is sent as JSON."""
    seconds: float = 0.0
    """The duration of a `delay`."""
    after: bool = False
    """For `hang` and `delay`: whether the request is carried out first."""

    def __post_init__(self) -> None:
        """Brings the method and the domain into canonical form. Raises ValueError if a value is not allowed."""
        self.method = self.method and self.method.upper()
        self.domain = self.domain and self.domain.strip().lower().removesuffix(".")
        if self.kind not in get_args(FaultKind):
            raise ValueError(f"A fault's kind must be one of {', '.join(get_args(FaultKind))}, not {self.kind!r}.")
        if not 200 <= self.status <= 599:
            raise ValueError(f"A fault's status must be from 200 to 599, not {self.status!r}.")

    def __str__(self) -> str:
        about = f" about {self.domain}" if self.domain else ""
        return f"{self.kind} for {self.method or 'any'} requests{about} ({self.times} left)"

    def respond(
        self, request: ApiRequest, carry_out: Callable[[ApiRequest], ApiResponse], ending: threading.Event
    ) -> ApiResponse | None:
        """Returns the response to a request that it affects, or None if the connection is to be reset without one.

        `carry_out` returns the API's response. `ending` is set when the emulator stops, which ends every wait.
        """
        is_carried_out = self.after if self.kind in ("hang", "delay") else self.kind in _CARRIED_OUT
        response = carry_out(request) if is_carried_out else None
        if self.kind in ("respond", "respond_after"):
            return self._given_response(request.api_key)
        if self.kind == "cut_short" and response and response.body:
            return replace(response, is_cut=True)
        if self.kind == "hang":
            ending.wait()
        if self.kind == "delay" and not ending.wait(self.seconds):
            return response or carry_out(request)
        return None

    def _given_response(self, api_key: str) -> ApiResponse:
        """Returns the response that a test has given, with the key of the request in it."""
        content_type, body = "text/plain; charset=utf-8", self.body
        if self.json_body is not None:
            content_type, body = "application/json", json.dumps(self.json_body)
        headers = {name.lower(): value.replace("{api_key}", api_key) for name, value in self.headers.items()}
        content = body.replace("{api_key}", api_key).encode(errors="replace")
        return ApiResponse(self.status, content, {"content-type": content_type, **headers})


def not_used_up(unused: Sequence[str]) -> str:
    """Returns the message for a test that ends with unused faults."""
    return (
        f"Some faults were not used up: {'; '.join(unused)}. `requests()` shows what was sent. Correct the fault's "
        "method, domain or times, or end the test with clear_faults()."
    )
