"""Lookups of existing Agent Ingresses, on plain values."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from pulumi_agin.api.errors import InvalidInputsError, NotFoundError

if TYPE_CHECKING:
    from pulumi_agin.api.client import AgentIngressClient
    from pulumi_agin.api.models import AgentIngress
    from pulumi_agin.api.retry import Deadline


def check_arguments(function: str, id_: str | None, domain: str | None) -> None:
    """Checks that a lookup of one ingress has exactly one argument.

    Args:
        function: The name by which the program calls the lookup, for the message.
        id_: The id to look for, or None.
        domain: The domain to look for, or None.

    Raises:
        InvalidInputsError: There is none, or there are both.
    """
    if (id_ is None) == (domain is None):
        raise InvalidInputsError(
            f"{function} takes exactly one of id and domain, and got {'neither' if id_ is None else 'both'}"
        )


def find_one(
    client: AgentIngressClient,
    account: str,
    function: str,
    id_: str | None,
    domain: str | None,
    hint: Callable[[str], str] = lambda domain: "",
    deadline: Deadline | None = None,
) -> AgentIngress:
    """Finds one Agent Ingress by exactly one of its id and its domain.

    Args:
        client: The client of the account.
        account: What messages call the account, such as "the account of the API key from …".
        function: The name by which the program calls the lookup, for messages.
        id_: The id, such as "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk".
        domain: The domain, in any spelling.
        hint: Returns the end of the message that a domain has no ingress.
        deadline: How long it may take; None for the timeout of the client.

    Returns:
        The ingress as ngrok has it.

    Raises:
        InvalidInputsError: There is no such ingress in the account, or the arguments cannot be right.
        NgrokError: ngrok could not be asked.
    """
    check_arguments(function, id_, domain)
    if id_ is not None:
        try:
            return client.get(id_, deadline)
        except NotFoundError as error:
            raise InvalidInputsError(f"{error}: there is no such Agent Ingress in {account}") from None
    from .inputs import AgentIngressInputs
    from .schema import validate

    inputs, problems = validate(AgentIngressInputs, {"domain": domain})
    if problems:
        raise InvalidInputsError(f"{function} can't look that up: {'; '.join(map(str, problems))}")
    ingress = client.find(inputs["domain"], deadline)
    if ingress is None:
        raise InvalidInputsError(
            f"there is no Agent Ingress with the domain {inputs['domain']} in {account}{hint(inputs['domain'])}"
        )
    return ingress


def find_many(
    client: AgentIngressClient, function: str, cel: str | None, deadline: Deadline | None = None
) -> list[AgentIngress]:
    """Finds the Agent Ingresses of an account.

    Args:
        client: The client of the account.
        function: The name by which the program calls the lookup, for messages.
        cel: ngrok's filter, an expression in CEL over `obj`; None is for all of the account.
        deadline: How long it may take; None for the timeout of the client.

    Returns:
        The ingresses, sorted by domain, so that the order in which ngrok lists them changes nothing.

    Raises:
        InvalidInputsError: The filter is empty.
        NgrokError: ngrok could not be asked, or refused the filter.
    """
    if cel is not None and not cel.strip():
        raise InvalidInputsError(f"the filter of {function} is empty; leave it out for all of the account")
    return sorted(client.list(cel, deadline), key=lambda ingress: ingress.domain)
