"""The reads of `pulumi-agin doctor`: Agent Ingresses at ngrok, those of the stack, and DNS. Nothing is judged here."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from pulumi_agin.api.errors import ApiError
from pulumi_agin.api.list_cache import Listing
from pulumi_agin.api.models import IngressModel
from pulumi_agin.base.names import Server
from pulumi_agin.base.redaction import listed
from pulumi_agin.lifecycle.services import Account

from .doctor_caa import CaaSet, find_caa, parent_of
from .doctor_ns import ACCOUNT_SECONDS, LOOKUP_SECONDS, DnsResult, find_delegation, find_delegations
from .doctor_state import RecordsInState, StackIngress, StackRecords, ingresses_in_state, managed
from .output import UsageError
from .stack import Resources, request_budget

InState = TypeVar("InState", StackIngress, StackRecords)


@dataclass(frozen=True)
class DomainFacts:
    """What was read about one domain."""

    domain: str
    ingress: IngressModel | None
    """The Agent Ingress that ngrok has; None if the account has none with the domain."""
    in_stack: StackIngress | None
    """The Agent Ingress that the stack has; if it has several with the domain, preferably the one that ngrok has."""
    records: Sequence[StackRecords]
    """The resources of the stack with NS records of the domain."""
    delegation: DnsResult
    """The NS records in DNS."""
    caa: CaaSet | None
    """The CAA records that count for the certificate; None if they do not matter or were not read."""


@dataclass(frozen=True)
class AccountFacts:
    """What was read about the domains of an account."""

    domains: Sequence[DomainFacts]
    skipped: Sequence[str]
    """The reason for each Agent Ingress that can't be read."""
    other_providers: Sequence[str]
    """The URNs of explicit providers whose Agent Ingresses in the stack were left out: their keys may differ."""


