"""Calls of AgentIngressClient, by the HTTP method, or LIST."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

from pulumi_agin.api import errors
from pulumi_agin.api.client import AgentIngressClient

DOMAIN = "connect.acme.com"

# A well-formed ID of no Agent Ingress.
UNKNOWN_ID = "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


def _delete(client: AgentIngressClient, id_: str) -> None:
    # After a lost response, the caller has to decide whether to believe "not found".
    with contextlib.suppress(errors.NotFoundError):
        client.delete(id_, domain=DOMAIN)


CALLS: dict[str, Callable[[AgentIngressClient, str], Any]] = {
    "POST": lambda client, id_: client.create({"domain": "new.acme.com"}),
    "GET": lambda client, id_: client.get(id_, domain=DOMAIN),
    "PATCH": lambda client, id_: client.update(id_, {"description": "changed"}, domain=DOMAIN),
    "DELETE": _delete,
    "LIST": lambda client, id_: client.list(),
}


def method_of(call: str) -> str:
    return "GET" if call == "LIST" else call
