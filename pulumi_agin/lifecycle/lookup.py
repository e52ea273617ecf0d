"""Lookups of existing Agent Ingresses, on plain values. A Python program loads this module at its start."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pulumi_agin.api.errors import InvalidInputsError, NotFoundError

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.api.models import IngressModel
    from pulumi_agin.base.budget import Budget


def require_id_or_domain(function: str, id_: str | None, domain: str | None) -> None:
    """Raises InvalidInputsError unless a lookup of one ingress has exactly one argument."""
    if (id_ is None) == (domain is None):
        got = "neither" if id_ is None else "both"
        raise InvalidInputsError(f"{function} requires exactly one of id and domain; got {got}")


def find_one(
    client: AgentIngressClient,
    account: str,
    function: str,
    id_: str | None,
    domain: str | None,
    hint: Callable[[str], str] = lambda domain: "",
    budget: Budget | None = None,
) -> IngressModel:
    """Finds one Agent Ingress by exactly one of its id and its domain, in any spelling.

    Messages name the lookup and the account. `hint` returns the end of the message that a domain has no ingress.
    """
    require_id_or_domain(function, id_, domain)
    if id_ is not None:
        try:
            return client.get(id_, budget)
        except NotFoundError as error:
            raise InvalidInputsError(f"{error}: there is no such Agent Ingress in {account}") from None
    from .inputs import AgentIngressInputs
    from .schema import validate

    inputs, problems = validate(AgentIngressInputs, {"domain": domain})
    if problems:
        raise InvalidInputsError(f"{function}: invalid arguments: {'; '.join(map(str, problems))}")
    canonical = inputs["domain"]
    ingress = client.find(canonical, budget)
    if ingress is None:
        raise InvalidInputsError(f"there is no Agent Ingress with the domain {canonical} in {account}{hint(canonical)}")
    return ingress


def find_many(
    client: AgentIngressClient, function: str, cel: str | None, budget: Budget | None = None
) -> list[IngressModel]:
    """Finds the Agent Ingresses that a filter in CEL selects, or all of an account.

    They are sorted by domain, because the order in ngrok's list may change.
    """
    if cel is not None and not cel.strip():
        raise InvalidInputsError(f"the filter of {function} is empty; omit it to get all ingresses in the account")
    return sorted(client.list(cel, budget), key=lambda ingress: ingress.domain)
