"""Owners of objects in one plugin process, so that the delete of one resource does not delete what another one has.

Two resources of a program have one object after a rename without an alias while the option `import_` is left in the
program, also if a run ended between the create under the new name and the delete under the old one.
"""

from __future__ import annotations

from collections.abc import Hashable


class Owners:
    """Which resource has an object. A lifecycle makes one, and its `diff`, `create` and `delete` call it."""

    def __init__(self) -> None:
        self._urns: dict[Hashable, str] = {}
        # With `--replace`, a resource can be the replacement of its own object.
        self._imported: set[Hashable] = set()

    def record(self, what: Hashable, urn: str) -> None:
        """Records that the resource of the program with this URN has an object, in `create` and in `diff`."""
        self._urns[what] = urn

    def record_import(self, what: Hashable) -> None:
        """Records that this process has imported an object, so that no delete of this run may delete it."""
        self._imported.add(what)

    def must_keep(self, what: Hashable, urn: str) -> bool:
        """Returns whether the delete of the resource with this URN must not delete an object."""
        return what in self._imported or self._urns.get(what, urn) != urn
