"""What the plugins have in common that stand in for those of the clouds."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from shlex import quote
from typing import Any

import grpc
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

ROOT = Path(__file__).parents[2]


class StandIn(provider_pb2_grpc.ResourceProviderServicer):
    """A plugin that needs no configuration."""

    def GetPluginInfo(self, request: Any, context: Any) -> plugin_pb2.PluginInfo:  # noqa: N802
        return plugin_pb2.PluginInfo(version="1.0.0")

    def CheckConfig(self, request: Any, context: Any) -> provider_pb2.CheckResponse:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> provider_pb2.DiffResponse:  # noqa: N802
        return provider_pb2.DiffResponse(changes=provider_pb2.DiffResponse.DIFF_NONE)

    def Configure(self, request: Any, context: Any) -> provider_pb2.ConfigureResponse:  # noqa: N802
        return provider_pb2.ConfigureResponse()


def serve(plugin: StandIn) -> None:
    """Prints the port, and serves until the engine ends it."""
    server = grpc.server(ThreadPoolExecutor(4))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(plugin, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)  # noqa: T201 - for the engine
    server.wait_for_termination()


def write_plugin(package: str, folder: Path, python: Path, module: str, file: Path) -> str:
    """Writes the executable of a package's plugin, which runs a module of the tests with a file as its argument.

    Returns:
        Its entry under `plugins: providers:` in Pulumi.yaml.
    """
    folder.mkdir()
    executable = folder / f"pulumi-resource-{package}"
    command = f"{quote(str(python))} -m {module} {quote(str(file))}"
    executable.write_text(f"#!/bin/sh\ncd {quote(str(ROOT))} && exec {command}\n")
    executable.chmod(0o755)
    return f"{{name: {package}, path: {folder}}}"
