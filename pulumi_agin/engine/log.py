"""The engine that a plugin process serves: it shows lines to the user, and may be gone."""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from typing import Any

import grpc

from .protocol import engine_pb2, engine_pb2_grpc

# The engine answers at once. It is gone if it does not.
ANSWER_SECONDS = 5


class Engine:
    """The engine, by the address that it gives to its plugins. Without an address, little is known."""

    def __init__(self, address: str | None) -> None:
        """Connects to nothing yet.

        Args:
            address: Host and port, such as "127.0.0.1:1234"; None if the process was not started by an engine.
        """
        self._started_by = address
        self.attach(address)

    def attach(self, address: str | None) -> None:
        """Shows lines by another engine from now on, as a process that runs in a debugger does.

        Such a process serves many engines, so it does not end with one of them.
        """
        # gRPC would use a proxy of the environment even on this machine.
        options = [("grpc.enable_http_proxy", 0)]
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, options)) if address else None

    def say(self, line: str) -> None:
        """Shows a line to the user, which the CLI repeats at the end of the command."""
        self._log(engine_pb2.INFO, f"pulumi-agin: {line}")

    def show_progress(self, line: str, urn: str) -> None:
        """Shows what a call waits for. The CLI shows it in the row of the resource, and does not repeat it.

        Args:
            line: What the call waits for; "" when it ends.
            urn: The URN of the resource; "" for the stack.
        """
        self._log(engine_pb2.INFO, line, urn, is_ephemeral=True)

    def warn(self, sentence: str, urn: str) -> None:
        """Shows a warning to the user, which the CLI repeats at the end of the command.

        Args:
            sentence: The warning.
            urn: The URN of the resource that it is about.
        """
        self._log(engine_pb2.WARNING, sentence, urn)

    def _log(self, severity: Any, message: str, urn: str = "", *, is_ephemeral: bool = False) -> None:
        if self._stub is None:
            # Somebody runs the plugin by hand.
            level = engine_pb2.LogSeverity.Name(severity).lower()
            print(f"{level}: {message}", file=sys.stderr, flush=True)  # noqa: T201
            return
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=urn, ephemeral=is_ephemeral)
        try:
            self._stub.Log(request, timeout=ANSWER_SECONDS)
        except grpc.RpcError:
            # The engine is gone, which the process notices by itself.
            return

    def is_there(self) -> bool:
        """Tells whether the engine that started the process is still there, as far as that is known."""
        if self._started_by is None:
            return True
        host, _, port = self._started_by.rpartition(":")
        try:
            socket.create_connection((host, int(port)), ANSWER_SECONDS).close()
        except (ConnectionRefusedError, TimeoutError):
            return False
        except OSError:
            # This tells nothing about the engine, such as when the process has too many files open.
            return True
        return True


def address_of_engine(arguments: Sequence[str]) -> str | None:
    """Returns the address of the engine that started a plugin process; None if no engine started it.

    The engine puts it after its flags, some of which have a value, such as `--tracing ENDPOINT`.

    Args:
        arguments: The arguments of the process.
    """
    host, _, port = arguments[-1].rpartition(":") if arguments else ("", "", "")
    return f"{host}:{port}" if host and port.isdecimal() else None
