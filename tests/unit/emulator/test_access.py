"""Rejection of requests to the emulator from web pages in a developer's browser."""

from __future__ import annotations

import json
import socket
from typing import Any

import pytest
import requests

from pulumi_agin.emulator import Emulator
from tests.support.emulator import Api
from tests.support.keys import API_KEY

AUTHORIZED = {"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"}
EVIL = "https://evil.example"
OWN_HOSTS = ["127.0.0.1", "127.0.0.2:", "LocalHost", "localhost.:80", "[::1]", "[0:0:0:0:0:0:0:1]:80"]
FOREIGN_HOSTS = ["evil.example", "localhost.evil.example", "localhost@evil", "[::1", ":"]


def send(emulator: Emulator, line: str, headers: dict[str, str], body: str = "") -> requests.Response:
    """Sends a request with these headers. Without "Host", it is the emulator's own."""
    method, path = line.split()
    response = requests.request(method, emulator.url + path, headers=headers, data=body, timeout=20)
    # No page may read a response.
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    return response


def get_settings(emulator: Emulator, **headers: str) -> int:
    """Returns the status of a request without a key."""
    return send(emulator, "GET /_emulator/settings", headers).status_code


def everything(emulator: Emulator) -> Any:
    """Returns everything that a request could change."""
    recorded = (emulator.ingresses(), emulator.settings(), emulator.faults(), emulator.requests())
    return json.dumps(recorded), emulator.connections(), dict(emulator._state.accounts), str(emulator._state.recent)


@pytest.mark.parametrize(
    ("line", "headers", "body"),
    [
        # A page sends the first request without permission. The second requests permission for the others.
        ("POST /_emulator/reset", {"Origin": EVIL, "Content-Type": "text/plain"}, "{}"),
        ("OPTIONS /agent_ingresses", {"Origin": EVIL, "Access-Control-Request-Method": "POST"}, ""),
        ("POST /_emulator/reset", {"Origin": EVIL, "Content-Type": "application/json"}, "{}"),
        ("GET /agent_ingresses", {"Origin": "null", **AUTHORIZED}, ""),
        # A page of another server on this machine.
        ("GET /agent_ingresses", {"Origin": "http://127.0.0.1:1", **AUTHORIZED}, ""),
    ],
)
def test_web_page_gets_403(emulator: Emulator, line: str, headers: dict[str, str], body: str) -> None:
    Api(emulator).create()
    # It would show whether a rejected request counts.
    emulator.add_fault(None, "respond", status=418, optional=True)
    before = everything(emulator)
    response = send(emulator, line, headers, body)
    assert response.status_code == 403
    assert "does not respond to web pages" in response.text
    assert everything(emulator) == before


def test_control_post_must_be_json(emulator: Emulator) -> None:
    emulator.configure(limit=7)
    for content_type in ("", "text/plain", "application/x-www-form-urlencoded"):
        response = send(emulator, "POST /_emulator/reset", {"Content-Type": content_type}, "{}")
        assert response.status_code == 415
        assert "content-type: application/json" in response.json()["error"]
    assert emulator.settings()["limit"] == 7
    json_type = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert send(emulator, "POST /_emulator/reset", json_type).status_code == 200


def test_own_host_is_allowed_with_any_port(emulator: Emulator) -> None:
    assert {host: get_settings(emulator, Host=host) for host in OWN_HOSTS} == dict.fromkeys(OWN_HOSTS, 200)


@pytest.mark.parametrize("host", [*FOREIGN_HOSTS, "192.0.2.1", "0.0.0.0", ""])
def test_other_host_gets_421(emulator: Emulator, host: str) -> None:
    before = everything(emulator)
    for line in ("GET /_emulator/requests", "GET /agent_ingresses"):
        # The page's own name as the origin has no effect.
        response = send(emulator, line, {"Host": host, "Origin": f"http://{host}", **AUTHORIZED})
        assert response.status_code == 421
        sentence = f"does not accept the host {host!r}. It accepts 127.0.0.1, [::1], localhost, and the names"
        assert sentence in next(value for value in response.json().values() if isinstance(value, str))
    assert everything(emulator) == before


def test_remote_emulator_allows_any_address() -> None:
    own_hosts = [*OWN_HOSTS, "192.0.2.1", "[2001:db8::1]", "0.0.0.0:80", socket.gethostname().upper()]
    expected = {**dict.fromkeys(own_hosts, 200), **dict.fromkeys(FOREIGN_HOSTS, 421)}
    with Emulator(API_KEY, host="0.0.0.0", allow_remote=True) as emulator:
        assert {host: get_settings(emulator, Host=host) for host in expected} == expected
        assert get_settings(emulator, Host="192.0.2.1:80", Origin="http://192.0.2.1:80") == 403


def test_allowed_hosts_are_further_names() -> None:
    expected = {"EMULATOR:4040": 200, "ngrok.internal": 200, "192.0.2.1:80": 200, "localhost": 200, "evil.example": 421}
    with Emulator(API_KEY, allowed_hosts=["emulator", "Ngrok.Internal.", "192.0.2.1"]) as emulator:
        assert {host: get_settings(emulator, Host=host) for host in expected} == expected


@pytest.mark.parametrize("name", ["", "http://emulator", "emulator:4040", "a b", "*"])
def test_invalid_allowed_host_is_rejected(name: str) -> None:
    with pytest.raises(ValueError, match="is not a host name: use it without http:// and without a port"):
        Emulator(allowed_hosts=[name])
