"""The door of Pulumi's dynamic providers: the SDK's plugin process (`python -m pulumi.dynamic`) on one side, the
lifecycle on the other.

The SDK passes a provider only a little of what the engine sent, and turns every exception into a traceback. This module
finds the rest on the call stack: the local variables of the servicer's frame have the engine's `request` and gRPC's
`context`. These are private to the SDK, and no other module in the plugin process uses them. Without them everything
still works, but messages say less.
"""

from __future__ import annotations

import concurrent.futures.thread
import functools
import os
import signal
import sys
import threading
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
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
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.operation import Abandoned, Call, Failed, PartlyDone, Placement, Reading
from pulumi_agin.lifecycle.words import PythonWords
from pulumi_agin.settings import Settings

if TYPE_CHECKING:
    from types import FrameType

    from pulumi_agin.api.clock import Clock
    from pulumi_agin.lifecycle.operation import Lifecycle
    from pulumi_agin.lifecycle.session import Session

PROVIDER_KEY = "__provider"

# The engine sends up to four calls for each core at once, or as many as `--parallel` allows. Further calls wait.
MOST_CALLS_AT_ONCE = 32

# How long a call may wait in the queue while this process does little. A busy process uses more of a processor's time
# than this share: when the first call loads pydantic, or when calls compete for Python's lock.
LONGEST_WAIT_SECONDS = 0.1
BUSY_SHARE = 0.4


