"""The emulator's control plane, its faults, and its start, stop and pause."""

from __future__ import annotations

import gc
import inspect
import json
import math
import re
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType
from typing import Any, cast, get_args

import pytest
import requests

from pulumi_agin.emulator import CertificateState, Emulator, FaultKind, SettingsChanges, certificates, faults
from pulumi_agin.emulator.control import ACTIONS, READS
from tests.support.emulator import POLICY, Api
from tests.support.keys import API_KEY
from tests.support.pages import blocks
from tests.support.waiting import until

LIST = "/agent_ingresses"
PAGE = (Path(__file__).parents[3] / "docs/reference/emulator.md").read_text()


def control(emulator: Emulator, name: str, arguments: Any = None) -> Any:
    """Calls the control plane over HTTP: by GET without arguments, else by POST."""
    url = f"{emulator.url}/_emulator/{name}"
    response = requests.get(url, timeout=20) if arguments is None else requests.post(url, json=arguments, timeout=20)
    assert response.status_code == 200, response.text
    return response.json()


def test_requests_are_logged_without_keys(emulator: Emulator, api: Api) -> None:
    control(emulator, "counts")
    created = api.create(description="d")
    api.read(created)
    api("POST", LIST, data="no json", headers={"Content-Type": "application/json"})
    assert emulator.connections() == 1
    Api(emulator, "wrong")("GET", LIST, params={"limit": 5})
    assert emulator.connections() == 2

    first, _, third, fourth = emulator.requests()
    assert (first["method"], first["path"], first["query"]) == ("POST", LIST, {})
    assert first["body"] == {"domain": "connect.acme.com", "description": "d"}
    assert (first["status"], first["account"], first["connection"]) == (201, 1, 1)
    assert first["headers"]["authorization"] == "Bearer …"
    assert third["body"] == "no json"
    assert (fourth["status"], fourth["account"], fourth["query"]) == (403, None, {"limit": "5"})
    assert API_KEY not in str(emulator.requests())
    assert emulator.counts() == {f"POST {LIST}": 2, f"GET {LIST}/{{id}}": 1, f"GET {LIST}": 1}
    emulator.clear_requests()
    assert (emulator.requests(), emulator.counts()) == ([], {})


def test_lists_can_have_another_host(emulator: Emulator, api: Api) -> None:
    api.create()
    emulator.configure(base_url="https://elsewhere.example")
    page = api("GET", LIST, params={"limit": 1}).json()
    assert page["next_page_uri"].startswith("https://elsewhere.example/agent_ingresses?limit=1&before_id=agin_")


@pytest.mark.parametrize(
    "setting",
    [{"limit": -1}, {"null_policy": "odd"}, {"issue_after_seconds": 1e300}, {"base_url": 1}],
)
def test_invalid_setting_is_rejected(emulator: Emulator, setting: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(setting))):
        emulator.configure(**setting)
    with pytest.raises(
        TypeError, match=r"^configure has no setting limt\. The settings are limit, job_after_seconds, "
    ):
        emulator.configure(**cast("Any", {"limt": 3}))
    assert emulator.settings() == Emulator().settings()
    assert emulator.settings().keys() == SettingsChanges.__annotations__.keys()


def test_keys_can_be_added_and_removed(emulator: Emulator, api: Api) -> None:
    api.create()
    assert emulator.add_key("rotated", account_of=API_KEY) == 1
    assert emulator.add_key("new") == 3
    emulator.remove_key(API_KEY)
    assert api("GET", LIST).status_code == 403
    assert [len(api("GET", LIST, key=key).json()["ingresses"]) for key in ("rotated", "new")] == [1, 0]
    for key, account_of, problem in (("new", None, "exists"), ("", None, "empty"), ("third", "x", "not one of the")):
        with pytest.raises(ValueError, match=problem):
            emulator.add_key(key, account_of)
    with pytest.raises(ValueError, match="not one of the API keys"):
        emulator.remove_key(API_KEY)
    with pytest.raises(ValueError, match="API keys must not be empty, and must differ"):
        Emulator("a", other_accounts=["a"])


