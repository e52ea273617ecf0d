"""Models of ngrok's responses: an Agent Ingress, in canonical form, and the state of its certificate.

Facts come from ngrok's API page "Agent Ingresses" unless a comment says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, TypeVar, cast

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, PlainValidator, ValidationError

from .canonical import canonical_domain, canonical_ns_targets, canonical_region_domains
from .constants import PLAIN_ID


class ResponseError(ValueError):
    """A response is not as ngrok documents it. The message names the key, and what is wrong with it."""


# -- rules ------------------------------------------------------------------------------------------------
# ngrok may leave out the key of an empty string, send null, or send "". All three mean the same.


def _string(value: object) -> str | None:
    if not isinstance(value, str | None):
        raise ValueError("not a string")
    # JSON can contain half a surrogate pair and a state can't, but that must not make the whole response useless.
    return value if value is None else value.encode("utf-8", "replace").decode()


def _word(value: object) -> str:
    word = _string(value)
    if not word:
        raise ValueError("missing")
    # Messages and the outputs of stacks contain it. The only white space that isprintable accepts is the plain blank.
    if not word.isprintable() or " " in word:
        raise ValueError("not as it should be")
    return word


def _id(value: object) -> str:
    # Paths, and commands that messages show, contain it.
    if not PLAIN_ID.fullmatch(_word(value)):
        raise ValueError("not as it should be")
    return _word(value)


def _host_name(value: object) -> str:
    # This does not validate ngrok's own names.
    if _word(value).startswith("."):
        raise ValueError("not as it should be")
    return _word(value)


def _host_names(value: object) -> list[str]:
    if not isinstance(value or [], list):
        raise ValueError("not a list")
    return [_host_name(each) for each in cast("list[object]", value or [])]


# -- responses --------------------------------------------------------------------------------------------

ModelT = TypeVar("ModelT", bound="ResponseModel")

_Text = Annotated[str, PlainValidator(lambda value: _string(value) or "")]
_OptionalText = Annotated[str | None, PlainValidator(_string)]


class FrozenModel(BaseModel):
    """Values that belong together. They cannot be changed."""

    model_config = ConfigDict(frozen=True)

    def plain(self) -> dict[str, Any]:
        """Returns the values as a plain dict, nested ones too."""
        fields = type(self).model_fields
        return {
            fields[name].alias or name: value.plain() if isinstance(value, FrozenModel) else value
            for name, value in self
        }


class ResponseModel(FrozenModel):
    """An object in a response. Keys that are not declared are ignored, because new features of ngrok bring new keys."""

    @classmethod
    def from_response(cls: type[ModelT], content: object) -> ModelT:
        """Reads the object from the JSON of a response, or raises ResponseError."""
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise ResponseError(_in_words(error.errors(include_url=False)[0])) from None


def _in_words(detail: Mapping[str, Any]) -> str:
    messages = {"missing": "missing", "model_type": "not an object", "list_type": "not a list"}
    # The message of a rule, or pydantic's own, which does not repeat the value.
    message = messages.get(detail["type"]) or str(detail.get("ctx", {}).get("error") or detail["msg"])
    return ": ".join(filter(None, [".".join(map(str, detail["loc"])), message]))


class CertPolicyModel(ResponseModel):
    """How ngrok gets the certificate."""

    authority: _Text = Field("", description="who signs the certificate, such as `letsencrypt`")
    private_key_type: _OptionalText = Field(
        None, description="the type of its private key, `rsa` or `ecdsa`, even if the program left it out"
    )


class CertJobModel(ResponseModel):
    """The job that provisions or renews a certificate."""

    error_code: _OptionalText = Field(
        None,
        description="why it fails: `INTERNAL_ERROR` is temporary, `DNS_ERROR` is for you to fix. `null` if all is well",
    )
    msg: _OptionalText = Field(None, description="the status or the error, in ngrok's words")
    started_at: _OptionalText = Field(None, description="when it started, RFC 3339")
    retries_at: _OptionalText = Field(
        None, description="when ngrok tries again, RFC 3339. After a failure that can be a day away"
    )


class CertStatusModel(ResponseModel):
    """The state of the certificate."""

    renews_at: _OptionalText = Field(
        None, description="when ngrok requests the next renewal, RFC 3339. `null` until the certificate is issued"
    )
    provisioning_job: CertJobModel | None = Field(
        None, description="the job that provisions or renews the certificate, or `null`"
    )


class IngressModel(ResponseModel):
    """An Agent Ingress as ngrok has it, in canonical form."""

    id: Annotated[str, PlainValidator(_id)] = Field(description="such as `agin_2k5okIo7afS6bKA3xNDLRZ9rjqk`")
    uri: Annotated[str, PlainValidator(lambda value: _word(value) if value else "")] = Field(
        "", description="its path in ngrok's API, relative to the API's URL"
    )
    domain: Annotated[str, PlainValidator(_host_name), AfterValidator(canonical_domain)] = Field(
        description="the domain, in lower case and without a trailing dot"
    )
    description: _Text = Field("", description='human-readable text; `""` if there is none')
    metadata: _Text = Field("", description='machine-readable text; `""` if there is none')
    certificate_management_policy: CertPolicyModel | None = Field(
        None,
        description="how ngrok gets the certificate: `authority` and `private_key_type`. `null` if ngrok's internal CA "
        "signs it",
    )
    certificate_management_status: CertStatusModel | None = Field(
        None,
        description="the state of the certificate: `renews_at` once it is issued, `provisioning_job` while one runs. "
        "`null` without a policy, and until the first job exists",
    )
    # Required, because a response without them must not delete the DNS records that users make of them.
    ns_targets: Annotated[list[str], PlainValidator(_host_names), AfterValidator(canonical_ns_targets)] = Field(
        description="the values of the NS records that delegate `domain` to ngrok: lower case, trailing dot, sorted"
    )
    region_domains: Annotated[list[str], PlainValidator(_host_names), AfterValidator(canonical_region_domains)] = Field(
        [],
        description="the regional domains below `domain`, sorted. ngrok adds to them when it adds regions",
    )
    created_at: Annotated[str, PlainValidator(_word)] = Field(description="when it was created, RFC 3339")

    def outputs(self) -> dict[str, Any]:
        """Returns all values except the id, as plain values."""
        return {name: value for name, value in self.plain().items() if name != "id"}


class IngressPageModel(ResponseModel):
    """One page of the list."""

    ingresses: list[IngressModel] = Field(description="the Agent Ingresses on it, newest first")
    next_page_uri: _OptionalText = Field(None, description="where the next page is; `null` on the last one")


# -- the state of a certificate -------------------------------------------------------------------------


class CertificateState(Enum):
    """What ngrok's policy and status of a certificate mean. Each value describes the certificate in words."""

    NOT_MANAGED = "ready, as ngrok's internal CA signs it: there is no certificate policy"
    PENDING = "not being issued yet"
    IN_PROGRESS = "being issued"
    INTERNAL_ERROR = "held up by a temporary error at ngrok"
    DNS_ERROR = "held up by the DNS of the domain"
    OTHER_ERROR = "held up by an error that ngrok does not document"
    UNKNOWN = "neither issued nor being issued"
    ISSUED = "issued"
    RENEWING = "issued, and being renewed"

    @property
    def is_ready(self) -> bool:
        """Whether agents can use it. If not, waiting may help; a DNS_ERROR is for the user to fix."""
        return self in (CertificateState.NOT_MANAGED, CertificateState.ISSUED, CertificateState.RENEWING)


