"""The floor of the provider plugin: a plugin that sends no requests, with a resource like an Agent Ingress.

It is the simplest plugin in Python that the engine accepts: the SDK's classes, and a thread for each concurrent call.
The properties of a resource stay as the engine sent them.
"""

from __future__ import annotations

import json
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc

PACKAGE = "floor"
STRING = {"type": "string"}
STRINGS = {"type": "array", "items": STRING}
STRING_MAP = {"type": "object", "additionalProperties": STRING}
INPUTS = {"domain": STRING, "description": STRING, "metadata": STRING, "certificateManagementPolicy": STRING_MAP}
SCHEMA = {
    "name": PACKAGE,
    "version": "1.0.0",
    "resources": {
        f"{PACKAGE}:index:Floor": {
            "inputProperties": INPUTS,
            "requiredInputs": ["domain"],
            "properties": {
                **INPUTS,
                "nsTargets": STRINGS,
                "regionDomains": STRINGS,
                "certificateManagementStatus": STRING_MAP,
                "createdAt": STRING,
                "uri": STRING,
            },
        }
    },
}
OUTPUTS = {
    "description": "",
    "metadata": "",
    "certificateManagementPolicy": None,
    "nsTargets": [f"ns-{number}.awsdns-50.net." for number in (1329, 737, 1940, 427)],
    "regionDomains": [f"tunnel.r{number}.i100.acme.com" for number in range(8)],
    "certificateManagementStatus": None,
    "createdAt": "2026-01-01T00:00:00Z",
    "uri": "/agent_ingresses/agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
    "_key_fingerprint": "0" * 8,
}


class FloorProvider(provider_pb2_grpc.ResourceProviderServicer):
    """Does no more than the protocol requires."""

    def Attach(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's names
        return empty_pb2.Empty()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version="1.0.0")

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return provider_pb2.GetSchemaResponse(schema=json.dumps(SCHEMA))

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return empty_pb2.Empty()

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return provider_pb2.DiffResponse()

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return provider_pb2.CheckResponse(inputs=request.news)

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Compares the descriptions. Nothing else changes."""
        response = provider_pb2.DiffResponse
        is_changed = request.olds["description"] != request.news["description"]
        return response(changes=response.DIFF_SOME if is_changed else response.DIFF_NONE)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Returns a random id."""
        properties = struct_pb2.Struct()
        properties.update(OUTPUTS)
        properties.MergeFrom(request.properties)
        return provider_pb2.CreateResponse(id=f"agin_{uuid.uuid4()}", properties=properties)

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Returns the state as it was."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Returns the new inputs."""
        properties = struct_pb2.Struct()
        properties.MergeFrom(request.olds)
        properties.MergeFrom(request.news)
        return provider_pb2.UpdateResponse(properties=properties)

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return empty_pb2.Empty()


def main() -> None:
    """Serves until the engine interrupts the process."""
    server = grpc.server(ThreadPoolExecutor(32))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(FloorProvider(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    print(port, flush=True)
    try:
        threading.Event().wait()
    except KeyboardInterrupt:
        server.stop(0)
