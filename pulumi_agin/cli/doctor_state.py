"""The state of a stack as `pulumi-agin doctor` compares it: its Agent Ingresses, and their NS records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_agin.base.names import canonical_domain, canonical_ns_targets
from pulumi_agin.dns.state_records import ns_record, values_property
from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.outputs import KeptOutputs
from pulumi_agin.lifecycle.services import Account
from pulumi_agin.native.names import in_snake_case

from .stack import Resources

_RFC2136_TYPES = (urns.RFC2136_DELEGATION, urns.NATIVE_RFC2136_DELEGATION)


@dataclass(frozen=True)
class StackIngress:
    """An Agent Ingress in the state of the stack."""

    id: str
    urn: str
    domain: str
    ns_targets: Sequence[str]
    provider: str | None
    """The URN of its explicit provider; None for the default provider."""
    has_this_provider: bool
    """Whether its provider is the one of the settings, so that it uses their API key."""
    base_url: str
    """The base URL at which it was last read; "" if the state does not show it."""
    was_read_with_these_settings: bool
    """Whether it was last read with the settings' API key and base URL. If ngrok lacks it now, it was deleted."""
    is_external: bool
    """Whether the stack only reads it, so that another stack may manage it."""
    is_deleted_next: bool
    """Whether the next `pulumi up` deletes it."""

    @property
    def may_be_in_account(self) -> bool:
        """Whether it may be in the account of the settings. Another provider's key may be of another account."""
        return self.has_this_provider or self.was_read_with_these_settings


def ingresses_in_state(resources: Resources, account: Account, provider: str | None) -> list[StackIngress]:
    """Returns all ingresses in the state of a stack. `provider` is the explicit provider of the settings."""
    ingresses = [each for each in resources if each["type"] in urns.AGENT_INGRESS_TYPES]
    explicit_providers = {each["urn"] for each in resources if urns.is_explicit_provider(each)}
    return [_parse(each, account, provider, explicit_providers) for each in ingresses]


def managed(ingresses: Sequence[StackIngress]) -> list[StackIngress]:
    """Returns the ingresses that a stack manages, without those that the next `pulumi up` deletes."""
    return [each for each in ingresses if each.domain and not each.is_external and not each.is_deleted_next]


def _parse(
    resource: dict[str, Any], account: Account, provider_of_settings: str | None, explicit_providers: Collection[str]
) -> StackIngress:
    outputs = in_snake_case(resource.get("outputs") or {})
    kept, id_ = KeptOutputs.of(outputs), resource.get("id", "")
    # The reference to a provider ends with its ID.
    urn_of_provider = resource.get("provider", "").rpartition("::")[0]
    provider = urn_of_provider if urn_of_provider in explicit_providers else None
    return StackIngress(
        id=id_,
        urn=resource["urn"],
        # A domain that is a secret is not a string here, and so counts as absent.
        domain=kept.domain,
        ns_targets=outputs.get("ns_targets") or (),
        provider=provider,
        has_this_provider=provider == provider_of_settings,
        base_url=kept.base_url,
        was_read_with_these_settings=kept.fingerprint == account.fingerprint(id_),
        is_external=bool(resource.get("external")),
        is_deleted_next=bool(resource.get("delete")),
    )


@dataclass(frozen=True)
class StackRecords:
    """A resource in the state of the stack with NS records that delegate a domain to ngrok."""

    urn: str
    """The URN of its AgentIngressDelegation, otherwise its own."""
    domain: str
    ns_targets: Sequence[str]
    fate_of_ingress: str
    """What became of its Agent Ingress, as a clause, if ngrok has none with the domain; "" if it may still exist."""
    reads_ingress: bool
    """Whether the stack only reads that Agent Ingress, so that `pulumi up` fails if ngrok no longer has it."""
    stays_with: str
    """The URN in its option `deleted_with`, if Pulumi would leave the records when it deletes that; otherwise ""."""

    @property
    def outlive_ingress(self) -> bool:
        """Whether their Agent Ingress is certainly gone, if ngrok has none with the domain."""
        return self.fate_of_ingress != ""


