"""The settings that `Emulator.configure` changes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypedDict, get_args

MAX_NUMBER = 1_000_000_000
"""The largest number. In seconds it is about thirty years."""
DEFAULT_LIMIT = 120
"""Requests of an account in a rolling minute, as ngrok documents it."""

NullPolicy = Literal["ignored", "removes"]
PrivateKeyType = Literal["rsa", "ecdsa"]
EmptyKeys = Literal["absent", "null", "empty"]
Order = Literal["as_made", "reversed", "sorted", "shuffled"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "null_policy": get_args(NullPolicy),
    "default_private_key_type": get_args(PrivateKeyType),
    "empty_keys": get_args(EmptyKeys),
    "order": get_args(Order),
}


class SettingsChanges(TypedDict, total=False):
    """The settings that `configure` is to change; see `EmulatorSettings`."""

    limit: int
    job_after_seconds: float
    issue_after_seconds: float
    null_policy: NullPolicy
    default_private_key_type: PrivateKeyType
    trailing_dots: bool
    empty_keys: EmptyKeys
    order: Order
    upper_case: bool
    unknown_keys: bool
    base_url: str


@dataclass(frozen=True)
class EmulatorSettings:
    """The settings that `Emulator.configure` changes.

    Raises:
        ValueError: A value is not allowed. The numbers are from 0 to a billion.
    """

    limit: int = DEFAULT_LIMIT
    """Requests of an account in a rolling minute; 0 for no limit."""
    job_after_seconds: float = 2.0
    """The seconds from the setting of a policy to the job of the certificate. Until then the status is null."""
    issue_after_seconds: float = 20.0
    """The seconds from the setting of a policy to the certificate. ngrok takes seconds to minutes.

    With a DNS server, the time begins when the NS records are found to be right.
    """
    null_policy: NullPolicy = "ignored"
    """The effect of a null policy in a PATCH. ngrok does not document it; most likely it is ignored."""
    default_private_key_type: PrivateKeyType = "rsa"
    """The private key type of a policy that names none. rsa is documented; a similar resource was seen to use ecdsa."""
    trailing_dots: bool = False
    """Whether `ns_targets` end in a dot. They do in the documented samples, but not in recorded responses."""
    empty_keys: EmptyKeys = "absent"
    """The form of an empty description or metadata: left out (recorded), null, or "" (older responses)."""
    order: Order = "as_made"
    """The order of `ns_targets` and `region_domains`. `shuffled` changes it with each response."""
    upper_case: bool = False
    """Whether domain names are in upper case."""
    unknown_keys: bool = False
    """Whether responses have undocumented keys, at every level."""
    base_url: str = ""
    """The beginning of the absolute URLs of a list; "" for the host that the request was sent to."""

    def __post_init__(self) -> None:
        for each in fields(self):
            value, choices = getattr(self, each.name), _CHOICES.get(each.name)
            if choices is not None:
                if value not in choices:
                    raise ValueError(f"{each.name} must be one of {', '.join(choices)}, not {value!r}.")
            elif isinstance(each.default, (bool, str)):
                if type(value) is not type(each.default):
                    raise ValueError(f"{each.name} must be a {type(each.default).__name__}, not {value!r}.")
            elif type(value) not in (int, type(each.default)) or not 0 <= value <= MAX_NUMBER:
                raise ValueError(f"{each.name} must be a number from 0 to {MAX_NUMBER}, not {value!r}.")
