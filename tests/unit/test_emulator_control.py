"""The emulator's control plane, its faults, its file, its start and stop, and its command line."""

from __future__ import annotations

import ctypes
import gc
import json
import math
import os
import re
import resource
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
import requests

from pulumi_agin import cli
from pulumi_agin.emulator import Emulator, FaultKind, StoreError
from pulumi_agin.emulator.control import ACTIONS, READS
from pulumi_agin.emulator.state import DEFAULT_API_KEY, DEFAULT_LIMIT
from pulumi_agin.settings import Settings as ClientSettings
from tests.support.pages import blocks

KEY = "2aBcD_secretsecretsecret"
POLICY = {"authority": "letsencrypt", "private_key_type": "rsa"}
LIBC = ctypes.CDLL(None)


@pytest.fixture(autouse=True)
def without_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")


@pytest.fixture
def emulator() -> Iterator[Emulator]:
    with Emulator(KEY) as started:
        yield started


@pytest.fixture
def session() -> Iterator[requests.Session]:
    with requests.Session() as made:
        made.trust_env = False
        made.headers.update({"Authorization": f"Bearer {KEY}", "Ngrok-Version": "2"})
        yield made


def collection(emulator: Emulator) -> str:
    return f"{emulator.url}/agent_ingresses"


def create(emulator: Emulator, session: requests.Session, domain: str = "connect.acme.com", **body: Any) -> Any:
    answer = session.post(collection(emulator), json={"domain": domain, **body}, timeout=10)
    assert answer.status_code == 201, answer.text
    return answer.json()


def domains(emulator: Emulator) -> list[str]:
    return [each["domain"] for each in emulator.ingresses()]


# Requests seen


def test_requests_are_seen_without_their_key(emulator: Emulator, session: requests.Session) -> None:
    made = create(emulator, session, description="d")
    session.get(f"{emulator.url}{made['uri']}", timeout=10)
    session.get(collection(emulator), params={"limit": 5}, timeout=10, headers={"Authorization": "Bearer wrong"})
    session.post(collection(emulator), data="no json", timeout=10, headers={"Content-Type": "application/json"})

    first, _, third, fourth = emulator.requests()
    assert (first["method"], first["path"], first["query"]) == ("POST", "/agent_ingresses", {})
    assert first["body"] == {"domain": "connect.acme.com", "description": "d"}
    assert (first["status"], first["account"], first["connection"]) == (201, 1, 1)
    assert first["headers"]["authorization"] == "Bearer …"
    assert first["headers"]["ngrok-version"] == "2"
    assert (third["status"], third["account"], third["query"]) == (403, None, {"limit": "5"})
    assert fourth["body"] == "no json"
    assert first["time"] <= fourth["time"] <= time.monotonic()
    assert KEY not in str(emulator.requests())
    assert "wrong" not in str(emulator.requests())

    assert emulator.counts() == {
        "POST /agent_ingresses": 2,
        "GET /agent_ingresses/{id}": 1,
        "GET /agent_ingresses": 1,
    }
    emulator.clear_requests()
    assert (emulator.requests(), emulator.counts()) == ([], {})


@pytest.mark.parametrize("body", ['{"description": "\\ud800"}', '{"description": NaN}', "\udcff", "[" * 99_999])
def test_odd_bodies_are_seen_too(emulator: Emulator, session: requests.Session, body: str) -> None:
    data = body.encode("utf-8", "surrogateescape")
    session.post(collection(emulator), data=data, timeout=10, headers={"Content-Type": "application/json"})
    assert len(control(emulator, "requests")) == 1


def test_connections_are_counted(emulator: Emulator, session: requests.Session) -> None:
    requests.get(f"{emulator.url}/_emulator/counts", timeout=10)
    assert emulator.connections() == 0
    for _ in range(3):
        session.get(collection(emulator), timeout=10)
    assert emulator.connections() == 1
    requests.get(collection(emulator), timeout=10)
    assert emulator.connections() == 2


# Behaviour


def test_the_limit_is_set_and_lifted(emulator: Emulator, session: requests.Session) -> None:
    emulator.configure(limit=2, window_seconds=3600)
    assert [session.get(collection(emulator), timeout=10).status_code for _ in range(3)] == [200, 200, 429]
    emulator.configure(limit=0)
    assert session.get(collection(emulator), timeout=10).status_code == 200
    assert emulator.settings()["window_seconds"] == 3600


def test_shapes_of_answers(emulator: Emulator, session: requests.Session) -> None:
    made = create(emulator, session, certificate_management_policy=POLICY)
    url = emulator.url + made["uri"]

    def read() -> Any:
        return session.get(url, timeout=10).json()

    emulator.configure(trailing_dots=True)
    assert read()["ns_targets"] == [name + "." for name in made["ns_targets"]]
    assert read()["region_domains"] == made["region_domains"]
    emulator.configure(trailing_dots=False, empty_keys="null")
    assert (read()["description"], read()["metadata"]) == (None, None)
    emulator.configure(empty_keys="empty")
    assert (read()["description"], read()["metadata"]) == ("", "")
    emulator.configure(empty_keys="absent", upper_case=True)
    assert read()["domain"] == "CONNECT.ACME.COM"
    assert read()["ns_targets"] == [name.upper() for name in made["ns_targets"]]
    emulator.configure(upper_case=False, order="reversed")
    assert read()["ns_targets"] == made["ns_targets"][::-1]
    emulator.configure(order="sorted")
    assert read()["region_domains"] == sorted(made["region_domains"])
    emulator.configure(order="shuffled")
    shuffled = [tuple(read()["region_domains"]) for _ in range(9)]
    assert len(set(shuffled)) > 1
    assert {tuple(sorted(each)) for each in shuffled} == {tuple(sorted(made["region_domains"]))}
    emulator.configure(order="as_made")
    assert read() == made


