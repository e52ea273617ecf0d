"""What one deployment knows, and that another one in the same process does not."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.program.run import ProgramRun
from pulumi_agin.settings import Settings
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.mocks import Engine, Mocks, Monitor, run

SETTINGS = Settings.load({"ngrok:apiKey": API_KEY}.get, {})
OTHERS = Settings.load({"ngrok:apiKey": OTHER_ACCOUNTS_KEY}.get, {})


def begin(monitor: Any) -> ProgramRun:
    """Another deployment in this process, as by Pulumi's Automation API."""
    pulumi.runtime.set_mocks(Mocks(), preview=True, monitor=monitor)
    return ProgramRun.current()


def test_each_deployment_has_its_own_accounts_and_each_account_one_client(event_loop: None) -> None:
    monitors = [Engine(Monitor(Mocks())) for _ in range(2)]
    one, two = map(begin, monitors)
    assert one is not two
    assert begin(monitors[0]) is one
    assert one.account(SETTINGS) is one.account(SETTINGS) is not one.account(OTHERS)
    # What one has read, somebody may have changed before the other one reads it.
    assert one.account(SETTINGS).client is not two.account(SETTINGS).client
    # And a lookup of one that waits for its answer holds up none of the other.
    assert one.account(SETTINGS).lookups is not two.account(SETTINGS).lookups


def test_a_deployment_ends_with_its_connection(event_loop: None) -> None:

    gone = weakref.ref(begin(Engine(Monitor(Mocks()))))
    begin(Engine(Monitor(Mocks())))
    gc.collect()
    assert gone() is None


def test_mocks_and_a_program_without_an_engine_are_recognized(event_loop: None) -> None:
    assert begin(Monitor(Mocks())).is_mocked
    engine = begin(Engine(Monitor(Mocks())))
    assert (engine.is_running, engine.is_mocked) == (True, False)


def test_an_unencrypted_key_is_warned_of_once_in_each_deployment(
    preview: Mocks, monkeypatch: pytest.MonkeyPatch
) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)

    def program() -> list[pulumi.Output[str]]:
        return [agin.AgentIngress(name, domain=f"{name}.acme.com").urn for name in ("a", "b")]

    for secret_keys, said in (["ngrok:apiKey"], 0), ([], 1):
        pulumi.runtime.set_all_config({"ngrok:apiKey": API_KEY}, secret_keys)
        try:
            run(program)
        finally:
            pulumi.runtime.set_all_config({}, [])
        assert len(warnings) == said
    assert warnings[0].startswith("ngrok:apiKey is in the stack config in clear")
    assert API_KEY not in warnings[0]


def test_each_wait_for_a_certificate_comes_after_the_one_before(preview: Mocks) -> None:
    def program() -> Any:
        return [agin.AgentIngressCertificateValidation(name, agent_ingress_id="agin_1").urn for name in "abc"]

    run(program)
    dependencies = {request.name: request.dependencies for request in preview.requests}
    assert [len(dependencies[name]) for name in "abc"] == [0, 1, 1]
    assert [dependencies[name][0].rpartition("::")[2] for name in "bc"] == ["a", "b"]
