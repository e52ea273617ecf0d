"""The requests to the API that were seen. The newest are kept, within bounds: nobody's requests fill the memory."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypedDict
from urllib.parse import parse_qsl

MAX_REQUESTS = 10_000
"""How many requests are kept."""
MAX_LOG_BYTES = 16 * 1024 * 1024
"""How much their paths, queries, headers and bodies may come to together."""
MAX_KEPT_BODY_BYTES = 64 * 1024
"""How much of a body is kept."""

# What Python's own objects of a header take.
_HEADER_BYTES = 150


class RequestSeen(TypedDict):
    """A request to the API, whatever became of it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Names in lower case. Of an authorization only the scheme is kept: `Bearer …`."""
    body: Any
    """Parsed JSON; the text where it is none; None where there is no body. Beyond 64 KiB, its beginning as text."""
    status: int | None
    """None: not answered, or not yet."""
    account: int | None
    """1 for the first API key's account; None for a key that is not known."""
    connection: int
    """1 for the first connection that carried a request to the API."""
    time: float
    """Seconds of `time.monotonic()` when the whole request had arrived."""


@dataclass
class LoggedRequest:
    """A request as it was sent: parsed, it could take thirty times the memory."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    status: int | None
    account: int | None
    connection: int
    time: float

    def __post_init__(self) -> None:
        if len(self.body) > MAX_KEPT_BODY_BYTES:
            self.body = self.body[:MAX_KEPT_BODY_BYTES] + "…".encode()

    @property
    def size(self) -> int:
        """Bytes, nearly."""
        headers = sum(_HEADER_BYTES + len(name) + len(text) for name, text in self.headers.items())
        return len(self.method) + len(self.path) + len(self.query) + headers + len(self.body)

    def seen(self) -> RequestSeen:
        """A copy to show."""
        return RequestSeen(
            method=self.method,
            path=self.path,
            query=dict(parse_qsl(self.query, keep_blank_values=True)),
            headers=dict(self.headers),
            body=parsed(self.body),
            status=self.status,
            account=self.account,
            connection=self.connection,
            time=self.time,
        )


class RequestLog:
    """Oldest first. Not locked: whoever uses it holds the state's lock."""

    def __init__(self) -> None:
        self._requests: deque[LoggedRequest] = deque()
        self._size = 0

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self._requests)

    def add(self, request: LoggedRequest) -> None:
        """Keeps a request, and forgets the oldest ones beyond the bounds."""
        self._requests.append(request)
        self._size += request.size
        while len(self._requests) > MAX_REQUESTS or self._size > MAX_LOG_BYTES:
            self._size -= self._requests.popleft().size

    def clear(self) -> None:
        """Forgets all of them."""
        self._requests.clear()
        self._size = 0


def parsed(body: bytes) -> Any:
    """JSON; the text where it is none; None where there is no body."""
    if not body:
        return None
    try:
        return json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def refuse_constant(name: str) -> NoReturn:
    """For `json.loads`, which takes NaN and Infinity otherwise."""
    raise ValueError(f"{name} is no JSON")
