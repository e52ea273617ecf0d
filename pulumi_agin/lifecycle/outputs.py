"""The outputs and inputs of an Agent Ingress in the state. A Python program loads this module at its start."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from pulumi_agin.base.facts import POLICY, PUBLIC_API, matches_policy
from pulumi_agin.base.names import DOMAIN_MAX_BYTES, canonical_domain
from pulumi_agin.base.redaction import Secret, one_line

if TYPE_CHECKING:
    from pulumi_agin.api.models import IngressModel

# A hidden output, by which a later call recognizes the key and the base URL of the last read; see `fingerprint`.
# Users' states contain it, so its name never changes.
FINGERPRINT = "_key_fingerprint"

STRINGS = ("description", "metadata")
STATUS = "certificate_management_status"


class KeptOutputs(NamedTuple):
    """The outputs in the state in canonical form, without invalid ones: the state may have been edited by hand.

    They are those of an Agent Ingress, or of its certificate validation.
    """

    values: Mapping[str, Any]
    is_comparable: bool
    """Whether the domain and the policy are valid, so that a diff can compare them."""

    @classmethod
    def of(cls, outputs: Mapping[str, Any]) -> KeptOutputs:
        """Validates outputs. Strings that an update corrects may have any type, and a value may be empty."""
        kinds = {"domain": str, POLICY: Mapping, FINGERPRINT: str}
        wrong = {name for name, kind in kinds.items() if outputs.get(name) and not isinstance(outputs[name], kind)}
        values = {name: value for name, value in outputs.items() if name not in wrong and value is not None}
        # Messages contain it. An empty value may be of any type.
        domain = one_line(canonical_domain(values.pop("domain", None) or ""), DOMAIN_MAX_BYTES)
        if domain:
            values["domain"] = domain
        return cls(values, bool(domain) and POLICY not in wrong)

    @property
    def domain(self) -> str:
        """The domain; "" without one."""
        domain: str = self.values.get("domain", "")
        return domain

    @property
    def policy(self) -> Mapping[str, Any]:
        """The certificate policy; empty without one."""
        policy: Mapping[str, Any] = self.values.get(POLICY) or {}
        return policy

    @property
    def fingerprint(self) -> str:
        """The key and the base URL with which the ingress was last read; "" without one."""
        fingerprint: str = self.values.get(FINGERPRINT) or ""
        return fingerprint

    @property
    def base_url(self) -> str:
        """The base URL at which the ingress was last read; "" without a fingerprint."""
        if not self.fingerprint:
            return ""
        return self.fingerprint.partition(" ")[2] or PUBLIC_API


def outputs_of(ingress: IngressModel) -> dict[str, Any]:
    """Returns the outputs of an Agent Ingress: all of its values except the ID.

    If ngrok has no string, it is "", because an absent output would be unknown in every preview. If ngrok has no policy
    or status, these are absent.
    """
    return ingress.model_dump(exclude={"id"}, exclude_none=True)


def inputs_of(ingress: IngressModel, *, shown_by: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the inputs with which a create would make this Agent Ingress.

    With them in the state, the next preview compares the program with the ingress, and shows only real differences.
    An optional input that the program does not set would be one. The values in `shown_by`, inputs or outputs in the
    state, show which inputs it sets. Without any, as for an import, the inputs have all values of the ingress but "".
    """
    inputs = {name: value for name, value in outputs_of(ingress).items() if name in ("domain", *STRINGS, POLICY)}
    for field in STRINGS:
        if not inputs[field] and field not in shown_by:
            del inputs[field]
    policy = shown_by.get(POLICY)
    if policy and isinstance(policy, Mapping) and "private_key_type" not in policy:
        # It is ngrok's value, which would show as a change if it were an input.
        inputs.get(POLICY, {}).pop("private_key_type", None)
    return inputs


def outputs_after(
    existing: Mapping[str, Any], inputs: Mapping[str, Any], is_unknown: Callable[[object], bool]
) -> dict[str, Any]:
    """Returns the outputs that an update in place will leave, or a create if nothing is `existing`, in a preview.

    For the lifecycle and, with typed values, for the resource in a Python program. An input that is absent, None or ""
    is the same. An output that is absent is known only after the update.
    """
    after = {name: value for name, value in existing.items() if name not in ("domain", *STRINGS, POLICY, STATUS)}
    after |= {name: inputs.get(name) or "" for name in ("domain", *STRINGS) if not is_unknown(inputs.get(name))}
    policy = inputs.get(POLICY)
    if not isinstance(policy, Mapping | None) or any(map(is_unknown, (policy or {}).values())):
        return after
    if matches_policy(existing.get(POLICY), policy):
        # With the key type that ngrok returned.
        after |= {name: existing.get(name) for name in (POLICY, STATUS)}
    elif policy and policy.get("private_key_type"):
        after[POLICY] = policy
    # The service decides an omitted key type, and whether null removes a policy, so their results are unknown.
    return after


def fingerprint(api_key: Secret, base_url: str, id_: str) -> str:
    """Returns a mark of the key, and the base URL in canonical form unless it is that of ngrok's public API.

    The mark is 4 bytes of an HMAC, which only show whether two reads of one ingress used the same key. States hold
    this string, so its form never changes.
    """
    mark = hmac.new(api_key.get_secret_value().encode(), id_.encode(), "sha256").hexdigest()[:8]
    return mark if base_url == PUBLIC_API else f"{mark} {base_url}"
