"""The configuration with which an ngrok agent connects to an Agent Ingress."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pulumi_agin.api.errors import InvalidInputsError
from pulumi_agin.base.redaction import listed


def configure_agent(
    function: str,
    domain: str,
    policy: Mapping[str, Any] | None,
    region_domains: Sequence[str],
    authtoken: str | None,
    region: str | None,
) -> str:
    """Returns the configuration file of an agent, `ngrok.yml`, version 3.

    Messages use the function's name in the program. The regional domains are needed only with a region.
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
