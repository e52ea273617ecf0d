"""The door of Pulumi's dynamic providers: the SDK's plugin process (`python -m pulumi.dynamic`) on one side, the
lifecycle on the other.

The SDK passes a provider's method little of what the engine sent, and turns whatever the method raises into a
traceback. Both can be had: the servicer's frame is on the call stack, with the engine's `request` and gRPC's `context`
in its local variables. That is private ground of the SDK, and this module is the only place in the plugin process that
touches it. Without it everything still works, only less well.
"""

from __future__ import annotations

import atexit
import concurrent.futures.thread
import functools
import gc
import os
import signal
import sys
import threading
import traceback
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import grpc
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
from pulumi.runtime.proto import provider_pb2

from pulumi_agin import tokens
from pulumi_agin.api.errors import NgrokError
from pulumi_agin.lifecycle.call import Call, Placement, Reading
from pulumi_agin.lifecycle.results import Abandoned, Failed, PartlyDone
from pulumi_agin.settings import Settings, say

if TYPE_CHECKING:
    from types import FrameType

    from pulumi_agin.lifecycle.process import Process
    from pulumi_agin.lifecycle.results import Lifecycle

PROVIDER_KEY = "__provider"

# The engine sends up to four calls for each core, or as many as `--parallel` says. Further calls wait.
MOST_CALLS_AT_ONCE = 32


