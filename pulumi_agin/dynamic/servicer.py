"""Front end of Pulumi's dynamic providers, in the SDK's plugin process (`python -m pulumi.dynamic`).

The SDK turns every exception into a traceback. With the request and the context from `sdk_frames`, a call fails with a
sentence instead, and a failure can keep the resource.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread
import functools
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

from google.protobuf import struct_pb2
from pulumi import dynamic
from pulumi.output import Unknown
from pulumi.runtime import rpc

from pulumi_agin.engine.failures import (
    WRONG_VALUE_IN_STATE,
    failure_of,
    message_of,
    set_status,
    without_sdk_properties,
)
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.operation import Abandoned, Call, Failed, Lifecycle, PartlyDone, Placement, Reading
from pulumi_agin.settings import Settings

from . import sdk_frames

if TYPE_CHECKING:
    from pulumi_agin.lifecycle.account import Account
    from pulumi_agin.lifecycle.claims import Claims
    from pulumi_agin.lifecycle.services import Services

MakeLifecycle: TypeAlias = "Callable[[Account, Services, Claims], Lifecycle]"

PROVIDER_KEY = "__provider"


class DynamicProvider(dynamic.ResourceProvider):
    """The base class of the providers. They are stateless, and pickled by reference.

    So they have no arguments, and no attributes in a program. Attributes in the plugin process are never pickled.
    """

    # A provider contains no secret, and the ciphertext of a secret would change in every state.
    serialize_as_secret_always = False

    _lifecycle: Lifecycle

    def make_lifecycle(self) -> MakeLifecycle:
        """Imports the class of this resource's lifecycle. Each class must define it."""
        raise NotImplementedError

    def __getstate__(self) -> None:
        """Pickles no attributes, because the settings contain the API key."""

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Loads the stack's config. `check` validates it later, because only `check` can report problems."""
        services, claims = _shared()
        settings = Settings.load(req.config.get)
        services.announce(settings)
        self._lifecycle = self.make_lifecycle()(services.account(settings), services, claims)

    # See `Lifecycle`. The underscores are those of the SDK's signatures.
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        with _engine_call() as engine_call:
            inputs = without_sdk_properties(news)
            placement = inputs.pop(urns.PLACEMENT, None)
            call = engine_call.describe(
                is_preview=inputs.pop(urns.IS_PREVIEW, False),
                inputs_before=without_sdk_properties(_olds),
                outputs_before=engine_call.old_outputs,
                placement=Placement(**placement) if placement else None,
            )
            checked = self._lifecycle.check(call, inputs)
            if call.is_preview and not call.inputs_before and not checked.failures:
                # For its warnings. The engine does not call Create in previews of dynamic resources.
                self._lifecycle.create(call, checked.inputs)
            failures = [dynamic.CheckFailure(failure.property, failure.reason) for failure in checked.failures]
            return dynamic.CheckResult(checked.inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """See `Lifecycle.diff`. `__provider` is ignored, because its string differs between versions of Python."""
        with _engine_call() as engine_call:
            if PROVIDER_KEY in _news and PROVIDER_KEY not in _olds:
                # Programs do not need this module.
                from pulumi_agin.lifecycle.shell_commands import state_delete_line

                urn = engine_call.describe().urn
                # The SDK could neither read nor delete it.
                raise Failed(
                    "this resource belongs to the provider plugin in the state, and a Python program can't adopt it "
                    "with an alias. Nothing was changed. Remove the resource from the state with the command "
                    "below; to import an Agent Ingress again, use `pulumi-agin import`\n"
                    f"{state_delete_line(urn, _shared().claims.placement(urn).stack)}"
                )
            inputs = without_sdk_properties(_news)
            call = engine_call.describe(outputs_before=without_sdk_properties(_olds))
            difference = self._lifecycle.diff(call, _id, inputs)
            if _shared().claims.is_preview and difference.has_changes and not difference.replacing:
                # For its warnings. The engine does not call Update in previews of dynamic resources.
                self._lifecycle.warn_of_update(call, _id, inputs)
            return dynamic.DiffResult(
                changes=difference.has_changes,
                replaces=list(difference.replacing),
                delete_before_replace=difference.delete_before_replace,
            )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        with _engine_call() as engine_call:
            created = self._lifecycle.create(engine_call.describe(), without_sdk_properties(props))
            return dynamic.CreateResult(created.id, created.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """See `Lifecycle.read`. The SDK does not distinguish a refresh from a `get`, but the properties do."""
        with _engine_call() as engine_call:
            outputs = without_sdk_properties(props)
            reading = Reading.REFRESH if self._lifecycle.is_state(outputs) else Reading.GET
            sent = getattr(engine_call.request, "inputs", None)
            try:
                inputs_before = without_sdk_properties(rpc.deserialize_properties(sent)) if sent else None
            except AssertionError:
                # The SDK itself deserializes the outputs, and fails with a traceback.
                raise Failed(WRONG_VALUE_IN_STATE) from None
            call = engine_call.describe(inputs_before=inputs_before, outputs_before=outputs)
            existing = self._lifecycle.read(call, id_, reading)
            if existing is None:
                return dynamic.ReadResult(None, {})
            # Without inputs in the response, the engine keeps those in the state. The SDK would need a fifth of the
            # time of a read to serialize them.
            is_unchanged = reading is Reading.REFRESH and existing.inputs == inputs_before
            return dynamic.ReadResult(existing.id, existing.outputs, None if is_unchanged else existing.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        with _engine_call() as engine_call:
            call = engine_call.describe(outputs_before=without_sdk_properties(_olds))
            return dynamic.UpdateResult(self._lifecycle.update(call, _id, without_sdk_properties(_news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        with _engine_call() as engine_call:
            self._lifecycle.delete(engine_call.describe(outputs_before=without_sdk_properties(_props)), _id)


class ProviderError(Exception):
    """The exception for the SDK. Its message is for the user."""


class _Shared(NamedTuple):
    """What all calls in this process share."""

    services: Services
    claims: Claims


@functools.cache
def _shared() -> _Shared:
    """Prepares this process, and returns what its calls share. It is global: provider classes have no arguments."""
    # Otherwise Python would search all objects for garbage at the exit, for which the engine waits: a tenth of the time
    # of a small stack. Not earlier, because other dynamic providers of the program share this process.
    atexit.register(gc.freeze)
    sdk_frames.start_threads()
    # Programs do not need these modules.
    from pulumi_agin.engine.connection import Engine
    from pulumi_agin.lifecycle.claims import Claims
    from pulumi_agin.lifecycle.services import Services

    from .phrasing import PythonPhrasing

    # The arguments are from the engine. Without them, lines are printed.
    engine = Engine(sys.argv[1:])
    services = Services(PythonPhrasing(), engine.log, show_progress=engine.show_progress, warn=engine.warn)
    return _Shared(services, Claims())


# -- what the engine sent ---------------------------------------------------------------------------------


class _EngineCall(NamedTuple):
    """The engine's current call. Both fields are None if they are not on the call stack."""

    request: Any
    context: Any

    def describe(self, **fields: Any) -> Call:
        """Returns the call for the lifecycle. `fields` are the values from the SDK's arguments."""
        return Call(
            getattr(self.request, "urn", "urn:pulumi:STACK::PROJECT::TYPE::NAME"),
            timeout_seconds=getattr(self.request, "timeout", 0) or None,
            is_unknown=lambda value: isinstance(value, Unknown),
            is_cancelled=lambda: self.context is not None and not self.context.is_active(),
            **fields,
        )

    @property
    def old_outputs(self) -> Mapping[str, Any]:
        """In a check, the string outputs in the state. Deserializing all outputs would take longer than the check."""
        fields = self.request.old_outputs.fields if hasattr(self.request, "old_outputs") else {}
        return {name: value.string_value for name, value in fields.items() if value.HasField("string_value")}

    def kept(self, failure: PartlyDone) -> tuple[str, struct_pb2.Struct]:
        """Returns the id and the outputs of an object that exists nevertheless, with the provider of the request."""
        properties = struct_pb2.Struct()
        properties.update(dict(failure.outputs))
        sent = getattr(self.request, "news", None) or getattr(self.request, "properties", None)
        if sent is not None and PROVIDER_KEY in sent:
            properties[PROVIDER_KEY] = sent[PROVIDER_KEY]
        return failure.id, properties


# -- how a call fails -------------------------------------------------------------------------------------


@contextmanager
def _engine_call() -> Iterator[_EngineCall]:
    """Yields the engine's current call. A failure reaches the user as a sentence, without a traceback."""
    engine_call = _EngineCall(*sdk_frames.find_request_and_context())
    try:
        yield engine_call
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report a bug
        failure = failure_of(error)
        if isinstance(failure, Abandoned):
            _end_process()
        if engine_call.context is not None:
            kept = engine_call.kept(failure) if isinstance(failure, PartlyDone) else None
            set_status(engine_call.context, failure, kept)
        # The SDK would print the message of the original error, which may contain a secret.
        raise ProviderError(message_of(failure)) from None


def _end_process() -> None:
    """Ends the servicer after its current calls: its engine is gone, and its parent is only a shell.

    If the engine has already interrupted the servicer, which only a name that is private to Python shows, a second
    interrupt would show a traceback.
    """
    if not getattr(concurrent.futures.thread, "_shutdown", False):
        os.kill(os.getpid(), signal.SIGINT)
