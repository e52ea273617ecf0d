"""The plugin process of each front end, called as the engine calls it, and the part of the engine that shows lines.

There are two front ends: the dynamic one for programs in Python, and the native one for all languages. Tests write the
names of properties in snake_case for both.
"""

from __future__ import annotations

import asyncio
import copy
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, NamedTuple, TypeVar

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.dynamic.dynamic import serialize_provider
from pulumi.runtime import rpc
from pulumi.runtime.proto import engine_pb2_grpc, provider_pb2, provider_pb2_grpc, status_pb2

from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from pulumi_agin.dynamic.rfc2136 import Rfc2136Provider
from pulumi_agin.dynamic.run_facts import RUN_FACTS, RunFacts
from pulumi_agin.lifecycle.operation import Placement
from tests.support import messages
from tests.support.keys import assert_without_key
from tests.support.waiting import until

AGENT_INGRESS = "AgentIngress"
CERTIFICATE_VALIDATION = "AgentIngressCertificateValidation"
RFC2136_DELEGATION = "Rfc2136Delegation"

UNKNOWN = rpc.UNKNOWN
PROVIDER_URN = "urn:pulumi:dev::test::pulumi:providers:agin"

REPOSITORY = Path(__file__).parents[2]

AnyPlugin = TypeVar("AnyPlugin", bound="Plugin")


class Kept(NamedTuple):
    """The object that a failed call keeps in the state."""

    id: str
    outputs: dict[str, Any]
    reasons: list[str]
    struct: struct_pb2.Struct
    """The outputs in the engine's form."""


class PluginError(Exception):
    """A failed call. The CLI prints `message`: our message if the error is `clean`, otherwise gRPC's `text`."""

    def __init__(self, error: Any, plain: Callable[[struct_pb2.Struct], dict[str, Any]]) -> None:
        metadata: dict[str, Any] = dict(error.trailing_metadata() or ())
        self.text: str = error.details() or ""
        self.clean = "grpc-status-details-bin" in metadata
        status = status_pb2.Status.FromString(metadata.get("grpc-status-details-bin", b""))
        self.message: str = status.message if self.clean else self.text
        messages.shown.append(self.message)
        self.kept: Kept | None = None
        for detail in status.details:
            kept = provider_pb2.ErrorResourceInitFailed()
            detail.Unpack(kept)
            self.kept = Kept(kept.id, plain(kept.properties), list(kept.reasons), kept.properties)
        super().__init__(self.message)


def failure(call: Callable[[], object]) -> PluginError:
    """Returns the error of a failed call, which has printable lines and no API key."""
    with pytest.raises(PluginError) as caught:
        call()
    error = caught.value
    assert error.clean
    assert all(line.isprintable() for line in error.message.split("\n"))
    assert_without_key(error.message + error.text)
    return error


