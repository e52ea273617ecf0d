"""What an Agent Ingress is: its limits, its one canonical form, and what ngrok answers.

Limits and normalization live here and nowhere else; `inputs` validates by them. Facts come from ngrok's API page
"Agent Ingresses" unless a comment says otherwise.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any

DESCRIPTION_MAX_BYTES = 255
METADATA_MAX_BYTES = 4096

# RFC 1035, 2.3.4, less the root's dot and length byte.
DOMAIN_MAX_BYTES = 253
LABEL_MAX_BYTES = 63

# The field that says how ngrok gets the certificate, and what it may hold.
POLICY = "certificate_management_policy"
CERTIFICATE_AUTHORITIES = ("letsencrypt",)
PRIVATE_KEY_TYPES = ("rsa", "ecdsa")

EXAMPLE_DOMAIN = "connect.acme.com"


# -- canonical forms --------------------------------------------------------------------------------------


def canonical_domain(domain: str) -> str:
    """Trimmed, lower case, without the root's dot: the form in which ngrok keeps a domain."""
    # One dot at the end of a name, and no more: what has two, or one after a space, is no domain, and stays so.
    return re.sub(r"(?<![\s.])\.\Z", "", domain.strip().lower())


def canonical_ns_targets(targets: Iterable[str]) -> list[str]:
    """Lower case, one trailing dot, sorted, each once. ngrok answers with and without dots, in any order."""
    return sorted({canonical_domain(target).rstrip(".") + "." for target in targets})


def canonical_region_domains(domains: Iterable[str]) -> list[str]:
    """Like a domain, sorted, each once."""
    return sorted({canonical_domain(domain) for domain in domains})


# -- what ngrok answers -----------------------------------------------------------------------------------

# Such as agin_2k5okIo7afS6bKA3xNDLRZ9rjqk; whether there is one is for ngrok to say.
PLAIN_ID = re.compile(r"^[0-9A-Za-z_-]{1,100}$")
ID_LOOKS_LIKE = "one looks like agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"


class AnswerError(ValueError):
    """An answer is not as ngrok documents it. The text names the key, and says what is wrong with it."""


@dataclass(frozen=True)
class AgentIngressCertPolicy:
    """How ngrok gets the certificate. What the user left out is ngrok's choice, also `private_key_type`."""

    authority: str
    private_key_type: str | None


@dataclass(frozen=True)
class AgentIngressCertJob:
    """A provisioning or renewal under way."""

    error_code: str | None
    msg: str | None
    started_at: str | None
    retries_at: str | None


@dataclass(frozen=True)
class AgentIngressCertStatus:
    """Where the certificate is: `renews_at` is set once it was issued."""

    renews_at: str | None
    provisioning_job: AgentIngressCertJob | None


@dataclass(frozen=True)
class AgentIngress:
    """An Agent Ingress as ngrok has it, in canonical form."""

    id: str
    uri: str
    domain: str
    description: str
    metadata: str
    certificate_management_policy: AgentIngressCertPolicy | None
    certificate_management_status: AgentIngressCertStatus | None
    ns_targets: list[str]
    region_domains: list[str]
    created_at: str

    @classmethod
    def from_answer(cls, answer: object) -> AgentIngress:
        """From what the JSON of an answer holds. Raises AnswerError."""
        values = _object(answer)
        return cls(
            # It becomes a part of paths, and of commands that messages show.
            id=_word(values, "id", PLAIN_ID.fullmatch),
            # ngrok leaves out the keys of empty texts, sends null, or sends "": all three are one.
            uri=_word(values, "uri") if values.get("uri") else "",
            domain=canonical_domain(_word(values, "domain", _is_host_name)),
            description=_optional_text(values, "description") or "",
            metadata=_optional_text(values, "metadata") or "",
            certificate_management_policy=_policy(values.get(POLICY)),
            certificate_management_status=_status(values.get("certificate_management_status")),
            # Required: users build DNS records on them, which an answer that lacks them must not delete.
            ns_targets=canonical_ns_targets(_names(values, "ns_targets")),
            region_domains=canonical_region_domains(_names({"region_domains": None, **values}, "region_domains")),
            created_at=_word(values, "created_at"),
        )

    def outputs(self) -> dict[str, Any]:
        """All but the id, as plain values."""
        values = {**vars(self)}
        del values["id"]
        for name in (POLICY, "certificate_management_status"):
            if values[name] is not None:
                values[name] = dataclasses.asdict(values[name])
        return values