class DynamicProvider(ResourceProvider):
    """The base class of the providers. They are stateless, and pickled by reference.

    So they take no arguments, and have no attributes in a program. Attributes in the plugin process are never pickled.
    """

    # A provider contains no secret, and as a secret its text would change in every state.
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
        _watch_queue()
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
            checked = self._get_lifecycle().check(call, wanted)
            if call.is_preview and not call.inputs_before and not checked.failures:
                # For its warnings. The engine does not ask a dynamic provider for the preview of a create.
                self._get_lifecycle().create(call, checked.inputs)
            failures = [CheckFailure(failure.property, failure.reason) for failure in checked.failures]
            return CheckResult(checked.inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> DiffResult:
        """See `Lifecycle.diff`. `__provider` is not compared, because its text differs between versions of Python."""
        with _engine_call() as engine_call:
            if PROVIDER_KEY in _news and PROVIDER_KEY not in _olds:
                from pulumi_agin.lifecycle import shell_commands

                # The SDK could neither read nor delete it.
                raise Failed(
                    "in the state, this resource is the provider plugin's, and a program in Python can't take it over "
                    "by an alias. Nothing was changed. Take the resource out of the state by the command below, and "
                    "an Agent Ingress into it again with `pulumi-agin import`\n"
                    f"{shell_commands.state_delete_line(engine_call.describe().urn)}"
                )
            wanted = without_sdk_properties(_news)
            call = engine_call.describe(outputs_before=without_sdk_properties(_olds))
            difference = self._get_lifecycle().diff(call, _id, wanted)
            if _session().is_preview and difference.has_changes and not difference.replacing:
                # For its warnings. The engine does not ask a dynamic provider for the preview of an update.
                self._get_lifecycle().update(call._replace(is_preview=True), _id, wanted)
            return DiffResult(
                changes=difference.has_changes,
                replaces=list(difference.replacing),
                delete_before_replace=difference.delete_before_replace,
            )

    def create(self, props: dict[str, Any]) -> CreateResult:
        """See `Lifecycle.create`."""
        with _engine_call() as engine_call:
            created = self._get_lifecycle().create(engine_call.describe(), without_sdk_properties(props))
            return CreateResult(created.id, created.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> ReadResult:
        """See `Lifecycle.read`. The SDK does not distinguish a refresh from a `get`, but the properties do."""
        with _engine_call() as engine_call:
            known = without_sdk_properties(props)
            reading = Reading.REFRESH if self._get_lifecycle().is_state(known) else Reading.GET
            call = engine_call.describe(inputs_before=engine_call.inputs, outputs_before=known)
            existing = self._get_lifecycle().read(call, id_, reading)
            if existing is None:
                return ReadResult(None, {})
            # Without inputs in the answer, the engine keeps those in the state. The SDK needs a fifth of the time of a
            # read to serialize them.
            is_unchanged = reading is Reading.REFRESH and existing.inputs == call.inputs_before
            return ReadResult(existing.id, existing.outputs, None if is_unchanged else existing.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> UpdateResult:
        """See `Lifecycle.update`."""
        with _engine_call() as engine_call:
            call = engine_call.describe(outputs_before=without_sdk_properties(_olds))
            return UpdateResult(self._get_lifecycle().update(call, _id, without_sdk_properties(_news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        """See `Lifecycle.delete`."""
        with _engine_call() as engine_call:
            self._get_lifecycle().delete(engine_call.describe(outputs_before=without_sdk_properties(_props)), _id)

    def _get_lifecycle(self) -> Lifecycle:
        if not hasattr(self, "_lifecycle"):
            self._lifecycle = self.make_lifecycle(Settings.load(lambda key: None), _session())
        return self._lifecycle


class ProviderError(Exception):
    """The exception that the SDK gets. Its text is for the user."""


_one_at_a_time = threading.Lock()


def _session() -> Session:
    """Returns the Process of this plugin process. The provider classes take no arguments, so it can't be handed in."""
    with _one_at_a_time:
        return _make_session()


@functools.cache
def _make_session() -> Session:
    from pulumi_agin.engine.log import Engine, address_of_engine
    from pulumi_agin.lifecycle.session import Session

    # The SDK passes on the arguments with which the engine started the process. Without them, lines are printed.
    engine = Engine(address_of_engine(sys.argv[1:]))
    return Session(PythonPhrasing(), engine.say, show_progress=engine.show_progress, warn=engine.warn)


class PythonPhrasing(PythonWords):
    """The words of a Python program, its options and commands too."""

    delete_before_replace = "ResourceOptions(delete_before_replace=True)"
    aliases = "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])"
    provider = "ResourceOptions(provider=…)"
    custom_timeouts = "custom_timeouts"
    adopt_records = "take_over=True"
    rfc2136 = "dns.rfc2136"
    install_dnspython = "pip install 'pulumi-agin[rfc2136]'"

    def take_over(self, id_: str, urn: str, placement: Placement) -> str:
        from pulumi_agin.lifecycle import shell_commands

        stack, project, _, name = urns.Urn.parse(urn)
        # There is always a parent, at least the stack. Another stack that happens to be selected does not have it.
        line = shell_commands.import_line(
            id_,
            name,
            stack=placement.stack,
            parent=placement.parent or shell_commands.stack_urn(stack, project),
            provider=placement.provider,
        )
        return f"To take it over under the name of this resource, run\n{line}"

    def find(self, domain: str, placement: Placement) -> str:
        from pulumi_agin.lifecycle import shell_commands

        line = shell_commands.find_line(domain, provider=placement.provider, stack=placement.stack)
        return f". To see whether it was, run\n{line}"


# -- what the engine sent ---------------------------------------------------------------------------------


class _EngineCall:
    """The call that the engine makes now, as the servicer got it.

    Attributes:
        request: The engine's request; None if the servicer is not on the call stack. Then little is known.
        context: gRPC's context of the call; None in the same case.
    """

    def __init__(self, request: Any = None, context: Any = None) -> None:
        self.request = request
        self.context = context

    def describe(self, **known: Any) -> Call:
        """Returns the call as the lifecycle gets it.

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
        """In a check, the outputs in the state."""
        return _OldOutputs(getattr(self.request, "old_outputs", None))

    def kept_outputs(self, outputs: Mapping[str, Any]) -> struct_pb2.Struct:
        """Returns the outputs of an object that exists although the call failed, with the provider of the request."""
        properties = struct_pb2.Struct()
        properties.update(dict(outputs))
        sent = getattr(self.request, "news", None) or getattr(self.request, "properties", None)
        if sent is not None and PROVIDER_KEY in sent:
            properties[PROVIDER_KEY] = sent[PROVIDER_KEY]
        return properties


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
    """In a check, the outputs in the state. Each is deserialized when it is needed.

    Deserializing all of them would take longer than the rest of the check.
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


# -- how a call fails -------------------------------------------------------------------------------------


@contextmanager
def _engine_call() -> Iterator[_EngineCall]:
    """Yields the engine's current call. A failure reaches the user as a sentence, without a traceback."""
    engine_call = _find_engine_call()
    try:
        yield engine_call
    except (NgrokError, Failed) as error:
        if isinstance(error, Abandoned):
            _end_process()
        raise _failure(engine_call, error) from None
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report
        raise _failure(engine_call, failures.describe_bug(error)) from None


def _failure(engine_call: _EngineCall, error: Exception) -> ProviderError:
    """Returns what to raise so that the call fails with only this text."""
    if engine_call.context is not None:
        kept = (error.id, engine_call.kept_outputs(error.outputs)) if isinstance(error, PartlyDone) else None
        engine_call.context.set_trailing_metadata(failures.failure_metadata(error, kept))
    return ProviderError(str(error))


# -- the process ------------------------------------------------------------------------------------------


def _find_executor() -> ThreadPoolExecutor | None:
    """Returns the servicer's executor. It is in a local variable at the end of the call stack of each of its threads.

    That is private to Python.
    """
    for frame in _callers():
        reference = frame.f_locals.get("executor_reference")
        executor = reference() if callable(reference) else None
        if isinstance(executor, ThreadPoolExecutor):
            return executor
    return None


class _QueueWatch:
    """Gives the servicer's executor more threads when calls wait in its queue.

    The SDK's executor has only four threads. Quick calls end sooner with only four, because more threads would compete
    for Python's lock. So the others start only when a call waits for LONGEST_WAIT_SECONDS and the process is not busy.
    Then the calls before it wait for something themselves.
    """

    def __init__(self, executor: ThreadPoolExecutor, clock: Clock) -> None:
        """Begins to watch, in a thread of its own.

        Args:
            executor: The executor of the servicer.
            clock: The clock that measures the time and waits.

        Raises:
            RuntimeError: The executor is shutting down, or the system has no more threads.
        """
        self._executor = executor
        self._clock = clock
        self._looked_at, self._used = clock.monotonic(), clock.processor_seconds()
        # It stands in the queue like a call.
        self._probe = executor.submit(_do_nothing)
        clock.repeat(LONGEST_WAIT_SECONDS, self._look)

    def _look(self) -> bool:
        """Starts threads if the probe still waits and the process is not busy. Returns whether to go on."""
        is_busy = self._was_busy()
        try:
            if self._probe.done():
                self._probe = self._executor.submit(_do_nothing)
            elif not is_busy:
                return not self._start_threads()
        except RuntimeError:  # the executor is shutting down
            return False
        return True

    def _was_busy(self) -> bool:
        """Returns whether the process was busy since the last look."""
        looked_at, used = self._clock.monotonic(), self._clock.processor_seconds()
        seconds, seconds_used = looked_at - self._looked_at, used - self._used
        self._looked_at, self._used = looked_at, used
        return seconds_used > seconds * BUSY_SHARE

    def _start_threads(self) -> bool:
        """Starts all threads of the executor, and returns whether it has them now.

        An executor by itself starts a thread only when another call comes, and not even then if it miscounts idle
        threads. What this uses is private to Python.
        """
        most, threads = getattr(self._executor, "_max_workers", None), getattr(self._executor, "_threads", None)
        if not isinstance(most, int) or threads is None:
            return True
        self._executor._max_workers = max(most, MOST_CALLS_AT_ONCE)
        all_started = threading.Event()
        try:
            for _ in range(MOST_CALLS_AT_ONCE):
                self._executor.submit(all_started.wait)
        finally:
            all_started.set()
        return len(threads) >= MOST_CALLS_AT_ONCE


def _do_nothing() -> None:
    pass


@functools.cache
def _watch_queue() -> None:
    """Begins to watch the queue of the servicer, if that can be done. The SDK configures one provider at a time."""
    from pulumi_agin.api.clock import SYSTEM_CLOCK

    executor = _find_executor()
    if executor is not None:
        with suppress(RuntimeError):
            _QueueWatch(executor, SYSTEM_CLOCK)


def _end_process() -> None:
    """Ends the servicer after its current calls, because its engine is gone.

    Nothing else ends it: the servicer's parent is only a shell.
    """
    # If the engine has already interrupted the servicer, a second interrupt would show a traceback. The flag is
    # private to Python.
    if not getattr(concurrent.futures.thread, "_shutdown", False):
        os.kill(os.getpid(), signal.SIGINT)
