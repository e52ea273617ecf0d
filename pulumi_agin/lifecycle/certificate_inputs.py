"""The inputs and outputs of an AgentIngressCertificateValidation."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, Field, PlainValidator, ValidationInfo

from pulumi_agin.api.constants import (
    DEFAULT_GRACE_SECONDS,
    DEFAULT_TIMEOUT_SECONDS,
    ID_LOOKS_LIKE,
    PLAIN_ID,
)

from .schema import NO_CHANGE, REPLACES, Declaration, Rule, Seconds, is_secret


class AgentIngressId(Rule):
    """The id of an Agent Ingress. No message repeats the value, because it may be an API key."""

    missing = f": the id of an Agent Ingress; {ID_LOOKS_LIKE}"

    def __call__(self, value: object, info: ValidationInfo) -> str:
        if not value:
            raise ValueError(f"is required{self.missing}")
        if not isinstance(value, str) or not PLAIN_ID.fullmatch(value):
            raise ValueError(f"is not the id of an Agent Ingress; {ID_LOOKS_LIKE}")
        if is_secret(value, info):
            raise ValueError(f"is the API key, or a part of it; {ID_LOOKS_LIKE}")
        return value


class CertificateValidationInputs(Declaration):
    """The inputs of an AgentIngressCertificateValidation."""

    agent_ingress_id: Annotated[str, PlainValidator(AgentIngressId()), REPLACES] = Field(
        description="the id of the ingress. Its NS records should exist before the wait begins"
    )
    timeout_seconds: Annotated[float, PlainValidator(Seconds(DEFAULT_TIMEOUT_SECONDS)), NO_CHANGE] = Field(
        DEFAULT_TIMEOUT_SECONDS, description="how long to wait in all. The timeouts of the resource can make it less"
    )
    dns_error_grace_seconds: Annotated[
        float, PlainValidator(Seconds(DEFAULT_GRACE_SECONDS, may_be_zero=True)), NO_CHANGE
    ] = Field(
        DEFAULT_GRACE_SECONDS,
        description="how long ngrok may report a DNS error before the wait fails. New records take time to spread",
    )


class CertificateValidationOutputs(BaseModel):
    """The outputs of an AgentIngressCertificateValidation."""

    renews_at: str | None = Field(
        description="when ngrok requests the next renewal, RFC 3339, as of the last wait or refresh. `null` without a "
        "policy"
    )
    agent_ingress_id: str = Field(description="the id of the ingress, known once the certificate is issued")
    domain: str = Field(description="the domain of the certificate, in lower case and without a trailing dot")
