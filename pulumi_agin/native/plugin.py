"""Service of the plugin, which translates the engine's calls for the lifecycles and the functions.

The facts about the protocol in this module were verified with the engine. See also Pulumi's documentation of
`pulumirpc.ResourceProvider`.
"""

from __future__ import annotations

import difflib
import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import resources
from typing import Any, TypeVar

import grpc
from google.protobuf import empty_pb2, struct_pb2

from pulumi_agin.api.budget import Budget
from pulumi_agin.api.errors import AuthenticationError, NgrokError
from pulumi_agin.api.redaction import one_line
from pulumi_agin.api.values import POLICY, outputs_after
from pulumi_agin.engine import Engine, protocol
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.ingress import AgentIngressLifecycle, taken_sentence
from pulumi_agin.lifecycle.limits import PREVIEW_SECONDS
from pulumi_agin.lifecycle.operation import Call, Difference, FailedError, Lifecycle, sentence_of
from pulumi_agin.rfc2136.records import NsRecordsLifecycle
from pulumi_agin.settings import PROVIDER_NAME, Settings
from pulumi_agin.version import VERSION

from .catalog import FUNCTIONS, RESOURCES, Function, ProviderConfig, Resource, is_optional
from .properties import Unknown, camel_case, from_struct, is_unknown, to_struct

Named = TypeVar("Named", Resource, Function)

provider_pb2: Any = protocol("provider_pb2")

# The settings, by the names in the provider's configuration.
SETTINGS = [camel_case(name) for name in ProviderConfig.model_fields]


