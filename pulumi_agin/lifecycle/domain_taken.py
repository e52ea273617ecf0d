"""A domain that already has an Agent Ingress: which one it is, and what to do."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from pulumi_agin.api.errors import CreateUnsettledError, DomainExistsError, NgrokError

from . import shell_commands
from .account import Account
from .operation import Call, Placement

if TYPE_CHECKING:
    from pulumi_agin.api.models import AgentIngress
    from pulumi_agin.api.retry import Deadline

    from .session import Session

# How long to look for the ingress that has a domain, at most.
LOOK_SECONDS = 30

# How long a preview looks for it, at most.
PREVIEW_SECONDS = 5

# The end of a message about an ingress that may belong to somebody else.
_IN_USE = "; otherwise it is in use: choose another domain"


def explain(account: Account, call: Call, error: DomainExistsError, domain: str, deadline: Deadline) -> str:
    """Says which ingress has the domain, and what to do, with a command if there is one.

    Args:
        account: The account that refused the create.
        call: The create.
        error: The refusal.
        domain: The domain, in canonical form.
        deadline: The time budget of the call.
    """
    client = account.client()
    try:
        existing = client.find(domain, deadline.sub_deadline(min(LOOK_SECONDS, max(deadline.left, 1))))
    except NgrokError as failure:
        return f"{error}. Which one has it could not be found out: {failure}"
    if existing is None:
        return (
            f"{error}. ngrok lists none with this domain for this key, so another account has it: choose another "
            f"domain, or set the key of that account. The API key came from {account.settings.api_key.shown_as}"
        )
    account.session.record_failed_create(existing.id, call.urn)
    return f"{error}. The one that has it is {client.describe(existing)}{_next_step(account, call, existing, domain)}"


def warn_in_preview(account: Account, call: Call, domain: str) -> None:
    """Warns if the domain of a resource that is to be created has an Agent Ingress already.

    Says nothing if ngrok does not respond in time.
    """
    session, client = account.session, account.client()
    existing = client.find_one_of_many(domain, account.deadline(call, PREVIEW_SECONDS))
    if existing is None:
        return
    before = session.known_outputs(call.urn)
    if before is not None and _is_of(before, existing):
        # A replacement that keeps its domain deletes it first.
        return
    unless = ""
    if before is None and session.resource_with(domain, existing.uri, other_than=call.urn) is None:
        # The engine does not tell the provider that `--replace` replaces a resource, nor the resource's options.
        unless = f" (unless `--replace` replaces this resource, and it has {session.phrasing.delete_before_replace})"
    session.warn(
        f"{domain} already has an Agent Ingress, so `pulumi up` will fail{unless}. The one that has it is "
        f"{client.describe(existing)}{_next_step(account, call, existing, domain)}",
        call.urn,
    )


def _next_step(account: Account, call: Call, existing: AgentIngress, domain: str) -> str:
    """Returns the end of a message about the ingress that has the domain: what to do."""
    session = account.session
    owner = session.resource_with(domain, existing.uri, other_than=call.urn)
    if owner is not None:
        return (
            f", that of this stack's {owner}. Two can't have the same domain: choose another one; or, to swap the "
            "domains of the two, first give one of them a third one and run `pulumi up`"
        )
    before = session.known_outputs(call.urn)
    if before is None:
        replace = ""
        if not call.is_preview:
            # The check of a resource that `--replace` replaces is not told what was before.
            replace = f"; if it is this resource's own, `--replace` needs {session.phrasing.delete_before_replace}"
        return (
            ". If it is this stack's own and was renamed or moved in the program, give the resource its old name or "
            f"parent in {session.phrasing.aliases}{replace}. {_take_over(account, call, existing.id)}"
        )
    if _is_of(before, existing):
        return (
            ", which is the one to be replaced, and two can't have the same domain. To delete it first, give the "
            f"resource {session.phrasing.delete_before_replace}, and run the same command again"
        )
    # An ingress that this resource had earlier is older than its current one. One left by an interrupted run is newer.
    old_domain, made = before.get("domain"), str(before.get("created_at"))
    is_domain_change = old_domain != domain
    ways = []
    if is_domain_change and old_domain and existing.created_at <= made:
        ways.append(
            f"If this resource had {domain} before, that change of the domain is not finished and the stack still "
            f'has {existing.id} to delete: set domain to "{old_domain}" again and run `pulumi up`, which '
            f"deletes it, before you go back to {domain}"
        )
    if not ways or existing.created_at >= made:
        ways.append(_advise_on_leftover(existing.id))
    return f". {'. '.join(ways)}{_IN_USE}"


def _is_of(outputs: Mapping[str, Any], ingress: AgentIngress) -> bool:
    return outputs.get("created_at") == ingress.created_at and outputs.get("uri") == ingress.uri


def explain_two(session: Session, urn: str, other: str) -> str:
    """Says that the program wants one domain for two resources, and what to do.

    Args:
        process: What the plugin process has learned so far. `check` has told it of both.
        urn: The URN of the resource that is checked.
        other: The URN of the other one.
    """
    both = f"{other} has this domain too, and a domain has at most one Agent Ingress"
    of_one, of_other = session.known_outputs(urn), session.known_outputs(other)
    if of_one is None or of_other is None:
        if of_one is None and of_other is None:
            return f"{both}. Give one of them another domain, or remove it from the program"
        new = urn if of_one is None else other
        return f"{both}. The new one is {new}: give it another domain, or remove it from the program"
    id_ = str(of_one.get("uri", "")).rpartition("/")[2]
    if not id_ or of_one.get("uri") != of_other.get("uri"):
        return f"{both}. Give one of them another domain"
    line = shell_commands.state_delete_line(urn, stack=session.placement(urn).stack)
    return (
        f"{both}. Both are in the state with {id_}, as after an import under a second name. Remove one of the two from "
        "the program, and take it out of the state, which leaves the Agent Ingress as it is. Only if it is the one of "
        f"this error, and `pulumi stack export` shows {id_} under both names, run\n{line}"
    )


def explain_unsettled(account: Account, call: Call, error: CreateUnsettledError, domain: str) -> str:
    """Says what is unknown, and gives a command that finds out, or that takes over what exists.

    Args:
        account: The account that was asked.
        call: The create.
        error: What is unknown.
        domain: The domain, in canonical form.
    """
    is_replaced = account.session.known_outputs(call.urn) is not None
    if error.existing_id and is_replaced:
        return f"{error}. {_advise_on_leftover(error.existing_id)}{_IN_USE}"
    if error.existing_id:
        return f"{error}. {_take_over(account, call, error.existing_id)}"
    placement = account.session.placement(call.urn)
    find = account.session.phrasing.find(domain, placement)
    next_step = "what to do" if is_replaced else "how to take it over"
    return f"{error}. If it was made, the next `pulumi up` says {next_step}{find}"


def _take_over(account: Account, call: Call, id_: str) -> str:
    placement: Placement = account.session.placement(call.urn)
    return account.session.phrasing.take_over(id_, call.urn, placement)


def _advise_on_leftover(id_: str) -> str:
    """Says what to do if another ingress has the domain to which this resource is to change."""
    return (
        "Only if an interrupted run of this stack created it at that time, delete it at ngrok, such as with "
        f"`ngrok api agent-ingresses delete {id_}`, and run `pulumi up` again"
    )
