"""The resources of the plugin: their tokens, their lifecycles and their declarations."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from pulumi_agin.lifecycle import urns

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pulumi_agin.lifecycle.operation import Lifecycle
    from pulumi_agin.lifecycle.schema import Declaration, FieldDoc
    from pulumi_agin.lifecycle.session import Session
    from pulumi_agin.settings import Settings


@dataclass(frozen=True)
class Resource:
    """A resource of the plugin. Its declarations load pydantic, so each is loaded only when it is needed."""

    token: str
    """The type of the resource, as the engine has it."""
    dynamic_token: str
    """The type of the same resource in the state of a Python program."""
    make_lifecycle: Callable[[Settings, Session], Lifecycle]
    load_inputs: Callable[[], type[Declaration]]
    load_outputs: Callable[[], type[BaseModel]]

    @cached_property
    def outputs(self) -> list[FieldDoc]:
        """The outputs. The engine has the id of a resource apart, so it is not one of them."""
        from pulumi_agin.lifecycle.schema import rows_of

        rows = rows_of(self.load_outputs())
        return [row for row in rows if row.name != "id" and not row.name.startswith("_")]

    @cached_property
    def secrets(self) -> tuple[str, ...]:
        """The names of the inputs and outputs that are secret whatever the program says."""
        from pulumi_agin.lifecycle.schema import secret_fields

        return secret_fields(self.load_inputs())


def _make_agent_ingress(settings: Settings, session: Session) -> Lifecycle:
    from pulumi_agin.lifecycle.agent_ingress import AgentIngressLifecycle

    return AgentIngressLifecycle(settings, session)


def _load_agent_ingress_inputs() -> type[Declaration]:
    from pulumi_agin.lifecycle.inputs import AgentIngressInputs

    return AgentIngressInputs


def _load_agent_ingress_outputs() -> type[BaseModel]:
    from pulumi_agin.api.models import AgentIngress

    return AgentIngress


def _make_certificate_validation(settings: Settings, session: Session) -> Lifecycle:
    from pulumi_agin.lifecycle.certificate import CertificateValidationLifecycle

    return CertificateValidationLifecycle(settings, session)


def _load_certificate_validation_inputs() -> type[Declaration]:
    from pulumi_agin.lifecycle.certificate_inputs import CertificateValidationInputs

    return CertificateValidationInputs


def _load_certificate_validation_outputs() -> type[BaseModel]:
    from pulumi_agin.lifecycle.certificate_inputs import CertificateValidationOutputs

    return CertificateValidationOutputs


def _make_ns_records(settings: Settings, session: Session) -> Lifecycle:
    from pulumi_agin.lifecycle.ns_records import NsRecordsLifecycle

    return NsRecordsLifecycle(session)


def _load_ns_records_inputs() -> type[Declaration]:
    from pulumi_agin.lifecycle.ns_records_inputs import NsRecordsInputs

    return NsRecordsInputs


def _load_ns_records_outputs() -> type[BaseModel]:
    from pulumi_agin.lifecycle.ns_records_inputs import KeptNsRecords

    return KeptNsRecords


RESOURCES = [
    Resource(
        urns.NATIVE_AGENT_INGRESS,
        urns.AGENT_INGRESS,
        _make_agent_ingress,
        _load_agent_ingress_inputs,
        _load_agent_ingress_outputs,
    ),
    Resource(
        urns.NATIVE_CERTIFICATE_VALIDATION,
        urns.CERTIFICATE_VALIDATION,
        _make_certificate_validation,
        _load_certificate_validation_inputs,
        _load_certificate_validation_outputs,
    ),
    Resource(
        urns.NATIVE_RFC2136_DELEGATION,
        urns.RFC2136_DELEGATION,
        _make_ns_records,
        _load_ns_records_inputs,
        _load_ns_records_outputs,
    ),
]
