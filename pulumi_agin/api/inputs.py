"""What may be set on an Agent Ingress: validation, of everything at once and in words of our own.

By pydantic's core. The engine waits for whatever a plugin loads, and pydantic's models take four times as long; what
only reads or deletes does without either, so this is apart from our own models.
"""

from __future__ import annotations

import difflib
import functools
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic_core import SchemaValidator, ValidationError
from pydantic_core.core_schema import (
    CoreSchema,
    no_info_plain_validator_function,
    no_info_wrap_validator_function,
    typed_dict_field,
    typed_dict_schema,
)

from .models import (
    CERTIFICATE_AUTHORITIES,
    DESCRIPTION_MAX_BYTES,
    DOMAIN_MAX_BYTES,
    EXAMPLE_DOMAIN,
    LABEL_MAX_BYTES,
    METADATA_MAX_BYTES,
    POLICY,
    PRIVATE_KEY_TYPES,
    canonical_domain,
)
from .text import one_line


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"must be text, but is {_kind(value)}")
    return value


def _kind(value: object) -> str:
    kinds: list[tuple[type, str]] = [
        (bool, "true or false"),
        (int, "a number"),
        (float, "a number"),
        (str, "text"),
        (dict, "a dict"),
        (list, "a list"),
    ]
    return next((words for kind, words in kinds if isinstance(value, kind)), f"a {type(value).__name__}")


def _domain(value: object) -> str:
    # No message repeats the value, which may be a secret of the program's; Pulumi shows it where it may.
    text = _text(value)
    domain = canonical_domain(text)
    if not domain:
        raise ValueError(f"is empty; give a domain that you own, such as {EXAMPLE_DOMAIN}")
    if "://" in domain or domain.startswith("//"):
        raise ValueError(f"is a URL; give the domain alone, such as {EXAMPLE_DOMAIN}")
    if "/" in domain:
        raise ValueError(f"has a path; give the domain alone, such as {EXAMPLE_DOMAIN}")
    if _is_ip_address(domain):
        raise ValueError(f"is an IP address; give the name of a domain that you own, such as {EXAMPLE_DOMAIN}")
    if re.search(r":\d*$", domain):
        raise ValueError(f"has a port; give the domain alone, such as {EXAMPLE_DOMAIN}")
    # Before the case is changed: some letters that are not ASCII are in lower case.
    if not text.strip().isascii():
        raise ValueError(_not_ascii(text.strip()))
    labels = domain.split(".")
    if "" in labels:
        raise ValueError("has an empty label: two dots in a row, or one at the start")
    for label in labels:
        if len(label) > LABEL_MAX_BYTES:
            raise ValueError(
                f"has a label of {len(label)} bytes between its dots; DNS allows {LABEL_MAX_BYTES} at most"
            )
    if len(domain) > DOMAIN_MAX_BYTES:
        raise ValueError(f"has {len(domain)} bytes; DNS allows {DOMAIN_MAX_BYTES} at most")
    # Wildcards, a domain's apex and names of ngrok's own are for ngrok to judge; this is about DNS names only.
    strange = re.search(r"[^a-z0-9_*.-]", domain)
    if strange:
        raise ValueError(
            f"holds {strange[0]!r}; a domain is made of letters, digits, hyphens and dots, such as {EXAMPLE_DOMAIN}"
        )
    if any("*" in label and label != "*" for label in labels):
        raise ValueError(f"has a label with '*' and more; a wildcard is a whole label, as in *.{EXAMPLE_DOMAIN}")
    return domain


def _is_ip_address(domain: str) -> bool:
    try:
        ipaddress.ip_address(domain.strip("[]"))
    except ValueError:
        return False
    return True


def _not_ascii(domain: str) -> str:
    import idna  # comes with requests, and is loaded only where somebody needs it

    try:
        ascii_form = idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        return "is not ASCII, and no internationalized domain name either"
    return f"is not ASCII; write it in its DNS form, {ascii_form}"


def _at_most(limit: int) -> Callable[[object], str]:
    def text_within(value: object) -> str:
        text = _text(value)
        size = len(text.encode("utf-8", "surrogatepass"))
        if size > limit:
            raise ValueError(f"has {size} bytes of UTF-8; ngrok takes {limit} at most")
        return text

    return text_within


