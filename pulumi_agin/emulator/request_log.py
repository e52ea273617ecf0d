"""The log of requests to the API."""

from __future__ import annotations

import json
from typing import Any, TypedDict

MAX_REQUESTS = 10_000
"""The number of requests that are kept: the newest ones."""


class RequestSeen(TypedDict):
    """A request to the API, whether it got a response or not."""

    method: str
    """The HTTP method."""
    path: str
    """The path, without percent-escapes."""
    query: dict[str, str]
    """The parameters of the query; the last one if a name is repeated."""
    headers: dict[str, str]
    """The headers, with names in lower case. Only the scheme of an authorization is kept: `Bearer …`."""
    body: Any
    """The value of a JSON body, any other body as a string, None if there is none."""
    status: int | None
    """The HTTP status; None if the request got no response, or not yet."""
    account: int | None
    """The number of the account: 1 for that of the first API key, None for an unknown key."""
    connection: int
    """The number of the connection: 1 for the first one that carried a request to the API."""
    time: float
    """When the whole request had arrived, in seconds of `time.monotonic()`."""


def without_key(headers: dict[str, str]) -> dict[str, str]:
    if "authorization" not in headers:
        return headers
    scheme, space, _ = headers["authorization"].partition(" ")
    return {**headers, "authorization": f"{scheme} …" if space else "…"}


def parse_body(body: bytes) -> Any:
    """Returns the value of a JSON body, any other body as a string, and None if there is none."""
    if not body:
        return None
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")
