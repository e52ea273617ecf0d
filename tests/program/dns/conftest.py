"""Fixtures of the tests of adapters and delegations."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pulumi
import pytest

from tests.support.delegations import DnsMocks, Monitor


@pytest.fixture
def event_loop(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """An event loop for programs, some of whose resources may fail. Closes those that Pulumi's SDK leaves open."""
    loops: list[asyncio.AbstractEventLoop] = []
    make_loop = asyncio.new_event_loop

    def make_and_keep() -> asyncio.AbstractEventLoop:
        loops.append(make_loop())
        return loops[-1]

    monkeypatch.setattr(asyncio, "new_event_loop", make_and_keep)
    loop = asyncio.new_event_loop()
    # A failed program raises the first exception. asyncio would print the others.
    loop.set_exception_handler(lambda loop, context: None)
    asyncio.set_event_loop(loop)
    yield
    pending = asyncio.all_tasks(loop)
    for task in pending:
        task.cancel()
    loop.run_until_complete(asyncio.gather(*pending, return_exceptions=True))
    loop.run_until_complete(loop.shutdown_default_executor())
    for each in loops:
        each.close()


@pytest.fixture(params=[False, True], ids=["up", "preview"])
def dns_mocks(request: pytest.FixtureRequest, event_loop: None) -> DnsMocks:
    """Mocks of an update, and of a first preview."""
    mocks = DnsMocks()
    if request.param:
        mocks.to_create = {"ingress", "connect", *(f"connect-{number}" for number in (1, 2, 3, 4))}
    # The SDK would keep the root of another test, whose loop is closed.
    pulumi.runtime.settings.set_root_resource(None)  # type: ignore[arg-type]
    pulumi.runtime.set_mocks(mocks, preview=request.param, monitor=Monitor(mocks))
    return mocks
