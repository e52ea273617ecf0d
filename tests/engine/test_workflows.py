"""actionlint finds nothing wrong in the workflows. It is here because it is built with Go."""

from __future__ import annotations

import pytest

from tools import workflows
from tools.steps import StepError


def test_actionlint_finds_nothing() -> None:
    try:
        found = workflows.actionlint_finds()
    except StepError as error:
        pytest.fail(str(error), pytrace=False)
    if found:
        pytest.fail(found, pytrace=False)
