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
from .program import AGENT_INGRESS_TYPE, Run

if TYPE_CHECKING:
    from .api.models import IngressModel
    from .settings import Settings

# The outputs that this module may know in place of the engine.
PREVIEWED_OUTPUTS = (*KEPT_BY_UPDATE, *NULLABLE)


def previewed_outputs(
    run: Run,
    resource: pulumi.CustomResource,
    declared: Collection[str],
    import_: pulumi.Input[str] | None,
) -> dict[str, pulumi.Output[Any]]:
    """Returns the PREVIEWED_OUTPUTS that a registered Agent Ingress should show in this preview, by name.

    `declared` are the names of the fields that the program sets. `import_` is the resource option of the same name. In
    the result, the policy and the status may be plain dicts.
    """
    # For the INPUT_FIELDS, the engine returns the inputs as `ignore_changes` and transforms leave them.
    of_engine = {name: getattr(resource, name) for name in ("id", *INPUT_FIELDS, *PREVIEWED_OUTPUTS)}
    values = pulumi.Output.all(
        import_=import_,
        settings=run.settings_of(resource.get_provider(AGENT_INGRESS_TYPE)),
        **of_engine,
    )
    shown: pulumi.Output[Mapping[str, Any]] = values.apply(
        partial(_shown, run, resource, declared), run_with_unknowns=True
    )
    # A secret among the values, such as the API key, must not make all outputs secret.
    shown = pulumi.Output.unsecret(shown)

    def output(name: str) -> pulumi.Output[Any]:
        # The engine's output is here only because it may be secret. `all` then makes the result secret, too.
        both = pulumi.Output.all(shown=shown, of_engine=of_engine[name])
        return both.apply(lambda known: known["shown"][name], run_with_unknowns=True)

    return {name: output(name) for name in PREVIEWED_OUTPUTS}


async def _shown(
    run: Run, resource: pulumi.Resource, declared: Collection[str], values: Mapping[str, Any]
) -> Mapping[str, Any]:
    """Returns the PREVIEWED_OUTPUTS. Warns if a create or an import will fail. `values` may be unknown."""
    of_engine = {name: values[name] for name in PREVIEWED_OUTPUTS}
    is_changed = contains_unknowns(values["created_at"])
    if not is_changed:
        # The engine has returned the state. An unknown value is one that the state lacks.
        nones = {name: None for name in NULLABLE if contains_unknowns(values[name])}
        return of_engine | nones
    # The SDK also makes a field unknown that neither the program nor a transform sets. Such a field is left out.
    wanted = {name: values[name] for name in INPUT_FIELDS if name in declared or not contains_unknowns(values[name])}
    listed = await _listed(run, values["settings"])
    if listed is None:
        return of_engine | outputs_after({}, wanted, UNKNOWN)
    by_id = {each.id: each.outputs() for each in listed}
    if not contains_unknowns(values["id"]):
        existing, problem = by_id.get(values["id"], {}), ""
    elif values["import_"] is None:
        existing, problem = {}, _create_problem(wanted, listed)
    elif contains_unknowns(values["import_"]):
        existing, problem = {}, ""
    else:
        existing = by_id.get(values["import_"], {})
        problem = _import_problem(values["import_"], wanted, existing, values["settings"])
    if problem:
        pulumi.log.warn(problem, resource)
    return of_engine | outputs_after(existing, wanted, UNKNOWN)


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


# The lifecycle loads pydantic, which few programs need, so these two import it only when they need a sentence.


def _create_problem(wanted: Mapping[str, Any], listed: Sequence[IngressModel]) -> str:
    """Returns that the domain is taken, as a sentence; "" if it is not, or not known.

    For a replacement with `delete_before_replace` that keeps the domain, the sentence is a false alarm.
    """
    from .lifecycle.ingress import taken_sentence

    if contains_unknowns(wanted["domain"]):
        return ""
    domain = canonical_domain(str(wanted["domain"]))
    return next((taken_sentence(domain, each.id) for each in listed if each.domain == domain), "")


def _import_problem(import_: str, wanted: Mapping[str, Any], existing: Mapping[str, Any], settings: Settings) -> str:
    """Returns why an import will fail, as a sentence; "" if no reason is known.

    `existing` are the outputs of the ingress to import; empty if the account does not have this ingress.
    """
    from .lifecycle.ingress import not_imported_sentence

    sanitize = settings.api_key.sanitize
    if not existing:
        # A program may pass the API key as the ID, by mistake.
        return f"the Agent Ingress {sanitize(import_, 60)} can't be imported: {settings.not_in_account}"
    return "" if contains_unknowns(wanted) else not_imported_sentence(import_, existing, wanted, sanitize)
