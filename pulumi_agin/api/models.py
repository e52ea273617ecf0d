"""Models of ngrok's responses: an Agent Ingress, in canonical form, and the issuance of its certificate.

Facts come from ngrok's API page "Agent Ingresses" unless a comment says otherwise.
"""

from __future__ import annotations

from enum import Enum
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from pulumi_agin.base.facts import PLAIN_ID
from pulumi_agin.base.names import DOMAIN_MAX_BYTES, canonical_domain, canonical_ns_targets


def _printable(value: str) -> str:
    # Messages and stack outputs contain these strings. The only whitespace that isprintable accepts is the space.
    if not value.isprintable() or " " in value:
        raise ValueError("contains whitespace or an unprintable character")
    return value


def _at_most(characters: int) -> AfterValidator:
    """Returns a validator of the length of a name, because messages and tables contain names."""

    def check(name: str) -> str:
        if len(name) > characters:
            raise ValueError(f"is longer than {characters} characters")
        return name

    return AfterValidator(check)


def _sorted(names: list[str]) -> list[str]:
    # The order in which ngrok lists them may change.
    return sorted(set(names))


_Printable = Annotated[str, AfterValidator(_printable)]
# Names from ngrok are not validated further.
_Name = Annotated[str, StringConstraints(pattern="^[^.]"), AfterValidator(_printable)]
_HostName = Annotated[_Name, AfterValidator(canonical_domain), _at_most(DOMAIN_MAX_BYTES)]
# ngrok puts labels before a domain, and that of a valid, long domain exceeds the limit of DNS.
_RegionDomain = Annotated[_Name, AfterValidator(canonical_domain), _at_most(2 * DOMAIN_MAX_BYTES)]


class PlainModel(BaseModel):
    """Base class of models whose values are needed as plain dicts."""

    def plain(self) -> dict[str, Any]:
        """Returns the values as a dict, including nested models."""
        # Not `model_dump`: in a preview, a placeholder may stand for a nested model, and it would become an empty dict.
        fields = type(self).model_fields
        return {
            fields[name].alias or name: value.plain() if isinstance(value, PlainModel) else value
            for name, value in self
        }


class ResponseModel(PlainModel):
    """An object in a response. Undeclared keys are ignored, because ngrok may add keys."""

    @model_validator(mode="before")
    @classmethod
    def _normalize(cls, content: object) -> object:
        """Drops empty values: ngrok may omit an empty string, or send null or ""."""
        if not isinstance(content, dict):
            return content
        return {
            # JSON can contain a lone surrogate and a state can't, but the response must stay usable.
            key: value.encode("utf-8", "replace").decode() if isinstance(value, str) else value
            for key, value in content.items()
            if value is not None and value != ""
        }


class CertPolicyModel(ResponseModel):
    """The certificate policy of an Agent Ingress."""

    authority: str = Field("", description="the certificate authority, such as `letsencrypt`")
    private_key_type: str | None = Field(
        None, description="the type of its private key, `rsa` or `ecdsa`, even if the program omits it"
    )


class CertJobModel(ResponseModel):
    """The job that provisions or renews a certificate."""

    error_code: str | None = Field(
        None,
        description="`INTERNAL_ERROR` is temporary; you must fix `DNS_ERROR` in your DNS. `null` if there is no error",
    )
    msg: str | None = Field(None, description="the status or the error, as ngrok reports it")
    started_at: str | None = Field(None, description="when the job started (RFC 3339)")
    retries_at: str | None = Field(
        None, description="when ngrok retries (RFC 3339). After a failure, this can be a day later"
    )


class CertStatusModel(ResponseModel):
    """The state of the certificate."""

    renews_at: str | None = Field(
        None, description="when ngrok requests the next renewal (RFC 3339). `null` until the certificate is issued"
    )
    provisioning_job: CertJobModel | None = Field(
        None, description="the job that provisions or renews the certificate, or `null`"
    )


