"""Secret: a string that neither messages nor the state may contain."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import NoReturn


@dataclass(frozen=True)
class Secret:
    """A string that is never shown by `repr` and can't be pickled."""

    _value: str = field(repr=False)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret must not be pickled")

    def get_secret_value(self) -> str:
        return self._value
