"""Local variables on the call stack of the SDK's servicer: the engine's request and gRPC's context.

The SDK passes only a part of the engine's request to a provider. These variables are private to the SDK, and only this
module uses them. Without them everything still works, but messages have less detail.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Protocol, TypeVar

import grpc


class _Request(Protocol):
    @property
    def urn(self) -> str: ...


# A request of the engine about one resource.
Request = TypeVar("Request", bound=_Request)


def find_request_and_context(kind: type[Request]) -> tuple[Request, grpc.ServicerContext | None]:
    """Returns the engine's request and gRPC's context of the current call; an empty request and None without them."""
    for frame in _callers():
        variables = frame.f_locals
        request, context = variables.get("request"), variables.get("context")
        if isinstance(request, kind) and hasattr(context, "set_trailing_metadata"):
            return request, context
    return kind(), None


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back