def test_ingresses_can_be_changed_from_outside(emulator: Emulator, api: Api) -> None:
    created = api.create(description="ours", certificate_management_policy=POLICY)
    emulator.set_ingress(created["id"], {"description": "", "private_key_type": "rsa", "ns_targets": ["b", "a"]})
    read = api.read(created)
    assert ("description" in read, read["ns_targets"]) == (False, ["b", "a"])
    assert read["certificate_management_policy"] == {"authority": "letsencrypt", "private_key_type": "rsa"}
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
    assert [api("GET", LIST).status_code for _ in range(2)] == [429, 429]
    emulator.add_fault("GET", "reset_before", times=None)
    emulator.reset()
    assert (emulator.ingresses(), emulator.requests(), emulator.faults()) == ([], [], [])
    assert (emulator.settings()["limit"], emulator.settings()["null_policy"]) == (120, "removes")
    # Requests before the reset do not count.
    emulator.configure(limit=2)
    assert [api("GET", LIST).status_code for _ in range(2)] == [200, 200]
    assert api("GET", LIST, key="second").status_code == 403
    emulator.configure(limit=0)
    assert {api("GET", LIST).status_code for _ in range(121)} == {200}


@pytest.mark.parametrize(("kind", "created"), [("respond", 0), ("respond_after", 1)])
def test_fault_replaces_the_response(emulator: Emulator, api: Api, kind: FaultKind, created: int) -> None:
    emulator.add_fault("POST", kind, status=503, headers={"X-Key": "{api_key}"}, json_body={"msg": "for {api_key}"})
    assert API_KEY not in str(emulator.faults())
    response = api("POST", LIST, json={"domain": "connect.acme.com"})
    assert (response.status_code, response.json()) == (503, {"msg": f"for {API_KEY}"})
    assert (response.headers["X-Key"], response.headers["Content-Type"]) == (API_KEY, "application/json")
    assert "ngrok-operation-id" not in response.headers
    assert len(emulator.ingresses()) == created
    assert emulator.requests()[-1]["status"] == 503
    assert emulator.faults() == []


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
def test_fault_delays_the_response(emulator: Emulator, api: Api, kind: FaultKind, after: bool) -> None:
    emulator.add_fault("POST", "delay", after=after, seconds=0.01)
    api.create("first.acme.com")
    emulator.add_fault("POST", kind, after=after, seconds=3600)
    with ThreadPoolExecutor() as threads:
        waiting = threads.submit(api.create)
        until("the request arrives", lambda: len(emulator.requests()) == 2)
        if after:
            until("it is carried out", lambda: len(emulator.ingresses()) == 2)
        emulator.stop()
        assert isinstance(waiting.exception(), requests.ConnectionError)
    assert len(emulator.ingresses()) == (2 if after else 1)


def test_faults_apply_in_order_and_as_often_as_set(emulator: Emulator, api: Api) -> None:
    path = api.create()["uri"]
    emulator.add_fault("get", "respond", times=2, status=502)
    emulator.add_fault(None, "respond", status=504)
    assert [api("GET", path).status_code for _ in range(4)] == [502, 502, 504, 200]
    emulator.add_fault("GET", "respond", times=None, status=500)
    assert [api("GET", LIST).status_code for _ in range(3)] == [500, 500, 500]
    emulator.clear_faults()
    assert api("GET", LIST).status_code == 200


def test_fault_with_a_domain_affects_requests_about_it(emulator: Emulator, api: Api) -> None:
    other = api.create("other.acme.com")
    emulator.add_fault(None, "respond", times=None, status=504, domain="Connect.acme.com.")

    def create(**body: Any) -> int:
        return api("POST", LIST, json=body).status_code

    assert create(domain="Connect.acme.com.") == 504
    assert [create(domain="a.acme.com"), create(), create(domain=["x"])] == [201, 400, 400]
    filters = [{"filter": f'obj.domain == "{domain}"'} for domain in ("connect.acme.com", "other.acme.com")]
    assert [api("GET", LIST, params=each).status_code for each in (*filters, {})] == [504, 200, 200]
    assert api("POST", LIST, data=b"{").status_code == 400
    emulator.clear_faults()
    created = api.create()
    emulator.add_fault("DELETE", "respond", status=504, domain="connect.acme.com")
    assert [api("DELETE", each["uri"]).status_code for each in (other, created, created)] == [204, 504, 204]


