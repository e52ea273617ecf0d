"""The NS records in the state of a stack that delegate a domain to ngrok, as `pulumi-agin doctor` judges them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_agin.base.names import canonical_domain, canonical_ns_targets
from pulumi_agin.dns.state_records import ns_record, values_property
from pulumi_agin.lifecycle import urns
from pulumi_agin.native.names import in_snake_case

from .doctor_stack import StackIngress
from .stack import Resources

_RFC2136_TYPES = (urns.RFC2136_DELEGATION, urns.NATIVE_RFC2136_DELEGATION)


@dataclass(frozen=True)
class StackRecords:
    """A resource in the state of the stack with NS records that delegate a domain to ngrok."""

    urn: str
    """The URN of its AgentIngressDelegation, otherwise its own."""
    domain: str
    ns_targets: Sequence[str]
    lost_ingress: str
    """What became of its Agent Ingress, if ngrok has none with the domain: a clause; "" if that is not certain."""
    reads_ingress: bool
    """Whether the stack only reads that Agent Ingress, so that `pulumi up` fails if ngrok no longer has it."""
    stays_with: str
    """The URN in its option `deleted_with`, if Pulumi would leave the records when it deletes that; otherwise ""."""


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
        self._containers = {
            each["urn"] for urn in self._ingresses_by_urn if urn in self._by_urn for each in self._with_parents(urn)
        }
        self._may_use_other_accounts = any(map(urns.is_explicit_provider, resources))

    def all(self) -> list[StackRecords]:
        """Returns the records, without those that the next `pulumi up` deletes, and without other DNS records."""
        managed = [each for each in self._by_urn.values() if each.get("custom") and not each.get("external")]
        return [found for found in map(self._parse, managed) if found is not None]

    def _parse(self, resource: Mapping[str, Any]) -> StackRecords | None:
        urn, type_, outputs = resource["urn"], resource["type"], resource.get("outputs") or {}
        parents = self._with_parents(urn)
        component = next((each for each in parents if each["type"] == urns.DELEGATION), None)
        dependencies = resource.get("dependencies") or ()
        ingresses = [ingress for each in dependencies for ingress in self._ingresses_by_urn.get(each, ())]
        if type_ in _RFC2136_TYPES:
            record = _delegated(outputs)
        elif component is not None:
            # Only the component shows the domain of a package without an adapter.
            record = ns_record(type_, outputs) or _delegated(component.get("outputs") or {})
        else:
            record = ns_record(type_, outputs) if self._has_values_of_ingress(resource) else None
        if record is None:
            return None
        domain, ns_targets = record
        lost = self._lost_ingress(domain, ns_targets, ingresses, component)
        reads_ingress = any(each.is_external for each in self._ingresses_by_domain.get(domain, ()))
        deleted_with = resource.get("deletedWith") or ""
        is_component_of_it = any(each["urn"] == deleted_with and not each.get("custom") for each in parents)
        stays_with = deleted_with if deleted_with in self._containers or is_component_of_it else ""
        return StackRecords((component or resource)["urn"], domain, ns_targets, lost, reads_ingress, stays_with)

    def _with_parents(self, urn: str) -> list[dict[str, Any]]:
        """Returns a resource and its parents."""
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

    def _lost_ingress(
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
            is_gone = all(each.is_external and each.was_read_with_this_key for each in same)
            return f"ngrok no longer has {same[0].id}, which this stack only reads" if is_gone else ""
        if ingresses:
            is_moved = all(
                each.domain and each.was_read_with_this_key and not set(ns_targets) <= set(each.ns_targets)
                for each in ingresses
            )
            return f"its Agent Ingress now has the domain {ingresses[0].domain}" if is_moved else ""
        # Nothing shows which provider it had. With unreadable ingresses, it may be one of them.
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
