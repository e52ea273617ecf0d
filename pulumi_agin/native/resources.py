"""Resources of the plugin: tokens, lifecycles and declarations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from pulumi_agin.api.models import IngressModel
from pulumi_agin.lifecycle import inputs, urns
from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle
from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle
from pulumi_agin.lifecycle.claims import Claims
from pulumi_agin.lifecycle.operation import Lifecycle
from pulumi_agin.lifecycle.schema import Declaration, fields_of, secret_fields
from pulumi_agin.lifecycle.services import Account, Services
from pulumi_agin.rfc2136.inputs import KeptNsRecords, NsRecordsInputs
from pulumi_agin.rfc2136.lifecycle import NsRecordsLifecycle


@dataclass(frozen=True)
class Resource:
    token: str
    make_lifecycle: Callable[[Account, Services, Claims], Lifecycle]
    inputs_model: type[Declaration]
    outputs_model: type[BaseModel]

    @cached_property
    def outputs(self) -> dict[str, FieldInfo]:
        """The outputs without the ID, which the engine handles separately."""
        fields = fields_of(self.outputs_model).items()
        return {name: field for name, field in fields if name != "id" and not name.startswith("_")}

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The names of the inputs and outputs that are always secret."""
        return secret_fields(self.inputs_model)


RESOURCES = [
    Resource(urns.NATIVE_AGENT_INGRESS, AgentIngressLifecycle, inputs.AgentIngressInputs, IngressModel),
    Resource(
        urns.NATIVE_CERTIFICATE_VALIDATION,
        CertificateValidationLifecycle,
        inputs.CertificateValidationInputs,
        inputs.CertificateValidationOutputs,
    ),
    Resource(
        urns.NATIVE_RFC2136_DELEGATION,
        lambda _, services, claims: NsRecordsLifecycle(services, claims),
        NsRecordsInputs,
        KeptNsRecords,
    ),
]
