"""A BIND for the emulator's checks of NS records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.bind import Bind, Key
from tests.support.records import DOMAIN, KEY, delegate
from tools.bind import Programs


@pytest.fixture(scope="package")
def running_bind(tmp_path_factory: pytest.TempPathFactory, bind_programs: Programs) -> Iterator[Bind]:
    key = Key(KEY.name, [DOMAIN, "new.acme.com"])
    with Bind(bind_programs, tmp_path_factory.mktemp("bind"), [key]) as bind:
        yield bind


@pytest.fixture
def bind(running_bind: Bind) -> Bind:
    """A primary server of acme.com without delegations."""
    delegate(running_bind, DOMAIN, [])
    return running_bind
