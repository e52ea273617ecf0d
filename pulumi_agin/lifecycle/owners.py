"""Owners of objects in one plugin process, so that the delete of one resource does not delete what another one has.

The option `import_` of a Python program makes the engine create a resource, and the create takes over an existing
object. The engine does not know that another resource of the state may have it, too. So `create` and `diff` record the
owner of an object, and `delete` keeps an object that has another one. An owner is a URN with the mark of its import,
because `--replace` makes a resource with the same URN. For an ingress:

| while `import_` is left                  | the engine calls                         | the delete                    |
|------------------------------------------|------------------------------------------|-------------------------------|
| nothing changes                          | `diff`                                   |                               |
| the domain changes or is not known yet   | `diff`, which fails                      |                               |
| the domain and the ID to import change   | `diff`, `create`, which reads, `delete`  | deletes, as the preview shows |
| a rename without an alias                | `create` (new name), `delete` (old name) | nothing: another URN          |
| `--replace`                              | `create`, `delete`, no `diff`            | nothing: another mark         |
| one of the last two, interrupted         | next run: `diff` (new), `delete` (old)   | nothing: another URN or mark  |
| `--replace` with `delete_before_replace` | `delete`, `create`, which fails          | deletes, as the preview shows |

NS records differ in one row: with `import_` left, `check` fails for another domain.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Mapping
from typing import Any

# A hidden output of an imported object: a random string for each import. Users' states contain it.
MARK = "_import_mark"


def new_mark() -> dict[str, Any]:
    """Returns the hidden output of a new import."""
    return {MARK: secrets.token_hex(4)}


def mark_in(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the hidden output of an import, which a read and an update keep; nothing for a created object."""
    return {MARK: outputs[MARK]} if MARK in outputs else {}


class Owners:
    """Which resource has an object. A lifecycle makes one."""

    def __init__(self) -> None:
        self._owners: dict[Hashable, tuple[str, str | None]] = {}

    def record(self, key: Hashable, urn: str, outputs: Mapping[str, Any]) -> None:
        """Records that the resource with these outputs has an object, and is in the program.

        `key` identifies the object.
        """
        self._owners[key] = (urn, outputs.get(MARK))

    def has_other(self, key: Hashable, urn: str, outputs: Mapping[str, Any]) -> bool:
        """Returns whether the program has another resource with the object than the one with these outputs."""
        owner = (urn, outputs.get(MARK))
        return self._owners.get(key, owner) != owner
