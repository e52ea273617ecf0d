"""The domains that the run uses, and how it deletes what it created."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.clock import Clock
from pulumi_agin.api.errors import NgrokError, UnreachableError
from pulumi_agin.api.inputs import Domain
from pulumi_agin.api.models import AgentIngress
from pulumi_agin.limits import AGENT_INGRESS_ID
from tools.acceptance.service import Service
from tools.steps import StepError

DELETE_SECONDS = 120
"""How long each request of the clean-up is repeated."""
SETTLE_SECONDS = 3
"""What passes before the second look: a request that was interrupted may still be carried out."""


class Names(NamedTuple):
    """The domains that the run uses. It uses no others."""

    first: str
    second: str
    wildcard: str
    life: str
    refused: str
    """For creates that are meant to be refused for another reason."""


def names_below(domain: str) -> Names:
    """Returns the domains that a run uses.

    Args:
        domain: The user's domain, in canonical form.

    Raises:
        StepError: The domain is too long, or is not one.
    """
    names = Names(*(f"{label}.{domain}" for label in ("first", "second", "*.wildcard", "life", "refused")))
    try:
        for name in names:
            Domain()(name)
    except ValueError as error:
        raise StepError(f"DOMAIN {error}.") from None
    return names


@dataclass(frozen=True)
class Left:
    """An ingress under a name of the run that is there after the clean-up."""

    id: str
    domain: str
    why: str
    """Why it was not deleted."""
    is_of_run: bool
    """Whether the run has certainly created it."""


class Ingresses:
    """What the account has under the names of the run."""

    def __init__(self, client: AgentIngressClient, names: Names, clock: Clock) -> None:
        """Asks nothing yet.

        Args:
            client: The client, which repeats what fails.
            names: The domains of the run.
            clock: Waits.
        """
        self._client = client
        self._names = names
        self._clock = clock

    def refuse_existing(self) -> frozenset[str]:
        """Makes sure that the run deletes nothing that was there before.

        Returns:
            The ids of everything that is there.

        Raises:
            StepError: One of the names has an ingress, or ngrok can't be asked.
        """
        try:
            listed = self._client.list(timeout_seconds=DELETE_SECONDS)
        except NgrokError as error:
            raise StepError(f"ngrok can't be asked: {error}.") from None
        existing = sorted(ingress.domain for ingress in listed if ingress.domain in self._names)
        if existing:
            raise StepError(
                f"The account already has an Agent Ingress for {', '.join(existing)}, which this run would create and "
                "delete. Nothing was changed: name another DOMAIN, or delete it if an earlier run left it."
            )
        return frozenset(ingress.id for ingress in listed)

    def clean_up(self, service: Service, began: datetime | None, say: Callable[[str], None]) -> tuple[list[Left], str]:
        """Deletes what the run created, and checks that it is gone.

        An ingress whose creation was never answered is found by what was asked for; see `Service.may_have_created`.

        Args:
            service: What knows what the run created.
            began: When the run began, by the server's clock; None if that is unknown. What no answer said to be of this
                run is only deleted if it was created after that.
            say: Shows what is done.

        Returns:
            What is left, and why that could not be checked; "" if it could.
        """
        there = dict(service.created)
        others: dict[str, Left] = {}
        deleted: set[str] = set()
        problems: dict[str, str] = {}
        listed, problem, is_reached = self._look()
        # The second time is for a request that was interrupted, but is still carried out.
        for _ in range(2):
            for each in listed.values():
                if each.id in service.created or each.id in service.kept:
                    continue
                if service.may_have_created(each.domain, each.description) and _is_created_since(each, began):
                    there[each.id] = each.domain
                elif each.domain in self._names:
                    created_at = self._client.fit_to_show(each.created_at, 40)
                    why = f"this run may not have created it (created_at: {created_at})"
                    others[each.id] = Left(each.id, each.domain, why, is_of_run=False)
            for id_, domain in there.items():
                if id_ not in deleted or id_ in listed:
                    self._delete(id_, domain, deleted, problems)
            if not is_reached:
                break
            self._clock.sleep(SETTLE_SECONDS)
            listed, problem, is_reached = self._look()
        if deleted:
            say(f"deleted at the end: {len(deleted)}")
        # Only ngrok's list tells that something is gone, or else the answer to the delete itself.
        left = [id_ for id_ in there if (id_ not in deleted if problem else id_ in listed)]
        return [
            *(Left(id_, there[id_], problems.get(id_, "ngrok still lists it"), is_of_run=True) for id_ in left),
            *(each for each in others.values() if problem or each.id in listed),
        ], problem

    def _look(self) -> tuple[dict[str, AgentIngress], str, bool]:
        """Returns the ingresses by id, why they could not be listed, and whether ngrok can be reached."""
        try:
            return {each.id: each for each in self._client.list(timeout_seconds=DELETE_SECONDS)}, "", True
        except NgrokError as error:
            return {}, str(error), not isinstance(error, UnreachableError)

    def _delete(self, id_: str, domain: str, deleted: set[str], problems: dict[str, str]) -> None:
        try:
            self._client.delete(id_, DELETE_SECONDS, domain=domain)
            deleted.add(id_)
        except NgrokError as error:
            # Not even an answer that it does not exist is enough: it may come from something else than ngrok.
            problems[id_] = str(error)


def _is_created_since(ingress: AgentIngress, began: datetime | None) -> bool:
    try:
        created = datetime.fromisoformat(ingress.created_at.replace("Z", "+00:00"))
    except ValueError:
        return False
    return began is not None and created.tzinfo is not None and created >= began


def how_to_delete(left: Left, base_url: str) -> str:
    """Returns a sentence about an ingress that is left, and the command that deletes it on the last line.

    Args:
        left: The ingress.
        base_url: The URL of the API.
    """
    # Any other id can't be one, and does not become a part of a command.
    id_ = left.id if AGENT_INGRESS_ID.fullmatch(left.id) else "ID"
    command = 'curl -X DELETE -H "Authorization: Bearer $NGROK_API_KEY" -H "Ngrok-Version: 2" ' + shlex.quote(
        f"{base_url}/agent_ingresses/{id_}"
    )
    if left.is_of_run:
        begin, end = "NOT DELETED", "It costs money until it is deleted. This deletes it:"
    else:
        begin, end = "LEFT ALONE", "If nobody else uses it, delete it, because it costs money:"
    return f"{begin}: the Agent Ingress {left.domain} ({id_}): {left.why}. {end}\n{command}"
