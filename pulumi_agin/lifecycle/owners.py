"""Owners of objects in one plugin process, so that the delete of one resource does not delete what another one has.

The option `import_` of a Python program makes the engine create a resource, and the create takes over an existing
object. The engine does not know that another resource of the state may have it, too. So `create` and `diff` record the
owner of an object, and `delete` keeps an object that has another one.

An owner is the URN of a resource and the mark of its import, because `--replace` makes a resource with the same URN. An
ingress was imported as the resource `a`, with the mark 1, and `import_` is still in the program:

| what happens                            | the engine calls                       | owner | deleted | the `delete` |
|-----------------------------------------|----------------------------------------|-------|---------|--------------|
| nothing changes                         | `diff`                                 | a, 1  |         |              |
| the domain changes or is not known yet  | `diff`, which fails                    |       |         |              |
| the domain and the ID to import change  | `diff`, `create` (another ID), `delete`| none  | a, 1    | deletes it   |
| a rename to `b` without an alias        | `create`, `delete`                     | b, 2  | a, 1    | keeps it     |
| `--replace`                             | `create`, `delete`, and no `diff`      | a, 2  | a, 1    | keeps it     |
| one of the last two, interrupted        | in the next run: `diff`, `delete`      | x, 2  | a, 1    | keeps it     |
| `--replace` with `delete_before_replace`| `delete`, `create`, which fails        | none  | a, 1    | deletes it   |

Where the `delete` deletes the ingress, the preview shows it. One more case begins without an import: a change of the
domain failed, and the state keeps the old ingress as a pending delete. To go back, the program gets the old domain and
`import_` with the old ID. Then `create` records the mark 1, and the pending delete has none, so it keeps the ingress.

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
    """Which resource has an object, of those that the process was asked about. A lifecycle makes one.

    A refresh also calls `diff`, for resources that the program may no longer have. The next `diff` or `create` of the
    resource that the program has replaces their records before any `delete`.
    """

    def __init__(self) -> None:
        self._owners: dict[Hashable, tuple[str, str | None]] = {}

    def record(self, key: Hashable, urn: str, outputs: Mapping[str, Any]) -> None:
        """Records that the resource with these outputs has the object with this key."""
        self._owners[key] = (urn, outputs.get(MARK))

    def has_other(self, key: Hashable, urn: str, outputs: Mapping[str, Any]) -> bool:
        """Returns whether another resource than the one with these outputs is recorded as the owner."""
        owner = (urn, outputs.get(MARK))
        return self._owners.get(key, owner) != owner
