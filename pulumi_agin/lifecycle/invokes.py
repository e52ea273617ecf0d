"""Functions, which Pulumi calls invokes, on plain values: lookups of ingresses, and the configuration of an agent."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.errors import NotFoundError
from pulumi_agin.api.values import canonical_domain

from .operation import FailedError

if TYPE_CHECKING:
    from pulumi_agin.api.budget import Budget
    from pulumi_agin.api.client import Client
    from pulumi_agin.api.models import IngressModel


def find_one(client: Client, id_: str | None, domain: str | None, budget: Budget) -> IngressModel:
    """Finds an Agent Ingress by its ID, or by its domain in any case, with or without a trailing dot.

    Raises FailedError if there is no such ingress, or if both or neither of ID and domain are given.
    """
    if (id_ is None) == (domain is None):
        raise FailedError("a lookup of an Agent Ingress needs exactly one of id and domain")
    if id_ is not None:
        try:
            return client.get(id_, budget)
        except NotFoundError as error:
            raise FailedError(f"{error}: the account of the API key has no Agent Ingress with this ID") from None
    canonical = canonical_domain(domain or "")
    found, _ = client.find(canonical, budget)
    if found is None:
        raise FailedError(f"the account of the API key has no Agent Ingress with the domain {canonical}")
    return found


def find_many(client: Client, cel: str | None, budget: Budget) -> list[IngressModel]:
    """Returns the account's Agent Ingresses, sorted by domain: all, or only those that the filter `cel` selects."""
    if cel is not None and not cel.strip():
        raise FailedError("the filter is empty; omit it to get all ingresses of the account")
    return sorted(client.list_ingresses(cel, budget), key=lambda ingress: ingress.domain)


def configure_agent(
    domain: str,
    policy: Mapping[str, Any] | None,
    region_domains: Sequence[str],
    authtoken: str | None,
    region: str | None,
) -> str:
    """Returns the configuration file of an agent, `ngrok.yml`, version 3. With an authtoken, the file is a secret.

    The regional domains are needed only with a region. Raises FailedError if ngrok has no such region, or if the
    authtoken is invalid.
    """
    host = domain
    if region is not None:
        # A regional domain is, for example, tunnel.eu.connect.acme.com.
        below = f".{domain}"
        regions = {each.removesuffix(below).rpartition(".")[2]: each for each in region_domains if each.endswith(below)}
        if region not in regions:
            known = ", ".join(sorted(regions)) or "none"
            raise FailedError(f'ngrok has no region "{region}" for {domain}; it has {known}')
        host = regions[region]
    agent = {"connect_url": f"{host}:443"}
    # By default, an agent trusts only ngrok's internal CA.
    if policy and policy["authority"] == "letsencrypt":
        agent["connect_cas"] = "host"
    if authtoken is not None:
        if not authtoken.isascii() or not authtoken.isprintable() or " " in authtoken or not authtoken:
            raise FailedError("the authtoken is empty or contains invalid characters; copy it from ngrok's dashboard")
        agent["authtoken"] = authtoken
    # A JSON string is a YAML string.
    lines = [f"  {name}: {json.dumps(value)}\n" for name, value in agent.items()]
    return f"version: 3\nagent:\n{''.join(lines)}"
