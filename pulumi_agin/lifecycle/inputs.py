"""Declarations of the inputs of an Agent Ingress, and of the inputs and outputs of a certificate validation.

The function `validate`, the plugin's schema, and the tables in the docs use these declarations. `rfc2136/declaration`
declares the inputs of an Rfc2136Delegation.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import partial
from ipaddress import ip_address
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator
from pydantic_core import PydanticCustomError

from pulumi_agin.api.values import ID_HINT, PLAIN_ID, canonical_domain

from . import limits

EXAMPLE_DOMAIN = "connect.acme.com"


class Marker(Enum):
    """A property of a field besides its type. The field's `Annotated` type contains this marker."""

    REPLACES = "a change of it replaces the resource"
    SECRET = "it is a secret"  # noqa: S105
    NO_CHANGE = "a change of it alone changes nothing"


@dataclass(frozen=True)
class Limit:
    """A validator's limit in words, for the docs and the schema. The field's `Annotated` type contains this limit."""

    words: str


# -- the declarations -------------------------------------------------------------------------------------

# Pulumi's SDKs return this string if a program converts an Output to a string, such as in an f-string in Python.
_CONVERTED_OUTPUT = re.compile(r"Calling (__str__|\[\w+\]) on an \[?Output")


class Declaration(BaseModel):
    """The inputs of a resource or a function, or an object in the inputs.

    Every field accepts a value that is unknown in a preview.
    """

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    @field_validator("*", mode="wrap")
    @classmethod
    def _pass_unknown(cls, value: Any, check: Callable[[Any], Any], info: ValidationInfo) -> Any:
        # `validate` passes its argument `is_unknown` as the context.
        if isinstance(value, str) and _CONVERTED_OUTPUT.search(value):
            raise PydanticCustomError("converted_output", "contains an Output; use its `apply` in place of a string")
        return value if info.context and info.context(value) else check(value)

    @classmethod
    def replacing(cls, changed: Iterable[str]) -> list[str]:
        """Returns the changed inputs that replace the resource."""
        return [name for name in changed if Marker.REPLACES in cls.model_fields[name].metadata]

    def plain(self) -> dict[str, Any]:
        """Returns the values that are not None, by name. Unlike `model_dump`, this method keeps unknown values."""
        return {
            name: value.plain() if isinstance(value, Declaration) else value
            for name, value in self
            if value is not None
        }


def _domain(value: str) -> str:
    """Returns a canonical domain that DNS allows. ngrok itself decides about wildcards, apexes, and ngrok's names."""
    domain = canonical_domain(value)
    if re.search(r"[/:]", domain):
        raise ValueError(f"has a scheme, a port or a path; use only the domain, such as {EXAMPLE_DOMAIN}")
    if not value.isascii():
        raise ValueError("is not ASCII; use its DNS form, in which such labels begin with xn--")
    if wrong := re.search(r"[^a-z0-9_*.-]", domain):
        raise ValueError(f"contains {wrong[0]!r}; use letters, digits, '-' and '.', as in {EXAMPLE_DOMAIN}")
    labels = domain.split(".")
    if "" in labels:
        raise ValueError(f"is empty or has an empty label; use a domain that you own, such as {EXAMPLE_DOMAIN}")
    if max(map(len, labels)) > limits.LABEL_MAX_BYTES:
        raise ValueError(f"has a label of more than {limits.LABEL_MAX_BYTES} bytes")
    if any("*" in label and label != "*" for label in labels):
        raise ValueError("has '*' in a label with other characters; a wildcard is a whole label, as in *.acme.com")
    if _is_ip(domain):
        raise ValueError(f"is an IP address; use a domain that you own, such as {EXAMPLE_DOMAIN}")
    return _max_bytes(limits.DOMAIN_MAX_BYTES, domain)