@dataclass
class Plugin:
    """A plugin process, configured with a stack's config and an environment. Its calls are about one resource.

    config: by the keys of a Python program, such as "agin:apiKey".
    has_quick_clock: whether pauses take almost no real time; see `tests.support.quick_clock`.
    """

    environment: Mapping[str, str] = field(repr=False)
    config: Mapping[str, str] = field(default_factory=dict, repr=False)
    resource: str = AGENT_INGRESS
    name: str = "connect"
    has_quick_clock: bool = False

    # -- the differences between the front ends ------------------------------------------------------------

    module: ClassVar[str]
    package: ClassVar[str]
    """The beginning of the types of its resources."""

    def plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        """Returns properties of the resource with the names in tests."""
        raise NotImplementedError

    def _struct(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        """Returns properties of the resource in the engine's form."""
        raise NotImplementedError

    def _name(self, name: str) -> str:
        """Returns the name in tests of a property in a response."""
        return name

    # What messages call things.
    adopt: ClassVar[str]
    delete_before_replace: ClassVar[str]
    aliases: ClassVar[str]
    boolean: ClassVar[str]
    rfc2136: ClassVar[str]

    def spell(self, name: str) -> str:
        """Returns the name of a property in messages."""
        return name

    is_called_in_previews: ClassVar[bool]
    """Whether the engine sends it Create and Update in previews."""

    def _run_facts(self, *, preview: bool) -> dict[str, Any]:
        """Returns the input that only `check` receives from the program."""
        return {}

    def _configuration(self, config: Mapping[str, str], provider_name: str) -> Any:
        raise NotImplementedError

    def _arguments(self) -> Sequence[str]:
        """Returns Python's arguments for the process, before the address of the engine."""
        return ["-m", "tests.support.quick_clock", self.module] if self.has_quick_clock else ["-m", self.module]

    # -- the process --------------------------------------------------------------------------------------

    def __enter__(self: AnyPlugin) -> AnyPlugin:
        self.engine = Engine()
        self._lines_before = 0
        environment = dict(self.environment)
        if self.has_quick_clock:
            environment["PYTHONPATH"] = os.pathsep.join([str(REPOSITORY), environment.get("PYTHONPATH", "")])
        self.process = subprocess.Popen(
            [sys.executable, "-u", *self._arguments(), self.engine.address],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout
        self._port = int(self.process.stdout.readline())
        self._channel = grpc.insecure_channel(f"127.0.0.1:{self._port}")
        self.stub: Any = provider_pb2_grpc.ResourceProviderStub(self._channel)
        self.configure(self.config)
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
        """Returns the same process, with calls for another resource."""
        other = copy.copy(self)
        other.resource, other.name = resource or self.resource, name or self.name
        other._lines_before = len(self.engine.lines)
        return other

    @property
    def urn(self) -> str:
        return f"urn:pulumi:dev::test::{self.package}:{self.resource}::{self.name}"

    def shown_lines(self) -> list[str]:
        """Returns what the process has shown to the user since `of`. The lines of a call come before its result."""
        return [line.message for line in self.engine.lines[self._lines_before :]]

    def configure(self, config: Mapping[str, str], provider_name: str = "default") -> None:
        """Configures the plugin, for a provider whose name begins with "default" unless it is an explicit one."""
        self.stub.Configure(self._configuration(config, provider_name))

    def listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self._port)).close()
        except ConnectionRefusedError:
            return False
        return True

    def end(self) -> None:
        """Makes the plugin end after the pending calls, and waits for that."""
        while self.listens():
            self.process.send_signal(signal.SIGINT)
            # The SDK's process does not notice a signal that the system delivers to a thread other than the main one.
            noticed_by = time.monotonic() + 10
            while self.listens() and time.monotonic() < noticed_by:
                time.sleep(0.01)
        self.wait_for_end()

    def wait_for_end(self) -> None:
        self.process.wait(60)

    # -- the calls ----------------------------------------------------------------------------------------

    def check(
        self,
        news: Mapping[str, Any],
        olds: Mapping[str, Any] | None = None,
        *,
        old_outputs: Mapping[str, Any] | None = None,
        preview: bool = False,
    ) -> tuple[dict[str, Any], list[str]]:
        """Returns the checked inputs, and the failures as the CLI prints them after "has a problem: "."""
        request = provider_pb2.CheckRequest(
            urn=self.urn,
            olds=self._struct(olds or {}),
            news=self._struct({**news, **self._run_facts(preview=preview)}),
            old_outputs=None if old_outputs is None else self._struct(old_outputs),
        )
        response = self.call(self.stub.Check, request)
        messages.shown.extend(f.reason for f in response.failures)
        failures = [f"{f.property}: {f.reason}" if f.property else f.reason for f in response.failures]
        return self.plain(response.inputs), failures

    def diff(self, olds: Mapping[str, Any], news: Mapping[str, Any], id_: str = "x") -> tuple[bool, list[str]]:
        """Returns whether there are changes, and which replace. An unchanged domain must be deleted first."""
        request = provider_pb2.DiffRequest(id=id_, urn=self.urn, olds=self._struct(olds), news=self._struct(news))
        response = self.call(self.stub.Diff, request)
        assert response.changes != provider_pb2.DiffResponse.DIFF_UNKNOWN
        keeps_domain = self.resource == AGENT_INGRESS and "domain" not in response.replaces
        assert response.deleteBeforeReplace == keeps_domain
        has_changes = response.changes == provider_pb2.DiffResponse.DIFF_SOME
        return has_changes, [self._name(name) for name in response.replaces]

    def create(
        self, inputs: Mapping[str, Any], timeout: float = 0, *, preview: bool = False
    ) -> tuple[str, dict[str, Any]]:
        request = provider_pb2.CreateRequest(
            urn=self.urn, properties=self._struct(inputs), timeout=timeout, preview=preview
        )
        response = self.call(self.stub.Create, request)
        return response.id, self.plain(response.properties)

    def abandon_create(self, inputs: Mapping[str, Any], when: Callable[[], object]) -> None:
        """Begins a create, and cancels the call at a given moment, as when the engine is killed."""
        request = provider_pb2.CreateRequest(urn=self.urn, properties=self._struct(inputs), timeout=100_000)
        call = self.stub.Create.future(request)
        until("the call can be canceled", when, 60)
        call.cancel()

    def read(
        self, id_: str, outputs: Mapping[str, Any] | None, inputs: Mapping[str, Any]
    ) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Refreshes, or gets if `outputs` is None. Returns the ID ("" if it is gone), the outputs and the inputs."""
        properties = None if outputs is None else self._struct(outputs)
        request = provider_pb2.ReadRequest(id=id_, urn=self.urn, properties=properties, inputs=self._struct(inputs))
        response = self.call(self.stub.Read, request)
        # Without inputs in the response, the engine keeps those that it has.
        inputs_after = self.plain(response.inputs) if response.HasField("inputs") else dict(inputs)
        return response.id, self.plain(response.properties), inputs_after

    def update(
        self, id_: str, olds: Mapping[str, Any], news: Mapping[str, Any], timeout: float = 0, *, preview: bool = False
    ) -> dict[str, Any]:
        request = provider_pb2.UpdateRequest(
            id=id_, urn=self.urn, olds=self._struct(olds), news=self._struct(news), timeout=timeout, preview=preview
        )
        return self.plain(self.call(self.stub.Update, request).properties)

    def preview_create(self, news: Mapping[str, Any]) -> None:
        """Makes the calls of a preview for a new resource."""
        checked, failures = self.check(news, preview=True)
        assert failures == []
        if self.is_called_in_previews:
            assert self.create(checked, preview=True)[0] == ""

    def preview_change(
        self, olds: Mapping[str, Any], outputs: Mapping[str, Any], news: Mapping[str, Any], id_: str = "x"
    ) -> None:
        """Makes the calls of a preview for a resource in the state, whose inputs were `olds`."""
        checked, failures = self.check(news, olds, old_outputs=outputs, preview=True)
        assert failures == []
        has_changes, replaces = self.diff(outputs, checked, id_)
        if replaces:
            # The replacement is checked as a new resource.
            self.preview_create(news)
        elif has_changes and self.is_called_in_previews:
            self.update(id_, outputs, checked, preview=True)

    def delete(self, id_: str, outputs: Mapping[str, Any], timeout: float = 0) -> None:
        request = provider_pb2.DeleteRequest(id=id_, urn=self.urn, properties=self._struct(outputs), timeout=timeout)
        self.call(self.stub.Delete, request)

    def call(self, method: Any, request: Any) -> Any:
        """Returns the response of a method of `stub`."""
        try:
            return method(request, timeout=60)
        except grpc.RpcError as error:
            raise PluginError(error, self.plain) from None


@dataclass
class DynamicPlugin(Plugin):
    """`python -m pulumi.dynamic`, the process of Pulumi's dynamic providers."""

    module = "pulumi.dynamic"
    is_called_in_previews = False
    package = "pulumi-python:dynamic/agin"
    adopt = "adopt=True"
    delete_before_replace = "ResourceOptions(delete_before_replace=True)"
    aliases = "ResourceOptions(aliases=[…])"
    boolean = "True or False"
    rfc2136 = "dns.rfc2136"

    def plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        values: dict[str, Any] = rpc.deserialize_properties(struct, keep_unknowns=True)
        assert values.pop("__provider", self._provider) == self._provider
        return values

    def _struct(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        return packed({"__provider": self._provider, **values})

    def _run_facts(self, *, preview: bool) -> dict[str, Any]:
        return {RUN_FACTS: RunFacts(preview, Placement("dev")).as_input()}

    def _configuration(self, config: Mapping[str, str], provider_name: str) -> Any:
        return provider_pb2.ConfigureRequest(args=packed(config))

    @property
    def _provider(self) -> str:
        return PROVIDERS[self.resource]


PROVIDERS: dict[str, str] = {
    AGENT_INGRESS: serialize_provider(AgentIngressProvider()),
    CERTIFICATE_VALIDATION: serialize_provider(CertificateValidationProvider()),
    RFC2136_DELEGATION: serialize_provider(Rfc2136Provider()),
}


@dataclass
class NativePlugin(Plugin):
    """`python -m pulumi_agin.native`, the provider plugin."""

    module = "pulumi_agin.native"
    is_called_in_previews = True
    package = "agin:index"
    adopt = "`adopt: true`"
    delete_before_replace = "the option `deleteBeforeReplace: true`"
    aliases = "the option `aliases`"
    boolean = "true or false"
    rfc2136 = "Rfc2136Delegation"

    def spell(self, name: str) -> str:
        return camel_case(name)

    def plain(self, struct: struct_pb2.Struct) -> dict[str, Any]:
        values: dict[str, Any] = rpc.deserialize_properties(struct, keep_unknowns=True)
        # A null counts as absent. A program treats only an absent output as unknown.
        found = {name: rpc.unwrap_rpc_secret(value) for name, value in values.items() if value is not None}
        return {self._name(name): _renamed(name, value, self._name) for name, value in found.items()}

    def _struct(self, values: Mapping[str, Any]) -> struct_pb2.Struct:
        return packed({camel_case(name): _renamed(name, value, camel_case) for name, value in values.items()})

    def _name(self, name: str) -> str:
        return name if name.startswith("_") else re.sub("[A-Z]", lambda match: f"_{match[0].lower()}", name)

    def _configuration(self, config: Mapping[str, str], provider_name: str) -> Any:
        values: dict[str, Any] = {key.partition(":")[2]: value for key, value in config.items()}
        if "apiKey" in values:
            values["apiKey"] = rpc.wrap_rpc_secret(values["apiKey"])
        urn = f"{PROVIDER_URN}::{provider_name}"
        return provider_pb2.ConfigureRequest(args=packed(values), name=provider_name, urn=urn)


Plugins = Callable[..., Plugin]

both_front_ends = pytest.mark.parametrize(
    "front_end", [DynamicPlugin, NativePlugin], ids=["dynamic", "native"], indirect=True
)


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine for its plugins: it shows their log lines to the user until it ends."""

    def __init__(self) -> None:
        self.lines: list[Any] = []
        self._server = grpc.server(ThreadPoolExecutor(4))
        engine_pb2_grpc.add_EngineServicer_to_server(self, self._server)
        self.address = f"127.0.0.1:{self._server.add_insecure_port('127.0.0.1:0')}"
        self._server.start()

    def Log(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        self.lines.append(request)
        messages.shown.append(request.message)
        return empty_pb2.Empty()

    def end(self) -> None:
        """Stops listening."""
        self._server.stop(None).wait()


def camel_case(name: str) -> str:
    """Returns the name of a property in the native front end."""
    head, *tail = name.split("_")
    return name if name.startswith("_") else head + "".join(part.capitalize() for part in tail)


def _renamed(name: str, value: Any, rename: Callable[[str], str]) -> Any:
    """Returns the value of a property with renamed keys. Hidden properties have the same keys in both front ends."""
    if name.startswith("_"):
        return value
    if isinstance(value, list):
        return [_renamed(name, item, rename) for item in value]
    if isinstance(value, dict):
        return {rename(key): _renamed(key, item, rename) for key, item in value.items()}
    return value


def packed(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """Returns properties as the SDK packs them."""
    return asyncio.run(rpc.serialize_properties(dict(values), {}))
