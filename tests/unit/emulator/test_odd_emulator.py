"""The tests' own emulator: its responses really are odd, so that the tests which use it prove something."""

from __future__ import annotations

from typing import Any

from tests.support.emulator import POLICY, Api
from tests.support.odd_emulator import OddEmulator, Oddities


def test_each_oddity_changes_responses(emulator: OddEmulator, api: Api) -> None:
    created = api.create(certificate_management_policy=POLICY)
    targets, regions = created["ns_targets"], created["region_domains"]

    def read(**oddities: Any) -> dict[str, Any]:
        emulator.oddities = Oddities(**oddities)
        return api.read(created)

    assert read(empty="null") == {**created, "description": None, "metadata": None}
    assert read(empty="string") == {**created, "description": "", "metadata": ""}
    assert read(trailing_dots=True) == {**created, "ns_targets": [f"{name}." for name in targets]}
    upper = read(upper_case=True)
    assert (upper["domain"], upper["ns_targets"]) == ("CONNECT.ACME.COM", [name.upper() for name in targets])
    assert read(order="reversed") == {**created, "ns_targets": targets[::-1], "region_domains": regions[::-1]}
    shuffled = [read(order="shuffled")["region_domains"] for _ in range(9)]
    assert shuffled != [shuffled[0]] * 9
    assert [sorted(each) for each in shuffled] == [sorted(regions)] * 9
    emulator.reset()
    assert api.create()["domain"] == "connect.acme.com"


def test_unknown_keys_are_at_every_level(emulator: OddEmulator, api: Api) -> None:
    emulator.set_certificate(api.create(certificate_management_policy=POLICY)["id"], "in_progress")
    emulator.oddities = Oddities(unknown_keys=True)
    page = api("GET", "/agent_ingresses").json()
    [ingress] = page["ingresses"]
    status = ingress["certificate_management_status"]
    for level in (page, ingress, ingress["certificate_management_policy"], status, status["provisioning_job"]):
        assert "from_the_future" in level
