"""Front end of Pulumi's dynamic providers, in the SDK's plugin process (`python -m pulumi.dynamic`).

A program loads this module, too, because its resources pickle these classes by reference, but calls none of them.

The SDK turns every exception into a traceback. With the request and the context from `sdk`, a call fails with a
sentence instead, and a failure can keep the resource.
"""

from __future__ import annotations

import atexit
import functools
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

import pulumi
from google.protobuf import struct_pb2
from pulumi import dynamic

from pulumi_agin.engine import protocol
from pulumi_agin.engine.failures import WRONG_VALUE_IN_STATE, failure_of, message_of, set_status
from pulumi_agin.lifecycle import shell_commands, urns
from pulumi_agin.lifecycle.operation import Abandoned, Call, Failed, Lifecycle, PartlyDone
from pulumi_agin.settings import Settings

from . import sdk
from .run_facts import RunFacts
from .sdk import Request

if TYPE_CHECKING:
    from pulumi_agin.lifecycle.claims import Claims
    from pulumi_agin.lifecycle.services import Account, Services

MakeLifecycle: TypeAlias = "Callable[[Account, Services, Claims], Lifecycle]"

PROVIDER_KEY = "__provider"


class DynamicProvider(dynamic.ResourceProvider):
    """The base class of the providers. They are stateless, and pickled by reference.

    So they have no arguments, and no attributes in a program. Attributes in the plugin process are never pickled.
    """

    # A provider contains no secret, and the ciphertext of a secret would change in every state.
    serialize_as_secret_always = False

    # `configure` sets these. The SDK calls it once, before all other calls.
    _process: _Process
    _lifecycle: Lifecycle

    def make_lifecycle(self) -> MakeLifecycle:
        """Imports the class of this resource's lifecycle. Each class must define it."""
        raise NotImplementedError

    def __getstate__(self) -> None:
        """Pickles no attributes, because the settings contain the API key."""

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Loads the stack's config. `check` validates it later, because only `check` can report problems."""
        self._process = _prepare_process()
        services, settings = self._process.services, Settings.load(req.config.get)
        services.announce(settings)
        self._lifecycle = self.make_lifecycle()(services.account(settings), services, self._process.claims)

    # See `Lifecycle`. The underscores are those of the SDK's signatures.
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        with _engine_call(protocol.provider_pb2.CheckRequest) as (request, call):
            facts = RunFacts.of(news)
            old_outputs = request.old_outputs.fields.items()
            call = call._replace(
                inputs_before=_without_sdk_properties(_olds),
                # Only the strings. To deserialize all outputs would take longer than the check.
                outputs_before={
                    name: value.string_value for name, value in old_outputs if value.HasField("string_value")
                },
                placement=facts.placement,
            )
            checked = self._lifecycle.check(call, _without_sdk_properties(news))
            if facts.is_preview:
                # For `diff`, which does not receive the facts.
                self._process.is_preview = True
                # In a preview, the engine sends no Create to a dynamic provider. A replacement is checked a second
                # time, as new. The returned outputs are not needed: `program.preview` determines them.
                if not call.inputs_before and not checked.failures:
                    self._lifecycle.preview_create(call, checked.inputs)
            failures = [dynamic.CheckFailure(failure.printed_input, failure.reason) for failure in checked.failures]
            return dynamic.CheckResult(checked.inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """See `Lifecycle.diff`. `__provider` is ignored, because its string differs between versions of Python."""
        with _engine_call(protocol.provider_pb2.DiffRequest) as (_, call):
            if PROVIDER_KEY in _news and PROVIDER_KEY not in _olds:
                # The SDK could neither read nor delete it. The engine does not send its URN in the state.
                raise Failed(
                    "in the state, this resource belongs to the provider plugin, and a Python program can't continue "
                    "it with an alias. Nothing was changed. Remove the resource from the state with `pulumi state "
                    "delete` and its old URN, which `pulumi stack --show-urns` shows with the type "
                    f"{urns.native_type(call.urn)}; to import an Agent Ingress again, use "
                    f"`{shell_commands.agin_line('import')}`"
                )
            inputs = _without_sdk_properties(_news)
            call = call._replace(outputs_before=_without_sdk_properties(_olds))
            difference = self._lifecycle.diff(call, _id, inputs)
            # In a preview, the engine sends no Update to a dynamic provider, either.
            if self._process.is_preview and difference.has_changes and not difference.replacing:
                self._lifecycle.preview_update(call, inputs)
            return dynamic.DiffResult(
                changes=difference.has_changes,
                replaces=list(difference.replacing),
                delete_before_replace=difference.delete_before_replace,
            )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        with _engine_call(protocol.provider_pb2.CreateRequest, props.get(PROVIDER_KEY)) as (request, call):
            call = call._replace(timeout_seconds=request.timeout or None)
            created = self._lifecycle.create(call, _without_sdk_properties(props))
            return dynamic.CreateResult(created.id, created.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """See `Lifecycle.read`. `props` are the outputs in the state, or the inputs of a `get`."""
        with _engine_call(protocol.provider_pb2.ReadRequest) as (request, call):
            try:
                inputs = sdk.deserialized(request.inputs)
            except AssertionError:
                # The SDK itself deserializes the outputs, and fails with a traceback.
                raise Failed(WRONG_VALUE_IN_STATE) from None
            call = call._replace(
                timeout_seconds=request.timeout or None,
                inputs_before=_without_sdk_properties(inputs) if inputs else None,
                outputs_before=_without_sdk_properties(props),
            )
            existing = self._lifecycle.read(call, id_)
            if existing is None:
                return dynamic.ReadResult(None, {})
            # Without inputs in the response, the engine keeps those that it has: of a `get`, those of the program. For
            # unchanged ones, the SDK would need a fifth of the time of a read to serialize them.
            has_drifted = self._lifecycle.is_refresh(call) and existing.inputs != call.inputs_before
            return dynamic.ReadResult(existing.id, existing.outputs, existing.inputs if has_drifted else None)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        with _engine_call(protocol.provider_pb2.UpdateRequest, _news.get(PROVIDER_KEY)) as (request, call):
            outputs_before = _without_sdk_properties(_olds)
            call = call._replace(timeout_seconds=request.timeout or None, outputs_before=outputs_before)
            return dynamic.UpdateResult(self._lifecycle.update(call, _id, _without_sdk_properties(_news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        with _engine_call(protocol.provider_pb2.DeleteRequest) as (request, call):
            outputs_before = _without_sdk_properties(_props)
            call = call._replace(timeout_seconds=request.timeout or None, outputs_before=outputs_before)
            self._lifecycle.delete(call, _id)


class ProviderError(Exception):
    """The exception for the SDK. Its message is for the user."""


@dataclass
class _Process:
    """What the providers of a plugin process share. The engine starts a process for each preview and each update."""

    services: Services
    claims: Claims
    is_preview: bool = False
    """Whether a `check` of any resource was part of a preview."""


@functools.cache
def _prepare_process() -> _Process:
    """Prepares this plugin process once, and returns what all of its providers share."""
    # Otherwise Python would search all objects for garbage at the exit, for which the engine waits: a tenth of the time
    # of a small stack. Not earlier, because other dynamic providers of the program share this process.
    atexit.register(gc.freeze)
    # Programs do not need these modules.
    from pulumi_agin.engine.connection import Engine
    from pulumi_agin.lifecycle.claims import Claims
    from pulumi_agin.lifecycle.services import Services

    from .phrasing import PythonPhrasing

    # The arguments are from the engine. Without them, lines are printed.
    engine = Engine(sys.argv[1:])
    services = Services(PythonPhrasing(), engine.log, show_progress=engine.show_progress, warn=engine.warn)
    return _Process(services, Claims())


# -- the engine's call ------------------------------------------------------------------------------------


@contextmanager
def _engine_call(kind: type[Request], provider: str | None = None) -> Iterator[tuple[Request, Call]]:
    """Yields the engine's request, which is empty if it is not on the call stack, and the facts about every call.

    If the `with` block raises an exception, it reaches the user as a sentence, without a traceback. With PartlyDone,
    the engine keeps the outputs in the state, together with `provider`, the string that the SDK passed.
    """
    request, context = sdk.find_request_and_context(kind)
    call = Call(
        request.urn or "urn:pulumi:STACK::PROJECT::TYPE::NAME",
        is_unknown=lambda value: isinstance(value, type(pulumi.UNKNOWN)),
        is_cancelled=lambda: context is not None and not context.is_active(),
    )
    try:
        yield request, call
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report a bug
        failure, kept = failure_of(error), None
        if isinstance(failure, Abandoned):
            _end_process()
        if isinstance(failure, PartlyDone):
            properties = struct_pb2.Struct()
            properties.update({**failure.outputs, PROVIDER_KEY: provider})
            kept = failure.id, properties
        if context is not None:
            set_status(context, failure, kept)
        # The SDK would print the message of the original error, which may contain a secret.
        raise ProviderError(message_of(failure)) from None


def _without_sdk_properties(values: Mapping[str, Any]) -> dict[str, Any]:
    """Returns properties without those that the SDK adds, such as `__provider`, and without the facts about the run.

    It also removes the input `__creating_since`, which versions 1.3 and 1.4 wrote into the state.
    """
    return {name: value for name, value in values.items() if not name.startswith("__")}


def _end_process() -> None:
    """Ends the servicer after its current calls: its engine is gone, and its parent is only a shell."""
    # A second interrupt would show a traceback.
    if not sdk.is_interrupted():
        os.kill(os.getpid(), signal.SIGINT)
