"""Engine that started a plugin process: the protocol, the lines for the user, and a check whether the engine exists.

The classes of the protocol are undocumented names of Pulumi's SDK. Without these classes, the native plugin does not
start, and the dynamic plugin shows no warnings. Other undocumented names are in `dynamic/servicer` and `sdk_names`, and
`__provider` in `dynamic/front_end`.
"""

from __future__ import annotations

import importlib
import importlib.util
import socket
import sys
from contextlib import suppress
from importlib.machinery import ModuleSpec
from pathlib import Path
from typing import Any

import grpc

# The package that has the protocol's classes in a process that has not loaded the SDK.
_PACKAGE = "pulumi_agin_protocol"

# The engine responds immediately, unless it is gone.
RESPONSE_SECONDS = 5


def protocol(name: str) -> Any:
    """Returns a module of the engine's protocol, such as "provider_pb2".

    An import of `pulumi.runtime.proto` loads the whole SDK, and the engine would wait for that in each command. So a
    process without the SDK, such as the native plugin, loads only the protocol's files, and imports the SDK if that
    fails.
    """
    if "pulumi" not in sys.modules:
        sdk = importlib.util.find_spec("pulumi")
        if _PACKAGE not in sys.modules and sdk is not None:
            spec = ModuleSpec(_PACKAGE, None, is_package=True)
            folders = sdk.submodule_search_locations or []
            spec.submodule_search_locations = [str(Path(folder, "runtime", "proto")) for folder in folders]
            sys.modules[_PACKAGE] = importlib.util.module_from_spec(spec)
        with suppress(ImportError):
            return importlib.import_module(f"{_PACKAGE}.{name}")
    return importlib.import_module(f"pulumi.runtime.proto.{name}")


class Engine:
    """The engine, at the address in a plugin's last argument. Without an address, a user started the plugin."""

    def __init__(self, address: str) -> None:
        self._host, _, self._port = address.rpartition(":")
        self._stub: Any = None
        # The URNs of the resources whose row shows a line.
        self._shown: set[str] = set()
        if self._host and self._port.isdecimal():
            # By default, gRPC would use a proxy from the environment even for an address on this machine.
            channel = grpc.insecure_channel(address, [("grpc.enable_http_proxy", 0)])
            with suppress(ImportError):
                self._stub = protocol("engine_pb2_grpc").EngineStub(channel)

    def inform(self, sentence: str) -> None:
        """Shows a line to the user."""
        self._send("INFO", f"pulumi-agin: {sentence}", "")

    def warn(self, sentence: str, urn: str) -> None:
        """Shows a warning on a resource. The CLI repeats the warning at the end of the command."""
        self._send("WARNING", sentence, urn)

    def show(self, line: str, urn: str) -> None:
        """Shows a line in the row of a resource, in place of the previous line. The CLI does not repeat the line."""
        self._shown.add(urn)
        self._send("INFO", line, urn, is_ephemeral=True)

    def clear(self, urn: str) -> None:
        """Clears the line of a resource, if there is a line. A front end does this at the end of each engine call."""
        if urn in self._shown:
            self._shown.remove(urn)
            self._send("INFO", "", urn, is_ephemeral=True)

    def is_there(self) -> bool:
        """Returns False only if a connection to the engine's address is refused or times out."""
        if self._stub is None:
            return True
        try:
            socket.create_connection((self._host, int(self._port)), RESPONSE_SECONDS).close()
        except OSError as error:
            return not isinstance(error, ConnectionRefusedError | TimeoutError)
        return True

    def _send(self, severity: str, message: str, urn: str, *, is_ephemeral: bool = False) -> None:
        if self._stub is None:
            print(message, file=sys.stderr, flush=True)  # noqa: T201
            return
        request = protocol("engine_pb2").LogRequest(severity=severity, message=message, urn=urn, ephemeral=is_ephemeral)
        # The call fails if the engine is gone. The process then ends anyway.
        with suppress(grpc.RpcError):
            self._stub.Log(request, timeout=RESPONSE_SECONDS)
