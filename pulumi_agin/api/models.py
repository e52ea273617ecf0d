"""What ngrok answers: an Agent Ingress, in canonical form, and where its certificate is.

Facts come from ngrok's API page "Agent Ingresses" unless a comment says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Annotated, Any, TypeVar

from pydantic import Field, PlainValidator, ValidationError

from pulumi_agin.canonical import canonical_domain, canonical_ns_targets, canonical_region_domains
from pulumi_agin.fields import Record
from pulumi_agin.limits import PLAIN_ID


class AnswerError(ValueError):
    """An answer is not as ngrok documents it. The text names the key, and says what is wrong with it."""


# -- rules ------------------------------------------------------------------------------------------------
# ngrok leaves out the keys of empty texts, sends null, or sends "": all three are one.


def _optional_text(value: object) -> str | None:
    if not isinstance(value, str | None):
        raise ValueError("not text")
    # Half a surrogate pair, which JSON can hold and no state, must not lose the whole answer.
    return value if value is None else value.encode("utf-8", "replace").decode()


def _text(value: object) -> str:
    return _optional_text(value) or ""


def _word(value: object) -> str:
    text = _text(value)
    if not text:
        raise ValueError("missing")
    if not _is_word(text):
        raise ValueError("not as it should be")
    return text


def _optional_word(value: object) -> str:
    return _word(value) if value else ""


def _id(value: object) -> str:
    # It becomes a part of paths, and of commands that messages show.
    text = _word(value)
    if not PLAIN_ID.fullmatch(text):
        raise ValueError("not as it should be")
    return text


def _domain(value: object) -> str:
    text = _word(value)
    if not _is_host_name(text):
        raise ValueError("not as it should be")
    return canonical_domain(text)


def _host_names(value: object) -> list[str]:
    names = value or []
    if not isinstance(names, list) or not all(isinstance(each, str) and _is_host_name(each) for each in names):
        raise ValueError("not a list of host names")
    return names


def _ns_targets(value: object) -> list[str]:
    return canonical_ns_targets(_host_names(value))


def _region_domains(value: object) -> list[str]:
    return canonical_region_domains(_host_names(value))


def _is_word(text: str) -> bool:
    # The only white space that isprintable accepts is the plain blank.
    return text.isprintable() and " " not in text


def _is_host_name(text: str) -> bool:
    # This does not validate ngrok's own names, but only sees that they are names, not empty, and printable: messages
    # and the outputs of stacks have them.
    return text != "" and not text.startswith(".") and _is_word(text)


# -- what ngrok answers -----------------------------------------------------------------------------------

AnswerT = TypeVar("AnswerT", bound="AnswerObject")

_Text = Annotated[str, PlainValidator(_text)]
_OptionalText = Annotated[str | None, PlainValidator(_optional_text)]


class AnswerObject(Record):
    """An object of an answer. Keys that are not declared are ignored: they come with every new feature of ngrok's."""

    @classmethod
    def from_answer(cls: type[AnswerT], answer: object) -> AnswerT:
        """Reads what the JSON of an answer holds.

        Raises:
            AnswerError: It is not as ngrok documents it.
        """
        try:
            return cls.model_validate(answer)
        except ValidationError as error:
            raise AnswerError(_in_words(error.errors(include_url=False)[0])) from None


def _in_words(detail: Mapping[str, Any]) -> str:
    messages = {"missing": "missing", "model_type": "not an object", "list_type": "not a list"}
    # The message of a rule, or pydantic's own, which does not repeat the value.
    message = messages.get(detail["type"]) or str(detail.get("ctx", {}).get("error") or detail["msg"])
    return ": ".join(filter(None, [".".join(map(str, detail["loc"])), message]))


class AgentIngressCertPolicy(AnswerObject):
    """How ngrok gets the certificate."""

    authority: _Text = Field("", description="who signs the certificate, such as `letsencrypt`")
    private_key_type: _OptionalText = Field(
        None, description="the type of its private key, `rsa` or `ecdsa`, also if the program left it to ngrok"
    )


class AgentIngressCertJob(AnswerObject):
    """A provisioning or renewal under way."""

    error_code: _OptionalText = Field(
        None, description="why it fails: `INTERNAL_ERROR` passes, `DNS_ERROR` is for you to repair. None if all is well"
    )
    msg: _OptionalText = Field(None, description="the status or the error, in ngrok's words")
    started_at: _OptionalText = Field(None, description="when it started, RFC 3339")
    retries_at: _OptionalText = Field(
        None, description="when ngrok tries again, RFC 3339. After a failure that can be a day away"
    )


