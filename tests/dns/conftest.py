"""A BIND, and records in it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.dns.bind import DOMAIN, KEY, delegate
from tools.bind import Bind


@pytest.fixture(scope="session")
def running_bind(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bind]:
    with Bind(tmp_path_factory.mktemp("bind"), [KEY]) as bind:
        yield bind


@pytest.fixture
def bind(running_bind: Bind) -> Bind:
    """A primary of acme.com, in which nothing is delegated."""
    delegate(running_bind, DOMAIN, [])
    return running_bind
