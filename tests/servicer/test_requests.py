"""How many requests a refresh takes: 120 a minute are all that an account has."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from math import ceil

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.plugin import DynamicPlugin, NativePlugin, Plugin


@pytest.mark.parametrize(
    ("front_end", "number", "account"),
    [
        (DynamicPlugin, 1, 1),
        (DynamicPlugin, 1, 250),
        (DynamicPlugin, 2, 2),
        (DynamicPlugin, 30, 250),
        (DynamicPlugin, 200, 200),
        (NativePlugin, 2, 2),
    ],
    indirect=["front_end"],
)
def test_a_refresh_takes_one_and_a_list(number: int, account: int, plugin: Plugin, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    inputs = [{"domain": f"d{each}.acme.com"} for each in range(account)]
    with ThreadPoolExecutor(8) as threads:
        made = list(threads.map(plugin.create, inputs))
        emulator.clear_requests()
        reads = list(threads.map(lambda n: plugin.read(made[n][0], made[n][1], inputs[n])[:2], range(number)))
    assert reads == made[:number]
    counts = emulator.counts()
    assert counts.pop("GET /agent_ingresses/{id}") == 1
    assert counts == ({} if number == 1 else {"GET /agent_ingresses": ceil(account / 100)})
