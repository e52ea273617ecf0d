"""Connection from a plugin process to its engine: log lines for the user, and a liveness check."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import grpc

from .protocol import engine_pb2, engine_pb2_grpc

# The engine responds immediately, unless it is gone.
RESPONSE_SECONDS = 5


class Engine:
    """The engine that started a plugin process with these arguments. There is none if a user started it.

    The address of the engine follows its flags, some of which have a value, such as `--tracing ENDPOINT`.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._host, _, self._port = arguments[-1].rpartition(":") if arguments else ("", "", "")
        self._stub = None
        if self._host and self._port.isdecimal():
            # gRPC would use a proxy from the environment even on this machine.
            channel = grpc.insecure_channel(arguments[-1], [("grpc.enable_http_proxy", 0)])
            self._stub = engine_pb2_grpc.EngineStub(channel)

    def log(self, line: str) -> None:
        """Shows a line to the user, which the CLI repeats at the end of the command."""
        self._send(engine_pb2.INFO, f"pulumi-agin: {line}")

    def show_progress(self, line: str, urn: str) -> None:
        """Shows the reason for a wait in the row of a resource; "" clears it. The CLI does not repeat it."""
        self._send(engine_pb2.INFO, line, urn, is_ephemeral=True)

    def warn(self, sentence: str, urn: str) -> None:
        """Shows a warning about a resource to the user, which the CLI repeats at the end of the command."""
        self._send(engine_pb2.WARNING, sentence, urn)

    def _send(self, severity: Any, message: str, urn: str = "", *, is_ephemeral: bool = False) -> None:
        if self._stub is None:
            # A user started the plugin by hand.
            level = engine_pb2.LogSeverity.Name(severity).lower()
            print(f"{level}: {message}", file=sys.stderr, flush=True)  # noqa: T201
            return
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=is_ephemeral)
        # This fails if the engine is gone. The process then ends anyway.
        with suppress(grpc.RpcError):
            self._stub.Log(request, timeout=RESPONSE_SECONDS)

    def is_there(self) -> bool:
        """Returns False if the engine that started the process is gone, and True otherwise or if it is uncertain."""
        if self._stub is None:
            return True
        try:
            socket.create_connection((self._host, int(self._port)), RESPONSE_SECONDS).close()
        except OSError as error:
            # Other errors, such as too many open files, are no evidence about the engine.
            return not isinstance(error, ConnectionRefusedError | TimeoutError)
        return True
