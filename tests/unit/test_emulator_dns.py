"""The emulator that looks at DNS, at servers that only a test can have."""

from __future__ import annotations

import socket
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import requests

from pulumi_agin.emulator import Emulator
from pulumi_agin.emulator.limits import Bounds
from tests.support.keys import API_KEY
from tests.unit.test_emulator import Clock
from tests.unit.test_nameservers import answering, refer

DOMAIN = "connect.acme.com"
POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
HEADERS = {"Authorization": f"Bearer {API_KEY}", "Ngrok-Version": "2"}
IN_PROGRESS = (None, "Managed certificate provisioning in progress.")
NO_RECORDS = f"No DNS records were returned when querying for an NS record for the domain `{DOMAIN}`."


@pytest.fixture
def clock() -> Clock:
    return Clock()


def send(emulator: Emulator, method: str, path: str, **options: Any) -> Any:
    return requests.request(method, emulator.url + path, headers=HEADERS, timeout=20, **options).json()


def create(emulator: Emulator, domain: str = DOMAIN, policy: dict[str, str] | None = POLICY) -> dict[str, Any]:
    body = {"domain": domain, "certificate_management_policy": policy}
    made: dict[str, Any] = send(emulator, "POST", "/agent_ingresses", json=body)
    return made


def status(emulator: Emulator, ingress: dict[str, Any]) -> Any:
    return send(emulator, "GET", ingress["uri"])["certificate_management_status"]


def job(emulator: Emulator, ingress: dict[str, Any]) -> tuple[str | None, str]:
    """The job's error code and message."""
    found = status(emulator, ingress)["provisioning_job"]
    return found["error_code"], found["msg"]


def test_a_server_that_asks_others_too_is_asked_for_the_delegation_alone(clock: Clock) -> None:
    with (
        answering(refer, socket.SOCK_STREAM) as server,
        Emulator(API_KEY, clock=clock, dns=str(server)) as emulator,
    ):
        ingress = create(emulator)
        emulator.set_ingress(ingress["id"], {"ns_targets": ["ns1.awsdns.org"]})
        clock.advance(2)
        assert job(emulator, ingress) == IN_PROGRESS


@pytest.mark.parametrize("sent", [b"", b"\x00\x04junk", b"\x00\x0c" + bytes(12)])
def test_a_server_that_talks_nonsense(clock: Clock, sent: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:

        def nonsense() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(1000)
                connection.sendall(sent)

        address = f"127.0.0.1:{server.getsockname()[1]}"
        with Emulator(API_KEY, clock=clock, dns=address) as emulator:
            ingress = create(emulator)
            clock.advance(2)
            threads.submit(nonsense)
            code, msg = job(emulator, ingress)
    assert code == "DNS_ERROR"
    assert msg in (
        f"The DNS server {address} could not be asked: it ended the connection.",
        f"The DNS server {address} answered another question.",
    )


def test_a_server_that_hangs_holds_nobody_else_up(clock: Clock) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server, ThreadPoolExecutor() as threads:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        emulator = Emulator(API_KEY, clock=clock, dns=address, bounds=Bounds(look_seconds=3600)).start()
        ingress, unmanaged = create(emulator), create(emulator, "unmanaged.acme.com", None)
        clock.advance(2)
        held = threads.submit(job, emulator, ingress)
        connection, _ = server.accept()
        with connection:
            connection.recv(1000)
            assert status(emulator, unmanaged) is None
            emulator.configure(limit=0)
            assert not held.done()
        assert held.result(20)[1] == f"The DNS server {address} could not be asked: it ended the connection."

        held = threads.submit(job, emulator, ingress)
        with server.accept()[0]:
            threads.submit(emulator.stop).result(20)
            with pytest.raises(requests.ConnectionError):
                held.result(20)

        # Real, and short: only time shows that nothing answers.
        with Emulator(API_KEY, clock=clock, dns=address, bounds=Bounds(look_seconds=0.1)) as emulator:
            ingress = create(emulator)
            clock.advance(2)
            assert job(emulator, ingress)[1] == (
                f"The DNS server {address} could not be asked: it did not answer within 0.1 seconds."
            )


# -- how it is started ------------------------------------------------------------------------------------

COMMAND = [sys.executable, "-m", "pulumi_agin.cli", "emulator"]


@pytest.mark.parametrize(
    "address", ["", "127.0.0.1", "127.0.0.1:", ":53", "::1:53", "[1:2]:53", "a b:53", "a:0", "a:65536"]
)
def test_a_wrong_address(address: str) -> None:
    with pytest.raises(
        ValueError, match=r"is not the address of a DNS server: give HOST:PORT, such as 127\.0\.0\.1:53"
    ):
        Emulator(dns=address)


def test_without_dnspython(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "dns.message", None)
    with pytest.raises(ModuleNotFoundError, match=r"pip install 'pulumi-agin\[emulator\]'"):
        Emulator(dns="127.0.0.1:53")
    Emulator()


@pytest.mark.parametrize(
    ("prelude", "sentence"),
    [
        ("", "'nowhere' is not the address of a DNS server: give HOST:PORT, such as 127.0.0.1:53 or [::1]:53."),
        (
            "sys.modules['dns'] = None;",
            "To look at DNS, the emulator needs all packages of its extra: pip install 'pulumi-agin[emulator]'.",
        ),
    ],
)
def test_the_option_where_it_can_not_be(prelude: str, sentence: str) -> None:
    code = f"import sys; {prelude} from pulumi_agin.cli import main; sys.exit(main(['emulator', '--dns', 'nowhere']))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (2, "", f"pulumi-agin: {sentence}\n")
