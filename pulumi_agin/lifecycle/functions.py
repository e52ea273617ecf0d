"""Lookups of existing Agent Ingresses, on plain values. A Python program loads this module at its start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_agin.api.errors import InvalidInputsError, NotFoundError

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel
    from pulumi_agin.base.budget import Budget

    from .account import Account


def require_id_or_domain(function: str, id_: str | None, domain: str | None) -> None:
    """Raises InvalidInputsError unless a lookup of one ingress has exactly one argument."""
    if (id_ is None) == (domain is None):
        got = "neither" if id_ is None else "both"
        raise InvalidInputsError(f"{function} requires exactly one of id and domain; got {got}")


def find_one(
    account: Account, function: str, id_: str | None, domain: str | None, budget: Budget | None = None
) -> IngressModel:
    """Finds one Agent Ingress by exactly one of its ID and its domain, in any spelling.

    `function` names the lookup in messages. Without a budget, the limit is the timeout of the settings. Raises
    InvalidInputsError if the arguments are invalid or there is no such ingress.
    """
    description = account.settings.account_description
    require_id_or_domain(function, id_, domain)
    if id_ is not None:
        try:
            return account.require_client().get(id_, budget)
        except NotFoundError as error:
            raise InvalidInputsError(f"{error}: there is no such Agent Ingress in {description}") from None
    from .inputs import AgentIngressInputs
    from .schema import validate

    inputs, problems = validate(AgentIngressInputs, {"domain": domain})
    if problems:
        raise InvalidInputsError(f"{function}: invalid arguments: {'; '.join(map(str, problems))}")
    canonical = inputs["domain"]
    ingress = account.require_client().find(canonical, budget)
    if ingress is None:
        raise InvalidInputsError(f"there is no Agent Ingress with the domain {canonical} in {description}")
    return ingress


def find_many(account: Account, function: str, cel: str | None, budget: Budget | None = None) -> list[IngressModel]:
    """Finds the Agent Ingresses that a filter in CEL selects, or all of an account.

    They are sorted by domain, because the order in ngrok's list may change. Raises InvalidInputsError if the filter is
    empty, and the client's error if one of the ingresses can't be read.
    """
    if cel is not None and not cel.strip():
        raise InvalidInputsError(f"the filter of {function} is empty; omit it to get all ingresses in the account")
    return sorted(account.require_client().list(cel, budget), key=lambda ingress: ingress.domain)