class Reader:
    """Reads what ngrok, the stack and DNS have. It changes nothing."""

    def __init__(
        self, account: Account, server: Server | None = None, provider: str | None = None, resources: Resources = ()
    ) -> None:
        """Parses the state.

        Args:
            account: The account at ngrok.
            server: The DNS server to query; None for public DNS.
            provider: The URN of the explicit provider with the key of the account; None for the default one.
            resources: All resources of the stack; none if the key comes from no stack.
        """
        self._account = account
        self._client = account.require_client()
        self._server = server
        ingresses = ingresses_in_state(resources, account, provider)
        self._in_stack = managed(ingresses)
        self._records = RecordsInState(resources, ingresses).all()
        # An account can have thousands of each.
        self._in_stack_by_domain = _by_domain(self._in_stack)
        self._records_by_domain = _by_domain(self._records)

    def read_domain(self, domain: str) -> DomainFacts:
        """Reads one domain, in canonical form. Raises NgrokError if ngrok can't be queried."""
        ingress = self._client.find(domain, request_budget(self._client))
        [facts] = self._facts({domain: ingress}, {domain: self.read_delegation(domain)})
        return facts

    def read_delegation(self, domain: str) -> DnsResult:
        """Reads only the NS records of one domain."""
        return find_delegation(domain, LOOKUP_SECONDS, self._server)

    def read_account(self, filter: str | None) -> AccountFacts:  # noqa: A002
        """Reads all domains of the account, or those that match a filter in ngrok's CEL.

        Without a filter, also those that the account lacks, but the stack has. Raises NgrokError if ngrok can't be
        queried, and UsageError if it rejects the filter, or if there is no domain.
        """
        try:
            listing = self._client.list_readable(filter, request_budget(self._client))
        except ApiError as error:
            if filter is not None and error.status == 400:
                raise UsageError(str(error)) from None
            raise
        ingresses: dict[str, IngressModel | None] = {}
        other_providers: list[str] = []
        if filter is None:
            ingresses = dict.fromkeys(self._domains_that_may_be_gone(listing))
            other_providers = self._other_providers()
        ingresses |= {ingress.domain: ingress for ingress in listing.ingresses}
        skipped = [str(error) for error in listing.unreadable]
        if not ingresses and not skipped:
            raise self._nothing_found(filter, other_providers)
        delegations = find_delegations(list(ingresses), self._client.budget(ACCOUNT_SECONDS), self._server)
        return AccountFacts(self._facts(ingresses, delegations), skipped, other_providers)

    def _domains_that_may_be_gone(self, listing: Listing) -> list[str]:
        """Returns the domains that the stack should have in this account, whether or not the list has them.

        Without those that the list may have in a form that can't be read: ngrok may still have them.
        """
        ids = [(each.domain, each.id) for each in self._in_stack if each.may_be_in_account]
        # Their ingress may not be in the stack, so only the domain can show that it is one of the unreadable.
        ids += [(each.domain, "") for each in self._records if each.outlive_ingress]
        # An unreadable ingress without an ID may be any of them.
        return [
            domain
            for domain, id_ in ids
            if not any(unreadable.id in ("", id_) or unreadable.domain == domain for unreadable in listing.unreadable)
        ]

    def _other_providers(self) -> list[str]:
        """Returns the explicit providers of the ingresses in the stack that may be in other accounts."""
        return sorted({each.provider for each in self._in_stack if each.provider and not each.may_be_in_account})

    def _nothing_found(self, filter: str | None, other_providers: Sequence[str]) -> UsageError:  # noqa: A002
        matching = "" if filter is None else f" that matches the filter: {self._client.sanitize(filter)}"
        others = f"; those of the stack have other providers, so use --provider: {listed(other_providers)}"
        account = self._account.settings.account_description
        return UsageError(f"{account} has no Agent Ingress{matching}{others if other_providers else ''}")

    def _facts(
        self, ingresses: Mapping[str, IngressModel | None], delegations: Mapping[str, DnsResult]
    ) -> list[DomainFacts]:
        """Returns the facts of each domain, with what the stack has of it, and with its CAA records."""
        caa = self._find_caa(ingresses, delegations)
        return [
            DomainFacts(
                domain,
                ingress,
                self._find_in_stack(domain, ingress),
                self._records_by_domain.get(domain, []),
                delegations[domain],
                caa.get(domain),
            )
            for domain, ingress in ingresses.items()
        ]

    def _find_in_stack(self, domain: str, ingress: IngressModel | None) -> StackIngress | None:
        same_domain = self._in_stack_by_domain.get(domain, [])
        same_id = [each for each in same_domain if ingress is not None and each.id == ingress.id]
        return next(iter([*same_id, *same_domain]), None)

    def _find_caa(
        self, ingresses: Mapping[str, IngressModel | None], delegations: Mapping[str, DnsResult]
    ) -> dict[str, CaaSet | None]:
        """Finds the CAA records that count for each certificate of Let's Encrypt, by domain.

        A result is None if the server does not show them; without any, it is a CaaSet without records.

        It finds none for a domain whose NS records could not be read, because the same DNS would not respond.
        """
        names: dict[str, str] = {}
        for domain, ingress in ingresses.items():
            delegation = delegations[domain]
            if ingress is not None and _needs_caa(ingress) and not delegation.problem:
                # Until the delegation is correct, CAA records at the domain itself are those of the parent zone, which
                # do not count once ngrok's name servers have the domain.
                names[domain] = parent_of(domain) if delegation.differences(ingress.ns_targets) else domain
        caa = find_caa(names.values(), self._client.budget(ACCOUNT_SECONDS), self._server)
        return {domain: caa[name] for domain, name in names.items()}


def _by_domain(found: Sequence[InState]) -> dict[str, list[InState]]:
    grouped: dict[str, list[InState]] = {}
    for each in found:
        grouped.setdefault(each.domain, []).append(each)
    return grouped


def _needs_caa(ingress: IngressModel) -> bool:
    """Returns whether CAA records matter for the certificate. ngrok's internal CA does not heed them."""
    policy = ingress.certificate_management_policy
    return policy is not None and policy.authority == "letsencrypt"