@dataclass(frozen=True)
class AgentIngressPage:
    """One page of the list."""

    ingresses: list[AgentIngress]
    next_page_uri: str | None

    @classmethod
    def from_answer(cls, answer: object) -> AgentIngressPage:
        """From what the JSON of an answer holds. Raises AnswerError."""
        values = _object(answer)
        ingresses = values.get("ingresses")
        if not isinstance(ingresses, list):
            raise AnswerError("ingresses: not a list")
        return cls([AgentIngress.from_answer(each) for each in ingresses], _optional_text(values, "next_page_uri"))


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


def has_policy(there: Mapping[str, Any] | None, asked: Mapping[str, Any] | None) -> bool:
    """Whether a policy is as it was asked for. A key type that was left out is whatever ngrok took."""
    if not there or not asked:
        return not there and not asked
    return all(value is None or value == there.get(name) for name, value in asked.items())


def without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    """The values that are not None, nested ones neither."""
    return {
        name: without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


def _policy(answer: object) -> AgentIngressCertPolicy | None:
    if answer is None:
        return None
    values = _object(answer)
    return AgentIngressCertPolicy(_optional_text(values, "authority") or "", _optional_text(values, "private_key_type"))


def _status(answer: object) -> AgentIngressCertStatus | None:
    if answer is None:
        return None
    values = _object(answer)
    job = values.get("provisioning_job")
    if job is not None:
        given = _object(job)
        job = AgentIngressCertJob(
            error_code=_optional_text(given, "error_code"),
            msg=_optional_text(given, "msg"),
            started_at=_optional_text(given, "started_at"),
            retries_at=_optional_text(given, "retries_at"),
        )
    return AgentIngressCertStatus(_optional_text(values, "renews_at"), job)


def _object(value: object) -> dict[str, Any]:
    # Keys that we don't know come with every new feature of ngrok's.
    if not isinstance(value, dict):
        raise AnswerError("not an object")
    return value


def _word(values: Mapping[str, Any], name: str, is_right: Callable[[str], object] | None = None) -> str:
    text = _optional_text(values, name)
    if not text:
        raise AnswerError(f"{name}: missing")
    if not (is_right or _is_word)(text):
        raise AnswerError(f"{name}: not as it should be")
    return text


def _is_word(text: str) -> bool:
    # Of white space, isprintable lets pass the plain blank alone.
    return text.isprintable() and " " not in text


def _is_host_name(text: str) -> bool:
    # No validation of ngrok's own names, only that they are names and not nothing, and can be printed: they stand in
    # messages and in the outputs of stacks.
    return text != "" and not text.startswith(".") and _is_word(text)


def _optional_text(values: Mapping[str, Any], name: str) -> str | None:
    value = values.get(name)
    if not isinstance(value, str | None):
        raise AnswerError(f"{name}: not text")
    # Half a surrogate pair, which JSON can hold and no state, must not lose the whole answer.
    return value if value is None else value.encode("utf-8", "replace").decode()


def _names(values: Mapping[str, Any], name: str) -> list[str]:
    """The host names of a key that has to be there; null is none of them."""
    if name not in values:
        raise AnswerError(f"{name}: missing")
    names = values[name] or []
    if not isinstance(names, list) or not all(isinstance(each, str) and _is_host_name(each) for each in names):
        raise AnswerError(f"{name}: not a list of host names")
    return names
