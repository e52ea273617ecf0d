"""What a test changes and sees at the emulator, in Python and over HTTP, and the emulator's start and stop."""

from __future__ import annotations

import json
import re
import socket
import threading
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from pulumi_agin.emulator import Emulator
from pulumi_agin.emulator.control import ACTIONS, READS
from tests.support.emulator import POLICY, Api
from tests.support.keys import API_KEY
from tests.support.pages import blocks

LIST = "/agent_ingresses"
PAGE = (Path(__file__).parents[3] / "docs/reference/emulator.md").read_text()


def test_requests_are_logged_without_keys(emulator: Emulator, api: Api) -> None:
    created = api.create(description="d")
    api.read(created)
    api("POST", LIST, data="no json", headers={"Content-Type": "application/json"})
    assert emulator.connections() == 1
    Api(emulator, "wrong")("GET", LIST, params={"limit": 5})
    assert emulator.connections() == 2

    first, _, third, fourth = emulator.requests()
    assert (first["method"], first["path"], first["query"]) == ("POST", LIST, {})
    assert first["body"] == {"domain": "connect.acme.com", "description": "d"}
    assert (first["status"], first["account"], first["headers"]["ngrok-version"]) == (201, 1, "2")
    assert third["body"] == "no json"
    assert (fourth["status"], fourth["account"], fourth["query"]) == (403, None, {"limit": "5"})
    assert API_KEY not in str(emulator.requests())
    assert emulator.counts() == {f"POST {LIST}": 2, f"GET {LIST}/{{id}}": 1, f"GET {LIST}": 1}
    emulator.clear_requests()
    assert emulator.requests() == []


def test_lists_can_have_another_host(emulator: Emulator, api: Api) -> None:
    api.create()
    emulator.configure(base_url="https://elsewhere.example")
    page = api("GET", LIST, params={"limit": 1}).json()
    assert page["next_page_uri"].startswith("https://elsewhere.example/agent_ingresses?limit=1&before_id=agin_")


@pytest.mark.parametrize(
    "setting", [{"limit": -1}, {"null_policy": "odd"}, {"issue_after_seconds": 1e300}, {"limt": 3}]
)
def test_invalid_setting_is_rejected(emulator: Emulator, setting: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(setting))):
        emulator.configure(**setting)
    assert emulator.settings() == Emulator().settings()


def test_keys_can_be_added_and_removed(emulator: Emulator, api: Api) -> None:
    api.create()
    emulator.add_key("rotated", account_of=API_KEY)
    emulator.add_key("new")
    emulator.remove_key(API_KEY)
    assert api("GET", LIST).status_code == 403
    assert [len(api("GET", LIST, key=key).json()["ingresses"]) for key in ("rotated", "new")] == [1, 0]
    with pytest.raises(LookupError):
        emulator.remove_key(API_KEY)


def test_ingresses_can_be_changed_from_outside(emulator: Emulator, api: Api) -> None:
    created = api.create(description="ours", certificate_management_policy=POLICY)
    emulator.set_ingress(created["id"], {"description": "", "ns_targets": ["b", "a"]})
    read = api.read(created)
    assert ("description" in read, read["ns_targets"]) == (False, ["b", "a"])
    emulator.set_ingress(created["id"], {"certificate_management_policy": None})
    assert api.read(created)["certificate_management_policy"] is None
    with pytest.raises(ValueError, match="can't set domain"):
        emulator.set_ingress(created["id"], cast("Any", {"domain": "b.acme.com"}))
    emulator.delete_ingress(created["id"])
    with pytest.raises(LookupError, match=created["id"]):
        emulator.delete_ingress(created["id"])


def test_reset_restores_the_state_after_the_start(emulator: Emulator, api: Api) -> None:
    api.create()
    emulator.configure(limit=1, null_policy="ignored")
    emulator.add_key("second")
    emulator.add_fault("GET", "reset_before", times=None)
    emulator.reset()
    assert (emulator.ingresses(), emulator.requests(), emulator.faults()) == ([], [], [])
    assert emulator.settings() == Emulator().settings()
    # Requests before the reset do not count.
    emulator.configure(limit=2)
    assert [api("GET", LIST).status_code for _ in range(3)] == [200, 200, 429]
    assert api("GET", LIST, key="second").status_code == 403
    emulator.configure(limit=0)
    assert {api("GET", LIST).status_code for _ in range(121)} == {200}


@pytest.mark.parametrize(
    ("method", "name", "body", "status"),
    [
        ("GET", "stop", "", 404),
        ("POST", "requests", "", 404),
        ("GET", "reset", "", 404),
        ("POST", "configure", '{"limits": 0}', 400),
        ("POST", "delete_ingress", '{"ingress_id": "agin_x"}', 400),
        ("POST", "reset", "[]", 400),
        ("POST", "reset", "{", 400),
    ],
)
def test_invalid_control_is_rejected(emulator: Emulator, method: str, name: str, body: str, status: int) -> None:
    response = requests.request(method, f"{emulator.url}/_emulator/{name}", data=body, timeout=20)
    assert (response.status_code, bool(response.json()["error"])) == (status, True)


def test_commands_of_the_page_work_over_http() -> None:
    commands = re.findall(r"""^curl (?:(-d|-X POST) )?(?:'(.*)' )?\$E/(\w+)$""", PAGE, re.MULTILINE)
    assert len(commands) == PAGE.count("curl ") > 0
    [reads] = re.findall("over HTTP: (.*?) with `GET`", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", reads) == list(READS)
    with Emulator() as emulator:
        for option, arguments, name in commands:
            emulator.reset()
            created = Api(emulator, "emulator-key").create()
            body = arguments.replace("agin_…", created["id"]).encode()
            response = requests.request(
                "POST" if option else "GET", f"{emulator.url}/_emulator/{name}", data=body, timeout=20
            )
            assert response.status_code == 200, (name, response.text)
            if name in READS:
                assert response.json() == json.loads(json.dumps(getattr(emulator, name)()))
        emulator.reset()
    assert all(hasattr(emulator, name) for name in (*READS, *ACTIONS))


def test_python_example_of_the_page_works(capsys: pytest.CaptureFixture[str]) -> None:
    [program] = blocks(PAGE, "python")
    exec(compile(program, "emulator.md", "exec"), {})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", capsys.readouterr().out)


@pytest.mark.parametrize(
    ("header", "status"),
    [("Transfer-Encoding: chunked", 411), ("Content-Length: x", 411), (f"Content-Length: {'9' * 9}", 411)],
)
def test_body_without_a_usable_length_is_not_read(emulator: Emulator, header: str, status: int) -> None:
    with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2])), timeout=20) as connection:
        connection.sendall(f"POST {LIST} HTTP/1.1\r\nHost: localhost\r\n{header}\r\n\r\n".encode())
        assert connection.recv(65536).startswith(f"HTTP/1.1 {status} ".encode())
    assert emulator.requests() == []


def test_stop_ends_every_request_and_thread() -> None:
    before = set(threading.enumerate())
    with Emulator(API_KEY) as emulator:
        with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2]))) as connection:
            # The rest of the body never comes.
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\nHost: localhost\r\n\r\n{")
            Api(emulator).create()
            emulator.stop()
        assert set(threading.enumerate()) <= before


def test_stopped_emulator_can_be_started_again() -> None:
    emulator = Emulator(API_KEY)
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = emulator.url
    with emulator:
        Api(emulator).create()
        url = emulator.url
    with emulator:
        assert (emulator.url, len(emulator.ingresses())) == (url, 1)
    with pytest.raises(ValueError, match="API keys must not be empty, and must differ"):
        Emulator("a", other_accounts=["a"])