def certificate_state(ingress: IngressModel) -> CertificateState:
    """Returns the state of the certificate. The rules were observed on reserved domains, which have the same fields."""
    status = ingress.certificate_management_status
    if ingress.certificate_management_policy is None:
        return CertificateState.NOT_MANAGED
    if status is None:
        return CertificateState.PENDING
    job = status.provisioning_job
    if status.renews_at:
        # A renewal that fails leaves the certificate as it is, for another 30 days.
        return CertificateState.RENEWING if job else CertificateState.ISSUED
    if job is None:
        return CertificateState.UNKNOWN
    if not job.error_code:
        return CertificateState.IN_PROGRESS
    known = {"INTERNAL_ERROR": CertificateState.INTERNAL_ERROR, "DNS_ERROR": CertificateState.DNS_ERROR}
    return known.get(job.error_code, CertificateState.OTHER_ERROR)


def certificate_in_words(ingress: IngressModel) -> str:
    """Describes the state of the certificate for people, with the error's code and ngrok's message about the job.

    That message is ngrok's own. The caller must sanitize it before it shows it.
    """
    words = certificate_state(ingress).value
    status = ingress.certificate_management_status
    if ingress.certificate_management_policy is None or status is None or status.provisioning_job is None:
        return words
    job = status.provisioning_job
    code = f" ({job.error_code})" if job.error_code else ""
    said = f': ngrok says "{job.msg}"' if job.msg else ""
    return f"{words}{code}{said}"
