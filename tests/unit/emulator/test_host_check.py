"""Rejection of requests to the emulator from web pages in a developer's browser."""

from __future__ import annotations

import socket

import pytest
import requests

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY

AUTHORIZED = {"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"}
EVIL = "https://evil.example"
OWN_HOSTS = ["127.0.0.1", "127.0.0.2:", "LocalHost", "localhost.:80", "[::1]", "[0:0:0:0:0:0:0:1]:80"]
FOREIGN_HOSTS = ["evil.example", "localhost.evil.example", "localhost@evil", "[::1", ":"]


def send(emulator: Emulator, line: str, **headers: str) -> requests.Response:
    method, path = line.split()
    response = requests.request(method, emulator.url + path, headers=headers, timeout=20)
    # No page may read a response.
    assert not [name for name in response.headers if name.lower().startswith("access-control")]
    return response


def status(emulator: Emulator, **headers: str) -> int:
    return send(emulator, "GET /_emulator/settings", **headers).status_code


@pytest.mark.parametrize(
    ("line", "headers"),
    [
        # A page sends the first request without permission. The second requests permission for others.
        ("POST /_emulator/clear_faults", {"Origin": EVIL, "Content-Type": "text/plain"}),
        ("OPTIONS /agent_ingresses", {"Origin": EVIL, "Access-Control-Request-Method": "POST"}),
        ("GET /agent_ingresses", {"Origin": "null", **AUTHORIZED}),
        # A page of another server on this machine.
        ("GET /agent_ingresses", {"Origin": "http://127.0.0.1:1", **AUTHORIZED}),
    ],
)
def test_web_page_gets_403_and_changes_nothing(emulator: Emulator, line: str, headers: dict[str, str]) -> None:
    emulator.add_fault(None, "respond", status=418)
    response = send(emulator, line, **headers)
    assert (response.status_code, "does not respond to web pages" in response.text) == (403, True)
    assert (len(emulator.faults()), emulator.requests()) == (1, [])
    emulator.clear_faults()


@pytest.mark.parametrize("host", OWN_HOSTS)
def test_own_host_is_allowed_with_any_port(emulator: Emulator, host: str) -> None:
    assert status(emulator, Host=host) == 200


@pytest.mark.parametrize("host", [*FOREIGN_HOSTS, "192.0.2.1", "0.0.0.0", ""])
def test_other_host_gets_421(emulator: Emulator, host: str) -> None:
    for line in ("GET /_emulator/requests", "GET /agent_ingresses"):
        response = send(emulator, line, Host=host, **AUTHORIZED)
        assert (response.status_code, "accepts only these hosts" in response.text) == (421, True)
    assert emulator.requests() == []


def test_remote_emulator_allows_any_address() -> None:
    own_hosts = [*OWN_HOSTS, "192.0.2.1", "[2001:db8::1]", "0.0.0.0:80", socket.gethostname().upper()]
    expected = {**dict.fromkeys(own_hosts, 200), **dict.fromkeys(FOREIGN_HOSTS, 421)}
    with pytest.raises(ValueError, match=r"Other machines can reach 0\.0\.0\.0"):
        Emulator(host="0.0.0.0")
    with Emulator(API_KEY, host="0.0.0.0", allow_remote=True) as emulator:
        assert {host: status(emulator, Host=host) for host in expected} == expected
        assert status(emulator, Host="192.0.2.1:80", Origin="http://192.0.2.1:80") == 403


def test_allowed_hosts_are_further_names() -> None:
    expected = {"EMULATOR:4040": 200, "ngrok.internal": 200, "localhost": 200, "evil.example": 421}
    with Emulator(API_KEY, allowed_hosts=["emulator", "Ngrok.Internal."]) as emulator:
        assert {host: status(emulator, Host=host) for host in expected} == expected
