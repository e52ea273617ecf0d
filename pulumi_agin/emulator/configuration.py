"""The settings that `Emulator.configure` changes."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Literal, TypedDict, get_args

MAX_NUMBER = 1_000_000_000
"""The largest number. In seconds it is about thirty years."""
DEFAULT_LIMIT = 120
"""Requests of an account in a rolling minute, as ngrok documents it."""

NullPolicy = Literal["removes", "ignored"]
PrivateKeyType = Literal["rsa", "ecdsa"]

_CHOICES: dict[str, tuple[str, ...]] = {
    "null_policy": get_args(NullPolicy),
    "default_private_key_type": get_args(PrivateKeyType),
}


class SettingsChanges(TypedDict, total=False):
    """The settings that `Emulator.configure` is to change."""

    limit: int
    job_after_seconds: float
    issue_after_seconds: float
    null_policy: NullPolicy
    default_private_key_type: PrivateKeyType
    base_url: str


@dataclass(frozen=True)
class EmulatorSettings:
    """The settings of an emulator, which `Emulator.configure` documents.

    Raises:
        ValueError: A value is not allowed.
    """

    limit: int = DEFAULT_LIMIT
    job_after_seconds: float = 2.0
    issue_after_seconds: float = 20.0
    null_policy: NullPolicy = "removes"
    default_private_key_type: PrivateKeyType = "rsa"
    base_url: str = ""

    def __post_init__(self) -> None:
        for each in fields(self):
            value, choices = getattr(self, each.name), _CHOICES.get(each.name)
            if choices is not None:
                if value not in choices:
                    raise ValueError(f"{each.name} must be one of {', '.join(choices)}, not {value!r}.")
            elif isinstance(each.default, str):
                if not isinstance(value, str):
                    raise ValueError(f"{each.name} must be a string, not {value!r}.")
            elif type(value) not in (int, type(each.default)) or not 0 <= value <= MAX_NUMBER:
                raise ValueError(f"{each.name} must be a number from 0 to {MAX_NUMBER}, not {value!r}.")