class IngressModel(ResponseModel):
    """An Agent Ingress at ngrok, in canonical form."""

    # Paths and suggested commands contain it.
    id: str = Field(pattern=PLAIN_ID.pattern, description="the ID, such as `agin_2k5okIo7afS6bKA3xNDLRZ9rjqk`")
    uri: _Printable = Field("", description="the path of the ingress in ngrok's API, relative to the API's URL")
    domain: _HostName = Field(description="the domain, in lowercase and without a trailing dot")
    description: str = Field("", description='the human-readable description; `""` if there is none')
    metadata: str = Field("", description='the machine-readable metadata; `""` if there is none')
    certificate_management_policy: CertPolicyModel | None = Field(
        None,
        description="the certificate policy: `authority` and `private_key_type`. `null` if ngrok's internal CA signs "
        "the certificate",
    )
    certificate_management_status: CertStatusModel | None = Field(
        None,
        description="the state of the certificate: `renews_at` once it is issued, `provisioning_job` while a job is "
        "running. `null` without a policy, and until the first job exists",
    )
    # Required, because a response without them must not delete the DNS records that users create from them.
    ns_targets: Annotated[list[_HostName], AfterValidator(canonical_ns_targets)] = Field(
        description="the values for NS records that delegate `domain` to ngrok: lowercase, with a trailing dot, sorted"
    )
    region_domains: Annotated[list[_RegionDomain], AfterValidator(_sorted)] = Field(
        [], description="the regional domains below `domain`, sorted. ngrok adds to them when it adds regions"
    )
    created_at: _Printable = Field(description="when the ingress was created (RFC 3339)")

    @property
    def managed_status(self) -> CertStatusModel | None:
        """The state of the certificate. None without a policy: then a status is left from a policy that was removed."""
        return self.certificate_management_status if self.certificate_management_policy else None


class IngressPageModel(ResponseModel):
    """One page of the list."""

    # Each is validated separately, because an invalid one must not spoil the list.
    ingresses: list[Any] = Field(description="the Agent Ingresses on it, newest first")
    next_page_uri: str | None = Field(None, description="the URI of the next page; `null` on the last one")


# -- the issuance of a certificate ----------------------------------------------------------------------


class Issuance(Enum):
    """The issuance of a certificate by ngrok's policy and status. Each value is a description for messages."""

    NOT_MANAGED = "ready, because ngrok's internal CA signs it (there is no certificate policy)"
    PENDING = "not being issued yet"
    IN_PROGRESS = "being issued"
    INTERNAL_ERROR = "delayed by a temporary error at ngrok"
    DNS_ERROR = "blocked by a DNS error"
    OTHER_ERROR = "blocked by an error that ngrok does not document"
    UNKNOWN = "neither issued nor being issued"
    ISSUED = "issued"
    RENEWING = "issued, and being renewed"

    @property
    def is_ready(self) -> bool:
        """Whether agents can use it. If not, it may become ready later; a DNS_ERROR is for the user to fix."""
        return self in (Issuance.NOT_MANAGED, Issuance.ISSUED, Issuance.RENEWING)

    @classmethod
    def of(cls, ingress: IngressModel) -> Issuance:
        """Returns the issuance of an ingress. The rules come from reserved domains, which have the same fields."""
        if ingress.certificate_management_policy is None:
            return cls.NOT_MANAGED
        status = ingress.managed_status
        if status is None:
            return cls.PENDING
        job = status.provisioning_job
        if status.renews_at:
            # A failed renewal leaves the existing certificate valid for 30 more days.
            return cls.RENEWING if job else cls.ISSUED
        if job is None:
            return cls.UNKNOWN
        if not job.error_code:
            return cls.IN_PROGRESS
        documented = {"INTERNAL_ERROR": cls.INTERNAL_ERROR, "DNS_ERROR": cls.DNS_ERROR}
        return documented.get(job.error_code, cls.OTHER_ERROR)


def describe_certificate(ingress: IngressModel) -> str:
    """Returns a description of the certificate, with the error code and ngrok's message about the job.

    The caller must sanitize it, because it contains ngrok's message unchanged.
    """
    description = Issuance.of(ingress).value
    job = ingress.managed_status.provisioning_job if ingress.managed_status else None
    if job and job.error_code:
        description += f" ({job.error_code})"
    if job and job.msg:
        description += f': ngrok reports "{job.msg}"'
    return description
