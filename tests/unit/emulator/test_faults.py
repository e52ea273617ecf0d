"""The faults that tests add to the emulator."""

from __future__ import annotations

import inspect
import re
from concurrent.futures import ThreadPoolExecutor
from typing import Any, get_args

import pytest
import requests

from pulumi_agin.emulator import Emulator, FaultKind, faults
from tests.support.emulator import Api
from tests.support.keys import API_KEY
from tests.support.waiting import until

LIST = "/agent_ingresses"


@pytest.mark.parametrize(("kind", "created"), [("respond", 0), ("respond_after", 1)])
def test_fault_replaces_the_response(emulator: Emulator, api: Api, kind: FaultKind, created: int) -> None:
    emulator.add_fault("POST", kind, status=503, headers={"X-Key": "{api_key}"}, json_body={"msg": "for {api_key}"})
    assert API_KEY not in str(emulator.faults())
    response = api("POST", LIST, json={"domain": "connect.acme.com"})
    assert (response.status_code, response.json()) == (503, {"msg": f"for {API_KEY}"})
    assert (response.headers["X-Key"], response.headers["Content-Type"]) == (API_KEY, "application/json")
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


@pytest.mark.parametrize("after", [False, True])
@pytest.mark.parametrize("kind", ["hang", "delay"])
def test_fault_delays_the_response_until_the_emulator_stops(
    emulator: Emulator, api: Api, kind: FaultKind, after: bool
) -> None:
    emulator.add_fault("POST", kind, after=after, seconds=3600)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(api.create)
        until("the request arrives", lambda: len(emulator.requests()) == 1)
        until("it is carried out", lambda: len(emulator.ingresses()) == after)
        emulator.stop()
        assert isinstance(waiting.exception(), requests.ConnectionError)
    assert len(emulator.ingresses()) == after


@pytest.mark.parametrize("after", [False, True])
def test_delayed_request_gets_its_response(emulator: Emulator, api: Api, after: bool) -> None:
    emulator.add_fault("POST", "delay", after=after, seconds=0.01)
    api.create()
    assert len(emulator.ingresses()) == 1


def test_faults_apply_in_order_and_as_often_as_set(emulator: Emulator, api: Api) -> None:
    path = api.create()["uri"]
    emulator.add_fault("get", "respond", times=2, status=502)
    emulator.add_fault(None, "respond", status=504)
    assert [api("GET", path).status_code for _ in range(4)] == [502, 502, 504, 200]
    emulator.add_fault("GET", "respond", times=None)
    assert [api("GET", LIST).status_code for _ in range(3)] == [500, 500, 500]
    emulator.clear_faults()
    assert api("GET", LIST).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "options", "affected"),
    [
        ("POST", LIST, {"json": {"domain": "Connect.acme.com."}}, True),
        ("POST", LIST, {"json": {"domain": "a.acme.com"}}, False),
        ("POST", LIST, {"json": {"domain": ["x"]}}, False),
        ("POST", LIST, {"data": b"{"}, False),
        ("GET", LIST, {"params": {"filter": 'obj.domain == "connect.acme.com"'}}, True),
        ("GET", LIST, {"params": {"filter": "obj.domain == 'other.acme.com'"}}, False),
        ("GET", LIST, {}, False),
        ("PATCH", "connect.acme.com", {"json": {}}, True),
        ("DELETE", "other.acme.com", {}, False),
    ],
)
def test_fault_with_a_domain_affects_requests_about_it(
    emulator: Emulator, api: Api, method: str, path: str, options: Any, affected: bool
) -> None:
    paths = {each["domain"]: each["uri"] for each in (api.create(), api.create("other.acme.com"))}
    emulator.add_fault(None, "respond", times=None, status=504, domain="Connect.acme.com.")
    assert (api(method, paths.get(path, path), **options).status_code == 504) == affected


def test_block_ends_with_an_error_if_faults_were_not_used_up() -> None:
    expected = (
        "Some faults were not used up: respond for POST requests about connect.acme.com (2 left); hang for any "
        "requests (1 left). `requests()` shows what was sent. Correct the fault's method, domain or times, or end the "
        "test with clear_faults()."
    )

    def block() -> None:
        with Emulator(API_KEY) as emulator:
            emulator.add_fault("POST", "respond", times=3, status=503, domain="Connect.acme.com")
            assert Api(emulator)("POST", LIST, json={"domain": "connect.acme.com"}).status_code == 503
            emulator.add_fault(None, "hang")
            emulator.add_fault("GET", "respond", times=None)

    with pytest.raises(AssertionError, match=f"^{re.escape(expected)}$"):
        block()


def test_block_keeps_its_own_error_despite_unused_faults() -> None:
    def block() -> None:
        with Emulator() as emulator:
            emulator.add_fault("POST", "hang")
            emulator.delete_ingress("agin_x")

    with pytest.raises(LookupError, match="agin_x"):
        block()


@pytest.mark.parametrize(
    ("option", "problem"),
    [({"kind": "explode"}, "must be one of respond, respond_after"), ({"status": 99}, "must be from 200 to 599")],
)
def test_invalid_fault_is_rejected(emulator: Emulator, option: dict[str, Any], problem: str) -> None:
    with pytest.raises(ValueError, match=problem):
        emulator.add_fault("GET", **{"kind": "respond", **option})
    assert emulator.faults() == []


def test_each_kind_is_documented() -> None:
    listed = re.findall("^- (`.*?`): ", inspect.getsource(faults), re.MULTILINE)
    assert re.findall(r"\w+", " ".join(listed)) == list(get_args(FaultKind))
