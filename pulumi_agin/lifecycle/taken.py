"""Messages about two resources with one domain: the one that has an Agent Ingress already, and the renamed one."""

from __future__ import annotations

from pulumi_agin.api.errors import AuthenticationError, CreateUnsettledError, DomainExistsError, NgrokError
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.budget import Budget

from .claims import Claims
from .existence import Existence
from .operation import Call, Failed
from .phrasing import Phrasing
from .services import Account, Services
from .shell_commands import explain_line

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
            return f"{error}. If it was created, `pulumi preview` shows its ID and the next step"
        try:
            # Even a call without time left gets a second.
            part = budget.part(min(SEARCH_SECONDS, max(budget.left, 1)))
            existing = self._account.require_client().find(domain, part)
        except NgrokError as failure:
            return f"{error}. The search for that ingress failed: {failure}\n{explain_line('taken-domain')}"
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
            existing, unreadable = self._account.require_client().list_cache.find_in_preview(domain, budget)
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
                f"{domain} already has an Agent Ingress, so `pulumi up` fails unless it deletes that one first. "
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
                f"choose another domain\n{explain_line('taken-domain')}"
            )
        if self._claims.is_in_state(urn):
            return f"{belongs}{self._end_of_domain_change(urn, existing)}"
        phrasing = self._services.phrasing
        return (
            # It may also be the resource's own, because the engine checks a forced replacement as if it were new.
            f"{belongs}; if `pulumi stack export` shows it, don't import it: use {phrasing.aliases} after a "
            f"rename, or see `{explain_line('taken-domain')}`. Import it only if an interrupted run of this stack "
            "created it or no stack has it (`pulumi destroy` then deletes it)"
            f"{phrasing.import_step(existing.id, urn, self._claims.placement(urn))}"
        )

    def _end_of_domain_change(self, urn: str, existing: IngressModel) -> str:
        """Returns the end of the message for a resource whose new domain has an ingress that the state lacks.

        An interrupted run may have created it. Or it is the former one of this resource, which another change of the
        domain has not deleted yet.
        """
        state = self._claims.state(urn)
        # Without a domain in the state, the program can't change back to it.
        former_domain, created_at = state.get("domain", existing.domain), state.get("created_at")
        # ngrok's timestamps are in UTC and in one format. The state may have been edited. A domain change creates
        # first, and deletes the older one then.
        is_newer = isinstance(created_at, str) and existing.created_at > created_at
        if not is_newer and former_domain != existing.domain:
            return (
                ". If this stack still has to delete it, because a domain change did not finish, set domain to "
                f'"{former_domain}" again and run `pulumi up`, which deletes it, before you change back to '
                f"{existing.domain}\n{explain_line('taken-domain')}"
            )
        age = ", which is newer than the Agent Ingress in the state" if is_newer else ""
        return (
            f"{age}. Only if an interrupted run of this stack created it, delete it at ngrok, and run `pulumi up` "
            f"again; otherwise, it is in use: choose another domain\n{explain_line('taken-domain')}"
        )


def reject_delete_of_renamed(claims: Claims, phrasing: Phrasing, domain: str, urn: str, why: str) -> None:
    """Fails if another resource with the domain could not be created, for any reason, as after a renaming.

    The program still has the domain, so what is live there remains. The delete of an ingress or of NS records calls
    this before it sends anything. With "" as the domain, from an edited state, any resource that could not be created
    counts. `why` is the beginning of the message, up to the URN of the other resource.
    """
    if other := claims.other_uncreated(urn, domain):
        raise Failed(
            f"{why} {other}, which could not be created. If that one was renamed or moved in the program, use "
            f"{phrasing.aliases}\n{explain_line('renamed')}"
        )
