"""A plugin process, called as the engine calls it, for one resource. Tests write properties in snake_case.

There are two: the SDK's process of dynamic providers, and our provider plugin for all languages.
"""

from __future__ import annotations

import asyncio
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from subprocess import PIPE, Popen
from typing import Any

import grpc
from google.protobuf import empty_pb2, struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

from pulumi_agin.dynamic.providers import AgentIngressProvider, CertificateValidationProvider, Rfc2136Provider
from tests.support.keys import assert_without_key

Values = dict[str, Any]

# The input `__provider` of resources of a Python program.
PROVIDERS: dict[str, str] = {
    "AgentIngress": serialize_provider(AgentIngressProvider()),
    "AgentIngressCertificateValidation": serialize_provider(CertificateValidationProvider()),
    "Rfc2136Delegation": serialize_provider(Rfc2136Provider()),
}


class CallError(Exception):
    """A call of the engine failed. Its message is what the CLI shows."""


class Engine(engine_pb2_grpc.EngineServicer):
    """The part of the engine that a plugin calls: it shows lines to the user, which are gRPC's LogRequests.

    A test may clear `lines`. `shown` has all of their messages.
    """

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.shown = ""
        self.server = grpc.server(ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self.server)
        self.address = f"127.0.0.1:{self.server.add_insecure_port('127.0.0.1:0')}"
        self.server.start()

    def Log(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        self.lines.append(request)
        self.shown += request.message
        return empty_pb2.Empty()


class Plugin:
    """The SDK's process of dynamic providers. `config` is the stack's, with keys such as "agin:apiKey"."""

    command: tuple[str, ...] = ("-m", "pulumi.dynamic")
    package = "pulumi-python:dynamic/agin"

    def __init__(self, environment: dict[str, str], config: Values, resource: str = "AgentIngress") -> None:
        self.urn = f"urn:pulumi:dev::test::{self.package}:{resource}::connect"
        self.provider = PROVIDERS[resource]
        self.engine = Engine()
        command = [sys.executable, "-u", *self.command, self.engine.address]
        self.process = Popen(command, stdout=PIPE, stderr=PIPE, text=True, env=environment)
        assert self.process.stdout
        channel = grpc.insecure_channel(f"127.0.0.1:{int(self.process.stdout.readline())}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(channel)
        self.configure(config)

    def end(self) -> None:
        """Ends the process. Fails if it has printed or shown the API key, or a part of it."""
        self.process.terminate()
        assert_without_key(self.engine.shown.join(self.process.communicate(timeout=30)))
        self.engine.server.stop(None).wait()

    def warnings(self) -> list[str]:
        """Returns the warnings that the process has shown on this resource."""
        return [line.message for line in self.engine.lines if line.urn == self.urn and line.severity > engine_pb2.INFO]

    # -- what differs between the two -----------------------------------------------------------------------

    def configure(self, config: Values) -> None:
        self.call("Configure", args=self.packed(config))

    def packed(self, values: Values) -> struct_pb2.Struct:
        return asyncio.run(rpc.serialize_properties({**values, "__provider": self.provider}, {}))

    def unpacked(self, struct: struct_pb2.Struct) -> Values:
        values = rpc.deserialize_properties(struct, keep_unknowns=True)
        return {name: rpc.unwrap_rpc_secret(value) for name, value in values.items() if name != "__provider"}

    # -- the calls -------------------------------------------------------------------------------------------

    def call(self, method: str, **fields: Any) -> Any:
        """Makes a call with the fields of its request. Raises CallError."""
        request = getattr(provider_pb2, f"{method}Request")(**fields)
        try:
            return getattr(self.stub, method)(request, timeout=60)
        except grpc.RpcError as error:
            raise CallError(error.details()) from None

    def check(self, inputs: Values) -> tuple[Values, list[str]]:
        """Returns the checked inputs, and the failures as the CLI shows them."""
        response = self.call("Check", urn=self.urn, news=self.packed(inputs))
        failures = [f"{each.property}: {each.reason}".removeprefix(": ") for each in response.failures]
        return self.unpacked(response.inputs), failures

    def diff(self, outputs: Values, inputs: Values, id_: str = "agin_1") -> Any:
        """Returns the engine's DiffResponse."""
        return self.call("Diff", id=id_, urn=self.urn, olds=self.packed(outputs), news=self.packed(inputs))

    def create(self, inputs: Values, **fields: Any) -> tuple[str, Values]:
        """Creates. `fields` are those of the request: `timeout` and `preview`."""
        created = self.call("Create", urn=self.urn, properties=self.packed(inputs), **fields)
        return created.id, self.unpacked(created.properties)

    def read(self, id_: str, outputs: Values, inputs: Values) -> tuple[str, Values, Values | None]:
        """Refreshes. Returns the ID, "" if it is gone, the outputs, and the inputs, None if they stay."""
        read = self.call("Read", id=id_, urn=self.urn, properties=self.packed(outputs), inputs=self.packed(inputs))
        after = self.unpacked(read.inputs) if read.HasField("inputs") else None
        return read.id, self.unpacked(read.properties), after

    def update(self, id_: str, outputs: Values, inputs: Values, **fields: Any) -> Values:
        """Updates. `fields` are those of the request: `timeout` and `preview`."""
        olds, news = self.packed(outputs), self.packed(inputs)
        return self.unpacked(self.call("Update", id=id_, urn=self.urn, olds=olds, news=news, **fields).properties)

    def delete(self, id_: str, outputs: Values, **fields: Any) -> None:
        self.call("Delete", id=id_, urn=self.urn, properties=self.packed(outputs), **fields)


class NativePlugin(Plugin):
    """Our provider plugin. Its properties are in camelCase."""

    command = ("-m", "pulumi_agin.native")
    package = "agin:index"

    def configure(self, config: Values, name: str = "default") -> None:
        settings = {key.removeprefix("agin:"): value for key, value in config.items()}
        self.call("Configure", args=self.packed(settings), name=name)

    def packed(self, values: Values) -> struct_pb2.Struct:
        return asyncio.run(rpc.serialize_properties(_renamed(values, _camel_case), {}))

    def unpacked(self, struct: struct_pb2.Struct) -> Values:
        return dict(_renamed(super().unpacked(struct), _snake_case))


def _renamed(value: Any, rename: Any) -> Any:
    if isinstance(value, dict):
        return {name if name.startswith("_") else rename(name): _renamed(each, rename) for name, each in value.items()}
    return [_renamed(each, rename) for each in value] if isinstance(value, list) else value


def _camel_case(name: str) -> str:
    return re.sub("_([a-z])", lambda match: match[1].upper(), name)


def _snake_case(name: str) -> str:
    return re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)
