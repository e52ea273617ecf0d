"""The plugin process of Pulumi's SDK, called as the engine calls it, without an engine."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any

import grpc
from google.protobuf import struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider

TYPE = "pulumi-python:dynamic/agin:AgentIngress"
URN = f"urn:pulumi:dev::test::{TYPE}::connect"

PROVIDER: str = serialize_provider(AgentIngressProvider())

UNKNOWN = rpc.UNKNOWN


class PluginError(Exception):
    """A call that failed: `message` is what the CLI would print, `text` what the SDK sent besides."""

    def __init__(self, error: Any) -> None:
        metadata: dict[str, Any] = dict(error.trailing_metadata() or ())
        self.text: str = error.details() or ""
        self.clean = "grpc-status-details-bin" in metadata
        status = status_pb2.Status.FromString(metadata.get("grpc-status-details-bin", b""))
        self.message: str = status.message if self.clean else self.text
        self.kept: provider_pb2.ErrorResourceInitFailed | None = None
        for detail in status.details:
            self.kept = provider_pb2.ErrorResourceInitFailed()
            detail.Unpack(self.kept)
        super().__init__(self.message)


@dataclass
class Plugin:
    """`python -m pulumi.dynamic`, configured with a stack's config and an environment."""

    environment: Mapping[str, str] = field(repr=False)
    config: Mapping[str, str] = field(default_factory=dict, repr=False)

    def __enter__(self) -> Plugin:
        self._process = subprocess.Popen(
            [sys.executable, "-u", "-m", "pulumi.dynamic"],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(self.environment),
        )
        assert self._process.stdout
        self._channel = grpc.insecure_channel(f"127.0.0.1:{int(self._process.stdout.readline())}")
        self._stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self._stub.Configure(provider_pb2.ConfigureRequest(args=_struct(self.config)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self._process.terminate()
        self.printed = "".join(self._process.communicate(timeout=20))

    def printed_line(self) -> str:
        """The next line that the plugin prints to stderr; it is then missing from `printed`."""
        assert self._process.stderr
        return self._process.stderr.readline()

    def check(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
        """The checked inputs, and the failures as the CLI prints them after "has a problem: "."""
        request = provider_pb2.CheckRequest(urn=URN, olds=_struct(olds or {}), news=_properties(news))
        answer = self._call(self._stub.Check, request)
        failures = [f"{f.property}: {f.reason}" if f.property else f.reason for f in answer.failures]
        return plain(answer.inputs), failures

    def diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Whether there are changes, and what replaces; whether the old one is then deleted first must be as given."""
        request = provider_pb2.DiffRequest(id="x", urn=URN, olds=_properties(olds), news=_properties(news))
        answer = self._call(self._stub.Diff, request)
        assert answer.changes != provider_pb2.DiffResponse.DIFF_UNKNOWN
        assert not answer.deleteBeforeReplace
        return answer.changes == provider_pb2.DiffResponse.DIFF_SOME, list(answer.replaces)

    def create(
        self, inputs: Mapping[str, Any], timeout: float = 0, urn: str | None = None
    ) -> tuple[str, dict[str, Any]]:
        """The id and the outputs."""
        request = provider_pb2.CreateRequest(urn=urn or URN, properties=_properties(inputs), timeout=timeout)
        answer = self._call(self._stub.Create, request)
        return answer.id, plain(answer.properties)

    def leave_a_create(self, inputs: Mapping[str, Any], is_under_way: Callable[[], bool]) -> None:
        """Begins a create, and goes away once it is under way, as an engine that is killed."""
        request = provider_pb2.CreateRequest(urn=URN, properties=_properties(inputs))
        call = self._stub.Create.future(request)
        until = time.monotonic() + 60
        while not is_under_way():
            assert time.monotonic() < until
            time.sleep(0.01)
        call.cancel()

    def end(self) -> None:
        """Has the plugin end after the calls under way, and waits for that."""
        self._process.send_signal(signal.SIGINT)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        """Waits until the plugin has ended."""
        self._process.wait(60)

    def read(
        self, id_: str, outputs: Mapping[str, Any] | None, inputs: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """A refresh; a `get` where outputs is None. The id ("" is gone), the outputs and the inputs.

        Without inputs in the answer to a refresh, the engine keeps those that it has: `kept_inputs` tells.
        """
        properties = None if outputs is None else _properties(outputs)
        request = provider_pb2.ReadRequest(id=id_, urn=URN, properties=properties, inputs=_properties(inputs))
        answer = self._call(self._stub.Read, request)
        self.kept_inputs = not answer.HasField("inputs") and bool(answer.id) and outputs is not None
        return answer.id, plain(answer.properties), dict(inputs) if self.kept_inputs else plain(answer.inputs)

    def update(
        self,
        id_: str,
        olds: Mapping[str, Any],
        news: Mapping[str, Any],
        old_inputs: Mapping[str, Any] | None = None,
        timeout: float = 0,
    ) -> dict[str, Any]:
        """The outputs."""
        request = provider_pb2.UpdateRequest(
            id=id_,
            urn=URN,
            olds=_properties(olds),
            news=_properties(news),
            old_inputs=_properties(old_inputs or {}),
            timeout=timeout,
        )
        return plain(self._call(self._stub.Update, request).properties)

    def delete(self, id_: str, outputs: Mapping[str, Any], timeout: float = 0) -> None:
        """Deletes."""
        request = provider_pb2.DeleteRequest(id=id_, urn=URN, properties=_properties(outputs), timeout=timeout)
        self._call(self._stub.Delete, request)

    def _call(self, method: Any, request: Any) -> Any:
        try:
            return method(request, timeout=60)
        except grpc.RpcError as error:
            failure = PluginError(error)
        raise failure


def _properties(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return _struct({**values, "__provider": PROVIDER})


def _struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return asyncio.run(rpc.serialize_properties(dict(values), {}))


def plain(struct: struct_pb2.Struct) -> dict[str, Any]:
    """Properties as a program has them, without the provider."""
    values: dict[str, Any] = rpc.deserialize_properties(struct, keep_unknowns=True)
    assert values.pop("__provider", PROVIDER) == PROVIDER
    return values
