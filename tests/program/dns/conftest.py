"""Fixtures of the tests of adapters and delegations."""

from __future__ import annotations

import pulumi
import pytest

from tests.support.delegations import DnsMocks, Monitor


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
