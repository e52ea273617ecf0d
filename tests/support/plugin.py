"""The plugin process of each front end, called as the engine calls it. Of the engine, there is what shows lines.

Tests write names in snake_case and messages in the words of Python. A plugin translates them for its door.
"""

from __future__ import annotations

import asyncio
import copy
import queue
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, TypeVar

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.dynamic import ResourceProvider
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider
from tests.support.waiting import until

AGENT_INGRESS = "AgentIngress"
CERTIFICATE_VALIDATION = "AgentIngressCertificateValidation"
RFC2136_DELEGATION = "Rfc2136Delegation"

UNKNOWN = rpc.UNKNOWN

AnyPlugin = TypeVar("AnyPlugin", bound="Plugin")


class Kept(NamedTuple):
    """What a call that failed leaves in the state."""

    id: str
    outputs: dict[str, Any]
    reasons: list[str]
    struct: struct_pb2.Struct
    """The outputs as the engine gets them."""


class PluginError(Exception):
    """A call that failed: `message` is what the CLI would print, `text` what the plugin sent besides."""

    def __init__(self, error: Any, plain: Callable[[struct_pb2.Struct], dict[str, Any]]) -> None:
        metadata: dict[str, Any] = dict(error.trailing_metadata() or ())
        self.text: str = error.details() or ""
        self.clean = "grpc-status-details-bin" in metadata
        status = status_pb2.Status.FromString(metadata.get("grpc-status-details-bin", b""))
        self.message: str = status.message if self.clean else self.text
        self.kept: Kept | None = None
        for detail in status.details:
            kept = provider_pb2.ErrorResourceInitFailed()
            detail.Unpack(kept)
            self.kept = Kept(kept.id, plain(kept.properties), list(kept.reasons), kept.properties)
        super().__init__(self.message)