def test_unknown_keys_are_at_every_level(emulator: Emulator, session: requests.Session) -> None:
    made = create(emulator, session, certificate_management_policy=POLICY)
    emulator.set_certificate(made["id"], "in_progress")
    emulator.configure(unknown_keys=True)
    page = session.get(collection(emulator), timeout=10).json()
    ingress = page["ingresses"][0]
    status = ingress["certificate_management_status"]
    for level in (page, ingress, ingress["certificate_management_policy"], status, status["provisioning_job"]):
        assert "from_the_future" in level


def test_lists_may_name_another_host(emulator: Emulator, session: requests.Session) -> None:
    create(emulator, session)
    emulator.configure(base_url="https://elsewhere.example")
    page = session.get(collection(emulator), params={"limit": 1}, timeout=10).json()
    assert page["next_page_uri"].startswith("https://elsewhere.example/agent_ingresses?limit=1&before_id=agin_")


@pytest.mark.parametrize(
    "settings",
    [
        {"limit": -1},
        {"limit": 1.5},
        {"limit": True},
        {"order": "random"},
        {"upper_case": 1},
        {"base_url": 5},
        # With these, every later request would fail.
        {"window_seconds": 1e300},
        {"issue_after_seconds": math.inf},
        {"job_after_seconds": math.nan},
        {"base_url": "\ud800"},
    ],
)
def test_wrong_settings(emulator: Emulator, settings: dict[str, Any]) -> None:
    before = emulator.settings()
    with pytest.raises(ValueError, match=next(iter(settings))):
        emulator.configure(**settings)
    assert emulator.settings() == before


def test_keys_come_and_go(emulator: Emulator, session: requests.Session) -> None:
    create(emulator, session)
    assert emulator.add_key("rotated", account_of=KEY) == 1
    assert emulator.add_key("second") == 2

    def seen_by(key: str) -> Any:
        return session.get(collection(emulator), headers={"Authorization": f"Bearer {key}"}, timeout=10)

    assert len(seen_by("rotated").json()["ingresses"]) == 1
    assert seen_by("second").json()["ingresses"] == []
    emulator.remove_key(KEY)
    assert seen_by(KEY).status_code == 403
    assert len(seen_by("rotated").json()["ingresses"]) == 1
    with pytest.raises(ValueError, match="already exists"):
        emulator.add_key("second")
    with pytest.raises(ValueError, match="not one of the API keys"):
        emulator.add_key("third", account_of="nobody's")
    wrong: Any
    for wrong in ("", 5, None):
        with pytest.raises(ValueError, match="api_key must be a text that is not empty"):
            emulator.add_key(wrong)
    with pytest.raises(ValueError, match="not one of the API keys"):
        emulator.remove_key(KEY)


