"""What is peculiar to Pulumi's servicer of dynamic providers (`python -m pulumi.dynamic`).

The SDK passes a provider's method little of what the engine sent, and turns whatever it raises into a traceback.
Both can be had: the servicer's frame is on the call stack, with the engine's `request` and gRPC's `context` in its
local variables. That is private ground of the SDK, so without it everything still works, only less well.
"""

from __future__ import annotations

import functools
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Concatenate, NoReturn, ParamSpec, TypeVar

import grpc
from google.protobuf import struct_pb2
from pulumi.output import Unknown
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2

from pulumi_agin.api.errors import NgrokError

P = ParamSpec("P")
R = TypeVar("R")
Self = TypeVar("Self")

PROVIDER_KEY = "__provider"


class ProviderError(Exception):
    """What a call failed with: sentences for the user."""


@dataclass(frozen=True)
class Call:
    """The call that the engine makes right now, as the servicer got it."""

    request: Any
    context: Any


def current_call() -> Call | None:
    """The engine's call that led here, or None where the servicer can't be found on the stack."""
    for frame in _callers():
        variables = frame.f_locals
        if "request" in variables and hasattr(variables.get("context"), "set_trailing_metadata"):
            return Call(variables["request"], variables["context"])
    return None


def _callers() -> Iterator[Any]:
    frame = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back  # type: ignore[assignment]


def is_awaited() -> bool:
    """Whether the engine still waits for the call under way: its process may have been killed, and ours lives on."""
    call = current_call()
    return call is None or bool(call.context.is_active())


def timeout_seconds() -> float | None:
    """The `custom_timeouts` of the call under way, or None where there are none."""
    call = current_call()
    seconds = float(getattr(call.request, "timeout", 0)) if call else 0.0
    return seconds if seconds > 0 else None


def inputs_before() -> dict[str, Any] | None:
    """In a read, the resource's inputs as the state has them; None where they are not known."""
    call = current_call()
    struct = getattr(call.request, "inputs", None) if call else None
    return rpc.deserialize_properties(struct) if struct else None


def outputs_before(names: Iterable[str]) -> dict[str, Any]:
    """In a check, these outputs of the resource as the state has them; none where there are none.

    All of them would take longer to deserialize than the rest of the check.
    """
    call = current_call()
    struct = getattr(call.request, "old_outputs", None) if call else None
    return {name: struct[name] for name in names if name in struct} if struct else {}


def urn() -> str:
    """The URN of the resource that is called for; its form where it is not known."""
    call = current_call()
    return str(getattr(call.request, "urn", "")) if call else "urn:pulumi:STACK::PROJECT::TYPE::NAME"


def is_unknown(value: object) -> bool:
    """Whether a value of a preview is not known yet."""
    return isinstance(value, Unknown)


def without_provider(values: Mapping[str, Any]) -> dict[str, Any]:
    """The properties without the SDK's own."""
    return {name: value for name, value in values.items() if name != PROVIDER_KEY}


# -- clean errors -----------------------------------------------------------------------------------------


def sentences(method: Callable[Concatenate[Self, P], R]) -> Callable[Concatenate[Self, P], R]:
    """Makes a provider's method fail with its sentence, and without a traceback."""

    @functools.wraps(method)
    def wrapper(self: Self, /, *args: P.args, **kwargs: P.kwargs) -> R:
        details: list[Any] = []
        try:
            return method(self, *args, **kwargs)
        except (NgrokError, ProviderError) as error:
            message = str(error)
            if isinstance(error, PartialFailureError):
                details = [_what_exists(error)]
        except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report
            # Not the error's own text: nobody has looked at what it may hold.
            place = traceback.extract_tb(error.__traceback__)[-1]
            message = (
                f"pulumi-agin has a fault: {type(error).__name__} at {place.name}, line {place.lineno} of "
                f"{place.filename}. Please report it"
            )
        # Out here, where the exception that was caught does not hang on to the one that is raised.
        _raise(message, details)

    return wrapper


def _raise(message: str, details: Sequence[Any]) -> NoReturn:
    """Fails the call under way with this text alone: the engine prefers a status in the metadata to the SDK's text."""
    call = current_call()
    if call is not None:
        from pulumi.runtime.proto import status_pb2

        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
        for detail in details:
            status.details.add().Pack(detail)
        call.context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    raise ProviderError(message)


# -- partial success --------------------------------------------------------------------------------------


class PartialFailureError(ProviderError):
    """The object is there, with these outputs, and yet the call failed.

    The engine then stores it with the reason as an init error, and its next `up` updates it in place.
    """

    def __init__(self, message: str, id_: str, outs: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.id = id_
        self.outs = outs


def _what_exists(failure: PartialFailureError) -> Any:
    """The detail of a status by which the engine keeps what exists."""
    call = current_call()
    properties = struct_pb2.Struct()
    properties.update(dict(failure.outs))
    sent = getattr(call.request, "news", None) or getattr(call.request, "properties", None) if call else None
    if sent is not None and PROVIDER_KEY in sent:
        properties[PROVIDER_KEY] = sent[PROVIDER_KEY]
    return provider_pb2.ErrorResourceInitFailed(id=failure.id, properties=properties, reasons=[str(failure)])