def test_block_ends_with_an_error_if_faults_were_not_used_up() -> None:
    emulator = Emulator(API_KEY)

    def block() -> None:
        with emulator:
            emulator.add_fault("POST", "respond", times=3, status=503, domain="Connect.acme.com")
            emulator.add_fault("PATCH", "hang", optional=True)
            assert Api(emulator)("POST", LIST, json={"domain": "connect.acme.com"}).status_code == 503
            emulator.add_fault(None, "hang", times=None)
            assert control(emulator, "unused_faults") == emulator.unused_faults()
            assert [fault["optional"] for fault in control(emulator, "faults")] == [False, True, False]

    expected = (
        "Some faults were not used up: respond for POST requests about connect.acme.com (2 left); "
        "hang for any request (never used). `requests()` shows what was sent. Correct the fault's method, domain "
        "or times, or add it with optional=True."
    )
    with pytest.raises(AssertionError, match=f"^{re.escape(expected)}$"):
        block()
    assert repr(emulator) == "<Emulator stopped>"


def test_block_without_unused_faults_ends_without_an_error() -> None:
    with Emulator(API_KEY) as emulator:
        for remove in (emulator.clear_faults, emulator.reset):
            emulator.add_fault("DELETE", "hang")
            remove()
        emulator.add_fault("GET", "respond", times=2)
        emulator.add_fault("GET", "respond", times=None)
        emulator.add_fault("POST", "hang", optional=True)
        assert {Api(emulator)("GET", LIST).status_code for _ in range(3)} == {500}
    assert [fault["used"] for fault in emulator.faults()] == [1, 0]


def test_block_keeps_its_own_error_despite_unused_faults() -> None:
    def block() -> None:
        with Emulator() as emulator:
            emulator.add_fault("POST", "hang")
            emulator.delete_ingress("agin_x")

    with pytest.raises(LookupError, match="agin_x"):
        block()


@pytest.mark.parametrize(
    ("name", "value", "right"),
    [
        ("method", "FETCH", "one of GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS, or None, not 'FETCH'"),
        ("kind", "explode", "one of respond, respond_after, reset_before, "),
        ("status", 99, "from 200 to 599, not 99"),
        ("seconds", math.inf, "from 0 to "),
        ("times", 0, "at least 1"),
        ("headers", {"x": "\u20ac"}, "in Latin-1"),
        ("body", {"msg": "no"}, "a string"),
    ],
)
def test_invalid_fault_is_rejected(emulator: Emulator, name: str, value: Any, right: str) -> None:
    with pytest.raises(ValueError, match=f"^A fault's {name} must be {right}"):
        emulator.add_fault(**cast("Any", {"method": "GET", "kind": "respond", name: value}))
    assert emulator.faults() == []


@pytest.mark.parametrize(
    ("method", "name", "arguments", "status"),
    [
        ("GET", "stop", None, 404),
        ("POST", "requests", {}, 405),
        ("GET", "reset", None, 405),
        ("POST", "configure", {"limits": 0}, 400),
        ("POST", "delete_ingress", {"ingress_id": "agin_x"}, 404),
        ("POST", "reset", [], 400),
    ],
)
def test_invalid_control_is_rejected(emulator: Emulator, method: str, name: str, arguments: Any, status: int) -> None:
    response = requests.request(method, f"{emulator.url}/_emulator/{name}", json=arguments, timeout=20)
    assert response.status_code == status
    assert response.json()["error"]
    assert (emulator.requests(), emulator.connections()) == ([], 0)


def test_deeply_nested_arguments_are_rejected(emulator: Emulator) -> None:
    headers = {"content-type": "application/json"}
    url = f"{emulator.url}/_emulator/configure"
    response = requests.post(url, data='{"limit":' * 100_000, headers=headers, timeout=20)
    assert response.status_code == 400
    assert "recursion" in response.json()["error"]