def test_ingresses_are_changed_outside(emulator: Emulator, session: requests.Session) -> None:
    made = create(emulator, session, description="ours", certificate_management_policy=POLICY)
    emulator.clear_requests()
    emulator.set_ingress(
        made["id"],
        {"description": "", "metadata": "theirs", "private_key_type": "ecdsa", "ns_targets": ["b", "a"]},
    )
    assert emulator.requests() == []
    read = session.get(emulator.url + made["uri"], timeout=10).json()
    assert "description" not in read
    assert (read["metadata"], read["ns_targets"]) == ("theirs", ["b", "a"])
    assert read["certificate_management_policy"] == {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    emulator.set_ingress(
        made["id"], {"certificate_management_policy": None, "region_domains": [*made["region_domains"], "new"]}
    )
    read = session.get(emulator.url + made["uri"], timeout=10).json()
    assert read["certificate_management_policy"] is None
    assert read["region_domains"][-1] == "new"
    emulator.delete_ingress(made["id"])
    assert session.get(emulator.url + made["uri"], timeout=10).status_code == 404
    with pytest.raises(LookupError, match=made["id"]):
        emulator.delete_ingress(made["id"])
    wrong: Any
    for wrong in ({"domain": "b.acme.com"}, {"description": None}, {"description": "\ud800"}, {"ns_targets": "ns-1"}):
        made = create(emulator, session)
        with pytest.raises(ValueError, match="cannot set"):
            emulator.set_ingress(made["id"], wrong)
        emulator.delete_ingress(made["id"])


def test_reset(emulator: Emulator, session: requests.Session) -> None:
    create(emulator, session)
    emulator.configure(limit=1, upper_case=True)
    emulator.add_fault("GET", "reset_before", times=None)
    emulator.add_key("second")
    emulator.reset()
    assert (emulator.ingresses(), emulator.requests(), emulator.faults()) == ([], [], [])
    assert emulator.settings()["limit"] == 120
    assert [session.get(collection(emulator), timeout=10).status_code for _ in range(2)] == [200, 200]
    second = session.get(collection(emulator), headers={"Authorization": "Bearer second"}, timeout=10)
    assert second.status_code == 403


# Faults


@pytest.mark.parametrize(("kind", "made"), [("answer", []), ("answer_after", ["connect.acme.com"])])
def test_a_given_answer(emulator: Emulator, session: requests.Session, kind: FaultKind, made: list[str]) -> None:
    emulator.add_fault("POST", kind, status=503, headers={"Retry-After": "7"}, body="<h1>maintenance</h1>")
    answer = session.post(collection(emulator), json={"domain": "connect.acme.com"}, timeout=10)
    assert (answer.status_code, answer.text) == (503, "<h1>maintenance</h1>")
    assert answer.headers["Retry-After"] == "7"
    assert "ngrok-operation-id" not in answer.headers
    assert domains(emulator) == made
    assert emulator.requests()[-1]["status"] == 503
    assert emulator.faults() == []


def test_a_given_answer_may_repeat_the_key(emulator: Emulator, session: requests.Session) -> None:
    emulator.add_fault("GET", "answer", headers={"X-Key": "{api_key}"}, json_body={"msg": "for {api_key}"})
    assert KEY not in str(emulator.faults())
    answer = session.get(collection(emulator), timeout=10)
    assert answer.json() == {"msg": f"for {KEY}"}
    assert answer.headers["X-Key"] == KEY
    assert answer.headers["Content-Type"] == "application/json"


@pytest.mark.parametrize(("kind", "made"), [("reset_before", []), ("reset_after", ["connect.acme.com"])])
def test_a_reset_connection(emulator: Emulator, session: requests.Session, kind: FaultKind, made: list[str]) -> None:
    emulator.add_fault("POST", kind)
    with pytest.raises(requests.ConnectionError, match="reset by peer"):
        session.post(collection(emulator), json={"domain": "connect.acme.com"}, timeout=10)
    assert domains(emulator) == made
    assert emulator.requests()[-1]["status"] is None


def test_an_answer_cut_short(emulator: Emulator, session: requests.Session) -> None:
    emulator.add_fault(None, "cut_short", times=2)
    with pytest.raises(requests.RequestException, match="more expected"):
        session.post(collection(emulator), json={"domain": "connect.acme.com"}, timeout=10)
    (made,) = emulator.ingresses()
    with pytest.raises(requests.ConnectionError):
        session.delete(f"{collection(emulator)}/{made['id']}", timeout=10)
    assert emulator.ingresses() == []
    assert session.get(collection(emulator), timeout=10).status_code == 200


@pytest.mark.parametrize(("after", "made"), [(False, []), (True, ["connect.acme.com"])])
def test_a_request_that_hangs(emulator: Emulator, session: requests.Session, after: bool, made: list[str]) -> None:
    emulator.add_fault("POST", "hang", after=after)
    with pytest.raises(requests.ReadTimeout):
        # Real, and short: only time shows that no answer comes.
        session.post(collection(emulator), json={"domain": "connect.acme.com"}, timeout=0.1)
    # On a busy machine, the emulator may read it later.
    while not emulator.requests() or len(domains(emulator)) < len(made):
        time.sleep(0.001)
    assert domains(emulator) == made


@pytest.mark.parametrize("after", [False, True])
def test_a_late_answer(emulator: Emulator, session: requests.Session, after: bool) -> None:
    # Real, and short: the delay is what the fault is.
    emulator.add_fault("POST", "delay", seconds=0.05, after=after)
    started = time.monotonic()
    create(emulator, session)
    assert time.monotonic() - started >= 0.05


def test_which_requests_meet_a_fault(emulator: Emulator, session: requests.Session) -> None:
    made = create(emulator, session)
    emulator.add_fault("get", "answer", times=2, skip=1, path_contains=made["id"], status=502)
    emulator.add_fault(None, "answer", status=504)

    def statuses(path: str, count: int) -> list[int]:
        return [session.get(emulator.url + path, timeout=10).status_code for _ in range(count)]

    # What passes the first meets the second.
    assert statuses(made["uri"], 4) == [504, 502, 502, 200]
    emulator.add_fault("GET", "answer", times=None, status=500)
    assert statuses("/agent_ingresses", 3) == [500, 500, 500]
    assert [fault["times"] for fault in emulator.faults()] == [None]
    emulator.clear_faults()
    assert statuses("/agent_ingresses", 1) == [200]


def test_a_fault_with_a_domain_meets_the_requests_about_it(emulator: Emulator, session: requests.Session) -> None:
    other = create(emulator, session, "other.acme.com")
    emulator.add_fault(None, "answer", times=None, status=504, domain="connect.acme.com")

    def post(**body: Any) -> int:
        return session.post(collection(emulator), json=body, timeout=10).status_code

    def list_with(domain: str) -> int:
        filtered = {"filter": f'obj.domain == "{domain}"'}
        return session.get(collection(emulator), params=filtered, timeout=10).status_code

    assert [post(domain="Connect.acme.com."), post(domain="a.acme.com"), post(), post(domain=["x"])] == [
        504,
        201,
        400,
        400,
    ]
    assert session.post(collection(emulator), data=b"{", timeout=10).status_code != 504
    assert [list_with("connect.acme.com"), list_with("other.acme.com")] == [504, 200]
    assert session.get(collection(emulator), timeout=10).status_code == 200
    emulator.clear_faults()
    made = create(emulator, session)
    emulator.add_fault("DELETE", "answer", status=504, domain="connect.acme.com")
    statuses = [session.delete(emulator.url + each["uri"], timeout=10).status_code for each in (other, made, made)]
    assert statuses == [204, 504, 204]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("domain", 5),
        ("kind", "explode"),
        ("times", 0),
        ("times", "2"),
        ("skip", -1),
        ("status", 99),
        ("seconds", -1),
        ("seconds", math.inf),
        ("body", "\ud800"),
        ("headers", {"X": "a\r\nb"}),
        ("headers", {"X": "€"}),
    ],
)
def test_wrong_faults(emulator: Emulator, name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=name):
        emulator.add_fault(**cast("Any", {"method": "GET", "kind": "answer", name: value}))
    assert emulator.faults() == []


# The same over HTTP


def control(emulator: Emulator, name: str, arguments: Any = None) -> Any:
    """Without a key; GET without arguments."""
    url = f"{emulator.url}/_emulator/{name}"
    answer = requests.get(url, timeout=10) if arguments is None else requests.post(url, json=arguments, timeout=10)
    assert answer.status_code == 200, answer.text
    return answer.json()


