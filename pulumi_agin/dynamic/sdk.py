"""Undocumented names of Pulumi's SDK, which the plugin process and the command line use only here.

`program/sdk.py`, for a program, finds its names by `find`, too.

Documented are `pulumi.log`, the names in `__all__` of `pulumi`, `pulumi.runtime` (except `rpc`) and `pulumi.dynamic`,
and the attributes of these classes without a leading underscore, except `future`, `is_known` and `resources` of an
Output, which the SDK's source marks as private. A new version of the SDK may move every other name. So only this
module, `program/sdk.py` and `engine/protocol.py` use others, which `tests/unit/test_sdk_names.py` checks.

Each of these is looked up when it is needed. Without it, something works less well, or fails with one sentence.
"""

from __future__ import annotations

import concurrent.futures.thread
import operator
import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Protocol, TypeVar

import grpc
import pulumi
from google.protobuf import struct_pb2
from pulumi import dynamic

from pulumi_agin.base.installation import missing_in_sdk


class _Request(Protocol):
    @property
    def urn(self) -> str: ...


# A request of the engine about one resource.
Request = TypeVar("Request", bound=_Request)


class MissingNameError(pulumi.RunError, ImportError):
    """The SDK lacks a name. Pulumi shows a RunError without a traceback, and `pulumi-agin` an ImportError."""

    def __init__(self, name: str) -> None:
        super().__init__(missing_in_sdk(name))


def find(name: str) -> Any:
    """Returns what has a name such as `pulumi.runtime.rpc.UNKNOWN`, or raises a MissingNameError."""
    try:
        return operator.attrgetter(name.removeprefix("pulumi."))(pulumi)
    except AttributeError:
        raise MissingNameError(name) from None


def find_request_and_context(kind: type[Request]) -> tuple[Request, grpc.ServicerContext | None]:
    """Returns the engine's request and gRPC's context of the current call; an empty request and None without them.

    The SDK passes only a part of the request to a provider, but both are local variables of its servicer, which is on
    the call stack. Without them, messages have less detail, and a failure keeps no resource.
    """
    for frame in _callers():
        variables = frame.f_locals
        request, context = variables.get("request"), variables.get("context")
        if isinstance(request, kind) and hasattr(context, "set_trailing_metadata"):
            return request, context
    return kind(), None


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)  # noqa: SLF001 - Python documents it
    while frame is not None:
        yield frame
        frame = frame.f_back


def deserialized(properties: struct_pb2.Struct) -> dict[str, Any]:
    """Returns properties of a request as Python values. If the SDK can't convert them, there are none."""
    try:
        deserialize = find("pulumi.runtime.rpc.deserialize_properties")
    except MissingNameError:
        return {}
    values: dict[str, Any] = deserialize(properties)
    return values


def serialized(provider: dynamic.ResourceProvider) -> str:
    """Returns the string of a provider in the state, its pickle. Without the SDK's function, a command fails."""
    string: str = find("pulumi.dynamic.dynamic.serialize_provider")(provider)
    return string


def is_interrupted() -> bool:
    """Returns whether the engine has interrupted this process; False without Python's private name for that."""
    return getattr(concurrent.futures.thread, "_shutdown", False)
