"""Tests with Pulumi's mocks, which respond in place of the engine and ngrok. They take milliseconds."""

import asyncio
from collections.abc import Callable
from typing import Any

import pulumi
import pytest
from gateway import delegate, make_ingress
from pulumi.runtime import MockCallArgs, MockResourceArgs

# Pulumi's decorator has no type hints.
with_pulumi: Callable[[Callable[[], object]], Callable[[], None]] = pulumi.runtime.test

NS_TARGETS = ["ns-1.example.net.", "ns-2.example.net."]


class Mocks(pulumi.runtime.Mocks):
    def new_resource(self, args: MockResourceArgs) -> tuple[str, dict[str, Any]]:
        outputs = args.inputs
        if args.typ == "pulumi-python:dynamic/agin:AgentIngress":
            outputs = {**outputs, "ns_targets": NS_TARGETS}
        return f"{args.name}-id", outputs

    def call(self, args: MockCallArgs) -> tuple[dict[str, Any], list[tuple[str, str]]]:
        """Returns the result of a lookup, such as `get_agent_ingress`."""
        return {}, []


# Since Python 3.14, asyncio no longer creates the event loop that Pulumi needs.
asyncio.set_event_loop(asyncio.new_event_loop())


@pytest.fixture(autouse=True)
def mocks() -> None:
    pulumi.runtime.set_mocks(Mocks())


@with_pulumi
def test_records_have_the_values_from_ngrok() -> pulumi.Output[None]:
    delegation = delegate(make_ingress("connect.acme.com"), "acme.com", "c2VjcmV0")

    def check(values: list[Any]) -> None:
        assert values == ["connect.acme.com", NS_TARGETS]

    return pulumi.Output.all(delegation.domain, delegation.ns_targets).apply(check)
