"""Writes to ngrok. If the response to a write is lost, a read settles the outcome, or the call fails.

Every write may be retried. Applying a PATCH or a DELETE twice has the same effect as applying it once. A second POST
has no effect, because a domain has at most one Agent Ingress.

An attempt is in doubt if ngrok may have carried out the write (`may_have_effect` in `request`), but there is no usable
confirmation. After the last attempt, `Client.send` returns a response or an error, and the time of the first attempt in
doubt (`Sent.in_doubt_since`). A pause that Ctrl-C has ended counts as an error. The first row that applies decides:

| after the last attempt       | create                     | update              | delete              |
|------------------------------|----------------------------|---------------------|---------------------|
| a usable confirmation        | done                       | done                | done                |
| a 404 about the ID           |                            | NotFoundError       | NotFoundError       |
| no attempt in doubt          | fails                      | fails               | fails               |
| an attempt in doubt          | finds by the domain:       | reads by the ID:    | reads by the ID:    |
|                              | - ours: done               | - new values: done  | - still there: fails|
|                              | - maybe another's: fails   | - old values: fails | - NotFoundError     |
|                              | - none: see below          | - NotFoundError     |                     |

If a create finds no ingress, the ingress may still appear. So the create searches until the time of the call is over,
and then fails. If nothing can appear any more (`_may_still_appear`), the create searches only once.

An ingress is ours if it has our values, and if it is not older than the first attempt in doubt, by the server's own
clock. If no attempt had an effect, another stack may have created an ingress with the same values in the same seconds.
No request can distinguish the ingress of the other stack from ours. If ngrok responds to the first attempt with
ERR_NGROK_6706, the existing ingress is never ours.

The caller decides whether a NotFoundError proves that the ingress is gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from . import errors
from .clock import parse_time
from .request import Request
from .values import changed_fields, not_applied

if TYPE_CHECKING:
    from .budget import Budget
    from .client import Client, Sent
    from .models import IngressModel

# The part of a call's time that is kept for the read after a write. It is at most a quarter of the call's time.
SETTLING_SECONDS = 30.0

# The pause between two searches for an ingress that may still appear.
SEARCH_PAUSE_SECONDS = 2.0

# The tolerance for the age of an ingress, because `created_at` and `Date` are whole seconds.
CLOCK_SLACK = timedelta(seconds=2)


def create(client: Client, wanted: Mapping[str, Any], budget: Budget) -> IngressModel:
    """Creates an Agent Ingress with valid values. Raises UnsettledError if the outcome is unknown."""
    domain = wanted["domain"]
    request = Request("POST", f"create the Agent Ingress {domain}", body=wanted)
    sent = client.send(request, _time_for_write(budget))
    try:
        return client.ingress_in(request, sent.response())
    except errors.NgrokError as error:
        if sent.in_doubt_since is None:
            raise
        doubt, since = error, sent.in_doubt_since
    return _find_ours(client, wanted, doubt, since, budget)


def _find_ours(
    client: Client, wanted: Mapping[str, Any], doubt: errors.NgrokError, since: float, budget: Budget
) -> IngressModel:
    """Searches for the ingress of a create in doubt. Raises UnsettledError unless an ingress is found that is ours."""
    domain = wanted["domain"]
    doing = f"find out whether the Agent Ingress {domain} was created"
    unknown = f"it is unknown whether the Agent Ingress {domain} was created ({doubt})"
    may_appear = _may_still_appear(doubt)
    try:
        found, now = client.find(domain, budget)
        while found is None and may_appear and budget.left > SEARCH_PAUSE_SECONDS:
            budget.wait(SEARCH_PAUSE_SECONDS, doing, "ngrok does not list it yet")
            found, now = client.find(domain, budget)
    except errors.NgrokError as error:
        raise errors.UnsettledError(f"{unknown}, and {error}") from None
    if found is None:
        later = ", but it may still appear" if may_appear else ""
        raise errors.UnsettledError(f"{unknown}: this account does not have it{later}")
    if now and _is_ours(found, wanted, now - timedelta(seconds=client.clock.monotonic() - since)):
        return found
    raise errors.UnsettledError(f"{unknown}: it may be {found.id}, created at {found.created_at}")


def _may_still_appear(doubt: errors.NgrokError) -> bool:
    """Returns False if ngrok has rejected the last attempt, because any effect of an earlier attempt came before.

    The exception is ERR_NGROK_6706, which may be about the ingress of an earlier attempt.
    """
    is_rejected = isinstance(doubt, errors.ApiError) and bool(doubt.code) and not doubt.is_transient
    return not is_rejected or isinstance(doubt, errors.DomainExistsError)


def _is_ours(found: IngressModel, wanted: Mapping[str, Any], first_in_doubt: datetime) -> bool:
    created_at = parse_time(found.created_at)
    is_new = created_at is not None and created_at >= first_in_doubt - CLOCK_SLACK
    return is_new and not changed_fields(found.outputs(), wanted)


def update(client: Client, id_: str, changes: Mapping[str, Any], budget: Budget) -> IngressModel:
    """Changes the given fields of an Agent Ingress, and returns the ingress after the change.

    Raises UnsettledError if the write is in doubt, and the ingress lacks the new values or could not be read.
    """
    request = Request("PATCH", f"update the Agent Ingress {id_}", id_, body=changes)
    sent = client.send(request, _time_for_write(budget))
    try:
        return client.ingress_in(request, sent.response())
    except errors.NgrokError as error:
        _raise_unless_in_doubt(sent, error)
        doubt = error
    found = _read_after(client, id_, "changed", doubt, budget)
    if not not_applied(found.outputs(), changes):
        return found
    raise errors.UnsettledError(f"the Agent Ingress {id_} did not get the new values ({doubt})")


def delete(client: Client, id_: str, budget: Budget) -> None:
    """Deletes an Agent Ingress. Raises NotFoundError if it does not exist, even if an attempt in doubt has deleted it.

    Raises UnsettledError if the write is in doubt, and the ingress still exists or could not be read.
    """
    request = Request("DELETE", f"delete the Agent Ingress {id_}", id_)
    sent = client.send(request, _time_for_write(budget))
    try:
        client.require_deleted(request, sent.response())
        return
    except errors.NgrokError as error:
        _raise_unless_in_doubt(sent, error)
        doubt = error
    _read_after(client, id_, "deleted", doubt, budget)
    raise errors.UnsettledError(f"the Agent Ingress {id_} was still there after its delete ({doubt})")


def _raise_unless_in_doubt(sent: Sent, error: errors.NgrokError) -> None:
    if sent.in_doubt_since is None or isinstance(error, errors.NotFoundError):
        raise error


def _read_after(client: Client, id_: str, done: str, doubt: errors.NgrokError, budget: Budget) -> IngressModel:
    """Reads the ingress after an update or a delete in doubt. Raises NotFoundError if the ingress does not exist.

    `done` is the verb for what the write may have done, such as "changed".
    """
    try:
        return client.get(id_, budget)
    except errors.NotFoundError:
        raise
    except errors.NgrokError as error:
        raise errors.UnsettledError(f"it is unknown whether ngrok {done} {id_} ({doubt}), and {error}") from None


def _time_for_write(budget: Budget) -> Budget:
    return budget.part(budget.left - min(SETTLING_SECONDS, budget.seconds / 4))
