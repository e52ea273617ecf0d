"""Front end of Pulumi's dynamic providers, in the SDK's plugin process (`python -m pulumi.dynamic`).

The front end passes each call of the SDK to a lifecycle. The program process loads this module, too, because resources
pickle the provider classes by reference, but the program calls none of their methods.
"""

from __future__ import annotations

import atexit
import functools
import gc
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from google.protobuf.json_format import MessageToDict
from pulumi import UNKNOWN, dynamic

from pulumi_agin.engine import Engine
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.operation import Call, Lifecycle, sentence_of
from pulumi_agin.settings import Settings

from . import servicer

# The SDK's key of the pickled provider, in all inputs and outputs. The SDK adds the key again to each method's
# results.
PROVIDER_KEY = "__provider"


class DynamicProvider(dynamic.ResourceProvider):
    """The base class of the dynamic providers. A provider is pickled by reference, without attributes.

    In each process, the SDK makes one instance of a class, calls `configure` once, and then calls the other methods
    from several threads. The underscores in the signatures are the SDK's.
    """

    # A provider contains no secret, and the ciphertext of a secret provider would differ in every state.
    serialize_as_secret_always = False

    # Set by `configure`.
    _lifecycle: Lifecycle

    def make_lifecycle(self, account: Account) -> Lifecycle:
        """Returns this resource's lifecycle. Called only by `configure`, so programs do not load pydantic."""
        raise NotImplementedError

    def __getstate__(self) -> None:
        """Pickles no attributes."""

    def configure(self, req: dynamic.ConfigureRequest) -> None:
        """Loads the settings of the stack or of an explicit Provider. `check` reports problems with the settings."""
        self._lifecycle = self.make_lifecycle(_account(Settings.load(req.config.get)))
        # The engine waits for the process to exit. Collecting all objects would delay the exit by a tenth of a second.
        atexit.register(gc.freeze)

    def check(self, _olds: dict[str, Any], news: dict[str, Any]) -> dynamic.CheckResult:
        with _engine_call() as call:
            checked = self._lifecycle.check(call, _without_provider_key(news))
            failures = [dynamic.CheckFailure(failure.printed_input, failure.reason) for failure in checked.failures]
            return dynamic.CheckResult(checked.inputs, failures)

    def diff(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.DiffResult:
        """Ignores `__provider`, whose string differs between versions of Python."""
        with _engine_call(_olds) as call:
            difference = self._lifecycle.diff(call, _id, _without_provider_key(_news))
            return dynamic.DiffResult(
                changes=bool(difference.changed) or difference.needs_update,
                replaces=list(difference.replacing),
                delete_before_replace=difference.delete_before_replace,
            )

    def create(self, props: dict[str, Any]) -> dynamic.CreateResult:
        with _engine_call() as call:
            created = self._lifecycle.create(call, _without_provider_key(props))
            return dynamic.CreateResult(created.id, created.outputs)

    def read(self, id_: str, props: dict[str, Any]) -> dynamic.ReadResult:
        """Reads the resource. In a refresh, `props` are the state's outputs; in a `get`, the program's inputs."""
        with _engine_call(props) as call:
            existing = self._lifecycle.read(call, id_)
            if existing is None:
                return dynamic.ReadResult(None, {})
            # If the response has no inputs, the engine keeps the inputs in the state.
            keeps_inputs = not call.inputs_before or existing.inputs == call.inputs_before
            return dynamic.ReadResult(existing.id, existing.outputs, None if keeps_inputs else existing.inputs)

    def update(self, _id: str, _olds: dict[str, Any], _news: dict[str, Any]) -> dynamic.UpdateResult:
        with _engine_call(_olds) as call:
            return dynamic.UpdateResult(self._lifecycle.update(call, _id, _without_provider_key(_news)))

    def delete(self, _id: str, _props: dict[str, Any]) -> None:
        with _engine_call(_props) as call:
            self._lifecycle.delete(call, _id)


class ProviderError(Exception):
    """The exception for the SDK. Its message is for the user."""


@functools.cache
def _account(settings: Settings) -> Account:
    """Returns the account of these settings. All providers of a process share the account."""
    if settings.notice:
        _engine().inform(settings.notice)
    return Account(settings)


@functools.cache
def _engine() -> Engine:
    return Engine(sys.argv[-1])


@contextmanager
def _engine_call(outputs_before: Mapping[str, Any] | None = None) -> Iterator[Call]:
    """Yields the engine's current call. An exception in the `with` block reaches the user as a sentence."""
    request, context = servicer.current_call()
    urn = request.urn if request is not None else ""
    # Only a ReadRequest has `inputs`.
    inputs = getattr(request, "inputs", None)
    call = Call(
        urn,
        # Without a custom timeout, `timeout` is 0. Some requests have no `timeout`.
        timeout_seconds=getattr(request, "timeout", 0) or None,
        inputs_before=None if inputs is None else _without_provider_key(MessageToDict(inputs)),
        outputs_before=_without_provider_key(outputs_before or {}),
        is_unknown=lambda value: isinstance(value, type(UNKNOWN)),
        is_cancelled=lambda: context is not None and not context.is_active(),
        warn=lambda sentence: _engine().warn(sentence, urn),
        show=lambda line: _engine().show(line, urn),
    )
    try:
        yield call
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report a bug
        sentence = sentence_of(error)
        if context is not None:
            servicer.replace_traceback(context, sentence)
        # Without `from None`, the SDK would print the message of the original error, which may contain a secret.
        raise ProviderError(sentence) from None
    finally:
        _engine().clear(urn)


def _without_provider_key(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != PROVIDER_KEY}