def test_every_control_works_over_http_as_in_the_docs() -> None:
    examples = re.findall(r"""^curl (-X POST )?(-H "\$J" )?\$E/(\w+)(?: -d '(.*)')?$""", PAGE, re.MULTILINE)
    assert len(examples) == PAGE.count("curl ") > 0
    [reads] = re.findall("over HTTP: (.*?) with `GET`", PAGE, re.DOTALL)
    assert re.findall(r"`(\w+)`", reads) == list(READS)
    keys = {"add_key": '{"api_key": "second"}', "remove_key": '{"api_key": "emulator-key"}'}
    others = {**dict.fromkeys(ACTIONS, "{}"), **keys, "delete_ingress": '{"ingress_id": "agin_…"}'}
    examples += [("", "", name, "") for name in READS]
    examples += [("", "-H", name, others[name]) for name in {*ACTIONS} - {name for _, _, name, _ in examples}]
    with Emulator() as emulator:
        for post, header, name, arguments in examples:
            emulator.reset()
            created = Api(emulator, "emulator-key").create()
            body = arguments.replace("agin_…", created["id"])
            response = requests.request(
                "POST" if post or arguments else "GET",
                f"{emulator.url}/_emulator/{name}",
                data=body.encode(),
                headers={"content-type": "application/json"} if header else {},
                timeout=20,
            )
            assert response.status_code == 200, (name, response.text)
            if name in READS:
                assert response.json() == json.loads(json.dumps(getattr(emulator, name)()))


@pytest.mark.parametrize("name", [*READS, *ACTIONS])
def test_docstring_of_every_control_has_its_arguments(name: str) -> None:
    # The page shows the docstring.
    assert ".. autoclass:: Emulator\n   :members:\n   :inherited-members:\n" in PAGE
    arguments = str(inspect.getdoc(getattr(Emulator, name))).partition("Args:\n")[2].partition("\n\n")[0]
    described = dict(re.findall(r"^    (\w+): (.*(?:\n     .*)*)", arguments, re.MULTILINE))
    if name == "configure":
        defaults = {key: str(value).removesuffix(".0") or '""' for key, value in Emulator().settings().items()}
        assert {key: text.rpartition(" Default: ")[2] for key, text in described.items()} == {
            key: f"{value}." for key, value in defaults.items()
        }
    else:
        assert list(described) == [*inspect.signature(getattr(Emulator, name)).parameters][1:]


@pytest.mark.parametrize(("module", "values"), [(faults, FaultKind), (certificates, CertificateState)])
def test_each_kind_and_state_is_documented(module: ModuleType, values: Any) -> None:
    listed = re.findall("^- (`.*?`): ", inspect.getsource(module), re.MULTILINE)
    assert re.findall(r"\w+", " ".join(listed)) == list(get_args(values))
    assert f".. autodata:: {module.__name__}." in PAGE


def test_python_example_of_the_docs_works(capsys: pytest.CaptureFixture[str]) -> None:
    [program] = blocks(PAGE, "python")
    exec(compile(program, "emulator.md", "exec"), {})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", capsys.readouterr().out)


def test_pause_refuses_connections_and_keeps_the_port(emulator: Emulator, api: Api) -> None:
    def responds() -> bool:
        try:
            return api("GET", LIST).status_code == 200
        except requests.ConnectionError:
            return False

    port = int(emulator.url.rpartition(":")[2])
    emulator.pause()
    assert not responds()
    with socket.socket() as other, pytest.raises(OSError, match="in use"):
        other.bind(("127.0.0.1", port))
    emulator.resume()
    emulator.resume()
    assert responds()


def test_stop_ends_every_request_and_thread() -> None:
    before = set(threading.enumerate())
    with Emulator(API_KEY) as emulator:
        with socket.create_connection(("127.0.0.1", int(emulator.url.rpartition(":")[2]))) as connection:
            # The rest of the body never comes.
            connection.sendall(b"POST / HTTP/1.1\r\nContent-Length: 9\r\nHost: localhost\r\n\r\n{")
            control(emulator, "settings")
            emulator.pause()
            emulator.resume()
            emulator.stop()
        with pytest.raises(RuntimeError, match="not running"):
            emulator.pause()
    gc.collect()
    assert set(threading.enumerate()) <= before


def test_stopped_emulator_can_be_started_again() -> None:
    emulator = Emulator(API_KEY)
    with pytest.raises(RuntimeError, match="before it is started"):
        _ = emulator.url
    with emulator:
        Api(emulator).create()
        url = emulator.url
        with pytest.raises(RuntimeError, match="already"):
            emulator.start()
    with emulator:
        assert (emulator.url, len(emulator.ingresses())) == (url, 1)
