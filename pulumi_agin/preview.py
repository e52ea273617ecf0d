"""Previews of an Agent Ingress in a Python program, which queries ngrok for outputs that the engine does not know.

In a preview, the engine does not call a dynamic provider for a create or an update, so each computed output is unknown.
Each update of an ingress would then show a change of its NS records. To prevent such changes, the program lists the
account's ingresses, once for all resources that change. The list provides:

- for an update or an import: the outputs of the ingress. `outputs_after` keeps the outputs that do not change
- for an import: also whether the ingress exists and has the program's values
- for a create: whether the domain is taken
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

import pulumi
from pulumi import UNKNOWN, contains_unknowns

from .api.errors import AuthenticationError, NgrokError
from .api.values import INPUT_FIELDS, KEPT_BY_UPDATE, NULLABLE, canonical_domain, outputs_after
from .program import AGENT_INGRESS, Run

if TYPE_CHECKING:
    from .api.models import IngressModel
    from .settings import Settings

SHOWN = (*KEPT_BY_UPDATE, *NULLABLE)


def previewed_outputs(
    run: Run,
    resource: pulumi.CustomResource,
    declared: Collection[str],
    import_: pulumi.Input[str] | None,
) -> dict[str, pulumi.Output[Any]]:
    """Returns the outputs that a registered Agent Ingress should show in this preview, by name.

    `declared` are the names of the fields that the program sets. `import_` is the resource option of the same name. In
    the result, the policy and the status may be plain dicts.
    """
    # These outputs are the inputs after `ignore_changes` and transforms. They are read now, because the caller replaces
    # the policy before `look_up` runs.
    inputs = {name: getattr(resource, name) for name in INPUT_FIELDS}

    def look_up(created_at: Any) -> pulumi.Output[Mapping[str, Any]] | None:
        # For a resource that does not change, the engine has returned the outputs in the state.
        if not contains_unknowns(created_at):
            return None
        values = pulumi.Output.all(
            id=resource.id,
            import_=import_,
            settings=run.settings_of(resource.get_provider(AGENT_INGRESS)),
            **inputs,
        )
        outputs: pulumi.Output[Mapping[str, Any]] = values.apply(
            partial(_look_up, run, resource, declared), run_with_unknowns=True
        )
        # A secret among the values, such as the API key, must not make the outputs secret.
        return pulumi.Output.unsecret(outputs)

    created_at: pulumi.Output[Any] = resource.created_at  # type: ignore[attr-defined]
    known: pulumi.Output[Mapping[str, Any] | None] = created_at.apply(look_up, run_with_unknowns=True)
    return {name: _shown(name, getattr(resource, name), known) for name in SHOWN}


def _shown(name: str, output: pulumi.Output[Any], known: pulumi.Output[Mapping[str, Any] | None]) -> pulumi.Output[Any]:
    """Returns an output for the preview.

    For a resource that changes, `known` has the outputs that are known. Otherwise, `known` is None.
    """

    def choose(engines_value: Any, outputs: Mapping[str, Any] | None) -> Any:
        if outputs is not None:
            return outputs.get(name, engines_value)
        # The resource does not change, so an output is unknown only if the state lacks it.
        is_none = name in NULLABLE and contains_unknowns(engines_value)
        return None if is_none else engines_value

    return output.apply(
        lambda value: known.apply(lambda outputs: choose(value, outputs), run_with_unknowns=True),
        run_with_unknowns=True,
    )


async def _look_up(
    run: Run, resource: pulumi.Resource, declared: Collection[str], values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Returns the known outputs of a resource that changes. Warns if a create or import will fail."""
    # A field that neither the program nor a transform sets is also unknown. Such a field is left out.
    wanted = {name: values[name] for name in INPUT_FIELDS if name in declared or not contains_unknowns(values[name])}
    listed = await _listed(run, values["settings"])
    is_new = contains_unknowns(values["id"])
    # None for a create without `import_`.
    id_ = values["import_"] if is_new else values["id"]
    existing = next((each.outputs() for each in listed or () if each.id == id_), {})
    if is_new and listed is not None and (problem := _problem(values, wanted, existing, listed)):
        pulumi.log.warn(problem, resource)
    return outputs_after(existing, wanted, UNKNOWN)


async def _listed(run: Run, settings: Settings | None) -> Sequence[IngressModel] | None:
    """Returns the account's Agent Ingresses; None if the list can't be read. Warns only if ngrok rejects the key."""
    if contains_unknowns(settings) or settings is None or settings.problems:
        return None
    try:
        return await run.listed(settings)
    except AuthenticationError as error:
        run.warn_once(str(error))
    except NgrokError:
        pass
    return None


def _problem(
    values: Mapping[str, Any], wanted: Mapping[str, Any], existing: Mapping[str, Any], listed: Sequence[IngressModel]
) -> str:
    """Returns why a create or an import will fail, as a sentence; "" if no reason is known.

    `wanted` are the inputs. `existing` are the outputs of the ingress to import; empty if the account does not have
    this ingress. For a replacement with `delete_before_replace` that keeps the domain, the sentence is a false alarm:
    the domain is reported as taken.
    """
    # Imported only here, because the lifecycle loads pydantic, which few programs need.
    from .lifecycle.ingress import not_imported_sentence, taken_sentence

    domain, import_ = values["domain"], values["import_"]
    if import_ is None:
        known_domain = "" if contains_unknowns(domain) else canonical_domain(str(domain))
        taken = next((each for each in listed if each.domain == known_domain), None)
        return taken_sentence(taken.domain, taken.id) if taken else ""
    if contains_unknowns(import_):
        return ""
    settings = values["settings"]
    sanitize = settings.api_key.sanitize
    if existing:
        return "" if contains_unknowns(wanted) else not_imported_sentence(import_, existing, wanted, sanitize)
    # A program may pass the API key as the ID, by mistake.
    return f"the Agent Ingress {sanitize(str(import_), 60)} can't be imported: {settings.not_in_account}"
