"""Request and gRPC context of the engine's current call, which the SDK does not pass to a dynamic provider.

The SDK's servicer is on the call stack, and has both as local variables, whose names are undocumented. Without these
variables:

- a failure shows a traceback
- warnings have no resource
- `custom_timeouts` have no effect
- only ngrok rejects a second resource with the same domain
- a refresh does not update the inputs in the state
- a wait continues after the engine is gone
"""

from __future__ import annotations

import sys
from types import FrameType
from typing import Any


def current_call() -> tuple[Any, Any]:
    """Returns the engine's request and the gRPC context of this thread's call; None for both if no frame has them."""
    # Python documents `_getframe`, although the name looks private.
    frame: FrameType | None = sys._getframe()  # noqa: SLF001
    while frame is not None:
        request, context = frame.f_locals.get("request"), frame.f_locals.get("context")
        if hasattr(request, "urn") and hasattr(context, "abort"):
            return request, context
        frame = frame.f_back
    return None, None


def replace_traceback(context: Any, sentence: str) -> None:
    """Makes the SDK show a sentence in place of the traceback that the SDK passes to `abort`, for this one call.

    `front_end` does this for every exception of a call, including a bug, and then raises an error with the sentence.
    """
    abort = context.abort
    context.abort = lambda code, traceback: abort(code, sentence)