def test_the_control_plane_over_http(emulator: Emulator, session: requests.Session) -> None:
    emulator.configure(limit=3)
    made = create(emulator, session, certificate_management_policy=POLICY)
    emulator.add_fault(None, "reset_before", times=None)
    for name in ("connections", "counts", "faults", "ingresses", "requests", "settings"):
        assert control(emulator, name) == json.loads(json.dumps(getattr(emulator, name)()))
    control(emulator, "clear_faults", {})
    control(emulator, "configure", {"limit": 0, "null_policy": "removes"})
    control(emulator, "set_ingress", {"ingress_id": made["id"], "changes": {"description": "theirs"}})
    control(emulator, "set_certificate", {"ingress_id": made["id"], "state": "error", "error_code": "CAA_ERROR"})
    read = session.get(emulator.url + made["uri"], timeout=10).json()
    assert read["description"] == "theirs"
    assert read["certificate_management_status"]["provisioning_job"]["error_code"] == "CAA_ERROR"
    assert control(emulator, "add_key", {"api_key": "second"}) == 2
    control(emulator, "remove_key", {"api_key": "second"})
    control(emulator, "add_fault", {"method": "GET", "kind": "answer", "status": 418})
    assert session.get(collection(emulator), timeout=10).status_code == 418
    control(emulator, "delete_ingress", {"ingress_id": made["id"]})
    assert emulator.ingresses() == []
    control(emulator, "clear_requests", {})
    assert emulator.requests() == []
    control(emulator, "reset", {})
    assert emulator.settings()["null_policy"] == "ignored"


@pytest.mark.parametrize(
    ("method", "name", "arguments", "status"),
    [
        ("GET", "stop", None, 404),
        ("GET", "", None, 404),
        ("POST", "requests", {}, 405),
        ("GET", "reset", None, 405),
        ("POST", "configure", {"limits": 0}, 400),
        ("POST", "configure", {"limit": "0"}, 400),
        ("POST", "configure", [], 400),
        ("POST", "add_fault", {"method": "GET"}, 400),
        ("POST", "add_fault", {"method": "GET", "kind": "answer", "headers": {"a": 1}}, 400),
        ("POST", "delete_ingress", {"ingress_id": "agin_x"}, 404),
        ("POST", "set_ingress", {"ingress_id": "agin_x", "changes": None}, 404),
        ("POST", "pause", {}, 400),
        ("POST", "pause", {"seconds": "1"}, 400),
    ],
)
def test_wrong_requests_to_the_control_plane(
    emulator: Emulator, method: str, name: str, arguments: Any, status: int
) -> None:
    answer = requests.request(method, f"{emulator.url}/_emulator/{name}", json=arguments, timeout=10)
    assert answer.status_code == status
    assert answer.json()["error"]
    assert (emulator.requests(), emulator.connections()) == ([], 0)


def test_the_pages_examples(session: requests.Session) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/emulator.md").read_text()
    examples = re.findall(r"""^curl (-X POST )?(-H "\$J" )?\$E/(\w+)(?: -d '(.*)')?""", page, re.MULTILINE)
    name, _, value = re.findall(r"^J='(.*)'$", page, re.MULTILINE)[0].partition(": ")
    header = {name: value}
    with Emulator() as emulator:
        for post, has_header, name, arguments in examples:
            session.headers["Authorization"] = "Bearer emulator-key"
            emulator.reset()
            made = create(emulator, session)
            body = arguments.replace("agin_…", made["id"]).replace('"seconds": 3', '"seconds": 0')
            method = "POST" if post or arguments else "GET"
            answer = requests.request(
                method,
                f"{emulator.url}/_emulator/{name}",
                data=body.encode(),
                headers=header if has_header else {},
                timeout=10,
            )
            assert answer.status_code == 200, (name, answer.text)
        assert {name for _, _, name, _ in examples} == {*READS, *ACTIONS}
        emulator.reset()
        for name, value in emulator.settings().items():
            default = f"`{value}`" if value and isinstance(value, str) else {"": '`""`'}.get(value, json.dumps(value))
            assert f"| `{name}` | {default.removesuffix('.0')} |" in page


# Start, stop, pause


def test_pause_and_resume(emulator: Emulator, session: requests.Session) -> None:
    create(emulator, session)
    url = emulator.url
    emulator.pause()
    with pytest.raises(requests.ConnectionError):
        session.get(collection(emulator), timeout=10)
    emulator.resume()
    emulator.resume()
    assert emulator.url == url
    assert len(session.get(collection(emulator), timeout=10).json()["ingresses"]) == 1


def test_a_pause_keeps_the_port_from_others(emulator: Emulator) -> None:
    port = int(emulator.url.rpartition(":")[2])
    for _ in range(2):
        emulator.pause()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    emulator.resume()
    assert emulator.ingresses() == []


def test_a_pause_that_cannot_end_yet_ends_later(emulator: Emulator) -> None:
    port = int(emulator.url.rpartition(":")[2])
    emulator.pause()
    # Two sockets with this option can have a port as long as neither listens.
    with socket.create_server(("127.0.0.1", port)), pytest.raises(OSError, match="in use"):
        emulator.resume()
    emulator.resume()
    assert requests.get(f"{emulator.url}/_emulator/settings", timeout=10).ok


def test_a_pause_over_http_ends_by_itself(emulator: Emulator, session: requests.Session) -> None:
    session.get(collection(emulator), timeout=10)
    began = time.monotonic()
    # Real, and short: over HTTP, nothing but time ends a pause.
    control(emulator, "pause", {"seconds": 0.05})
    while True:
        try:
            assert session.get(collection(emulator), timeout=10).status_code == 200
            break
        except requests.ConnectionError:
            assert time.monotonic() < began + 20
    assert time.monotonic() >= began + 0.05


