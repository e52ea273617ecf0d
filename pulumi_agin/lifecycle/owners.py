"""Owners of objects in one plugin process, so that the delete of one resource does not delete what another one has.

The option `import_` of a Python program makes the engine create a resource, and the create takes over an existing
object. The engine does not know that another resource of the state may have it, too. So `create` and `diff` record the
objects of the program's resources, and `delete` asks. For an ingress (NS records are alike):

| while `import_` is left              | the engine calls                       | the delete                           |
|--------------------------------------|----------------------------------------|--------------------------------------|
| nothing changes                      | `diff`                                 |                                      |
| the domain changes, or is unknown in | `diff`, which fails                    |                                      |
| a preview                            |                                        |                                      |
| the domain changes, and `import_`    | `diff`, `create`, which reads the      | deletes the old one, as the preview  |
| names another ingress                | other one, `delete`                    | shows                                |
| a rename without an alias            | `create` for the new name, `delete`    | deletes nothing: `create` has        |
|                                      | for the old one                        | recorded the import                  |
| the same, interrupted before the     | in the next run, `diff` for the new    | deletes nothing: `diff` has recorded |
| delete                               | name, `delete` for the old one         | the new name                         |
| `--replace`                          | `create`, `delete`, no `diff`          | deletes nothing: `create` has        |
|                                      |                                        | recorded the import                  |
| `--replace`, interrupted before the  | in the next run, `diff` and `delete`   | deletes the ingress: nothing tells   |
| delete                               | for one name                           | the two apart                        |
| `--replace` with                     | `delete`, `create`, which fails        | deletes the ingress, as the preview  |
| `delete_before_replace`              |                                        | shows                                |
"""

from __future__ import annotations

from collections.abc import Hashable


class Owners:
    """Which resource of the program has an object, by a key of the object. A lifecycle makes one."""

    def __init__(self) -> None:
        self._urns: dict[Hashable, str] = {}
        self._imported: set[Hashable] = set()

    def record(self, key: Hashable, urn: str) -> None:
        """Records that the resource of the program with this URN has an object, in `create` and in `diff`."""
        self._urns[key] = urn

    def record_import(self, key: Hashable) -> None:
        """Records that this process has imported an object, so that no delete of this run may delete it.

        With `--replace`, the resource that is deleted has the URN of the one that has imported it.
        """
        self._imported.add(key)

    def must_keep(self, key: Hashable, urn: str) -> bool:
        """Returns whether the delete of the resource with this URN must not delete an object."""
        return key in self._imported or self._urns.get(key, urn) != urn
