"""Failures of calls, and the start of a plugin process, for both front ends."""

from __future__ import annotations

import atexit
import functools
import gc
import traceback
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import grpc

from pulumi_agin.lifecycle.operation import Failed

from .protocol import provider_pb2, status_pb2

if TYPE_CHECKING:
    from google.protobuf import struct_pb2

DETAILS = "grpc-status-details-bin"


def failure_metadata(
    error: Exception, kept: tuple[str, struct_pb2.Struct] | None = None
) -> tuple[tuple[str, bytes], ...]:
    """Returns gRPC's trailing metadata for a call that fails. The engine prefers it to the message of the error.

    `kept` are the id and the outputs of an object that exists nevertheless. The engine keeps it in the state, with the
    failure as an init error.
    """
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
    if kept is not None:
        id_, properties = kept
        reasons = [str(error)]
        status.details.add().Pack(provider_pb2.ErrorResourceInitFailed(id=id_, properties=properties, reasons=reasons))
    return ((DETAILS, status.SerializeToString()),)


def describe_bug(error: Exception) -> Failed:
    """Describes an unexpected error by its type and place. Its message may contain a secret, so it is not shown."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Failed(
        f"pulumi-agin has a bug: {type(error).__name__} at {place.name}, line {place.lineno} of {place.filename}. "
        "Please report it"
    )


def without_sdk_properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns properties without those that Pulumi's SDK adds, such as the `__provider` of a dynamic resource."""
    return {name: value for name, value in values.items() if not name.startswith("__")}


@functools.cache
def freeze_garbage_collector() -> None:
    """Excludes everything that is loaded so far from garbage collection, now and again at exit.

    It stays loaded anyway, and the engine waits for the plugin, and for its exit too.
    """
    gc.freeze()
    gc.set_threshold(50_000)
    gc.enable()
    atexit.register(gc.freeze)
