"""RunFacts: the facts about a run that a Python program knows, and the engine does not send to its plugin process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from pulumi_agin.lifecycle.operation import Placement

# The input by which `check` receives the facts. `check` removes it, so no state has it. Because of the two underscores,
# the CLI does not show it where it shows inputs before their check, as in `refresh --run-program`. The SDK passes such
# inputs on to `check`, since a version before the lowest that we support.
RUN_FACTS = "__run_facts"


class RunFacts(NamedTuple):
    """The facts about a run that the engine does not send to the plugin process of a Python program."""

    is_preview: bool = False
    placement: Placement | None = None

    @classmethod
    def of(cls, inputs: Mapping[str, Any]) -> RunFacts:
        """Returns the facts in the inputs of a `check`; the defaults if a transform has removed them."""
        facts = inputs.get(RUN_FACTS, {})
        placement = facts.get("placement")
        return cls(facts.get("is_preview", False), Placement(**placement) if placement else None)

    def as_input(self) -> dict[str, Any]:
        """Returns the value of the input."""
        return {"is_preview": self.is_preview, "placement": self.placement and self.placement._asdict()}
