"""A domain that already has an Agent Ingress: which one it is, and what to do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_agin import commands
from pulumi_agin.api.errors import CreateUnsettledError, DomainExistsError, NgrokError

from .account import Account
from .call import Call, Placement

if TYPE_CHECKING:
    from .process import Process

# How long to look for the ingress that has a domain, at most.
LOOK_SECONDS = 30

# The end of a message about an ingress that may belong to somebody else.
_IN_USE = "; otherwise it is in use: choose another domain"


def explain(account: Account, call: Call, error: DomainExistsError, domain: str, seconds_left: float) -> str:
    """Says which ingress has the domain, and what to do, with a command if there is one.

    Args:
        account: The account that refused the create.
        call: The create.
        error: The refusal.
        domain: The domain, in canonical form.
        seconds_left: How much of the call's time is left, in seconds.
    """
    process, client = account.process, account.client(call)
    try:
        existing = client.find(domain, min(LOOK_SECONDS, max(seconds_left, 1)))
    except NgrokError as failure:
        return f"{error}. Which one has it could not be found out: {failure}"
    if existing is None:
        return (
            f"{error}. ngrok lists none with this domain for this key, so another account has it: choose another "
            f"domain, or set the key of that account. The API key came from {account.settings.api_key.origin}"
        )
    process.learn_rival(existing.id, call.urn)
    has_it = f"{error}. The one that has it is {client.describe(existing)}"
    owner = process.resource_with(domain, existing.uri, other_than=call.urn)
    if owner is not None:
        return (
            f"{has_it}, that of this stack's {owner}. Two can't have the same domain: choose another one; or, to swap "
            "the domains of the two, first give one of them a third one and run `pulumi up`"
        )
    before = process.known_outputs(call.urn)
    if before is None:
        # This happens with `pulumi up --replace` too: its check is not told what was before.
        return (
            f"{has_it}. If it is this stack's own and was renamed or moved in the program, give the resource its old "
            f"name or parent in {process.vocabulary.aliases}; if it is this resource's own and you want to replace it, "
            f"give it {process.vocabulary.delete_before_replace}. {_take_over(account, call, existing.id)}"
        )
    if before.get("created_at") == existing.created_at and before.get("uri") == existing.uri:
        return (
            f"{has_it}, which is the one to be replaced, and two can't have the same domain. To delete it first, give "
            f"the resource {process.vocabulary.delete_before_replace}, and run the same command again"
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
    return f"{has_it}. {'. '.join(ways)}{_IN_USE}"


def explain_two(process: Process, urn: str, other: str) -> str:
    """Says that the program wants one domain for two resources, and what to do.

    Args:
        process: What the plugin process has learned so far. `check` has told it of both.
        urn: The URN of the resource that is checked.
        other: The URN of the other one.
    """
    both = f"{other} has this domain too, and a domain has at most one Agent Ingress"
    of_one, of_other = process.known_outputs(urn), process.known_outputs(other)
    if of_one is None or of_other is None:
        if of_one is None and of_other is None:
            return f"{both}. Give one of them another domain, or remove it from the program"
        new = urn if of_one is None else other
        return f"{both}. The new one is {new}: give it another domain, or remove it from the program"
    id_ = str(of_one.get("uri", "")).rpartition("/")[2]
    if not id_ or of_one.get("uri") != of_other.get("uri"):
        return f"{both}. Give one of them another domain"
    line = commands.forget_one_of_two_line(id_, urn, stack=process.placement(urn).stack)
    return (
        f"{both}. Both are in the state with {id_}, as after an import under a second name. Remove one of the two from "
        "the program, and take it out of the state, which leaves the Agent Ingress as it is. If it is the one of this "
        f"error, run\n{line}"
    )


def explain_unsettled(account: Account, call: Call, error: CreateUnsettledError, domain: str) -> str:
    """Says what is unknown, and gives a command that finds out, or that takes over what exists.

    Args:
        account: The account that was asked.
        call: The create.
        error: What is unknown.
        domain: The domain, in canonical form.
    """
    is_replaced = account.process.known_outputs(call.urn) is not None
    if error.existing_id and is_replaced:
        return f"{error}. {_advise_on_leftover(error.existing_id)}{_IN_USE}"
    if error.existing_id:
        return f"{error}. {_take_over(account, call, error.existing_id)}"
    placement = account.process.placement(call.urn)
    find = account.process.vocabulary.find(domain, placement)
    way_on = "what to do" if is_replaced else "how to take it over"
    return f"{error}. If it was made, the next `pulumi up` says {way_on}{find}"


def _take_over(account: Account, call: Call, id_: str) -> str:
    placement: Placement = account.process.placement(call.urn)
    return account.process.vocabulary.take_over(id_, call.urn, placement)


def _advise_on_leftover(id_: str) -> str:
    """Says what to do if another ingress has the domain to which this resource is to change."""
    return (
        "Only if an interrupted run of this stack created it at that time, delete it at ngrok, such as with "
        f"`ngrok api agent-ingresses delete {id_}`, and run `pulumi up` again"
    )
