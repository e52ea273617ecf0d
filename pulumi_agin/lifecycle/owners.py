"""Owners of objects in one plugin process, so that the delete of one resource keeps the object of another resource.

An object is an Agent Ingress or a set of NS records. The option `import_` of a Python program makes the engine create a
resource, and the create takes over an existing object. The engine does not know that another resource in the state may
have the same object. So `create` and `diff` record the owner of an object, and `delete` keeps an object whose recorded
owner is another resource.

An owner is a URN and the mark of an import. The URN alone is not enough, because the resource that `--replace` creates
has the same URN. In the table, an ingress was imported as the resource `a` with the mark 1, and the program still has
the option `import_`. A `delete` in the table is a call for the resource `a` with the mark 1. **It keeps the ingress if
an owner is recorded that is not `a` with the mark 1:**

| what happens                            | the engine calls                       | recorded owner | the `delete`   |
|-----------------------------------------|----------------------------------------|----------------|----------------|
| nothing changes                         | `diff`                                 | a, mark 1      |                |
| the domain changes or is not known yet  | `diff`, which fails                    |                |                |
| the domain and the ID to import change  | `diff`, `create` (another ID), `delete`| none (*)       | deletes        |
| a rename to `b` without an alias        | `create`, `delete`                     | b, mark 2      | keeps          |
| `--replace`                             | `create`, `delete`, and no `diff`      | a, mark 2      | keeps          |
| the rename, interrupted                 | in the next run: `diff`, `delete`      | b, mark 2      | keeps          |
| the `--replace`, interrupted            | in the next run: `diff`, `delete`      | a, mark 2      | keeps          |
| `--replace` with `delete_before_replace`| `delete`, `create`, which fails        | none           | deletes        |

(*) `diff` does not record the owner of an ingress that the run replaces. If a `delete` deletes the ingress, the preview
shows the delete.

One more case begins with a created ingress, which has no mark. After a failed change of the domain, the state keeps the
old ingress as a pending delete. To go back, the program sets the old domain, and `import_` to the old ID. `create` then
records an owner with a mark. The pending delete has no mark, so `delete` keeps the ingress.

With `--target`, the engine calls `diff` only for the targets. So if the target is only the old name of an interrupted
rename, no other owner is recorded, and `delete` deletes the ingress, as the preview shows.

For NS records, only the second row differs: if the domain changes, `check` fails instead of `diff`.
"""

from __future__ import annotations

import secrets
from collections.abc import Hashable, Mapping
from typing import Any

# A hidden output of an imported object: a random string for each import. Users' states contain the name.
MARK = "_import_mark"


def new_mark() -> dict[str, Any]:
    """Returns the hidden output of a new import, with a new mark."""
    return {MARK: secrets.token_hex(4)}


def mark_in(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the hidden output of an import, so that a read or an update keeps the mark; {} for a created object."""
    return {MARK: outputs[MARK]} if MARK in outputs else {}


class Owners:
    """The owners that the `diff` and `create` of one lifecycle have recorded in this process.

    A refresh calls `diff` also for a resource that the program no longer has, and so may record a wrong owner. Before
    any `delete`, the `diff` or `create` of the program's own resource replaces this record.
    """

    def __init__(self) -> None:
        self._owners: dict[Hashable, tuple[str, str | None]] = {}

    def record(self, key: Hashable, urn: str, outputs: Mapping[str, Any]) -> None:
        """Records the resource with this URN and these outputs as the owner of the object with this key."""
        self._owners[key] = (urn, outputs.get(MARK))

    def has_other(self, key: Hashable, urn: str, outputs: Mapping[str, Any]) -> bool:
        """Returns whether an owner is recorded that is not the resource with this URN and these outputs."""
        owner = (urn, outputs.get(MARK))
        return self._owners.get(key, owner) != owner
