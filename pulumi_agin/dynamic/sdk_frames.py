"""Local variables on the call stack of the SDK's servicer: the engine's request, gRPC's context, and the executor.

The SDK passes only a part of the engine's request to a provider, and serves it with four threads. These variables are
private to the SDK and to Python, and only this module uses them. Without them everything still works, but messages have
less detail, and fewer calls run concurrently.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import FrameType
from typing import Protocol, TypeVar

import grpc

# The engine sends up to four concurrent calls per core, or as many as `--parallel` allows. Further calls wait.
MOST_CALLS_AT_ONCE = 32


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


def start_threads() -> None:
    """Gives the servicer's executor enough threads for the calls of the engine."""
    # Each of its threads has a reference to it at the end of the call stack.
    for frame in _callers():
        reference = frame.f_locals.get("executor_reference")
        executor = reference() if callable(reference) else None
        if isinstance(executor, ThreadPoolExecutor) and isinstance(getattr(executor, "_max_workers", None), int):
            executor._max_workers = max(executor._max_workers, MOST_CALLS_AT_ONCE)
            # Occupied threads make it start all of them now. Otherwise it miscounts idle threads and starts too few.
            all_started = threading.Event()
            # The executor may be shutting down, or the system may have no more threads.
            with suppress(RuntimeError):
                for _ in range(MOST_CALLS_AT_ONCE):
                    executor.submit(all_started.wait)
            all_started.set()
            return


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back