def test_stop_leaves_nothing(session: requests.Session) -> None:
    before = set(threading.enumerate())
    with Emulator(KEY) as emulator, ThreadPoolExecutor(2) as pool:
        session.get(collection(emulator), timeout=10)
        control(emulator, "settings")
        emulator.add_fault("GET", "hang")
        emulator.add_fault("GET", "delay", seconds=60)
        waiting = [pool.submit(requests.get, collection(emulator), timeout=10) for _ in range(2)]
        while len(emulator.requests()) < 3:
            time.sleep(0.001)
        emulator.pause(60)
        emulator.resume()
        started = time.monotonic()
        emulator.stop()
        # Not after the delay.
        assert time.monotonic() - started < 30
        for future in waiting:
            assert isinstance(future.exception(), requests.ConnectionError)
        with pytest.raises(RuntimeError, match="not running"):
            emulator.pause()
    emulator.stop()
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_a_stopped_emulator_starts_again_as_it_was(session: requests.Session) -> None:
    emulator = Emulator(KEY)
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = emulator.url
    with emulator:
        create(emulator, session)
        url = emulator.url
        with pytest.raises(RuntimeError, match="already"):
            emulator.start()
    with emulator:
        assert (emulator.url, domains(emulator)) == (url, ["connect.acme.com"])


def test_repr_shows_no_key(emulator: Emulator) -> None:
    assert repr(emulator) == f"<Emulator {emulator.url}>"
    assert repr(Emulator(KEY)) == "<Emulator stopped>"


def test_other_machines_are_kept_out_unless_allowed() -> None:
    with pytest.raises(ValueError, match="Other machines can reach"):
        Emulator(host="0.0.0.0")
    with Emulator(host="0.0.0.0", allow_remote=True) as emulator:
        assert emulator.url.startswith("http://0.0.0.0:")
    with Emulator(host="localhost") as emulator:
        assert requests.get(collection(emulator), timeout=10).status_code == 403


def test_keys_are_there_and_differ() -> None:
    for keys in ([""], ["a", "a"]):
        with pytest.raises(ValueError, match="API keys"):
            Emulator(keys[0], other_accounts=keys[1:])


# The file


def test_a_file_keeps_the_ingresses(tmp_path: Path, session: requests.Session) -> None:
    file = tmp_path / "ingresses.json"
    with Emulator(KEY, file=file) as emulator:
        made = create(emulator, session, description="dü", certificate_management_policy=POLICY)
        gone = create(emulator, session, "b.acme.com")
        session.delete(emulator.url + gone["uri"], timeout=10)
        emulator.set_certificate(made["id"], "issued")
        held = emulator.ingresses()
        shown = session.get(emulator.url + made["uri"], timeout=10).json()
    assert KEY not in file.read_text()
    assert list(tmp_path.iterdir()) == [file]
    with Emulator("another key", other_accounts=["second"], file=file) as emulator:
        assert emulator.ingresses() == held
        session.headers["Authorization"] = "Bearer another key"
        assert session.get(emulator.url + made["uri"], timeout=10).json() == shown
        session.headers["Authorization"] = "Bearer second"
        assert session.get(emulator.url + made["uri"], timeout=10).status_code == 404
        emulator.reset()
    assert Emulator(file=file).ingresses() == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        "5",
        '{"format": "other", "ingresses": []}',
        '{"format": "pulumi-agin emulator, version 1"}',
        '{"format": "pulumi-agin emulator, version 1", "ingresses": [{"id": "agin_x"}]}',
        "[" * 100_000,
        '{"format": "pulumi-agin emulator, version 1", "ingresses": ' + "[" * 100_000,
    ],
)
def test_a_file_that_is_not_the_emulators(tmp_path: Path, content: str) -> None:
    file = tmp_path / "file"
    file.write_text(content)
    with pytest.raises(StoreError, match="is not one that the emulator wrote"):
        Emulator(file=file)
    assert file.read_text() == content


def test_a_file_that_cannot_be_used(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="cannot be read"):
        Emulator(file=tmp_path)
    with pytest.raises(StoreError, match="cannot be written"):
        Emulator(file=tmp_path / "missing" / "file")
    loop = tmp_path / "loop"
    loop.symlink_to("loop")
    with pytest.raises(StoreError, match="cannot be read: Too many levels of symbolic links"):
        Emulator(file=loop)


@pytest.mark.parametrize(
    "changes",
    [
        {"certificate_management_policy": {"authority": "NESTED"}},
        {"certificate": {"state": "issued", "error_code": "NESTED"}},
        {"records_problem": "NESTED"},
        {"ns_targets": {"ns1.acme.com": "NESTED"}},
        {"ns_targets": "ns1.acme.com"},
        {"region_domains": "NESTED"},
        {"domain": "NESTED"},
        {"account": True},
        {"policy_set_at": "2024-08-02T07:15:39"},
        {"created_at": None},
    ],
)
@pytest.mark.parametrize("depth", [2, 100, 300, 500, 900])
def test_a_value_of_the_wrong_type_in_the_file(
    tmp_path: Path, session: requests.Session, changes: dict[str, Any], depth: int
) -> None:
    file = tmp_path / "ingresses.json"
    with Emulator(KEY, file=file) as emulator:
        create(emulator, session)
    document = json.loads(file.read_text())
    document["ingresses"][0].update(changes)
    content = json.dumps(document).replace('"NESTED"', "[" * depth + "]" * depth)
    file.write_text(content)
    with pytest.raises(StoreError, match="is not one that the emulator wrote"):
        Emulator(file=file)
    assert file.read_text() == content


