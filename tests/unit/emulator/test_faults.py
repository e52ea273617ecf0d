"""The faults that tests add to the emulator."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, get_args

import pytest
import requests

from pulumi_agin.emulator import Emulator, FaultKind
from tests.support.emulator import Api
from tests.support.keys import API_KEY
from tests.support.waiting import until

LIST = "/agent_ingresses"
PAGE = (Path(__file__).parents[3] / "docs/reference/emulator.md").read_text()


@pytest.mark.parametrize(("kind", "created"), [("respond", 0), ("respond_after", 1)])
@pytest.mark.parametrize(("body", "sent"), [("<html>", b"<html>"), ({"msg": "no"}, b'{"msg": "no"}')])
def test_fault_replaces_the_response(
    emulator: Emulator, api: Api, kind: FaultKind, created: int, body: object, sent: bytes
) -> None:
    emulator.add_fault("POST", kind, status=503, headers={"Retry-After": "1"}, body=body)
    response = api("POST", LIST, json={"domain": "connect.acme.com"})
    assert (response.status_code, response.headers["Retry-After"], response.content) == (503, "1", sent)
    assert len(emulator.ingresses()) == created
    assert emulator.requests()[-1]["status"] == 503


@pytest.mark.parametrize(
    ("kind", "error", "created"),
    [("reset_before", "reset by peer", 0), ("reset_after", "reset by peer", 1), ("cut_short", "more expected", 1)],
)
def test_fault_breaks_the_connection(emulator: Emulator, api: Api, kind: FaultKind, error: str, created: int) -> None:
    emulator.add_fault("POST", kind)
    with pytest.raises(requests.RequestException, match=error):
        api.create()
    assert len(emulator.ingresses()) == created


def test_delay_ends_with_its_time_or_with_the_emulator(emulator: Emulator, api: Api) -> None:
    emulator.add_fault("POST", "delay", seconds=0.01)
    api.create()
    emulator.add_fault("POST", "delay", seconds=3600)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(api.create, "slow.acme.com")
        until("it is carried out", lambda: len(emulator.ingresses()) == 2)
        assert emulator.requests()[-1]["status"] is None
        emulator.stop()
        assert isinstance(waiting.exception(), requests.ConnectionError)


def test_faults_apply_in_order_and_as_often_as_set(emulator: Emulator, api: Api) -> None:
    path = api.create()["uri"]
    emulator.add_fault("GET", "respond", times=2, status=502)
    emulator.add_fault(None, "respond", status=504)
    assert [api("GET", path).status_code for _ in range(4)] == [502, 502, 504, 200]
    emulator.add_fault("GET", "respond", times=None)
    assert [api("GET", LIST).status_code for _ in range(3)] == [500, 500, 500]
    emulator.clear_faults()
    assert api("GET", LIST).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options", "affected"),
    [
        ("POST", LIST, {"json": {"domain": "connect.acme.com"}}, True),
        ("POST", LIST, {"json": {"domain": "x.connect.acme.com"}}, False),
        ("POST", LIST, {"data": b"\xff"}, False),
        ("GET", LIST, {"params": {"filter": 'obj.domain == "connect.acme.com"'}}, True),
        ("GET", LIST, {}, False),
        ("PATCH", "connect.acme.com", {"json": {}}, True),
        ("DELETE", "other.acme.com", {}, False),
    ],
)
def test_fault_with_a_domain_affects_requests_about_it(
    emulator: Emulator, api: Api, method: str, path: str, options: Any, affected: bool
) -> None:
    paths = {each["domain"]: each["uri"] for each in (api.create(), api.create("other.acme.com"))}
    emulator.add_fault(None, "respond", times=None, status=504, domain="connect.acme.com")
    assert (api(method, paths.get(path, path), **options).status_code == 504) == affected


def test_block_ends_with_an_error_if_faults_were_not_used_up() -> None:
    expected = (
        "Some faults were not used up: respond for POST requests about connect.acme.com (2 left); delay for any "
        "requests (1 left). `requests()` shows what was sent. Correct the fault's method, domain or times, or end the "
        "test with clear_faults()."
    )

    def block() -> None:
        with Emulator(API_KEY) as emulator:
            emulator.add_fault("POST", "respond", times=3, status=503, domain="connect.acme.com")
            assert Api(emulator)("POST", LIST, json={"domain": "connect.acme.com"}).status_code == 503
            emulator.add_fault(None, "delay")
            emulator.add_fault("GET", "respond", times=None)

    with pytest.raises(AssertionError, match=f"^{re.escape(expected)}$"):
        block()


def test_block_keeps_its_own_error_despite_unused_faults() -> None:
    def block() -> None:
        with Emulator() as emulator:
            emulator.add_fault("POST", "delay")
            emulator.delete_ingress("agin_x")

    with pytest.raises(LookupError, match="agin_x"):
        block()


def test_unknown_kind_is_rejected(emulator: Emulator) -> None:
    with pytest.raises(ValueError, match="must be one of respond, respond_after"):
        emulator.add_fault("GET", "explode")  # type: ignore[arg-type]


def test_each_kind_has_a_row_on_the_page() -> None:
    section = PAGE.split("\n## Faults\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == list(get_args(FaultKind))
