"""Front end of Pulumi's dynamic providers, in the SDK's plugin process (`python -m pulumi.dynamic`).

The SDK turns every exception into a traceback. With the request and the context that `sdk_frames` finds, a call fails
with a sentence instead, and a failure can keep the resource.
"""

from __future__ import annotations

import concurrent.futures.thread
import functools
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from google.protobuf import struct_pb2
from pulumi.dynamic import (
    CheckFailure,
    CheckResult,
    ConfigureRequest,
    CreateResult,
    DiffResult,
    ReadResult,
    ResourceProvider,
    UpdateResult,
)
from pulumi.output import Unknown
from pulumi.runtime import rpc

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.engine import failures
from pulumi_agin.engine.failures import without_sdk_properties
from pulumi_agin.lifecycle import shell_commands, urns
from pulumi_agin.lifecycle.operation import Abandoned, Call, Failed, PartlyDone, Placement, Reading
from pulumi_agin.settings import Settings

from . import sdk_frames

if TYPE_CHECKING:
    from pulumi_agin.lifecycle.operation import Lifecycle
    from pulumi_agin.lifecycle.session import Session

PROVIDER_KEY = "__provider"


class DynamicProvider(ResourceProvider):
    """The base class of the providers. They are stateless, and pickled by reference.

    So they take no arguments, and have no attributes in a program. Attributes in the plugin process are never pickled.
    """

    # A provider contains no secret, and as a secret its string would change in every state.
    serialize_as_secret_always = False

    _lifecycle: Lifecycle

    def make_lifecycle(self, settings: Settings, session: Session) -> Lifecycle:
        """Returns the lifecycle of this resource. Each class must define it."""
        raise NotImplementedError

    def __getstate__(self) -> None:
        """Pickles no attributes, because the settings contain the API key."""

    def configure(self, req: ConfigureRequest) -> None:
        """Takes the stack's config. It validates nothing: `check` runs later, and can report problems."""
        failures.freeze_garbage_collector()
        _start_threads()
        self._lifecycle = self.make_lifecycle(Settings.load(req.config.get), _session())

    # The underscores are those of the SDK's signatures.
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """See `Lifecycle.check`."""
        with _engine_call() as engine_call:
            wanted = without_sdk_properties(news)
            placement = wanted.pop(urns.PLACEMENT, None)
            call = engine_call.describe(
                is_preview=wanted.pop(urns.IS_PREVIEW, False),
                inputs_before=without_sdk_properties(_olds),
                outputs_before=engine_call.old_outputs,
                placement=Placement(**placement) if placement else None,
            )
            checked = self._lifecycle.check(call, wanted)
            if call.is_preview and not call.inputs_before and not checked.failures:
                # For its warnings. The engine does not ask a dynamic provider for the preview of a create.
                self._lifecycle.create(call, checked.inputs)
            failures = [CheckFailure(failure.property, failure.reason) for failure in checked.failures]
            return CheckResult(checked.inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """See `Lifecycle.diff`. `__provider` is not compared, because its string differs between versions of Python."""
        with _engine_call() as engine_call:
            if PROVIDER_KEY in _news and PROVIDER_KEY not in _olds:
                # The SDK could neither read nor delete it.
                raise Failed(
                    "in the state, this resource is the provider plugin's, and a program in Python can't take it over "
                    "by an alias. Nothing was changed. Take the resource out of the state by the command below, and "
                    "an Agent Ingress into it again with `pulumi-agin import`\n"
                    f"{shell_commands.state_delete_line(engine_call.describe().urn)}"
                )
            wanted = without_sdk_properties(_news)
            call = engine_call.describe(outputs_before=without_sdk_properties(_olds))
            difference = self._lifecycle.diff(call, _id, wanted)
            if _session().is_preview and difference.has_changes and not difference.replacing:
                # For its warnings. The engine does not ask a dynamic provider for the preview of an update.
                self._lifecycle.warn_of_update(call, _id, wanted)
            return DiffResult(
                changes=difference.has_changes,
                replaces=list(difference.replacing),
                delete_before_replace=difference.delete_before_replace,
            )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """See `Lifecycle.create`."""
        with _engine_call() as engine_call:
            created = self._lifecycle.create(engine_call.describe(), without_sdk_properties(props))
            return CreateResult(created.id, created.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """See `Lifecycle.read`. The SDK does not distinguish a refresh from a `get`, but the properties do."""
        with _engine_call() as engine_call:
            known = without_sdk_properties(props)
            reading = Reading.REFRESH if self._lifecycle.is_state(known) else Reading.GET
            call = engine_call.describe(inputs_before=engine_call.inputs, outputs_before=known)
            existing = self._lifecycle.read(call, id_, reading)
            if existing is None:
                return ReadResult(None, {})
            # Without inputs in the response, the engine keeps those in the state. To serialize them would take the SDK
            # a fifth of the time of a read.
            is_unchanged = reading is Reading.REFRESH and existing.inputs == call.inputs_before
            return ReadResult(existing.id, existing.outputs, None if is_unchanged else existing.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """See `Lifecycle.update`."""
        with _engine_call() as engine_call:
            call = engine_call.describe(outputs_before=without_sdk_properties(_olds))
            return UpdateResult(self._lifecycle.update(call, _id, without_sdk_properties(_news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """See `Lifecycle.delete`."""
        with _engine_call() as engine_call:
            self._lifecycle.delete(engine_call.describe(outputs_before=without_sdk_properties(_props)), _id)


class ProviderError(Exception):
    """The exception that the SDK gets. Its message is for the user."""


# The SDK configures one provider at a time.
_start_threads = functools.cache(sdk_frames.start_threads)


@functools.cache
def _session() -> Session:
    """Returns the session of this process. The provider classes take no arguments, so it can't be handed in."""
    # A program needs neither.
    from pulumi_agin.engine.connection import Engine, address_of_engine
    from pulumi_agin.lifecycle.session import Session

    from .phrasing import PythonPhrasing

    # The SDK passes on the arguments with which the engine started the process. Without them, lines are printed.
    engine = Engine(address_of_engine(sys.argv[1:]))
    return Session(PythonPhrasing(), engine.log, show_progress=engine.show_progress, warn=engine.warn)


# -- what the engine sent ---------------------------------------------------------------------------------


@dataclass(frozen=True)
class _EngineCall:
    """The call that the engine makes now. Both are None if they are not on the call stack; then little is known."""

    request: Any
    context: Any

    def describe(self, **known: Any) -> Call:
        """Returns the call for the lifecycle. `known` are the values that the SDK passed on."""
        if self.request is None:
            return Call("urn:pulumi:STACK::PROJECT::TYPE::NAME", is_unknown=_is_unknown, **known)
        return Call(
            str(getattr(self.request, "urn", "")),
            timeout_seconds=getattr(self.request, "timeout", 0) or None,
            is_unknown=_is_unknown,
            is_cancelled=lambda: not self.context.is_active(),
            **known,
        )

    @property
    def inputs(self) -> dict[str, Any] | None:
        """In a read, the inputs in the state; None if they are not known."""
        struct = getattr(self.request, "inputs", None)
        return without_sdk_properties(rpc.deserialize_properties(struct)) if struct else None

    @property
    def old_outputs(self) -> Mapping[str, Any]:
        """In a check, the outputs in the state that are strings. To deserialize all takes longer than the check."""
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


def _is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


# -- how a call fails -------------------------------------------------------------------------------------


@contextmanager
def _engine_call() -> Iterator[_EngineCall]:
    """Yields the engine's current call. A failure reaches the user as a sentence, without a traceback."""
    engine_call = _EngineCall(*sdk_frames.find_request_and_context())
    try:
        yield engine_call
    except (NgrokError, Failed) as error:
        if isinstance(error, Abandoned):
            _end_process()
        raise _failure(engine_call, error) from None
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report
        raise _failure(engine_call, failures.describe_bug(error)) from None


def _failure(engine_call: _EngineCall, error: Exception) -> ProviderError:
    """Returns the exception with which the call fails with only this message."""
    if engine_call.context is not None:
        kept = engine_call.kept(error) if isinstance(error, PartlyDone) else None
        engine_call.context.set_trailing_metadata(failures.failure_metadata(error, kept))
    return ProviderError(str(error))


# -- the process ------------------------------------------------------------------------------------------


def _end_process() -> None:
    """Ends the servicer after its current calls, because its engine is gone.

    Nothing else ends it: the servicer's parent is only a shell.
    """
    # If the engine has already interrupted the servicer, a second interrupt would show a traceback. The flag is
    # private to Python.
    if not getattr(concurrent.futures.thread, "_shutdown", False):
        os.kill(os.getpid(), signal.SIGINT)
