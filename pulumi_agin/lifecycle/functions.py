"""Functions, on plain values: lookups of existing Agent Ingresses, and the configuration of an agent.

A Python program loads this module at its start.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.errors import InvalidInputsError, NotFoundError
from pulumi_agin.base.redaction import listed

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel
    from pulumi_agin.base.budget import Budget

    from .services import Account


def require_id_or_domain(function: str, id_: str | None, domain: str | None) -> None:
    """Raises InvalidInputsError unless a lookup of one ingress has exactly one argument."""
    if (id_ is None) == (domain is None):
        got = "neither" if id_ is None else "both"
        raise InvalidInputsError(f"{function} requires exactly one of id and domain; got {got}")


def find_one(
    account: Account, function: str, id_: str | None, domain: str | None, budget: Budget | None = None
) -> IngressModel:
    """Finds one Agent Ingress by exactly one of its ID and its domain, in any spelling.

    `function` names the lookup in messages. Without a budget, as in a Python program, the limit is the timeout of the
    settings. Raises InvalidInputsError if the arguments are invalid or there is no such ingress.
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


def configure_agent(
    function: str,
    domain: str,
    policy: Mapping[str, Any] | None,
    region_domains: Sequence[str],
    authtoken: str | None,
    region: str | None,
) -> str:
    """Returns the configuration file of an agent, `ngrok.yml`, version 3.

    Messages use the function's name in the program. The regional domains are needed only with a region. The callers
    make the result a secret if it has an authtoken.
    """
    host = domain
    if region is not None:
        # Such as tunnel.eu.connect.acme.com.
        below = f".{domain}"
        regions = {each.removesuffix(below).rpartition(".")[2]: each for each in region_domains if each.endswith(below)}
        if region not in regions:
            known = listed(sorted(regions)) or "none"
            raise InvalidInputsError(f'{function} of {domain}: ngrok has no region "{region}" for it; it has {known}')
        host = regions[region]
    agent = {"connect_url": f"{host}:443"}
    # By default, an agent trusts only ngrok's internal CA.
    if policy and policy["authority"] == "letsencrypt":
        agent["connect_cas"] = "host"
    if authtoken is not None:
        if not authtoken or not authtoken.isascii() or not authtoken.isprintable() or " " in authtoken:
            raise InvalidInputsError(
                f"{function}: the authtoken is empty or contains invalid characters; copy it from ngrok's dashboard"
            )
        agent["authtoken"] = authtoken
    # A JSON string is a YAML string.
    lines = [f"  {name}: {json.dumps(value)}\n" for name, value in agent.items()]
    return f"version: 3\nagent:\n{''.join(lines)}"
