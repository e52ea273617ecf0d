"""Models of ngrok's responses: the fields, their canonical form, and their limits.

Facts come from ngrok's API page "Agent Ingresses" unless a comment says otherwise.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, Field, StringConstraints, model_validator

from .values import PLAIN_ID, canonical_domain, canonical_ns_targets

# The limit for a name, because messages and tables contain names. ngrok puts labels before a domain, and the domain
# alone has up to 253 characters.
LONGEST_NAME = 512


def _printable(value: str) -> str:
    if not value.isprintable() or " " in value:
        raise ValueError("contains whitespace or an unprintable character")
    return value


def _sorted(names: list[str]) -> list[str]:
    # ngrok may list the names in another order each time.
    return sorted(set(names))


_Printable = Annotated[str, StringConstraints(max_length=LONGEST_NAME), AfterValidator(_printable)]
# pydantic 2.1 accepts constraints only before validators.
_Name = Annotated[
    str,
    StringConstraints(pattern="^[^.]", max_length=LONGEST_NAME),
    AfterValidator(_printable),
    AfterValidator(canonical_domain),
]


class ResponseModel(BaseModel):
    """An object in a response. Undeclared keys are ignored, because ngrok may add keys."""

    @model_validator(mode="before")
    @classmethod
    def _drop_empty_values(cls, content: object) -> object:
        """Drops null and "". ngrok omits an empty string, but may also send null or "" for it."""
        if not isinstance(content, dict):
            return content
        return {
            # JSON can contain a lone surrogate, but a state can't.
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
    # The plugin's schema contains this docstring and the descriptions: see `native/catalog.py`.
    """An ngrok Agent Ingress lets ngrok agents connect through your own domain instead of ngrok's domain.

    Changing `domain` replaces it: the new one is created before the old one is deleted. All other changes are made in
    place. To remove a policy, an update sends null: ngrok's API reference allows that, but we have not seen what ngrok
    does with it. If ngrok keeps the policy, the update fails, and the message shows the next step.
    """

    id: str = Field(pattern=f"^{PLAIN_ID.pattern}$", description="the ID, such as `agin_2k5okIo7afS6bKA3xNDLRZ9rjqk`")
    uri: _Printable = Field("", description="the path of the ingress in ngrok's API, relative to the API's URL")
    domain: _Name = Field(description="the domain, in lowercase and without a trailing dot")
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
    # Required: users create NS records from `ns_targets`, and a response without the key must not delete the records.
    ns_targets: Annotated[list[_Name], AfterValidator(canonical_ns_targets)] = Field(
        description="the values for NS records that delegate `domain` to ngrok: lowercase, with a trailing dot, sorted"
    )
    region_domains: Annotated[list[_Name], AfterValidator(_sorted)] = Field(
        [], description="the regional domains below `domain`, sorted. ngrok adds to them when it adds regions"
    )
    created_at: _Printable = Field(description="when the ingress was created (RFC 3339)")

    def outputs(self) -> dict[str, Any]:
        """Returns the outputs for a state: all values except the ID. A value that is None is absent."""
        return self.model_dump(exclude={"id"}, exclude_none=True)


class IngressPageModel(ResponseModel):
    """One page of the list."""

    ingresses: list[IngressModel] = Field(description="the Agent Ingresses on it, newest first")
    next_page_uri: str | None = Field(None, description="the URI of the next page; `null` on the last one")
