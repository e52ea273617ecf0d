"""What every test gets: an environment without the developer's own settings."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from pulumi_agin.emulator import Emulator
from tests.keys import API_KEY, OTHER_ACCOUNTS_KEY


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither settings of ngrok's or Pulumi's nor a proxy reach a test from outside."""
    for name in os.environ:
        if name.startswith(("NGROK_", "PULUMI_")) and not name.startswith("PULUMI_AGIN_TEST_"):
            monkeypatch.delenv(name)
        if name.lower() in ("http_proxy", "https_proxy", "all_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    """ngrok's API, with an account of ours and one of somebody else's."""
    with Emulator(api_key=API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY]) as running:
        yield running