def _one_of(choices: tuple[str, ...]) -> Callable[[object], str]:
    def choice(value: object) -> str:
        text = _text(value)
        if text not in choices:
            known = " or ".join(f'"{c}"' for c in choices)
            raise ValueError(f"must be {known}")
        return text

    return choice


# The fields that are texts, each with what judges it. All but `domain` can be changed in place.
TEXTS: dict[str, Callable[[object], str]] = {
    "domain": _domain,
    "description": _at_most(DESCRIPTION_MAX_BYTES),
    "metadata": _at_most(METADATA_MAX_BYTES),
}

# How ngrok gets the certificate. Without a policy, ngrok's internal CA signs it, ready at once.
POLICY_INPUTS: dict[str, Callable[[object], str]] = {
    "authority": _one_of(CERTIFICATE_AUTHORITIES),
    "private_key_type": _one_of(PRIVATE_KEY_TYPES),
}

# Of an Agent Ingress, and of a policy.
REQUIRED = ("domain", "authority")


@functools.cache
def _validator(is_unknown: Callable[[object], bool]) -> SchemaValidator:
    """What judges the inputs of an Agent Ingress, but for those that a preview does not know yet."""

    def checked(check: Callable[[object], str]) -> CoreSchema:
        return no_info_plain_validator_function(lambda value: value if is_unknown(value) else check(value))

    def of(inputs: Mapping[str, CoreSchema]) -> CoreSchema:
        fields = {name: typed_dict_field(schema, required=name in REQUIRED) for name, schema in inputs.items()}
        return typed_dict_schema(fields, extra_behavior="forbid")

    policy = no_info_wrap_validator_function(
        lambda value, handler: value if is_unknown(value) else handler(_given(value)),
        of({name: checked(check) for name, check in POLICY_INPUTS.items()}),
    )
    return SchemaValidator(of({**{name: checked(check) for name, check in TEXTS.items()}, POLICY: policy}))


def _given(values: object) -> object:
    if not isinstance(values, Mapping):
        return values
    return {name: value for name, value in values.items() if value is not None}


@dataclass(frozen=True)
class Problem:
    """One thing wrong with what was given: where, such as ("certificate_management_policy", "authority"), and what."""

    path: tuple[str, ...]
    message: str

    def __str__(self) -> str:
        return f"{'.'.join(self.path)} {self.message}"


def validate(
    values: Mapping[str, Any], is_unknown: Callable[[object], bool] = lambda value: False
) -> tuple[dict[str, Any], list[Problem]]:
    """The inputs in canonical form, and everything that is wrong with them; one of the two is empty.

    values: domain, description, metadata and certificate_management_policy; None is as good as absent.
    is_unknown: tells a value that a preview does not know yet; it is left as it is.
    """
    try:
        return _validator(is_unknown).validate_python(_given(values)), []
    except ValidationError as error:
        return {}, [
            Problem(tuple(one_line(str(key), 40) for key in detail["loc"]), _in_words(detail))
            for detail in error.errors(include_url=False)
        ]


def _in_words(detail: Any) -> str:
    nested = len(detail["loc"]) > 1
    if detail["type"] == "value_error":
        return str(detail["ctx"]["error"])
    if detail["type"] == "missing":
        if nested:
            return f'is required where there is a policy: "{CERTIFICATE_AUTHORITIES[0]}"'
        return f"is required: a domain that you own, such as {EXAMPLE_DOMAIN}"
    if detail["type"] == "extra_forbidden":
        known = [*POLICY_INPUTS] if nested else [*TEXTS, POLICY]
        name = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", str(detail["loc"][-1])).lower()
        likeliest = difflib.get_close_matches(name, known, n=1)
        meant = f'; did you mean "{likeliest[0]}"?' if likeliest else f"; there are {', '.join(known)}"
        return f"is not known{meant}"
    if detail["type"] == "dict_type":
        return f"must be a dict or AgentIngressCertPolicyArgs, but is {_kind(detail['input'])}"
    return str(detail["msg"])
