"""The emulator's start and stop, the requests that it rejects, its file, and what a test changes and sees."""

from __future__ import annotations

import json
import re
import socket
import threading
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
import requests

from pulumi_agin.emulator import Emulator, EmulatorSettings
from tests.support.emulator import POLICY, Api
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.pages import blocks

LIST = "/agent_ingresses"
PAGE = (Path(__file__).parents[3] / "docs/reference/emulator.md").read_text()


def test_python_example_of_the_page_works(capsys: pytest.CaptureFixture[str]) -> None:
    [program] = blocks(PAGE, "python")
    exec(compile(program, "emulator.md", "exec"), {})
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", capsys.readouterr().out)


def test_each_setting_has_a_row_on_the_page() -> None:
    section = PAGE.split("\n## Settings\n")[1].split("\n## ")[0]
    assert re.findall(r"^\| `(\w+)` \|", section, re.M) == [each.name for each in fields(EmulatorSettings)]


def test_requests_are_logged_without_keys(emulator: Emulator, api: Api) -> None:
    api.create(description="d")
    api("POST", LIST, data="no json")
    api("GET", LIST, key="wrong", params={"limit": 5})
    first, second, third = emulator.requests()
    assert (first["method"], first["path"], first["status"], first["account"]) == ("POST", LIST, 201, 1)
    assert (first["query"], first["body"]) == ({}, {"domain": "connect.acme.com", "description": "d"})
    assert second["body"] == "no json"
    assert (third["status"], third["account"], third["query"]) == (403, None, {"limit": "5"})
    assert API_KEY not in str(emulator.requests())
    emulator.clear_requests()
    assert emulator.requests() == []


@pytest.mark.parametrize(
    "setting", [{"limit": -1}, {"null_policy": "odd"}, {"default_private_key_type": "dsa"}, {"limt": 3}]
)
def test_invalid_setting_is_rejected(emulator: Emulator, setting: dict[str, Any]) -> None:
    with pytest.raises((TypeError, ValueError), match=next(iter(setting))):
        emulator.configure(**setting)


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ({"other_accounts": ["emulator-key"]}, "API keys must not be empty, and must differ"),
        ({"dns": "nowhere"}, "is not the address of a DNS server: use HOST:PORT"),
    ],
)
def test_invalid_argument_is_rejected(argument: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Emulator(**argument)


def test_keys_can_be_added_and_removed(emulator: Emulator, api: Api) -> None:
    api.create()
    emulator.add_key("rotated", account_of=API_KEY)
    emulator.remove_key(API_KEY)
    assert api("GET", LIST).status_code == 403
    assert len(api("GET", LIST, key="rotated").json()["ingresses"]) == 1


def test_ingresses_can_be_changed_from_outside(emulator: Emulator, api: Api) -> None:
    created = api.create(description="ours")
    emulator.set_ingress(created["id"], {"description": "", "ns_targets": ["b", "a"]})
    read = api.read(created)
    assert ("description" in read, read["ns_targets"]) == (False, ["b", "a"])
    emulator.set_ingress(created["id"], {"certificate_management_policy": POLICY})
    assert api.read(created)["certificate_management_policy"] == POLICY
    # A new policy starts a new certificate.
    assert api.certificate(created) is None
    emulator.delete_ingress(created["id"])
    for call in (emulator.delete_ingress, lambda id_: emulator.set_ingress(id_, {})):
        with pytest.raises(LookupError, match=created["id"]):
            call(created["id"])


@pytest.mark.parametrize("host", ["127.0.0.1", "127.0.0.2:", "LocalHost", "localhost:80", "[::1]"])
def test_loopback_hosts_are_accepted(api: Api, host: str) -> None:
    assert api("GET", LIST, headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        *[({"Host": host}, 421) for host in ("evil.example", "localhost.evil.example", "localhost@evil", "[::1", "")],
        *[({"Host": host}, 421) for host in ("192.0.2.1", "0.0.0.0")],
        *[({"Origin": origin}, 403) for origin in ("https://evil.example", "http://127.0.0.1:1", "null")],
    ],
)
@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
def test_web_pages_are_rejected(
    emulator: Emulator, api: Api, method: str, headers: dict[str, str], status: int
) -> None:
    emulator.add_fault(None, "respond", status=418)
    response = api(method, LIST, headers=headers)
    assert response.status_code == status
    # No page may read a response, and none uses a fault up.
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    assert (emulator.requests(), len(emulator.unused_faults())) == ([], 1)
    emulator.clear_faults()


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


def test_file_keeps_ingresses_without_keys(tmp_path: Path) -> None:
    file = tmp_path / "ingresses.json"
    with Emulator(API_KEY, file=file) as emulator:
        created = Api(emulator).create(description="dü", certificate_management_policy=POLICY)
        emulator.set_certificate(created["id"], "issued")
        stored, shown = emulator.ingresses(), Api(emulator).read(created)
    assert API_KEY not in file.read_text()
    assert list(tmp_path.iterdir()) == [file]
    with Emulator("another key", other_accounts=[OTHER_ACCOUNTS_KEY], file=file) as emulator:
        assert emulator.ingresses() == stored
        assert Api(emulator, "another key").read(created) == shown
        assert Api(emulator, OTHER_ACCOUNTS_KEY)("GET", created["uri"]).status_code == 404
        Api(emulator, "another key")("DELETE", created["uri"])
    assert Emulator(file=file).ingresses() == []


@pytest.mark.parametrize("content", ["", '{"name": "x"}', '[{"id": "agin_1"}]', '[{"domain": "a.com"}]', "[1]"])
def test_file_with_other_content_is_not_overwritten(tmp_path: Path, content: str) -> None:
    file = tmp_path / "ingresses.json"
    file.write_text(content)
    with pytest.raises(ValueError, match="is not one that the emulator wrote"):
        Emulator(file=file)
    assert file.read_text() == content


@pytest.mark.parametrize("name", ["", "nowhere/ingresses.json"])
def test_unusable_file_is_rejected(tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="can't be used"):
        Emulator(file=tmp_path / name)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_request_that_cannot_be_saved_changes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    with Emulator(API_KEY, file=folder / "ingresses.json") as emulator:
        folder.rename(tmp_path / "away")
        with pytest.raises(requests.ConnectionError):
            Api(emulator).create()
        assert emulator.ingresses() == []
        (tmp_path / "away").rename(folder)
        Api(emulator).create()
    assert "No such file or directory" in capfd.readouterr().err
    assert [each["domain"] for each in json.loads((folder / "ingresses.json").read_text())] == ["connect.acme.com"]