class DynamicProvider(ResourceProvider):
    """What the provider classes have in common. They are stateless, and pickled by reference.

    So they take no arguments, and have no attributes when a program makes one. What one holds in the plugin process is
    never pickled.
    """

    # There is no secret in it, and as a secret it would be another value in every state.
    serialize_as_secret_always = False

    _lifecycle: Lifecycle

    def make_lifecycle(self, settings: Settings, process: Process) -> Lifecycle:
        """The lifecycle of this resource. To be defined by each class."""
        raise NotImplementedError

    def __getstate__(self) -> None:
        """Nothing is pickled but the class, whatever it holds: the settings have the API key."""

    def configure(self, req: ConfigureRequest) -> None:
        """Takes the stack's config. It validates nothing: `check` runs later, and can say what is wrong."""
        _spare_the_garbage_collector()
        self._lifecycle = self.make_lifecycle(Settings.load(req.config.get), _process())

    # The underscores are those of the SDK's signatures.
    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> CheckResult:
        """See `Lifecycle.check`."""
        with _engine_call() as engine_call:
            wanted = _without_provider(news)
            placement = wanted.pop(tokens.PLACEMENT, None)
            call = engine_call.describe(
                inputs_before=_without_provider(_olds),
                outputs_before=engine_call.old_outputs,
                placement=Placement(**placement) if placement else None,
            )
            checked = self._get_lifecycle().check(call, wanted)
            failures = [CheckFailure(failure.property, failure.reason) for failure in checked.failures]
            return CheckResult(checked.inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """See `Lifecycle.diff`. `__provider` is no part of it: its text differs between versions of Python."""
        with _engine_call() as engine_call:
            call = engine_call.describe(outputs_before=_without_provider(_olds))
            difference = self._get_lifecycle().diff(call, _id, _without_provider(_news))
            return DiffResult(
                changes=difference.has_changes, replaces=list(difference.replacing), delete_before_replace=False
            )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """See `Lifecycle.create`."""
        with _engine_call() as engine_call:
            created = self._get_lifecycle().create(engine_call.describe(), _without_provider(props))
            return CreateResult(created.id, created.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """See `Lifecycle.read`. The SDK does not tell a refresh from a `get`; the outputs of a state do."""
        with _engine_call() as engine_call:
            known = _without_provider(props)
            reading = Reading.REFRESH if self.is_state(known) else Reading.GET
            call = engine_call.describe(inputs_before=engine_call.inputs, outputs_before=known)
            existing = self._get_lifecycle().read(call, id_, reading)
            if existing is None:
                return ReadResult(None, {})
            return ReadResult(existing.id, existing.outputs, existing.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """See `Lifecycle.update`."""
        with _engine_call() as engine_call:
            call = engine_call.describe(outputs_before=_without_provider(_olds))
            return UpdateResult(self._get_lifecycle().update(call, _id, _without_provider(_news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """See `Lifecycle.delete`."""
        with _engine_call() as engine_call:
            self._get_lifecycle().delete(engine_call.describe(outputs_before=_without_provider(_props)), _id)

    def is_state(self, properties: Mapping[str, Any]) -> bool:
        """Whether the properties of a read are outputs that the state has, and not the inputs of a `get`.

        A resource that a program can't get has no other properties.
        """
        return bool(properties)

    def _get_lifecycle(self) -> Lifecycle:
        if not hasattr(self, "_lifecycle"):
            self._lifecycle = self.make_lifecycle(Settings.load(lambda key: None), _process())
        return self._lifecycle


class ProviderError(Exception):
    """The exception that the SDK gets. Its text is for the user."""


_one_at_a_time = threading.Lock()


def _process() -> Process:
    """Returns the one of this plugin process. The provider classes take no arguments, so it can't be handed to them."""
    with _one_at_a_time:
        return _make_process()


@functools.cache
def _make_process() -> Process:
    from pulumi_agin.lifecycle.process import Process

    return Process(PythonVocabulary(), say)


class PythonVocabulary:
    """The words of a Python program."""

    delete_before_replace = "ResourceOptions(delete_before_replace=True)"
    aliases = "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])"
    provider = "ResourceOptions(provider=…)"
    custom_timeouts = "custom_timeouts"
    take_over = "take_over=True"
    boolean = "True or False"
    certificate_policy = "a dict or AgentIngressCertPolicyArgs"
    rfc2136 = "dns.rfc2136"
    install_dnspython = "pip install 'pulumi-agin[rfc2136]'"

    def import_line(self, id_: str, urn: str, placement: Placement, stack_config: Iterable[str]) -> str:
        from pulumi_agin import commands

        # urn:pulumi:STACK::PROJECT::TYPES::NAME
        stack, project, _, name = urn.removeprefix("urn:pulumi:").split("::", 3)
        # Always with a parent, the stack itself where there is no other: one that is selected by chance lacks it.
        return commands.import_line(
            id_,
            name,
            stack=placement.stack,
            parent=placement.parent or commands.stack_urn(stack, project),
            provider=placement.provider,
            stack_config=stack_config,
        )

    def find_line(self, domain: str, placement: Placement, stack_config: Iterable[str]) -> str:
        from pulumi_agin import commands

        return commands.find_line(domain, provider=placement.provider, stack=placement.stack, stack_config=stack_config)


# -- what the engine sent ---------------------------------------------------------------------------------


class _EngineCall:
    """The call that the engine makes right now, as the servicer got it.

    Attributes:
        request: The engine's request; None where the servicer is not on the call stack. Then little is known.
        context: gRPC's context of the call; None likewise.
    """

    def __init__(self, request: Any = None, context: Any = None) -> None:
        self.request = request
        self.context = context

    def describe(self, **known: Any) -> Call:
        """The call as the lifecycle gets it.

        Args:
            known: Values of the Call that the SDK passed on.
        """
        if self.request is None:
            return Call("urn:pulumi:STACK::PROJECT::TYPE::NAME", is_unknown=_is_unknown, **known)
        seconds = float(getattr(self.request, "timeout", 0))
        return Call(
            str(getattr(self.request, "urn", "")),
            timeout_seconds=seconds if seconds > 0 else None,
            is_unknown=_is_unknown,
            is_awaited=lambda: bool(self.context.is_active()),
            **known,
        )

    @property
    def inputs(self) -> dict[str, Any] | None:
        """In a read, the inputs that the state has; None where they are not known."""
        struct = getattr(self.request, "inputs", None)
        return _without_provider(rpc.deserialize_properties(struct)) if struct else None

    @property
    def old_outputs(self) -> Mapping[str, Any]:
        """In a check, the outputs that the state has."""
        return _OldOutputs(getattr(self.request, "old_outputs", None))

    @property
    def provider(self) -> Any:
        """The text of the provider, as the request has it; None where it has none."""
        sent = getattr(self.request, "news", None) or getattr(self.request, "properties", None)
        return sent[PROVIDER_KEY] if sent is not None and PROVIDER_KEY in sent else None


def _find_engine_call() -> _EngineCall:
    for frame in _callers():
        variables = frame.f_locals
        if "request" in variables and hasattr(variables.get("context"), "set_trailing_metadata"):
            return _EngineCall(variables["request"], variables["context"])
    return _EngineCall()


def _callers() -> Iterator[FrameType]:
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        yield frame
        frame = frame.f_back


def _is_unknown(value: object) -> bool:
    return isinstance(value, Unknown)


class _OldOutputs(Mapping[str, Any]):
    """In a check, the outputs that the state has, each as it is needed.

    To deserialize all of them would take longer than the rest of the check.
    """

    def __init__(self, struct: Any) -> None:
        self._struct = struct

    def __getitem__(self, name: str) -> Any:
        if name not in self:
            raise KeyError(name)
        value = rpc.deserialize_property(self._struct[name])
        # A message may show it.
        if rpc.is_rpc_secret(value):
            raise KeyError(name)
        return value

    def __contains__(self, name: object) -> bool:
        return self._struct is not None and name in self._struct

    def __iter__(self) -> Iterator[str]:
        return iter(self._struct or ())

    def __len__(self) -> int:
        return len(self._struct or ())


def _without_provider(values: Mapping[str, Any]) -> dict[str, Any]:
    """The properties without the SDK's own."""
    return {name: value for name, value in values.items() if name != PROVIDER_KEY}


# -- how a call fails -------------------------------------------------------------------------------------


@contextmanager
def _engine_call() -> Iterator[_EngineCall]:
    """The engine's call under way. A failure becomes its sentence, without a traceback."""
    engine_call = _find_engine_call()
    _widen_executor()
    try:
        yield engine_call
    except (NgrokError, Failed) as error:
        if isinstance(error, Abandoned):
            _end_process()
        raise _failure(engine_call, error) from None
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report
        raise _failure(engine_call, _bug(error)) from None


def _failure(engine_call: _EngineCall, error: Exception) -> ProviderError:
    """What to raise so that the call fails with this text alone: the engine prefers a status in the metadata."""
    if engine_call.context is not None:
        from pulumi.runtime.proto import status_pb2

        status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(error))
        if isinstance(error, PartlyDone):
            status.details.add().Pack(_describe_partly_done(engine_call, error))
        engine_call.context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    return ProviderError(str(error))


def _bug(error: Exception) -> Failed:
    """Says where an error came from, and not its text: nobody has looked at what that may hold."""
    place = traceback.extract_tb(error.__traceback__)[-1]
    return Failed(
        f"pulumi-agin has a bug: {type(error).__name__} at {place.name}, line {place.lineno} of {place.filename}. "
        "Please report it"
    )


def _describe_partly_done(engine_call: _EngineCall, failure: PartlyDone) -> Any:
    """The detail of a status by which the engine keeps what exists, with the reason as an init error."""
    properties = struct_pb2.Struct()
    properties.update(dict(failure.outputs))
    if engine_call.provider is not None:
        properties[PROVIDER_KEY] = engine_call.provider
    return provider_pb2.ErrorResourceInitFailed(id=failure.id, properties=properties, reasons=[str(failure)])


# -- the process ------------------------------------------------------------------------------------------


@functools.cache
def _spare_the_garbage_collector() -> None:
    """Excludes everything that is loaded from garbage collection, as it stays anyway, and does so again at exit.

    The engine waits for the plugin's work, and for its exit too.
    """
    gc.freeze()
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)


@functools.cache
def _find_executor() -> ThreadPoolExecutor | None:
    """The servicer's executor: a thread of one has it in a local variable at the end of its call stack.

    That is private ground of Python's.
    """
    for frame in _callers():
        reference = frame.f_locals.get("executor_reference")
        executor = reference() if callable(reference) else None
        if isinstance(executor, ThreadPoolExecutor):
            return executor
    return None


def _widen_executor() -> None:
    """Has the servicer take as many calls at once as the engine sends: the SDK makes its executor with four threads."""
    executor = _find_executor()
    most = getattr(executor, "_max_workers", None)
    if executor is None or not isinstance(most, int):
        return
    executor._max_workers = max(most, MOST_CALLS_AT_ONCE)
    _start_threads(executor)


def _start_threads(executor: ThreadPoolExecutor) -> None:
    """Starts all threads of an executor if calls are in its queue.

    By itself, an executor starts one only when another call comes, and not even then if it miscounts the idle ones.
    """
    queue, threads = getattr(executor, "_work_queue", None), getattr(executor, "_threads", None)
    if queue is None or threads is None or queue.empty() or len(threads) >= MOST_CALLS_AT_ONCE:
        return
    all_started = threading.Event()
    with suppress(RuntimeError):  # it is ending
        for _ in range(MOST_CALLS_AT_ONCE):
            executor.submit(all_started.wait)
    all_started.set()


def _end_process() -> None:
    """Has the servicer end, after the calls under way: its engine is gone.

    Nothing else ends it: the servicer's parent is only a shell.
    """
    # Where the engine had the time to interrupt it, it is ending, and a second time would show a traceback. That is
    # private ground of Python's.
    if not getattr(concurrent.futures.thread, "_shutdown", False):
        os.kill(os.getpid(), signal.SIGINT)