# A file that cannot be written


@pytest.fixture
def kept(tmp_path: Path) -> Iterator[Emulator]:
    """With a file in a folder of its own."""
    folder = tmp_path / "folder"
    folder.mkdir()
    with Emulator(KEY, file=folder / "ingresses.json") as started:
        yield started


def in_file(folder: Path) -> list[Any]:
    return [
        (each["id"], each["description"], each["certificate"])
        for each in json.loads((folder / "ingresses.json").read_text())["ingresses"]
    ]


def in_memory(emulator: Emulator) -> list[Any]:
    return [(each["id"], each["description"], each["certificate"]) for each in emulator.ingresses()]


def test_what_cannot_be_saved_did_not_happen(kept: Emulator, session: requests.Session, tmp_path: Path) -> None:
    made = create(kept, session, description="ours", certificate_management_policy=POLICY)
    kept.set_certificate(made["id"], "in_progress")
    kept.add_fault("GET", "answer", skip=100)
    before, faults = in_memory(kept), kept.faults()
    sentence = f"The file {tmp_path}/folder/ingresses.json cannot be written: No such file or directory."
    (tmp_path / "folder").rename(tmp_path / "away")

    for method, url, body in (
        ("POST", collection(kept), {"domain": "b.acme.com"}),
        ("PATCH", kept.url + made["uri"], {"description": "changed"}),
        ("PATCH", kept.url + made["uri"], {"certificate_management_policy": {**POLICY, "private_key_type": "ecdsa"}}),
        ("DELETE", kept.url + made["uri"], None),
    ):
        answer = session.request(method, url, json=body, timeout=10)
        assert answer.status_code == 500
        assert answer.json()["msg"] == (
            f"This is the emulator, not ngrok: it could not save the change. {sentence} Nothing was changed."
        )
        assert answer.json()["details"]["operation_id"] == answer.headers["ngrok-operation-id"]
        assert in_memory(kept) == before
    for name, arguments in (
        ("set_ingress", {"ingress_id": made["id"], "changes": {"description": "changed"}}),
        ("set_certificate", {"ingress_id": made["id"], "state": "issued"}),
        ("delete_ingress", {"ingress_id": made["id"]}),
        ("reset", {}),
    ):
        answer = requests.post(f"{kept.url}/_emulator/{name}", json=arguments, timeout=10)
        assert (answer.status_code, answer.json()) == (500, {"error": f"{sentence} Nothing was changed."})
        with pytest.raises(StoreError, match="cannot be written"):
            getattr(kept, name)(**arguments)
        assert in_memory(kept) == before
    assert (len(kept.requests()), kept.faults()) == (5, faults)
    # What changes nothing needs no file.
    assert session.get(kept.url + made["uri"], timeout=10).json()["description"] == "ours"
    assert session.patch(kept.url + made["uri"], json={"domain": "b.acme.com"}, timeout=10).status_code == 400

    # As little where there is something else in the folder's place.
    (tmp_path / "folder").touch()
    answer = session.patch(kept.url + made["uri"], json={"description": "changed"}, timeout=10)
    assert (answer.status_code, "cannot be written: Not a directory" in answer.json()["msg"]) == (500, True)
    assert in_memory(kept) == before
    (tmp_path / "folder").unlink()

    (tmp_path / "away").rename(tmp_path / "folder")
    assert in_file(tmp_path / "folder") == before
    assert session.patch(kept.url + made["uri"], json={"description": "later"}, timeout=10).status_code == 200
    create(kept, session, "b.acme.com")
    assert in_file(tmp_path / "folder") == in_memory(kept)
    assert [each[1] for each in in_memory(kept)] == ["later", ""]


