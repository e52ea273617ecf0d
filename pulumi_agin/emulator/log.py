"""The log of requests to the API. It keeps only the newest ones, so that requests cannot fill the memory."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NoReturn, TypedDict
from urllib.parse import parse_qsl

from .limits import DEFAULT_BOUNDS, Bounds

MAX_KEPT_BODY_BYTES = 64 * 1024
"""The most bytes of a body that are kept."""

# The size of Python's objects for a header.
_HEADER_BYTES = 150


class RequestSeen(TypedDict):
    """A request to the API, whether it was answered or not."""

    method: str
    """The HTTP method."""
    path: str
    """The path, without percent-escapes."""
    query: dict[str, str]
    """The parameters of the query; the last one if a name is repeated."""
    headers: dict[str, str]
    """The headers, with names in lower case. Only the scheme of an authorization is kept: `Bearer …`."""
    body: Any
    """The value of a JSON body, the text of another one, None if there is none. Above 64 KiB it is cut, and text."""
    status: int | None
    """The HTTP status; None if the request was not answered, or not yet."""
    account: int | None
    """The number of the account: 1 for that of the first API key, None for an unknown key."""
    connection: int
    """The number of the connection: 1 for the first one that carried a request to the API."""
    time: float
    """When the whole request had arrived, in seconds of `time.monotonic()`."""


@dataclass
class LoggedRequest:
    """A request as it was sent. It is not parsed, because that could take thirty times the memory."""

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
        """The approximate size in bytes."""
        headers = sum(_HEADER_BYTES + len(name) + len(text) for name, text in self.headers.items())
        return len(self.method) + len(self.path) + len(self.query) + headers + len(self.body)

    def to_seen(self) -> RequestSeen:
        """Returns a copy to show."""
        return RequestSeen(
            method=self.method,
            path=self.path,
            query=dict(parse_qsl(self.query, keep_blank_values=True)),
            headers=dict(self.headers),
            body=parse_body(self.body),
            status=self.status,
            account=self.account,
            connection=self.connection,
            time=self.time,
        )


class RequestLog:
    """The requests, oldest first. It has no lock of its own: the caller holds that of the state."""

    def __init__(self, bounds: Bounds = DEFAULT_BOUNDS) -> None:
        """Creates an empty log.

        Args:
            bounds: How much it keeps.
        """
        self._bounds = bounds
        self._requests: deque[LoggedRequest] = deque()
        self._size = 0

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(self._requests)

    def add(self, request: LoggedRequest) -> None:
        """Adds a request, and removes the oldest ones beyond the bounds.

        Args:
            request: The request.
        """
        self._requests.append(request)
        self._size += request.size
        while len(self._requests) > self._bounds.logged_requests or self._size > self._bounds.logged_bytes:
            self._size -= self._requests.popleft().size

    def clear(self) -> None:
        """Removes all requests."""
        self._requests.clear()
        self._size = 0


def parse_body(body: bytes) -> Any:
    """Returns the value of a JSON body, the text of any other, and None if there is no body.

    Args:
        body: The body.
    """
    if not body:
        return None
    try:
        return json.loads(body, parse_constant=refuse_constant)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def refuse_constant(name: str) -> NoReturn:
    """Refuses NaN and Infinity, which `json.loads` would accept.

    Args:
        name: The constant.

    Raises:
        ValueError: Always.
    """
    raise ValueError(f"{name} is not JSON")
