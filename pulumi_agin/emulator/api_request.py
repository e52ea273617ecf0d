"""A request to the API, and its response."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class ApiRequest:
    """A request to the API. Its path has no percent-escapes, and its headers have names in lower case."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    base_url: str
    """The scheme and host that the request was sent to."""

    @property
    def api_key(self) -> str:
        """The key of a Bearer authorization; "" if there is none."""
        scheme, _, key = self.headers.get("authorization", "").partition(" ")
        return key.strip() if scheme.lower() == "bearer" else ""

    @property
    def content(self) -> Any:
        """The value of a JSON body, any other body as a string, None if there is none."""
        try:
            return json.loads(self.body) if self.body else None
        except (ValueError, RecursionError):
            return self.body.decode("utf-8", "replace")


@dataclass(frozen=True)
class ApiResponse:
    """A response, with the headers that not every response has. Their names are in lower case."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    is_cut: bool = False
    """Whether the connection ends halfway through the body."""

    @classmethod
    def of(cls, status: int, content: object, headers: Mapping[str, str] | None = None) -> ApiResponse:
        return cls(status, json.dumps(content).encode(), {"content-type": "application/json", **(headers or {})})
