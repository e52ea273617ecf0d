"""The state of one run, which other runs in the same process do not share."""

from __future__ import annotations

import asyncio
import gc
import threading
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pulumi
import pytest

import pulumi_agin as agin
from pulumi_agin.program.run import ProgramRun
from pulumi_agin.settings import Settings
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.mocks import Engine, Mocks, Monitor, run

SETTINGS = Settings.load({"agin:apiKey": API_KEY}.get, {})
OTHERS = Settings.load({"agin:apiKey": OTHER_ACCOUNTS_KEY}.get, {})


def begin(monitor: Any) -> ProgramRun:
    """Begins another run in this process, as Pulumi's Automation API does."""
    pulumi.runtime.set_mocks(Mocks(), preview=True, monitor=monitor)
    return ProgramRun.current()


def test_each_run_has_its_own_accounts_and_each_account_one_client(event_loop: None) -> None:
    monitors = [Engine(Monitor(Mocks())) for _ in range(2)]
    one, two = map(begin, monitors)
    assert one is not two
    assert begin(monitors[0]) is one
    assert one.queries(SETTINGS) is one.queries(SETTINGS) is not one.queries(OTHERS)
    # Data that one run has read may change before the other run reads it.
    assert one.queries(SETTINGS).account.require_client() is not two.queries(SETTINGS).account.require_client()


def test_a_run_ends_with_its_connection(event_loop: None) -> None:
    gone = weakref.ref(begin(Engine(Monitor(Mocks()))))
    begin(Engine(Monitor(Mocks())))
    gc.collect()
    assert gone() is None


def test_mocks_and_a_program_without_an_engine_are_recognized(event_loop: None) -> None:
    assert begin(Monitor(Mocks())).is_mocked
    engine = begin(Engine(Monitor(Mocks())))
    assert (engine.is_running, engine.is_mocked) == (True, False)


def test_call_does_not_wait_for_asyncios_default_executor(event_loop: None) -> None:
    queries = begin(Engine(Monitor(Mocks()))).queries(SETTINGS)

    async def program() -> int:
        # The calls of the SDK fill it.
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        theirs = loop.run_in_executor(None, done.wait)
        try:
            return await queries.call(sum, [1, 2])
        finally:
            done.set()
            await theirs

    done = threading.Event()
    assert asyncio.get_event_loop().run_until_complete(asyncio.wait_for(program(), 60)) == 3


def test_an_unencrypted_key_warns_once_for_all_resources(preview: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    warnings: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)

    def program() -> list[pulumi.Output[str]]:
        return [agin.AgentIngress(name, domain=f"{name}.acme.com").urn for name in ("a", "b")]

    # Both programs are in one run, because they share the connection of `preview`.
    for secret_keys, count in (["agin:apiKey"], 0), ([], 1):
        pulumi.runtime.set_all_config({"agin:apiKey": API_KEY}, secret_keys)
        try:
            run(program)
        finally:
            pulumi.runtime.set_all_config({}, [])
        assert len(warnings) == count
    assert warnings[0].startswith("agin:apiKey is stored unencrypted in Pulumi.<stack>.yaml and in the state")
    assert API_KEY not in warnings[0]