class RecordsInState:
    """The NS records in the state of a stack, and the other resources by which they are judged."""

    def __init__(self, resources: Resources, ingresses: Sequence[StackIngress]) -> None:
        """`ingresses` are all of the state, also those that the stack only reads, or that it will delete."""
        # A resource that will be deleted may have the URN of its replacement.
        self._by_urn = {each["urn"]: each for each in resources if not each.get("delete")}
        self._ingresses_by_urn: dict[str, list[StackIngress]] = defaultdict(list)
        self._ingresses_by_domain: dict[str, list[StackIngress]] = defaultdict(list)
        for ingress in ingresses:
            self._ingresses_by_urn[ingress.urn].append(ingress)
            self._ingresses_by_domain[ingress.domain].append(ingress)
        self._ingresses_and_parents = {
            each["urn"] for urn in self._ingresses_by_urn if urn in self._by_urn for each in self._with_parents(urn)
        }
        self._may_use_other_accounts = any(map(urns.is_explicit_provider, resources))

    def all(self) -> list[StackRecords]:
        """Returns the records, without those that the next `pulumi up` deletes, and without other DNS records."""
        own = [each for each in self._by_urn.values() if each.get("custom") and not each.get("external")]
        return [found for found in map(self._parse, own) if found is not None]

    def _parse(self, resource: Mapping[str, Any]) -> StackRecords | None:
        """Returns the records of a resource; None if it has none that delegate a domain to ngrok."""
        parents = self._with_parents(resource["urn"])
        component = next((each for each in parents if each["type"] == urns.DELEGATION), None)
        record = self._domain_and_values(resource, component)
        if record is None:
            return None
        domain, ns_targets = record
        dependencies = resource.get("dependencies") or ()
        ingresses = [ingress for each in dependencies for ingress in self._ingresses_by_urn.get(each, ())]
        return StackRecords(
            urn=(component or resource)["urn"],
            domain=domain,
            ns_targets=ns_targets,
            fate_of_ingress=self._fate_of_ingress(domain, ns_targets, ingresses, component),
            reads_ingress=any(each.is_external for each in self._ingresses_by_domain.get(domain, ())),
            stays_with=self._stays_with(resource, parents),
        )

    def _domain_and_values(
        self, resource: Mapping[str, Any], component: Mapping[str, Any] | None
    ) -> tuple[str, list[str]] | None:
        """Returns the domain that a resource delegates, and the name servers. `component` is its delegation, if any."""
        type_, outputs = resource["type"], resource.get("outputs") or {}
        if type_ in _RFC2136_TYPES:
            return _delegated(outputs)
        if component is not None:
            # Only the component shows the domain of a package without an adapter.
            return ns_record(type_, outputs) or _delegated(component.get("outputs") or {})
        # The user's own record, which may have nothing to do with ngrok.
        return ns_record(type_, outputs) if self._has_values_of_ingress(resource) else None

    def _stays_with(self, resource: Mapping[str, Any], parents: Sequence[Mapping[str, Any]]) -> str:
        """Returns the URN in the option `deleted_with`, if its resource goes when the user deletes the delegation.

        That is the ingress, or a component around the ingress or the records. Pulumi then does not delete the records,
        because it takes them to be gone with that resource. A DNS zone really takes them along.
        """
        deleted_with: str = resource.get("deletedWith") or ""
        is_component_of_it = any(each["urn"] == deleted_with and not each.get("custom") for each in parents)
        return deleted_with if deleted_with in self._ingresses_and_parents or is_component_of_it else ""

    def _with_parents(self, urn: str) -> list[dict[str, Any]]:
        """Returns a resource and its parents, the innermost first."""
        found: list[dict[str, Any]] = []
        while (resource := self._by_urn.get(urn)) is not None:
            found.append(resource)
            urn = resource.get("parent", "")
        return found

    def _has_values_of_ingress(self, resource: Mapping[str, Any]) -> bool:
        """Returns whether the user's own NS record has values from an Agent Ingress, and not only waits for one."""
        property_ = values_property(resource["type"])
        sources = (resource.get("propertyDependencies") or {}).get(property_) or ()
        return any(each in self._ingresses_by_urn for each in sources)

    def _fate_of_ingress(
        self,
        domain: str,
        ns_targets: Sequence[str],
        ingresses: Sequence[StackIngress],
        component: Mapping[str, Any] | None,
    ) -> str:
        """Returns what became of the Agent Ingress of records. `ingresses` are those on which they depend.

        Nothing is certain unless its account is that of the API key, which has none with the domain.
        """
        if same := self._ingresses_by_domain.get(domain):
            # If the stack manages one of them, the check of the ingress itself decides.
            is_gone = all(each.is_external and each.was_read_with_these_settings for each in same)
            return f"ngrok no longer has {same[0].id}, which this stack only reads" if is_gone else ""
        if ingresses:
            # Unless the user gave the values to two domains on purpose.
            is_moved = all(
                each.domain and each.was_read_with_these_settings and not set(ns_targets) <= set(each.ns_targets)
                for each in ingresses
            )
            return f"its Agent Ingress now has the domain {ingresses[0].domain}" if is_moved else ""
        # Nothing shows which provider it had. It may also be one of the stack whose domain can't be read.
        if self._may_use_other_accounts or "" in self._ingresses_by_domain:
            return ""
        # Without a component, the values may come from elsewhere.
        return "" if component is None else "the stack no longer has its Agent Ingress"


def _delegated(outputs: Mapping[str, Any]) -> tuple[str, list[str]] | None:
    """Returns the domain and the values that a delegation shows, in either front end's state; None without them."""
    plain = in_snake_case(outputs)
    domain, ns_targets = plain.get("domain"), plain.get("ns_targets")
    if not domain or not isinstance(domain, str) or not isinstance(ns_targets, list):
        return None
    return canonical_domain(domain), canonical_ns_targets(each for each in ns_targets if isinstance(each, str))
