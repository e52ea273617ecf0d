"""Calls of the engine to the plugin: configuration, the lifecycle of each resource, and functions.

Each call and its result are translated for the lifecycle. The facts about the protocol were verified with the engine;
see also Pulumi's documentation of `pulumirpc.ResourceProvider`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2, struct_pb2

from pulumi_agin.base.redaction import one_line
from pulumi_agin.base.version import VERSION
from pulumi_agin.engine import failures
from pulumi_agin.engine.protocol import plugin_pb2, provider_pb2, provider_pb2_grpc
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.claims import Claims
from pulumi_agin.lifecycle.operation import Call, Difference, Failed, Lifecycle, PartlyDone, Placement
from pulumi_agin.lifecycle.phrasing import UnsupportedValue, likeliest_name
from pulumi_agin.lifecycle.schema import is_optional
from pulumi_agin.lifecycle.services import Account, Services
from pulumi_agin.lifecycle.urns import camel_case
from pulumi_agin.settings import IN_PLUGIN, PROVIDER_NAME, Setting, Settings

from .functions import FUNCTIONS, Caller, Function
from .names import in_snake_case, sent_in_snake_case
from .properties import Unknown, from_struct, is_unknown, to_struct
from .resources import RESOURCES, Resource

Named = TypeVar("Named", Resource, Function)

# The names of the settings in the provider's configuration.
SETTINGS = [setting.value for setting in Setting]


class AginProvider(provider_pb2_grpc.ResourceProviderServicer):
    """The gRPC service of the plugin. The engine starts a process for each provider of a stack.

    It calls Configure before any call of a resource or a function.
    """

    # Configure sets these.
    _account: Account
    _provider_urn: str | None
    """The URN of an explicit provider, for commands in messages; None for a default one."""
    _lifecycles: Mapping[str, Lifecycle]
    """By the token of the resource."""

    def __init__(self, services: Services, claims: Claims, interrupted: threading.Event) -> None:
        self._services = services
        self._claims = claims
        self._interrupted = interrupted

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's names
        """Makes the engine send the name and the URN of the provider in Configure."""
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Returns the schema, from which SDKs are generated."""
        return provider_pb2.GetSchemaResponse(schema=read_schema())

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Ends all pauses and retries. A request in progress still gets its response, which reaches the state.

        If that response is lost, no other request finds out the outcome, and the call fails with the next step.
        """
        self._interrupted.set()
        return empty_pb2.Empty()

    # -- the configuration --------------------------------------------------------------------------------

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Finds misspelled names and unsupported values. Check reports other problems."""
        with _failing(context):
            config, reasons = from_struct(request.news), []
            for name, value in config.items():
                # The engine adds its own names, such as `version`.
                if name not in SETTINGS and (right := likeliest_name(name, SETTINGS)):
                    reasons.append(f'property {name} is not known; did you mean "{right}"?')
                elif isinstance(value, UnsupportedValue):
                    reasons.append(f"property {name} must be a plain value, not an asset, an archive or a resource")
            if reasons:
                return provider_pb2.CheckResponse(failures=[provider_pb2.CheckFailure(reason=each) for each in reasons])
            return provider_pb2.CheckResponse(inputs=to_struct(config, ["apiKey"]))

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Compares the settings. No change replaces the provider, because that would replace all of its resources."""
        with _failing(context):
            before, after = from_struct(request.olds), from_struct(request.news)
            changed = [name for name in SETTINGS if before.get(name) != after.get(name)]
            return _diff_response(Difference(changed, [], bool(changed)), before, after)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Loads the configuration. Check reports its problems later.

        In a preview in which a setting is unknown, the engine does not call it.
        """
        with _failing(context):
            config = from_struct(request.args)
            values = {IN_PLUGIN.key(setting): config.get(setting.value) for setting in Setting}
            # With a name, the API key never comes from the environment, because that may be of another account.
            is_explicit = not urns.is_name_of_default_provider(request.name)
            values[PROVIDER_NAME] = request.name if is_explicit else None
            self._provider_urn = request.urn if is_explicit else None
            settings = Settings.load(values.get, names=IN_PLUGIN)
            self._services.announce(settings)
            self._account = self._services.account(settings)
            self._lifecycles = {
                each.token: each.make_lifecycle(self._account, self._services, self._claims) for each in RESOURCES
            }
            return provider_pb2.ConfigureResponse(supportsPreview=True)

    # -- the lifecycle of a resource; see `Lifecycle` --------------------------------------------------------

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request.urn, context, request.olds, request.old_outputs) as (
            resource,
            lifecycle,
            call,
        ):
            # The check records it for the commands in messages of later calls.
            call = call._replace(placement=Placement(provider=self._provider_urn))
            sent = from_struct(request.news)
            checked = lifecycle.check(call, in_snake_case(sent))
            response = provider_pb2.CheckResponse(inputs=to_struct(checked.inputs, resource.secrets))
            for reason in sent_in_snake_case(sent, resource.inputs_model):
                response.failures.add(reason=reason)
            for failure in checked.failures:
                response.failures.add(property=failure.printed_input, reason=failure.reason)
            return response

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request.urn, context, outputs=request.olds) as (_, lifecycle, call):
            inputs = in_snake_case(from_struct(request.news))
            return _diff_response(lifecycle.diff(call, request.id, inputs), call.outputs_before, inputs)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request.urn, context) as (resource, lifecycle, call):
            inputs = in_snake_case(from_struct(request.properties))
            if request.preview:
                outputs = lifecycle.preview_create(call, inputs)
                return provider_pb2.CreateResponse(properties=_previewed_struct(resource, outputs))
            # Without a custom timeout, it is 0.
            created = lifecycle.create(call._replace(timeout_seconds=request.timeout or None), inputs)
            return provider_pb2.CreateResponse(id=created.id, properties=_outputs_struct(resource, created.outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Reads a resource. An empty response means that it is gone."""
        with self._resource_call(request.urn, context, request.inputs, request.properties) as (
            resource,
            lifecycle,
            call,
        ):
            call = call._replace(timeout_seconds=request.timeout or None)
            existing = lifecycle.read(call, request.id)
            if existing is None:
                return provider_pb2.ReadResponse()
            # With None, those in the state stay as they are.
            inputs = call.inputs_before if existing.inputs is None else existing.inputs
            return provider_pb2.ReadResponse(
                id=existing.id,
                properties=_outputs_struct(resource, existing.outputs),
                inputs=to_struct(inputs or {}, resource.secrets),
            )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request.urn, context, outputs=request.olds) as (resource, lifecycle, call):
            inputs = in_snake_case(from_struct(request.news))
            if request.preview:
                outputs = lifecycle.preview_update(call, inputs)
                return provider_pb2.UpdateResponse(properties=_previewed_struct(resource, outputs))
            outputs = lifecycle.update(call._replace(timeout_seconds=request.timeout or None), request.id, inputs)
            return provider_pb2.UpdateResponse(properties=_outputs_struct(resource, outputs))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request.urn, context, outputs=request.properties) as (_, lifecycle, call):
            lifecycle.delete(call._replace(timeout_seconds=request.timeout or None), request.id)
            return empty_pb2.Empty()

    @contextmanager
    def _resource_call(
        self,
        urn: str,
        context: grpc.ServicerContext,
        inputs: struct_pb2.Struct | None = None,
        outputs: struct_pb2.Struct | None = None,
    ) -> Iterator[tuple[Resource, Lifecycle, Call]]:
        """Yields the resource, its lifecycle and the call. A failure in the `with` block fails the engine's call.

        `inputs` and `outputs` are those in the state, empty or None without any.
        """
        with _failing(context):
            resource = _with_token(urns.Urn.parse(urn).type, RESOURCES, "resource")
        with _failing(context, resource):
            call = Call(
                urn,
                inputs_before=in_snake_case(from_struct(inputs)) if inputs else None,
                outputs_before=in_snake_case(from_struct(outputs)) if outputs else {},
                is_unknown=is_unknown,
                is_cancelled=self._is_cancelled(context),
            )
            yield resource, self._lifecycles[resource.token], call

    # -- functions ----------------------------------------------------------------------------------------

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Calls a function."""
        with _failing(context):
            function = _with_token(request.tok, FUNCTIONS, "function")
            caller = Caller(self._account, Call("", is_cancelled=self._is_cancelled(context)))
            # Python's SDK sends nested output types with their names in Python.
            result, secrets = function.call(caller, in_snake_case(from_struct(request.args)), self._services.phrasing)
            response = provider_pb2.InvokeResponse()
            # Python has a keyword of this name.
            getattr(response, "return").CopyFrom(to_struct(result, secrets))
            return response

    def _is_cancelled(self, context: grpc.ServicerContext) -> Callable[[], bool]:
        return lambda: not context.is_active() or self._interrupted.is_set()


def read_schema() -> str:
    return resources.files("pulumi_agin.native").joinpath("schema.json").read_text("utf-8")


def _with_token(token: str, candidates: Sequence[Named], kind: str) -> Named:
    """Returns the resource or function with a token, and fails without one.

    A state or an SDK may be from a newer version of this package.
    """
    for named in candidates:
        if named.token == token:
            return named
    raise Failed(
        f"pulumi-agin {VERSION} has no {kind} {one_line(token, 100)}. Its {kind}s are "
        f"{', '.join(named.token for named in candidates)}. If the name is correct, update the plugin"
    )


def _previewed_struct(resource: Resource, outputs: Mapping[str, Any]) -> struct_pb2.Struct:
    """Returns all outputs of a resource for a preview, in which those that are absent are unknown."""
    unknown = {name: Unknown() for name in resource.outputs}
    return _outputs_struct(resource, {**unknown, **outputs})


def _outputs_struct(resource: Resource, outputs: Mapping[str, Any]) -> struct_pb2.Struct:
    """Returns all outputs of a resource for the engine. An optional one without a value is null.

    Programs would treat an absent one as unknown.
    """
    empty = {name: None for name, field in resource.outputs.items() if is_optional(field) and not outputs.get(name)}
    return to_struct({**outputs, **empty}, resource.secrets)


def _diff_response(difference: Difference, before: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    """Returns a difference for the engine. `before` and `inputs` have the names that the difference has."""
    detail = provider_pb2.PropertyDiff
    kinds = {camel_case(name): detail.UPDATE for name in difference.renewed}
    for name in difference.changed:
        # Absent, null and "" are the same. A number may be 0.
        kind = "ADD" if before.get(name) in (None, "") else "DELETE" if inputs.get(name) in (None, "") else "UPDATE"
        kinds[camel_case(name)] = detail.Kind.Value(f"{kind}_REPLACE" if name in difference.replacing else kind)
    response = provider_pb2.DiffResponse
    return response(
        changes=response.DIFF_SOME if difference.has_changes else response.DIFF_NONE,
        replaces=map(camel_case, difference.replacing),
        deleteBeforeReplace=difference.delete_before_replace,
        diffs=kinds,
        detailedDiff={name: detail(kind=kind) for name, kind in kinds.items()},
        # Otherwise the engine would compare all inputs itself, by the names in the state of a Python program.
        hasDetailedDiff=True,
    )


@contextmanager
def _failing(context: grpc.ServicerContext, resource: Resource | None = None) -> Iterator[None]:
    """Makes the engine's call fail with a sentence if the `with` block raises an exception.

    With PartlyDone, which only calls with a resource raise, the engine keeps the outputs in the state.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report a bug
        failure, kept = failures.failure_of(error), None
        if isinstance(failure, PartlyDone) and resource is not None:
            kept = failure.id, _outputs_struct(resource, failure.outputs)
        failures.set_status(context, failure, kept)
        context.abort(grpc.StatusCode.UNKNOWN, failures.message_of(failure))