class AgentIngressCertStatus(AnswerObject):
    """Where the certificate is."""

    renews_at: _OptionalText = Field(
        None, description="when ngrok requests the next renewal, RFC 3339. None until the certificate is issued"
    )
    provisioning_job: AgentIngressCertJob | None = Field(
        None, description="the provisioning or renewal under way, or None"
    )


class AgentIngress(AnswerObject):
    """An Agent Ingress as ngrok has it, in canonical form."""

    id: Annotated[str, PlainValidator(_id)] = Field(description="such as `agin_2k5okIo7afS6bKA3xNDLRZ9rjqk`")
    uri: Annotated[str, PlainValidator(_optional_word)] = Field(
        "", description="where ngrok's API has it, relative to the API's URL"
    )
    domain: Annotated[str, PlainValidator(_domain)] = Field(
        description="the domain, in lower case and without a trailing dot"
    )
    description: _Text = Field("", description='human-readable text; `""` if there is none')
    metadata: _Text = Field("", description='machine-readable text; `""` if there is none')
    certificate_management_policy: AgentIngressCertPolicy | None = Field(
        None,
        description="how ngrok gets the certificate: `authority` and `private_key_type`. None if ngrok's internal CA "
        "signs it",
    )
    certificate_management_status: AgentIngressCertStatus | None = Field(
        None,
        description="where the certificate is: `renews_at` once it is issued, `provisioning_job` while one runs. None "
        "without a policy, and until the first job exists",
    )
    # Required: users build DNS records on them, which an answer that lacks them must not delete.
    ns_targets: Annotated[list[str], PlainValidator(_ns_targets)] = Field(
        description="the values of the NS records that delegate `domain` to ngrok: lower case, trailing dot, sorted"
    )
    region_domains: Annotated[list[str], PlainValidator(_region_domains)] = Field(
        [],
        description="the regional domains below `domain`, sorted. ngrok adds to them when it adds regions",
    )
    created_at: Annotated[str, PlainValidator(_word)] = Field(description="when it was created, RFC 3339")

    def outputs(self) -> dict[str, Any]:
        """Returns all but the id, as plain values."""
        return {name: value for name, value in self.plain().items() if name != "id"}


class AgentIngressPage(AnswerObject):
    """One page of the list."""

    ingresses: list[AgentIngress] = Field(description="the Agent Ingresses on it, newest first")
    next_page_uri: _OptionalText = Field(None, description="where the next page is; None on the last one")


# -- where a certificate is -------------------------------------------------------------------------------


class CertificateState(Enum):
    """What ngrok's policy and status of a certificate come to. Each value is the words for it, of a certificate."""

    NOT_MANAGED = "ready, as ngrok's internal CA signs it: there is no certificate_management_policy"
    PENDING = "not begun yet"
    IN_PROGRESS = "in progress"
    INTERNAL_ERROR = "held up by an error at ngrok, which passes by"
    DNS_ERROR = "held up by the DNS of the domain"
    OTHER_ERROR = "held up by an error that ngrok does not document"
    UNKNOWN = "neither issued nor in progress"
    ISSUED = "issued"
    RENEWING = "issued, and being renewed"

    @property
    def is_ready(self) -> bool:
        """Whether agents can use it. Else it is worth waiting for; a DNS_ERROR is for the user to mend."""
        return self in (CertificateState.NOT_MANAGED, CertificateState.ISSUED, CertificateState.RENEWING)


def certificate_state(ingress: AgentIngress) -> CertificateState:
    """Where the certificate is. Read off the sibling resource with the same fields, reserved domains."""
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


def certificate_in_words(ingress: AgentIngress) -> str:
    """Where the certificate is, for people, with the error's code and what ngrok says of the job.

    That is text of the service's own: who shows it makes it one line, without the API key, first.
    """
    words = certificate_state(ingress).value
    status = ingress.certificate_management_status
    if ingress.certificate_management_policy is None or status is None or status.provisioning_job is None:
        return words
    job = status.provisioning_job
    code = f" ({job.error_code})" if job.error_code else ""
    said = f': ngrok says "{job.msg}"' if job.msg else ""
    return f"{words}{code}{said}"
