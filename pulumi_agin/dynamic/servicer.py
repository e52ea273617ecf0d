"""The engine's call behind a method of a dynamic provider, which the SDK does not pass on.

The SDK's servicer has the request and gRPC's context as local variables, and is on the call stack. These are
undocumented. Without them, a failure shows a traceback, warnings have no resource, `custom_timeouts` have no effect, an
ingress under two names is deleted with the first, only ngrok rejects a second resource with a domain, and a wait goes
on when the engine is gone.
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any


def current_call() -> tuple[Any, Any]:
    """Returns the engine's request and gRPC's context of this thread's call; None for both without them."""
    # Python documents _getframe.
    frame: FrameType | None = sys._getframe()  # noqa: SLF001
    while frame is not None:
        request, context = frame.f_locals.get("request"), frame.f_locals.get("context")
        if hasattr(request, "urn") and hasattr(context, "abort"):
            return request, context
        frame = frame.f_back
    return None, None


def replace_traceback(context: Any, sentence: str) -> None:
    """Makes the SDK show a sentence in place of the traceback that it passes to `abort`, for this one call.

    `front_end` calls it for every exception of a call, also for a bug, and then raises an error with the sentence.
    """
    abort = context.abort
    context.abort = lambda code, traceback: abort(code, sentence)