@contextmanager
def running(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The command, and its URL. It is killed in the end."""
    with subprocess.Popen(command(*arguments), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().rstrip("\n")
        finally:
            process.kill()


def test_a_full_disk(tmp_path: Path, session: requests.Session) -> None:
    file = tmp_path / "ingresses.json"
    with running("--file", str(file), "--api-key", KEY) as (process, base):
        url = f"{base}/agent_ingresses"
        assert session.post(url, json={"domain": "a.acme.com"}, timeout=10).status_code == 201
        before = file.read_text()
        limits = resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
        answer = session.post(url, json={"domain": "b.acme.com"}, timeout=10)
        assert answer.status_code == 500
        assert f"The file {file} cannot be written: File too large." in answer.json()["msg"]
        assert file.read_text() == before
        assert sorted(tmp_path.iterdir()) == [file, tmp_path / "ingresses.json.lock"]
        assert len(session.get(url, timeout=10).json()["ingresses"]) == 1
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, limits)
        assert session.post(url, json={"domain": "b.acme.com"}, timeout=10).status_code == 201
        process.terminate()
        assert process.communicate(timeout=10)[1] == how_to_use(base, given="the key given by --api-key")
    assert "b.acme.com" in file.read_text()


# One emulator for one file


def test_a_second_emulator_on_a_file_is_refused(kept: Emulator, session: requests.Session, tmp_path: Path) -> None:
    file = tmp_path / "folder/ingresses.json"
    link = tmp_path / "link"
    link.symlink_to(file)
    create(kept, session)
    for name in (file, link):
        second = Emulator(file=name)
        with pytest.raises(StoreError, match=rf"The file {name} is in use by another emulator"):
            second.start()
        with pytest.raises(StoreError, match="is in use by another emulator"):
            second.reset()
        assert second.ingresses() == kept.ingresses()
        done = subprocess.run(command("--file", str(name)), capture_output=True, text=True, timeout=20, check=False)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr == (
            f"pulumi-agin: The file {name} is in use by another emulator: stop that one, or give each its own file.\n"
        )
        # Whoever was refused has taken nothing away.
        create(kept, session, f"{name.name}.acme.com")
    assert len(in_file(tmp_path / "folder")) == 3
    with Emulator(KEY, file=tmp_path / "folder/other.json"):
        pass


def test_emulators_take_turns_at_a_file(tmp_path: Path, session: requests.Session) -> None:
    file = tmp_path / "ingresses.json"
    first, second = Emulator(KEY, file=file), Emulator(KEY, file=file)
    for emulator in (first, second) * 3:
        with emulator:
            # Each has what the other made.
            create(emulator, session, f"{len(domains(emulator))}.acme.com")
    assert domains(second) == [f"{number}.acme.com" for number in range(6)]
    with pytest.raises(StoreError, match=r"has changed since this emulator read it\. Restart the emulator"):
        first.reset()
    assert len(json.loads(file.read_text())["ingresses"]) == 6
    second.reset()
    assert json.loads(file.read_text())["ingresses"] == []
    assert list(tmp_path.iterdir()) == [file]


@pytest.mark.parametrize("is_folder", [False, True], ids=["the lock", "the folder"])
def test_an_emulator_whose_lock_was_removed_overwrites_nothing(
    is_folder: bool, kept: Emulator, session: requests.Session, tmp_path: Path
) -> None:
    file = tmp_path / "folder/ingresses.json"
    create(kept, session)
    if is_folder:
        shutil.rmtree(file.parent)
        file.parent.mkdir()
    else:
        file.with_name("ingresses.json.lock").unlink()
    # As long as nobody else came, it goes on.
    create(kept, session, "b.acme.com")
    assert len(in_file(file.parent)) == 2
    with pytest.raises(StoreError, match="in use"):
        Emulator(KEY, file=file).start()
    file.with_name("ingresses.json.lock").unlink()
    with Emulator(KEY, file=file) as second:
        create(second, session, "c.acme.com")
        refused = session.post(collection(kept), json={"domain": "d.acme.com"}, timeout=10)
        assert (refused.status_code, "in use by another emulator" in refused.json()["msg"]) == (500, True)
        assert len(in_file(file.parent)) == 3
    refused = session.post(collection(kept), json={"domain": "d.acme.com"}, timeout=10)
    assert "has changed since this emulator read it" in refused.json()["msg"]
    assert len(in_file(file.parent)) == 3


def test_a_start_that_fails_leaves_the_file_to_others(tmp_path: Path) -> None:
    file = tmp_path / "ingresses.json"
    with socket.create_server(("127.0.0.1", 0)) as taken:
        emulator = Emulator(KEY, file=file, port=taken.getsockname()[1])
        with pytest.raises(OSError, match="in use"):
            emulator.start()
        with Emulator(KEY, file=file):
            pass
    file.write_text("{")
    with pytest.raises(StoreError, match="is not one that the emulator wrote"):
        emulator.start()
    file.unlink()
    with Emulator(KEY, file=file):
        pass


def test_an_emulator_that_was_killed_holds_no_file(tmp_path: Path, session: requests.Session) -> None:
    file = tmp_path / "ingresses.json"
    with running("--file", str(file), "--api-key", KEY) as (_, url):
        session.post(f"{url}/agent_ingresses", json={"domain": "a.acme.com"}, timeout=10)
        with pytest.raises(StoreError, match="in use"):
            Emulator(KEY, file=file).start()
    assert file.with_name("ingresses.json.lock").exists()
    with Emulator(KEY, file=file) as emulator:
        assert domains(emulator) == ["a.acme.com"]
    assert list(tmp_path.iterdir()) == [file]


def test_one_of_many_that_start_together_gets_the_file(tmp_path: Path) -> None:
    for number in range(20):
        emulators = [Emulator(file=tmp_path / f"{number}.json") for _ in range(8)]

        with ThreadPoolExecutor(len(emulators)) as threads:
            starts = [threads.submit(emulator.start) for emulator in emulators]
        refusals = [start.exception() for start in starts if start.exception()]
        for emulator in emulators:
            emulator.stop()
        assert len(refusals) == len(emulators) - 1
        assert all("is in use by another emulator" in str(refusal) for refusal in refusals)


# Links


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_is_followed(tmp_path: Path, session: requests.Session, exists: bool) -> None:
    target, link = tmp_path / "data" / "ingresses.json", tmp_path / "link"
    target.parent.mkdir()
    link.symlink_to("data/ingresses.json")
    if exists:
        with Emulator(KEY, file=target) as emulator:
            create(emulator, session, "a.acme.com")
    with Emulator(KEY, file=link) as emulator:
        create(emulator, session, "b.acme.com")
    assert link.is_symlink()
    assert sorted(tmp_path.rglob("*")) == [target.parent, target, link]
    with Emulator(KEY, file=target) as emulator:
        assert domains(emulator) == (["a.acme.com"] if exists else []) + ["b.acme.com"]


# The command line


def how_to_use(url: str, *, given: str = "", is_set: bool = False) -> str:
    """What the command says on stderr: without a key that a user gave."""
    and_the_key = f", and set NGROK_API_KEY to {given}" if given else ""
    and_the_key = ", and set NGROK_API_KEY as it is set here" if is_set else and_the_key
    lines = [
        f"pulumi-agin: to use it, paste this in the shell in which you run pulumi{and_the_key}:",
        f"export NGROK_API_BASE_URL={url}",
        *([] if and_the_key else ["export NGROK_API_KEY=emulator-key"]),
    ]
    return "\n".join([*lines, ""])


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "pulumi_agin.cli", "emulator", *arguments]


@pytest.mark.parametrize(
    ("arguments", "environment", "key", "number", "says"),
    [
        (
            ["--api-key", "first", "--api-key", "second"],
            {"NGROK_API_KEY": "unused"},
            "second",
            signal.SIGTERM,
            partial(how_to_use, given="one of the keys given by --api-key"),
        ),
        (
            [],
            {"NGROK_API_KEY": "of-the-environment"},
            "of-the-environment",
            signal.SIGINT,
            partial(how_to_use, is_set=True),
        ),
        (["--limit", "0"], {"NGROK_API_KEY": ""}, "emulator-key", signal.SIGTERM, how_to_use),
    ],
)
def test_the_command(
    arguments: list[str],
    environment: dict[str, str],
    key: str,
    number: signal.Signals,
    says: Callable[[str], str],
    tmp_path: Path,
) -> None:
    file = tmp_path / "ingresses.json"
    with subprocess.Popen(
        command("--file", str(file), *arguments),
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().rstrip("\n")
        headers = {"Authorization": f"Bearer {key}", "Ngrok-Version": "2"}
        answer = requests.post(f"{url}/agent_ingresses", json={"domain": "a.acme.com"}, headers=headers, timeout=10)
        assert answer.status_code == 201
        process.send_signal(number)
        output, errors = process.communicate(timeout=10)
    assert (process.returncode, output, errors) == (0, "", says(url))
    assert "a.acme.com" in file.read_text()


@pytest.mark.skipif(not hasattr(LIBC, "tgkill"), reason="nothing here sends a signal to one thread of a process")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_the_system_gives_to_another_thread_ends_it(number: int) -> None:
    with running() as (process, _):
        others = {int(thread) for thread in os.listdir(f"/proc/{process.pid}/task")} - {process.pid}
        assert LIBC.tgkill(process.pid, min(others), number) == 0
        process.communicate(timeout=10)
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("host", "place"),
    [("0.0.0.0", "http://127.0.0.1:{}"), ("::", "'http://[::1]:{}'"), ("localhost", "http://localhost:{}")],
)
def test_the_lines_to_paste_reach_it(host: str, place: str) -> None:
    with running("--host", host, "--allow-remote") as (process, url):
        port = url.rpartition(":")[2]
        process.terminate()
        lines = process.communicate(timeout=10)[1]
    assert lines == how_to_use(place.format(port))
    # What they set is what the client takes, and sh reads them as they are.
    exports = "".join(lines.splitlines(keepends=True)[1:])
    script = f"{exports}echo $NGROK_API_BASE_URL $NGROK_API_KEY"
    set_ = subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout.split()
    assert set_ == [place.format(port).strip("'"), "emulator-key"]
    environment: dict[str, str] = dict(zip(("NGROK_API_BASE_URL", "NGROK_API_KEY"), set_, strict=True))
    assert ClientSettings.load(lambda key: None, environment).problems() == []


def test_no_line_to_paste_has_a_place_that_programs_refuse() -> None:
    with running("--host", "127.0.0.2") as (process, url):
        process.terminate()
        said = process.communicate(timeout=10)[1]
    assert said.startswith(
        f"pulumi-agin: programs send an API key only by https:// or to this machine, so they refuse {url}:"
    )
    assert "export" not in said


def test_nobody_has_to_read_the_lines_to_paste() -> None:
    reader, writer = os.pipe()
    os.close(reader)
    with (
        os.fdopen(writer, "wb") as closed,
        subprocess.Popen(command(), stdout=subprocess.PIPE, stderr=closed, text=True) as process,
    ):
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        try:
            assert requests.get(f"{url}/_emulator/settings", timeout=10).status_code == 200
            process.send_signal(signal.SIGINT)
            assert process.wait(10) == 0
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--host", "0.0.0.0"], "Other machines can reach"),
        (["--file", "."], "cannot be read"),
        (["--limit", "-1"], "limit must be a number of 0 or more"),
        (["--port", "70000"], "cannot listen on 127.0.0.1, port 70000"),
    ],
)
def test_wrong_arguments(arguments: list[str], sentence: str) -> None:
    done = subprocess.run(command(*arguments), capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert sentence in done.stderr
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = subprocess.run(command("--port", port), capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert f"port {port}" in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("module", ["celpy", "h11"])
def test_without_the_extra(module: str) -> None:
    code = f"import sys; sys.modules[{module!r}] = None; from pulumi_agin.cli import main; sys.exit(main(['emulator']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert done.returncode == 2
    assert done.stderr == "pulumi-agin: The emulator needs its extra: pip install 'pulumi-agin[emulator]'.\n"
    code = f"import sys; sys.modules[{module!r}] = None; from pulumi_agin.emulator import Emulator"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert done.stderr.endswith("The emulator needs its extra: pip install 'pulumi-agin[emulator]'.\n")


def test_the_command_lines_defaults_are_the_emulators() -> None:
    assert (cli.DEFAULT_API_KEY, cli.DEFAULT_LIMIT) == (DEFAULT_API_KEY, DEFAULT_LIMIT)


def test_the_program_of_the_page_runs(capsys: pytest.CaptureFixture[str]) -> None:
    page = (Path(__file__).parents[2] / "docs/reference/emulator.md").read_text()
    [program] = blocks(page, "python")
    exec(compile(program, "emulator.md", "exec"), {})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", capsys.readouterr().out)


def test_an_emulator_whose_url_nobody_can_read_ends() -> None:
    with open("/dev/full", "wb") as full:
        run = subprocess.run(command(), stdout=full, stderr=subprocess.PIPE, text=True, timeout=30, check=False)
    assert (run.returncode, run.stderr) == (
        1,
        "pulumi-agin: what is printed can't be written: No space left on device\n",
    )