@dataclass
class Plugin:
    """A plugin process, configured with a stack's config and an environment. Its calls are about one resource.

    config: by the keys of a Python program, such as "ngrok:apiKey".
    """

    environment: Mapping[str, str] = field(repr=False)
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    resource: str = AGENT_INGRESS
    name: str = "connect"

    # -- what differs between doors -----------------------------------------------------------------------

    command: ClassVar[Sequence[str]]
    package: ClassVar[str]
    """The beginning of the types of its resources."""

    def in_words(self, text: str) -> str:
        """A message in the words of Python, or a part of one, as the door says it."""
        raise NotImplementedError

    def plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        """Properties of the resource as a test has them."""
        raise NotImplementedError

    def _struct(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        """Properties of the resource as the engine sends them."""
        raise NotImplementedError

    def _name(self, name: str) -> str:
        """The name of a property that the plugin answered, as a test has it."""
        raise NotImplementedError

    def _configuration(self) -> Any:
        raise NotImplementedError

    def _begin(self) -> Sequence[str]:
        """What Python is to run."""
        self.engine = Engine()
        return [*self.command, self.engine.address]

    # -- the process --------------------------------------------------------------------------------------

    def __enter__(self: AnyPlugin) -> AnyPlugin:
        self.process = subprocess.Popen(
            [sys.executable, "-u", *self._begin()],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=dict(self.environment),
        )
        assert self.process.stdout
        self._port = int(self.process.stdout.readline())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.stub.Configure(self._configuration())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._channel.close()
        self.process.terminate()
        self.printed = "".join(self.process.communicate(timeout=20))
        self.engine.end()
        self.printed += "".join(f"{line.message}\n" for line in self.engine.lines)

    def of(self: AnyPlugin, resource: str | None = None, name: str | None = None) -> AnyPlugin:
        """The same process, with calls about another resource."""
        other = copy.copy(self)
        other.resource, other.name = resource or self.resource, name or self.name
        return other

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::test::{self.package}:{self.resource}::{self.name}"

    def shown_line(self) -> str:
        """The next line that the plugin shows to the user."""
        return self.engine.unread.get(timeout=60)

    def listens(self) -> bool:
        """Whether the plugin takes new connections."""
        try:
            socket.create_connection(("127.0.0.1", self._port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def end(self) -> None:
        """Has the plugin end after the calls under way, and waits for that."""
        while self.listens():
            self.process.send_signal(signal.SIGINT)
            # The SDK's process does not notice a signal that the system gives to another thread than the main one.
            noticed_by = time.monotonic() + 10
            while self.listens() and time.monotonic() < noticed_by:
                time.sleep(0.01)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        """Waits until the plugin has ended."""
        self.process.wait(60)

    # -- the calls ----------------------------------------------------------------------------------------

    def check(self, news: Mapping[str, Any], olds: Mapping[str, Any] | None = None) -> tuple[dict[str, Any], list[str]]:
        """The checked inputs, and the failures as the CLI prints them after "has a problem: "."""
        request = provider_pb2.CheckRequest(urn=self.urn, olds=self._struct(olds or {}), news=self._struct(news))
        answer = self.call(self.stub.Check, request)
        failures = [f"{f.property}: {f.reason}" if f.property else f.reason for f in answer.failures]
        return self.plain(answer.inputs), failures

    def diff(self, olds: Mapping[str, Any], news: Mapping[str, Any]) -> tuple[bool, list[str]]:
        """Whether there are changes, and what replaces. An ingress that keeps its domain must be deleted first."""
        request = provider_pb2.DiffRequest(id="x", urn=self.urn, olds=self._struct(olds), news=self._struct(news))
        answer = self.call(self.stub.Diff, request)
        assert answer.changes != provider_pb2.DiffResponse.DIFF_UNKNOWN
        keeps_domain = self.resource == AGENT_INGRESS and "domain" not in answer.replaces
        assert answer.deleteBeforeReplace == keeps_domain
        return answer.changes == provider_pb2.DiffResponse.DIFF_SOME, [self._name(name) for name in answer.replaces]

    def create(self, inputs: Mapping[str, Any], timeout: float = 0) -> tuple[str, dict[str, Any]]:
        """The id and the outputs."""
        request = provider_pb2.CreateRequest(urn=self.urn, properties=self._struct(inputs), timeout=timeout)
        answer = self.call(self.stub.Create, request)
        return answer.id, self.plain(answer.properties)

    def abandon_create(self, inputs: Mapping[str, Any], is_under_way: Callable[[], bool]) -> None:
        """Begins a create, and goes away once it is under way, as an engine that is killed."""
        request = provider_pb2.CreateRequest(urn=self.urn, properties=self._struct(inputs))
        call = self.stub.Create.future(request)
        until("the call is under way", is_under_way, 60)
        call.cancel()

    def read(
        self, id_: str, outputs: Mapping[str, Any] | None, inputs: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """A refresh; a `get` where outputs is None. The id ("" is gone), the outputs and the inputs.

        `kept_inputs` tells whether the engine keeps those that it has after a refresh: without inputs in the answer, or
        with the same.
        """
        properties = None if outputs is None else self._struct(outputs)
        request = provider_pb2.ReadRequest(id=id_, urn=self.urn, properties=properties, inputs=self._struct(inputs))
        answer = self.call(self.stub.Read, request)
        has_none = not answer.HasField("inputs") and bool(answer.id) and outputs is not None
        read = dict(inputs) if has_none else self.plain(answer.inputs)
        self.kept_inputs = read == inputs
        return answer.id, self.plain(answer.properties), read

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
            urn=self.urn,
            olds=self._struct(olds),
            news=self._struct(news),
            old_inputs=self._struct(old_inputs or {}),
            timeout=timeout,
        )
        return self.plain(self.call(self.stub.Update, request).properties)

    def delete(self, id_: str, outputs: Mapping[str, Any], timeout: float = 0) -> None:
        """Deletes."""
        request = provider_pb2.DeleteRequest(id=id_, urn=self.urn, properties=self._struct(outputs), timeout=timeout)
        self.call(self.stub.Delete, request)

    def call(self, method: Any, request: Any) -> Any:
        """What a method of `stub` answers."""
        try:
            return method(request, timeout=60)
        except grpc.RpcError as error:
            failure = PluginError(error, self.plain)
        raise failure


@dataclass
class DynamicPlugin(Plugin):
    """`python -m pulumi.dynamic`, the process of Pulumi's dynamic providers."""

    provider: ResourceProvider | None = None
    """The provider that the calls have; None for that of the resource."""

    command = ("-m", "pulumi.dynamic")
    package = "pulumi-python:dynamic/agin"

    def in_words(self, text: str) -> str:
        return text

    def plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        values: dict[str, Any] = rpc.deserialize_properties(struct, keep_unknowns=True)
        assert values.pop("__provider", self._pickled) == self._pickled
        return values

    def _struct(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        return packed({"__provider": self._pickled, **values})

    def _name(self, name: str) -> str:
        return name

    def _configuration(self) -> Any:
        return provider_pb2.ConfigureRequest(args=packed(self.config))

    @property
    def _pickled(self) -> str:
        return serialize_provider(self.provider) if self.provider else PROVIDERS[self.resource]


PROVIDERS: dict[str, str] = {
    AGENT_INGRESS: serialize_provider(AgentIngressProvider()),
    CERTIFICATE_VALIDATION: serialize_provider(CertificateValidationProvider()),
    RFC2136_DELEGATION: serialize_provider(Rfc2136Provider()),
}


@dataclass
class NativePlugin(Plugin):
    """`python -m pulumi_agin.native`, the provider plugin.

    provider_name: that of the provider that calls, which begins with "default" unless it is an explicit one.
    """

    provider_name: str = "default"

    command = ("-m", "pulumi_agin.native")
    package = "agin:index"

    def in_words(self, text: str) -> str:
        for words, native in WORDS.items():
            text = text.replace(words, native)
        # An id begins like a name.
        return re.sub(r"\b(?!agin_)[a-z]+(?:_[a-z0-9]+)+\b", lambda match: camel_case(match[0]), text)

    def plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        values: dict[str, Any] = rpc.deserialize_properties(struct, keep_unknowns=True)
        # A null is as good as nothing. A program takes only that for an output that is not known yet.
        found = {name: rpc.unwrap_rpc_secret(value) for name, value in values.items() if value is not None}
        return {self._name(name): _renamed(name, value, self._name) for name, value in found.items()}

    def _struct(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        return packed({camel_case(name): _renamed(name, value, camel_case) for name, value in values.items()})

    def _name(self, name: str) -> str:
        return name if name.startswith("_") else re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)

    def _configuration(self) -> Any:
        config: dict[str, Any] = {key.partition(":")[2]: value for key, value in self.config.items()}
        if "apiKey" in config:
            config["apiKey"] = rpc.wrap_rpc_secret(config["apiKey"])
        return provider_pb2.ConfigureRequest(
            args=packed(config), name=self.provider_name, urn=f"{PROVIDER_URN}::{self.provider_name}"
        )


Plugins = Callable[..., Plugin]

both_front_ends = pytest.mark.parametrize(
    "front_end", [DynamicPlugin, NativePlugin], ids=["dynamic", "native"], indirect=True
)

PROVIDER_URN = "urn:pulumi:dev::test::pulumi:providers:agin"


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine on the side of its plugins: it shows the user what they log, until it ends."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.unread: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._server = grpc.server(ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        self.lines.append(request)
        self.unread.put(request.message)
        return empty_pb2.Empty()

    def end(self) -> None:
        """Listens no more."""
        self._server.stop(None).wait()


# How the native door says what the words of Python say.
WORDS = {
    "ResourceOptions(delete_before_replace=True)": "the option `deleteBeforeReplace: true`",
    "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])": "the option `aliases`",
    "ResourceOptions(provider=…)": "`provider` option",
    "a dict or AgentIngressCertPolicyArgs": "an object",
    "take_over=True": "`takeOver: true`",
    "True or False": "true or false",
    "dns.rfc2136": "Rfc2136Delegation",
    "pulumi-agin[rfc2136]": "pulumi-agin[plugin]",
    "ngrok:apiKey": "agin:apiKey",
    # The plugin does not know the organization of the stack.
    "pulumi up --stack dev": "pulumi up",
}


def camel_case(name: str) -> str:
    """A name as the native door has it."""
    head, *tail = name.split("_")
    return name if name.startswith("_") else head + "".join(part.capitalize() for part in tail)


def _renamed(name: str, value: Any, rename: Callable[[str], str]) -> Any:
    """The value of a property, with other names in it. Those in hidden properties are the same on both sides."""
    if name.startswith("_"):
        return value
    if isinstance(value, list):
        return [_renamed(name, item, rename) for item in value]
    if isinstance(value, dict):
        return {rename(key): _renamed(key, item, rename) for key, item in value.items()}
    return value


def packed(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Properties as the SDK packs them."""
    return asyncio.run(rpc.serialize_properties(dict(values), {}))
