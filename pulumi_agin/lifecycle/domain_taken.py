"""Messages about a domain that already has an Agent Ingress, with its ID and the next step."""

from __future__ import annotations

from pulumi_agin.api.errors import AuthenticationError, CreateUnsettledError, DomainExistsError, NgrokError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.budget import Budget

from .account import Account
from .claims import Claims
from .existence import Existence
from .operation import Call
from .renaming import how_to_alias, how_to_replace
from .services import Services

# The limits of a search for the ingress of a domain: after a create that failed, and in a preview.
SEARCH_SECONDS = 30
PREVIEW_SEARCH_SECONDS = 5


class DomainTaken:
    """The messages about domains of one account that already have an Agent Ingress."""

    def __init__(self, account: Account, services: Services, claims: Claims, existence: Existence) -> None:
        self._account = account
        self._services = services
        self._claims = claims
        self._existence = existence

    def explain(self, call: Call, error: DomainExistsError | CreateUnsettledError, domain: str, budget: Budget) -> str:
        """Returns the message of a create that failed. Searches for the ingress."""
        if isinstance(error, CreateUnsettledError):
            if error.existing is not None:
                return f"{error}. {self._explain_existing(call.urn, error.existing)}"
            search = self._services.phrasing.find(domain, self._claims.placement(call.urn))
            return f"{error}. If it was created, the next `pulumi up` shows the next step{search}"
        try:
            # Even a call without time left gets a second.
            part = budget.part(min(SEARCH_SECONDS, max(budget.left, 1)))
            existing = self._account.require_client().find(domain, part)
        except NgrokError as failure:
            return f"{error}. The search for that ingress failed: {failure}"
        if existing is None:
            return (
                f"{error}. ngrok lists none with this domain for this key, so another account has it: choose another "
                f"domain, or set the key of that account. The API key came from "
                f"{self._account.settings.api_key_source.shown_as}"
            )
        return f"{error}. {self._explain_existing(call.urn, existing)}"

    def warn_in_preview(self, call: Call, domain: str) -> None:
        """Warns if the domain of a new resource has an Agent Ingress already, or if ngrok rejects the API key.

        Without a response in time, it warns of nothing.
        """
        budget = self._account.budget(call, PREVIEW_SEARCH_SECONDS)
        try:
            existing, unreadable = self._account.require_client().find_in_preview(domain, budget)
        except AuthenticationError as error:
            # A proxy may respond 403, too.
            if error.is_from_ngrok:
                sentence = f"ngrok rejects the API key, so `pulumi up` will fail: {error}"
                self._services.warn_once(sentence, call.urn)
            return
        except NgrokError:
            return
        self._existence.warn_of_unreadable(call, unreadable)
        # A replacement that keeps its domain deletes the old one first.
        if existing is not None and self._claims.resource_with(existing) != call.urn:
            self._services.warn(
                # The engine does not send the provider whether `--replace` replaces a resource, nor its options.
                f"{domain} already has an Agent Ingress, so `pulumi up` will fail unless it deletes that one first. "
                f"{self._explain_existing(call.urn, existing)}",
                call.urn,
            )

    def explain_two(self, urn: str, other: str) -> str:
        """Returns the message of the check of `urn` if the program gives the same domain to `other`.

        If both are in the state with one ingress, the delete of the one that is removed from the program has the next
        step.
        """
        new = [each for each in (urn, other) if not self._claims.is_in_state(each)]
        # A change of the domain of the one that exists would replace it.
        which = f"The new one is {new[0]}. " if len(new) == 1 else ""
        return (
            f"{other} also has this domain, and a domain can have only one Agent Ingress. {which}Give one of them "
            "another domain, or remove one from the program"
        )

    def _explain_existing(self, urn: str, existing: IngressModel) -> str:
        """Returns whose ingress it is, as far as the stack shows, and the next step for the resource `urn`."""
        belongs = f"The domain belongs to {self._account.require_client().describe(existing)}"
        owner = self._claims.resource_with(existing)
        if owner == urn:
            return (
                f"{belongs}, which is being replaced. A domain can have only one Agent Ingress: to delete it first, "
                f"set {self._services.phrasing.delete_before_replace} on the resource, and run the same command again"
            )
        if owner is not None:
            return (
                f"{belongs}, which this stack already manages as {owner}. A domain can have only one Agent Ingress: "
                "choose another domain; or, to move or swap domains, first change one of them to a third domain and "
                "run `pulumi up`"
            )
        next_step = self._next_step(urn, existing.id)
        # Without a state, the resource is new.
        old_domain = self._claims.state(urn).get("domain", existing.domain)
        old_created_at = self._claims.state(urn).get("created_at")
        if old_domain == existing.domain:
            return f"{belongs}. {next_step}"
        # ngrok's timestamps are in UTC and in one format. A domain change creates first, and deletes the older one
        # then.
        if isinstance(old_created_at, str) and existing.created_at > old_created_at:
            return f"{belongs}, and is newer than the Agent Ingress in the state. {next_step}"
        return (
            f"{belongs}. If this stack still has to delete it, because a domain change did not finish, set domain to "
            f'"{old_domain}" again and run `pulumi up`, which deletes it, before you change back to {existing.domain}. '
            f"{next_step}"
        )

    def _next_step(self, urn: str, id_: str) -> str:
        """Returns how to import an ingress as a new resource, or what to do if the resource has another one."""
        if self._claims.is_in_state(urn):
            return (
                "Only if an interrupted run of this stack created it, delete it at ngrok, for example with `ngrok api "
                f"agent-ingresses delete {id_}`, and run `pulumi up` again. Otherwise, it is in use: choose another "
                "domain"
            )
        phrasing = self._services.phrasing
        return (
            "If a resource of this stack has it, and was renamed or moved in the program, "
            f"{how_to_alias(phrasing, urn)}; {how_to_replace(phrasing)}. Otherwise, import it only "
            "if an interrupted `pulumi up` of this stack created it, or if no other stack has it and this resource "
            "should own it: `pulumi destroy` then deletes it, even if it is someone else's. To import it, "
            f"{phrasing.import_step(id_, urn, self._claims.placement(urn))}"
        )
