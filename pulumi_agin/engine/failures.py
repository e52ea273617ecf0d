"""Failures of calls, for both front ends: their messages, and what the engine gets.

Programs load this module at their start, so functions import what only a plugin needs.
"""

from __future__ import annotations

import traceback

import grpc
from google.protobuf import struct_pb2

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.lifecycle.operation import Failed

# gRPC loses long metadata, and with it the message and the resource to keep.
LONGEST_MESSAGE = 4000
LONGEST_END = 1000

# A value of a state that was edited by hand. No resource of this package has such a value.
WRONG_VALUE_IN_STATE = (
    "the state of this resource is invalid: it has an asset, an archive or a resource as a value. Correct it with "
    "`pulumi state edit`"
)


def set_status(
    context: grpc.ServicerContext, error: Exception, kept: tuple[str, struct_pb2.Struct] | None = None
) -> None:
    """Sets the status of a call that fails as trailing metadata, which the engine prefers to the message of the error.

    `kept` has the ID and the outputs of an object that exists nevertheless. The engine keeps it in the state, with the
    failure as an init error.
    """
    from .protocol import provider_pb2, status_pb2

    message = message_of(error)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=message)
    if kept is not None:
        init_failed = provider_pb2.ErrorResourceInitFailed(id=kept[0], properties=kept[1], reasons=[message])
        status.details.add().Pack(init_failed)
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))


def message_of(failure: Exception) -> str:
    """Returns the message of a failure for the engine.

    If it is too long, its middle is cut, because a command may be at its end.
    """
    message = str(failure)
    if len(message) <= LONGEST_MESSAGE:
        return message
    return f"{message[: LONGEST_MESSAGE - LONGEST_END - 1]}…{message[-LONGEST_END:]}"


def failure_of(error: Exception) -> Exception:
    """Returns the error itself if its message is for the user.

    An unexpected error is described by its type and place. Its message may contain a secret, so it is not shown.
    """
    if isinstance(error, NgrokError | Failed):
        return error
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Failed(
        f"pulumi-agin has a bug: {type(error).__name__} at {place.name}, line {place.lineno} of {place.filename}. "
        "Please report it"
    )