class AginProvider(protocol("provider_pb2_grpc").ResourceProviderServicer):  # type: ignore[misc]
    """The gRPC service of the plugin. The engine starts a process for each provider of a stack.

    The engine calls Configure before any call of a resource or a function. Many calls run at the same time. `Lifecycle`
    documents each call of a resource.
    """

    # Configure sets these.
    _account: Account
    _lifecycles: Mapping[str, Lifecycle]
    """By the token of the resource."""

    def __init__(self, engine: Engine, interrupted: threading.Event) -> None:
        self._engine = engine
        self._interrupted = interrupted
        # Previews query ngrok one at a time, so that only one preview waits if ngrok does not respond.
        self._preview_lock = threading.Lock()
        self._preview_has_failed = False

    def Handshake(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's names
        """Is defined so that the engine sends the name of the provider in Configure."""
        return provider_pb2.ProviderHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        return protocol("plugin_pb2").PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Returns the schema, from which SDKs are generated."""
        schema = resources.files("pulumi_agin.native").joinpath("schema.json").read_text("utf-8")
        return provider_pb2.GetSchemaResponse(schema=schema)

    def Cancel(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Ends all waits, after Ctrl-C. A request in progress still gets its response, which reaches the state."""
        self._interrupted.set()
        return empty_pb2.Empty()

    # -- the configuration --------------------------------------------------------------------------------

    def CheckConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Reports misspelled names of settings. Check reports all other problems with the settings."""
        response = provider_pb2.CheckResponse(inputs=request.news)
        for name in request.news.fields:
            # The engine adds names of its own, such as `version`.
            similar = difflib.get_close_matches(name, SETTINGS, 1)
            if name not in SETTINGS and similar:
                response.failures.add(reason=f'property {name} is not known; did you mean "{similar[0]}"?')
        return response

    def DiffConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Compares the settings. No change replaces the provider, because that would replace all of its resources."""
        before, after = from_struct(request.olds), from_struct(request.news)
        changed = [name for name in after.keys() | before.keys() if before.get(name) != after.get(name)]
        return _diff_response(Difference(changed), before, after)

    def Configure(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Loads the settings, whose problems Check reports. If a setting is unknown, a preview does not call this."""
        config = {f"agin:{camel_case(name)}": value for name, value in from_struct(request.args).items()}
        # With the name of an explicit provider, the API key never comes from the environment.
        settings = Settings.load({**config, PROVIDER_NAME: _explicit_name(request.name)}.get)
        if settings.notice:
            self._engine.inform(settings.notice)
        self._account = Account(settings)
        self._lifecycles = {each.token: each.make_lifecycle(self._account) for each in RESOURCES}
        return provider_pb2.ConfigureResponse(supportsPreview=True)

    # -- the lifecycle of a resource ----------------------------------------------------------------------

    def Check(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request, context) as (resource, lifecycle, call):
            checked = lifecycle.check(call, from_struct(request.news))
            response = provider_pb2.CheckResponse(inputs=to_struct(checked.inputs, resource.secrets))
            for failure in checked.failures:
                response.failures.add(property=camel_case(failure.printed_input), reason=failure.reason)
            return response

    def Diff(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request, context, outputs=request.olds) as (_, lifecycle, call):
            inputs = from_struct(request.news)
            return _diff_response(lifecycle.diff(call, request.id, inputs), call.outputs_before, inputs)

    def Create(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request, context) as (resource, lifecycle, call):
            inputs = from_struct(request.properties)
            if request.preview:
                if problem := self._preview_problem(lifecycle, call, inputs):
                    call.warn(problem)
                return provider_pb2.CreateResponse(properties=_previewed(resource, {}, inputs))
            created = lifecycle.create(call, inputs)
            return provider_pb2.CreateResponse(id=created.id, properties=_outputs(resource, created.outputs))

    def Read(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Reads a resource for a refresh, a `get` or an import. An empty response means that the resource is gone."""
        with self._resource_call(request, context, request.inputs, request.properties) as (resource, lifecycle, call):
            existing = lifecycle.read(call, request.id)
            if existing is None:
                return provider_pb2.ReadResponse()
            inputs = call.inputs_before if existing.inputs is None else existing.inputs
            return provider_pb2.ReadResponse(
                id=existing.id,
                properties=_outputs(resource, existing.outputs),
                inputs=to_struct(inputs or {}, resource.secrets),
            )

    def Update(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request, context, outputs=request.olds) as (resource, lifecycle, call):
            inputs = from_struct(request.news)
            if request.preview:
                return provider_pb2.UpdateResponse(properties=_previewed(resource, call.outputs_before, inputs))
            outputs = lifecycle.update(call, request.id, inputs)
            return provider_pb2.UpdateResponse(properties=_outputs(resource, outputs))

    def Delete(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        with self._resource_call(request, context, outputs=request.properties) as (_, lifecycle, call):
            lifecycle.delete(call, request.id)
            return empty_pb2.Empty()

    @contextmanager
    def _resource_call(
        self,
        request: Any,
        context: grpc.ServicerContext,
        inputs: struct_pb2.Struct | None = None,
        outputs: struct_pb2.Struct | None = None,
    ) -> Iterator[tuple[Resource, Lifecycle, Call]]:
        """Yields the resource, its lifecycle and the call. `inputs` and `outputs` come from the state."""
        urn: str = request.urn
        with _failing(context):
            resource = _with_token(urn.split("::")[2].rpartition("$")[2], RESOURCES, "resource")
            call = Call(
                urn,
                # The timeout is 0 without a custom timeout. Some requests do not have the field.
                timeout_seconds=getattr(request, "timeout", 0) or None,
                inputs_before=from_struct(inputs) if inputs else None,
                outputs_before=from_struct(outputs) if outputs else {},
                is_unknown=is_unknown,
                is_cancelled=lambda: not context.is_active() or self._interrupted.is_set(),
                warn=lambda sentence: self._engine.warn(sentence, urn),
                show=lambda line: self._engine.show(line, urn),
            )
            try:
                yield resource, self._lifecycles[resource.token], call
            finally:
                self._engine.clear(urn)

    def _preview_problem(self, lifecycle: Lifecycle, call: Call, inputs: Mapping[str, Any]) -> str:
        """Returns why a create will fail, as a sentence for its preview; "" if no reason is known."""
        if isinstance(lifecycle, NsRecordsLifecycle):
            return lifecycle.preview_problem(call, inputs)
        if isinstance(lifecycle, AgentIngressLifecycle) and not is_unknown(inputs["domain"]):
            return self._taken_problem(call, inputs["domain"])
        return ""

    def _taken_problem(self, call: Call, domain: str) -> str:
        """Returns a sentence if a domain is taken, or if ngrok rejects the API key; "" otherwise.

        After a failed query, the plugin sends no more of these queries. So a rejected key is reported only once.
        """
        with self._preview_lock:
            if self._preview_has_failed:
                return ""
            try:
                listed = self._account.list_cache.ingresses(Budget(PREVIEW_SECONDS, is_cancelled=call.is_cancelled))
            except NgrokError as error:
                self._preview_has_failed = True
                return str(error) if isinstance(error, AuthenticationError) else ""
        found = next((each for each in listed if each.domain == domain), None)
        return taken_sentence(domain, found.id) if found else ""

    # -- functions ----------------------------------------------------------------------------------------

    def Invoke(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802
        """Calls a function."""
        with _failing(context):
            function = _with_token(request.tok, FUNCTIONS, "function")
            call = Call(is_cancelled=lambda: not context.is_active() or self._interrupted.is_set())
            result, secrets = function.call(self._account, call, from_struct(request.args))
            response = provider_pb2.InvokeResponse()
            # The field has the name of a Python keyword.
            getattr(response, "return").CopyFrom(to_struct(result, secrets))
            return response


def _with_token(token: str, candidates: Sequence[Named], kind: str) -> Named:
    """Returns the resource or function with a token. A state or an SDK of a newer version may have an unknown token."""
    for named in candidates:
        if named.token == token:
            return named
    raise FailedError(f"pulumi-agin {VERSION} has no {kind} {one_line(token, 100)}; if the name is correct, update it")


def _explicit_name(name: str) -> str:
    """Returns the name of an explicit provider; "" for a default provider.

    The engine names a default provider "default", followed by the plugin's version and URL if these are set, such as
    "default_0_9_0_github_/x".
    """
    return "" if re.fullmatch(r"default(_\d+_\d+_\d+(_.*)?|_[^/]+/.*)?", name) else name


def _previewed(resource: Resource, before: Mapping[str, Any], inputs: Mapping[str, Any]) -> struct_pb2.Struct:
    """Returns, for a preview, all outputs that a resource has after a create or an update.

    `before` has the outputs in the state, and is empty for a create.
    """
    # For a certificate validation, the domain is only an output, and an update keeps this output.
    outputs = {name: before.get(name, Unknown()) if name == "domain" else Unknown() for name in resource.outputs}
    for name, field in resource.outputs.items():
        if name in resource.inputs.model_fields:
            # The output of an omitted input is empty.
            outputs[name] = inputs.get(name, None if is_optional(field) else "")
    if POLICY in outputs:
        outputs |= outputs_after(before, inputs, Unknown())
    return to_struct(outputs, resource.secrets)


def _outputs(resource: Resource, outputs: Mapping[str, Any]) -> struct_pb2.Struct:
    """Returns all outputs of a resource.

    An optional output without a value is null, because an absent output would be unknown.
    """
    optional = [name for name, field in resource.outputs.items() if is_optional(field)]
    empty = {name: None for name in optional if outputs.get(name) in (None, "")}
    return to_struct({**outputs, **empty}, resource.secrets)


def _diff_response(difference: Difference, before: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
    detail = provider_pb2.PropertyDiff
    kinds = {}
    for name in difference.changed:
        # An absent value, null and "" mean the same. The number 0 is a value.
        kind = "ADD" if before.get(name) in (None, "") else "DELETE" if inputs.get(name) in (None, "") else "UPDATE"
        kinds[camel_case(name)] = detail.Kind.Value(f"{kind}_REPLACE" if name in difference.replacing else kind)
    response = provider_pb2.DiffResponse
    has_changes = bool(difference.changed) or difference.needs_update
    return response(
        changes=response.DIFF_SOME if has_changes else response.DIFF_NONE,
        replaces=map(camel_case, difference.replacing),
        deleteBeforeReplace=difference.delete_before_replace,
        diffs=kinds,
        detailedDiff={name: detail(kind=kind) for name, kind in kinds.items()},
        # Otherwise, the engine would compare all inputs itself, although a state of a Python program has other names.
        hasDetailedDiff=True,
    )


@contextmanager
def _failing(context: grpc.ServicerContext) -> Iterator[None]:
    """Makes the engine's call fail with a sentence if the `with` block raises an exception."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - the user gets a sentence, and the place to report a bug
        context.abort(grpc.StatusCode.UNKNOWN, sentence_of(error))
