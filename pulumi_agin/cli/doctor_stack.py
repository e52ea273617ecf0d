"""The Agent Ingresses in the state of a stack, as `pulumi-agin doctor` compares them with ngrok's."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from pulumi_agin.lifecycle import urns
from pulumi_agin.lifecycle.account import Account
from pulumi_agin.lifecycle.outputs import KeptOutputs
from pulumi_agin.native.names import in_snake_case

from .stack import Resources


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
    was_read_with_this_key: bool
    """Whether it was last read with the same API key and base URL. If ngrok lacks it now, it was deleted."""
    is_external: bool
    """Whether the stack only reads it, so that another stack may manage it."""
    is_deleted_next: bool
    """Whether the next `pulumi up` deletes it."""

    @property
    def may_be_in_account(self) -> bool:
        """Whether it may be in the account of the settings. Another provider's key may be of another account."""
        return self.has_this_provider or self.was_read_with_this_key


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
        was_read_with_this_key=kept.fingerprint == account.fingerprint(id_),
        is_external=bool(resource.get("external")),
        is_deleted_next=bool(resource.get("delete")),
    )
