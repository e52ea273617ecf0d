"""Messages about a domain that already has an Agent Ingress, with its id and the next step."""

from __future__ import annotations

from pulumi_agin.api.errors import AuthenticationError, CreateUnsettledError, NgrokError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.budget import Budget

from .operation import Call
from .session import Account, Session

# The limit of a search for the ingress of a domain, after a create and in a preview.
FIND_SECONDS = 30
PREVIEW_SECONDS = 5


def explain(account: Account, call: Call, error: NgrokError, domain: str, budget: Budget) -> str:
    """Returns the message of a create that failed with DomainExistsError or CreateUnsettledError."""
    session = account.session
    if isinstance(error, CreateUnsettledError):
        if error.existing_id:
            session.conflicting_creates[error.existing_id] = call.urn
            return f"{error}. {_next_step(session, call.urn, error.existing_id)}"
        find = session.phrasing.find(domain, session.placement(call.urn))
        return f"{error}. If it was created, the next `pulumi up` shows the next step{find}"
    try:
        existing = account.client().find(domain, budget.part(min(FIND_SECONDS, max(budget.left, 1))))
    except NgrokError as failure:
        return f"{error}. The search for that ingress failed: {failure}"
    if existing is None:
        return (
            f"{error}. ngrok lists none with this domain for this key, so another account has it: choose another "
            f"domain, or set the key of that account. The API key came from {account.settings.api_key.shown_as}"
        )
    session.conflicting_creates[existing.id] = call.urn
    return f"{error}. {_explain_existing(account, call, existing)}"


def warn_in_preview(account: Account, call: Call, domain: str) -> None:
    """Warns if the domain of a new resource has an Agent Ingress already, or if ngrok rejects the API key.

    Without a response in time, it warns of nothing.
    """
    try:
        existing = account.client().find_in_preview(domain, account.budget(call, PREVIEW_SECONDS))
    except AuthenticationError as error:
        # A proxy may respond 403, too.
        if error.is_from_ngrok:
            account.session.warn_once(f"ngrok rejects the API key, so `pulumi up` will fail: {error}", call.urn)
        return
    except NgrokError:
        return
    account.warn_of_unreadable(call, account.client().unreadable_in_list)
    # A replacement that keeps its domain deletes the old one first.
    if existing is not None and account.session.resource_with(existing) != call.urn:
        account.session.warn(
            # The engine does not send the provider whether `--replace` replaces a resource, nor its options.
            f"{domain} already has an Agent Ingress, so `pulumi up` will fail unless it deletes that one first. "
            f"{_explain_existing(account, call, existing)}",
            call.urn,
        )


def explain_two(session: Session, urn: str, other: str) -> str:
    """Returns the message of a check of `urn` if the program gives the same domain to `other`.

    If both are in the state with one ingress, the delete of the one that is removed from the program has the next step.
    """
    new = [each for each in (urn, other) if each not in session.known_outputs]
    # A change of the domain of the one that exists would replace it.
    which = f"The new one is {new[0]}. " if len(new) == 1 else ""
    return (
        f"{other} also has this domain, and a domain can have only one Agent Ingress. {which}Give one of them another "
        "domain, or remove one from the program"
    )


def _explain_existing(account: Account, call: Call, existing: IngressModel) -> str:
    session, domain = account.session, existing.domain
    belongs, owner = f"It belongs to {account.client().describe(existing)}", session.resource_with(existing)
    if owner == call.urn:
        return (
            f"{belongs}, which is being replaced. A domain can have only one Agent Ingress: to delete it "
            f"first, set {session.phrasing.delete_before_replace} on the resource, and run the same command again"
        )
    if owner is not None:
        return (
            f"{belongs}, which this stack already manages as {owner}. A domain can have only one Agent Ingress: choose "
            "another domain; or, to swap two domains, first change one of them to a third domain and run `pulumi up`"
        )
    next_step = _next_step(session, call.urn, existing.id)
    if call.urn not in session.known_outputs:
        return (
            f"{belongs}. If it belongs to a resource of this stack that was renamed or moved in the program, "
            f"{session.how_to_alias(call.urn)}; if it belongs to this resource, `--replace` needs "
            f"{session.phrasing.delete_before_replace}. {next_step}"
        )
    in_state = session.known_outputs[call.urn]
    old_domain, old_created_at = in_state.get("domain", domain), in_state.get("created_at")
    if old_domain == domain:
        return f"{belongs}. {next_step}"
    # ngrok's timestamps are in UTC and in one format. A domain change creates first, and deletes the older one then.
    if isinstance(old_created_at, str) and existing.created_at > old_created_at:
        return f"{belongs}, and is newer than the Agent Ingress in the state. {next_step}"
    return (
        f"{belongs}. If this stack still has to delete it, because a domain change did not finish, set domain to "
        f'"{old_domain}" again and run `pulumi up`, which deletes it, before you change back to {domain}. {next_step}'
    )


def _next_step(session: Session, urn: str, id_: str) -> str:
    if urn not in session.known_outputs:
        return session.phrasing.adopt(id_, urn, session.placement(urn))
    return (
        "Only if an interrupted run of this stack created it, delete it at ngrok, for example with `ngrok api "
        f"agent-ingresses delete {id_}`, and run `pulumi up` again. Otherwise, it is in use: choose another domain"
    )
