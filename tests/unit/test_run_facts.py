"""The facts about a run on their way from the program to the `check` of a resource."""

from __future__ import annotations

from typing import Any

import pytest

from pulumi_agin.dynamic.run_facts import RUN_FACTS, RunFacts
from pulumi_agin.lifecycle.operation import Placement


@pytest.mark.parametrize(
    "facts", [RunFacts(is_preview=True), RunFacts(placement=Placement("acme/dev", "urn:parent", "urn:provider"))]
)
def test_check_receives_the_facts_of_the_program(facts: RunFacts) -> None:
    sent = facts.as_input()
    # The engine drops what is None.
    received: dict[str, Any] = {name: value for name, value in sent.items() if value is not None}
    assert RunFacts.of({"domain": "connect.acme.com", RUN_FACTS: received}) == facts


def test_inputs_without_the_facts_have_defaults() -> None:
    assert RunFacts.of({"domain": "connect.acme.com"}) == RunFacts(is_preview=False, placement=None)