def _is_ip(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _max_bytes(limit: int, value: str) -> str:
    size = len(value.encode())
    if size > limit:
        raise ValueError(f"is {size} bytes; the limit is {limit} (UTF-8)")
    return value


def _id(value: str) -> str:
    if not PLAIN_ID.fullmatch(value):
        raise ValueError(f"is not the ID of an Agent Ingress; {ID_HINT}")
    return value


CertificateAuthority: TypeAlias = Literal["letsencrypt"]
PrivateKeyType: TypeAlias = Literal["rsa", "ecdsa"]
IngressDomain = Annotated[
    str,
    AfterValidator(_domain),
    Limit(f"{limits.DOMAIN_MAX_BYTES} bytes; {limits.LABEL_MAX_BYTES} per label"),
]
IngressId = Annotated[str, AfterValidator(_id)]


class CertificatePolicyInputs(Declaration):
    """The certificate policy of an Agent Ingress."""

    authority: CertificateAuthority = Field(description='the certificate authority, such as "letsencrypt"')
    private_key_type: PrivateKeyType | None = Field(
        None,
        description="the type of the certificate's private key. ngrok's documented default is `rsa`. What a change "
        "does to agents is unknown",
    )


class AgentIngressInputs(Declaration):
    """The inputs of an Agent Ingress."""

    domain: Annotated[IngressDomain, Marker.REPLACES] = Field(
        description=f"a domain that you own, such as {EXAMPLE_DOMAIN}. ASCII only; case and a trailing dot are ignored"
    )
    description: Annotated[
        str | None,
        AfterValidator(partial(_max_bytes, limits.DESCRIPTION_MAX_BYTES)),
        Limit(f"{limits.DESCRIPTION_MAX_BYTES} bytes of UTF-8"),
    ] = Field(None, description="a human-readable description")
    metadata: Annotated[
        str | None,
        AfterValidator(partial(_max_bytes, limits.METADATA_MAX_BYTES)),
        Limit(f"{limits.METADATA_MAX_BYTES} bytes of UTF-8"),
    ] = Field(None, description="machine-readable metadata, such as JSON")
    certificate_management_policy: CertificatePolicyInputs | None = Field(
        None,
        description="the certificate policy. Without one, ngrok's internal CA signs the certificate. **Adding or "
        "removing a policy cuts off the ingress's agents**",
    )


class CertificateValidationInputs(Declaration):
    """The inputs of an AgentIngressCertificateValidation."""

    agent_ingress_id: Annotated[IngressId, Marker.REPLACES] = Field(
        description="the ID of the ingress, such as agin_2k5okIo7afS6bKA3xNDLRZ9rjqk. Its NS records should exist "
        "before the validation begins"
    )
    timeout_seconds: Annotated[float, Field(gt=0), Marker.NO_CHANGE] = Field(
        limits.DEFAULT_VALIDATION_SECONDS,
        description="the time limit of the validation, in seconds; custom timeouts can shorten it",
    )
    dns_error_grace_seconds: Annotated[float, Field(ge=0), Marker.NO_CHANGE] = Field(
        limits.DEFAULT_GRACE_SECONDS,
        description="how long ngrok may report a DNS error before the validation fails, in seconds. DNS changes take "
        "time",
    )
    triggers: Annotated[list[Any] | None, Marker.REPLACES] = Field(
        None,
        description="any values. A change of one repeats the validation, as is needed after a change of the policy",
    )


class CertificateValidationOutputs(BaseModel):
    """Waits until the certificate of an Agent Ingress is issued.

    It creates nothing, like `aws.acm.CertificateValidation`. Without a `certificate_management_policy`, the validation
    ends immediately. A failed validation leaves the state unchanged, and the next `pulumi up` validates again.
    """

    renews_at: str | None = Field(
        description="when ngrok requests the next renewal (RFC 3339), as of the last validation or refresh. `null` "
        "without a policy"
    )
    agent_ingress_id: str = Field(description="the ID of the ingress, known once the certificate is issued")
    domain: str = Field(description="the domain of the certificate, in lowercase and without a trailing dot")
    triggers: list[Any] | None = Field(None, description="the values of the program")


# -- validation -------------------------------------------------------------------------------------------


class Problem(NamedTuple):
    """One problem with the given values. The message does not repeat a value."""

    path: str
    """The names that lead to the value, joined by dots, such as "certificate_management_policy.authority"."""
    message: str

    def __str__(self) -> str:
        return f"property {self.path} {self.message}"


def validate(
    model: type[Declaration], values: Mapping[str, Any], is_unknown: Callable[[object], bool] = lambda value: False
) -> tuple[dict[str, Any], list[Problem]]:
    """Returns the values and all problems with the values.

    Without a problem, the values are in canonical form, with the declared defaults. Otherwise, only the values without
    a problem are returned, unchanged, for further checks. None counts as absent. A value for which `is_unknown` returns
    True is valid and stays unchanged.
    """
    given = _without_none(values)
    try:
        return model.model_validate(given, context=is_unknown).plain(), []
    except ValidationError as error:
        details = error.errors(include_url=False)
        wrong = {detail["loc"][0] for detail in details}
        valid = {name: value for name, value in given.items() if name not in wrong}
        return valid, [_problem(model, detail) for detail in details]


def _without_none(values: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: _without_none(value) if isinstance(value, dict) else value
        for name, value in values.items()
        if value is not None
    }


# The names of types in messages about a wrong type.
_KINDS = {bool: "a boolean", int: "a number", float: "a number", str: "a string", list: "a list", dict: "an object"}


def _problem(model: type[Declaration], detail: Mapping[str, Any]) -> Problem:
    path = ".".join(map(str, detail["loc"]))
    kind, value = detail["type"], detail["input"]
    got = _KINDS.get(type(value), f"a {type(value).__name__}")
    if kind == "missing":
        return Problem(path, "is required")
    if kind == "extra_forbidden":
        # The certificate policy is the only nested object.
        names = list((CertificatePolicyInputs if len(detail["loc"]) > 1 else model).model_fields)
        similar = difflib.get_close_matches(str(detail["loc"][-1]), names, 1)
        return Problem(path, "is not known" + (f'; did you mean "{similar[0]}"?' if similar else ""))
    if kind == "string_type" and isinstance(value, dict | list):
        return Problem(path, f"must be a string; got {got}, which can be encoded as JSON")
    if kind in ("string_type", "list_type", "model_type", "float_type"):
        wanted = {"string_type": "a string", "list_type": "a list", "model_type": "an object", "float_type": "a number"}
        return Problem(path, f"must be {wanted[kind]}; got {got}")
    if kind == "value_error":
        return Problem(path, str(detail["ctx"]["error"]))
    # pydantic's own messages begin with "Input should be", and do not repeat the value.
    message = str(detail["msg"])
    return Problem(path, message.replace("Input should be", "must be"))
