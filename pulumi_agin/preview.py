"""Previews of an Agent Ingress in a Python program, which asks ngrok for what the engine does not know.

In a preview, the engine calls no dynamic provider for a create or an update, and every computed output is unknown. So
each update of an ingress would show its NS records as changed. The program lists the account's ingresses once for all
resources that change, and takes from the list:

- for an update, the outputs that it keeps, and the status if it keeps the policy
- for an import, the same, and whether the ingress is there and has the program's values
- for a create, whether the domain is taken
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import UNKNOWN, contains_unknowns

from .api.errors import AuthenticationError, NgrokError
from .api.values import KEPT_BY_UPDATE, POLICY, STATUS, canonical_domain, matches_policy
from .program import AGENT_INGRESS, Run

if TYPE_CHECKING:
    from .api.models import IngressModel
    from .settings import Settings

SHOWN = (*KEPT_BY_UPDATE, POLICY, STATUS)


def previewed_outputs(
    run: Run,
    resource: pulumi.CustomResource,
    wanted: Mapping[str, pulumi.Input[Any]],
    import_: pulumi.Input[str] | None,
) -> dict[str, pulumi.Output[Any]]:
    """Returns the outputs that a registered Agent Ingress should show in this preview, by name.

    `wanted` are its inputs, and `import_` is the option of that name. Policy and status are plain dicts. A program has
    many ingresses that do not change, so little is done for them.
    """

    def look_up(created_at: Any) -> Mapping[str, Any] | pulumi.Output[Mapping[str, Any]]:
        if not contains_unknowns(created_at):
            # Nothing changes: the engine has returned the state, in which a policy or status that is None is absent.
            return {POLICY: None, STATUS: None}
        values = pulumi.Output.all(
            id=resource.id,
            domain=resource.domain,  # type: ignore[attr-defined]
            import_=import_,
            wanted=dict(wanted),
            settings=run.settings_of(resource.get_provider(AGENT_INGRESS)),
        )
        # A secret among the values, such as the API key, does not make `ns_targets` one.
        existing: pulumi.Output[Mapping[str, Any]] = values.apply(partial(_find, run, resource), run_with_unknowns=True)
        return pulumi.Output.unsecret(existing)

    created_at: pulumi.Output[Any] = resource.created_at  # type: ignore[attr-defined]
    found: pulumi.Output[Mapping[str, Any]] = created_at.apply(look_up, run_with_unknowns=True)
    return {name: _completed(name, getattr(resource, name), found) for name in SHOWN}


def _completed(name: str, output: pulumi.Output[Any], found: pulumi.Output[Mapping[str, Any]]) -> pulumi.Output[Any]:
    """Returns an output with the value that was found, if the engine's is unknown."""

    def complete(value: Any) -> Any:
        if contains_unknowns(value):
            return found.apply(lambda values: values.get(name, value), run_with_unknowns=True)
        if name == POLICY and isinstance(value, Mapping) and not value.get("private_key_type"):
            # The engine has returned the input. ngrok decides about a key type that the program leaves out. If nothing
            # changes, `found` has None, and the state's policy stays.
            input_ = {**value, "private_key_type": UNKNOWN}
            return found.apply(lambda values: values.get(POLICY, input_) or value, run_with_unknowns=True)
        return value

    return output.apply(complete, run_with_unknowns=True)


async def _find(run: Run, resource: pulumi.Resource, values: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what is known of the outputs of an ingress that exists, and warns of what would make its create fail."""
    settings = values["settings"]
    if contains_unknowns(settings) or settings is None or settings.problems:
        return {}
    listed = await _listed(run, settings)
    if listed is None:
        return {}
    is_new = contains_unknowns(values["id"])
    if is_new and values["import_"] is None:
        _warn_if_taken(resource, values["domain"], listed)
        return {}
    id_ = values["import_"] if is_new else values["id"]
    existing = next((each for each in listed if each.id == id_), None)
    if existing is None:
        if is_new:
            _warn_of_missing(resource, id_, settings)
        return {}
    outputs = existing.outputs()
    if is_new:
        _warn_of_difference(resource, existing.id, outputs, values["wanted"])
    keeps_policy = matches_policy(outputs.get(POLICY), values["wanted"].get(POLICY))
    return {name: outputs.get(name) for name in (SHOWN if keeps_policy else KEPT_BY_UPDATE)}


async def _listed(run: Run, settings: Settings) -> Sequence[IngressModel] | None:
    """Returns the account's Agent Ingresses; None if they can't be read, of which only a rejected key is reported."""
    try:
        return await run.listed(settings)
    except AuthenticationError as error:
        run.warn_once(str(error))
    except NgrokError:
        pass
    return None


def _warn_if_taken(resource: pulumi.Resource, domain: Any, listed: Sequence[IngressModel]) -> None:
    """Warns of a create that will fail: a false alarm only for a replacement with `delete_before_replace`."""
    if contains_unknowns(domain):
        return
    found = next((each for each in listed if each.domain == canonical_domain(str(domain))), None)
    if found is not None:
        from .lifecycle.ingress import taken_sentence

        pulumi.log.warn(taken_sentence(found.domain, found.id), resource)


def _warn_of_missing(resource: pulumi.Resource, id_: Any, settings: Settings) -> None:
    """Warns of an import that will fail, because the account does not have the ingress."""
    if not contains_unknowns(id_):
        # It may be the API key, by mistake.
        shown = settings.api_key.sanitize(str(id_), 60)
        source = settings.api_key_source
        pulumi.log.warn(
            f"the Agent Ingress {shown} can't be imported: the account of the API key from {source} does not have it",
            resource,
        )


def _warn_of_difference(
    resource: pulumi.Resource, id_: str, outputs: Mapping[str, Any], wanted: Mapping[str, Any]
) -> None:
    from .lifecycle.ingress import not_imported_sentence

    if not contains_unknowns(wanted) and (sentence := not_imported_sentence(id_, outputs, wanted)):
        pulumi.log.warn(sentence, resource)
