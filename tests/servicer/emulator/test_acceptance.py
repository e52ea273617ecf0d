"""Guesses of the emulator, compared with ngrok itself.

    NGROK_API_KEY=… pytest tests/servicer/emulator/test_acceptance.py --ngrok test.acme.com

The probes of each guess run on an emulator and in the account of the key, and must have the same outcomes. A failure
shows both, without the key, IDs and the domain. The run creates Agent Ingresses below the domain, at most two at a
time, and ngrok may charge for them. It does not start if there are any, and deletes them at the end. If it is killed,
they remain, and the next run names them. It sends at most 100 requests a minute.

NGROK_API_BASE_URL names a stand-in for ngrok. Without --ngrok, the comparisons are skipped, and one test runs the
probes on the emulator alone.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests

from pulumi_agin.emulator import Emulator
from tests.support.emulator import EmulatorClock
from tests.support.keys import API_KEY

LIST = "/agent_ingresses"
POLICY = "certificate_management_policy"
LETSENCRYPT = {"authority": "letsencrypt"}
UNKNOWN_ID = "agin_" + "0" * 27
UNKNOWN = f"{LIST}/{UNKNOWN_ID}"
# ngrok allows 120 requests in a minute, for all users of an account.
PACE_SECONDS = 0.6


@dataclass(repr=False)
class Service:
    """ngrok's API or an emulator, with an Agent Ingress that the probes change. It has no repr: it has the key."""

    url: str
    key: str
    domain: str
    sleep: Callable[[float], object]
    path: str = ""

    def send(self, method: str = "GET", path: str = LIST, **options: Any) -> requests.Response:
        """Sends a request with ngrok's headers. Other arguments are those of requests."""
        self.sleep(PACE_SECONDS)
        headers = {"Authorization": f"Bearer {self.key}", "Ngrok-Version": "2", **options.pop("headers", {})}
        # With any auth, an entry in .netrc does not replace the key.
        auth: Any = lambda request: request  # noqa: E731
        url = self.url + path
        return requests.request(method, url, headers=headers, auth=auth, allow_redirects=False, timeout=60, **options)

    def create(self, name: str, **inputs: Any) -> dict[str, Any]:
        created: dict[str, Any] = self.send("POST", json={"domain": f"{name}.{self.domain}", **inputs}).json()
        return created

    def patch(self, path: str, **changes: Any) -> dict[str, Any]:
        changed: dict[str, Any] = self.send("PATCH", path, json=changes).json()
        return changed

    def read(self, path: str = "") -> dict[str, Any]:
        found: dict[str, Any] = self.send(path=path or self.path).json()
        return found

    def below_domain(self) -> list[str]:
        """Returns the IDs of all Agent Ingresses below the domain."""
        listed = self.send(params={"filter": f'obj.domain.endsWith(".{self.domain}")'}).json()
        return [each["id"] for each in listed["ingresses"]]

    def without_account(self, outcome: object) -> str:
        """Returns an outcome as a string without the key, IDs and the domain."""
        text = str(outcome).replace(self.key, "KEY").replace(self.url, "URL").replace(self.domain, "DOMAIN")
        return re.sub(r"\bagin_[0-9A-Za-z]{27}\b", "agin_…", text)


Probe = Callable[[Service], object]


def responds(method: str = "GET", path: str = LIST, **options: Any) -> Probe:
    """Sends a request, and returns its status and error code. `SELF` is the path of the ingress, and DOMAIN the domain.

    If it creates an ingress, that is deleted.
    """

    def run(service: Service) -> str:
        body = {
            name: value.replace("DOMAIN", service.domain) if isinstance(value, str) else value
            for name, value in options.get("json", {}).items()
        }
        given = {**options, "json": body} if "json" in options else options
        response = service.send(method, path.replace("SELF", service.path), **given)
        content = response.json() if response.content else {}
        if method == "POST" and response.status_code == 201:
            service.send("DELETE", f"{LIST}/{content['id']}")
        return f"{response.status_code} {content.get('error_code', '')}"

    return run


def finds(condition: str) -> Probe:
    """Returns how many ingresses a filter finds."""

    def run(service: Service) -> object:
        response = service.send(params={"filter": f'obj.domain == "first.{service.domain}" && ({condition})'})
        return response.status_code, len(response.json().get("ingresses", []))

    return run


def with_second(run: Callable[[Service, str], object]) -> Probe:
    """Runs with the path of a separate ingress, which is deleted afterwards."""

    def create_and_run(service: Service) -> object:
        path = f"{LIST}/{service.create('second')['id']}"
        try:
            return run(service, path)
        finally:
            service.send("DELETE", path)

    return create_and_run


def names(service: Service) -> object:
    reads = [service.read() for _ in range(3)]
    targets = reads[0]["ns_targets"]
    in_one_order = all(each["ns_targets"] == targets for each in reads)
    dotted = [target for target in targets if target.endswith(".")]
    regions = [name.removesuffix(f".first.{service.domain}") for name in reads[0]["region_domains"]]
    return len(targets), len(dotted), in_one_order, targets == sorted(targets), regions


def full_page(service: Service) -> object:
    page = service.send(params={"filter": f'obj.domain == "first.{service.domain}"', "limit": 1}).json()
    rest = service.send(path=page["next_page_uri"].removeprefix(service.url)).json()
    return page["uri"], rest["ingresses"], rest["next_page_uri"]


def spelling(service: Service) -> object:
    created = service.send("POST", json={"domain": f" Second.{service.domain.upper()}. "}).json()
    service.send("DELETE", f"{LIST}/{created['id']}")
    return created["domain"]


def null_policy(service: Service, path: str) -> object:
    set_ = service.patch(path, **{POLICY: LETSENCRYPT})[POLICY]
    return set_, service.patch(path, **{POLICY: None})[POLICY], service.read(path)[POLICY]


def policy_again(service: Service, path: str) -> object:
    """Returns, for the same policy and for another one, whether the job goes on."""

    def job_started_at() -> object:
        job = (service.read(path)["certificate_management_status"] or {}).get("provisioning_job") or {}
        return job.get("started_at")

    rsa, ecdsa = ({**LETSENCRYPT, "private_key_type": kind} for kind in ("rsa", "ecdsa"))
    service.patch(path, **{POLICY: rsa})
    # The emulator's job starts after 2 seconds.
    service.sleep(10)
    first = job_started_at()
    again = []
    for policy in (rsa, ecdsa):
        service.patch(path, **{POLICY: policy})
        again.append(job_started_at() == first)
    return first is not None, again


def deleted(service: Service, path: str) -> object:
    service.send("DELETE", path)
    probes = [responds("GET", path), responds("DELETE", path), responds(params={"before_id": path.rpartition("/")[2]})]
    return [probe(service) for probe in probes]


def rejected(**body: Any) -> Probe:
    return responds("POST", json={"domain": "rejected.DOMAIN", **body})


GUESSES: dict[str, list[Probe]] = {
    "An unknown key gets ERR_NGROK_202": [responds(headers={"Authorization": "Bearer not-a-key"})],
    "An unsupported method gets a 405": [responds("PUT", json={})],
    "The order of checks is path, method, key, version, query, body, ID": [
        responds(path="/agent_ingresses_acceptance", headers={"Authorization": None}),
        responds("PUT", json={}, headers={"Authorization": None}),
        responds(headers={"Authorization": None, "Ngrok-Version": None}),
        responds(params={"a": "b"}, headers={"Ngrok-Version": None}),
        responds("PATCH", UNKNOWN, params={"a": "b"}, data="{"),
    ],
    "An unknown ID has no code, a malformed one ERR_NGROK_222": [responds(path=UNKNOWN), responds(path=f"{LIST}/none")],
    "A deleted ID is an unknown one, but a page can begin after it": [with_second(deleted)],
    "A page that begins after a malformed ID gets ERR_NGROK_222": [responds(params={"before_id": "none"})],
    "A wrong page size gets ERR_NGROK_233": [responds(params={"limit": limit}) for limit in ("many", "0", "101")],
    "A wrong filter gets ERR_NGROK_250": [responds(params={"filter": cel}) for cel in ("obj.a == 'a'", '"text"')],
    "Rejected input gets a 400": [
        responds("POST", data="{", headers={"Content-Type": "application/json"}),
        *(rejected(acceptance="a"), rejected(description=1), rejected(**{POLICY: {"authority": "a"}})),
        *(rejected(domain="not a rejected.DOMAIN"), rejected(domain="first.DOMAIN"), rejected(domain="")),
        *(responds("PATCH", "SELF", json=body) for body in ({"domain": "a.acme.com"}, {"id": UNKNOWN_ID})),
        *(responds("PATCH", "SELF", json=body) for body in ({"description": "ä" * 128}, {"metadata": "a" * 4097})),
    ],
    "A label may be *": [rejected(domain="*.wildcard.DOMAIN")],
    "Domains are trimmed, in lower case, without a trailing dot": [spelling],
    "Lists have new ingresses at once": [finds("true")],
    "Filters have CEL's functions and time.now, but not subtract": [
        *(finds("obj.created_at <= timestamp(time.now)"), finds('obj.domain.matches("^first[.]")')),
        *(finds('obj.metadata in ["{}"]'), finds('obj.metadata == "" ? false : true')),
        finds('obj.created_at > timestamp(time.now).subtract("7d")'),
    ],
    "Four unsorted ns_targets without dots, in one order; eight regions": [names],
    "An empty PATCH gets a 200": [responds("PATCH", "SELF", json={}), responds("PATCH", "SELF")],
    "A full page has a next one, which may be empty; URIs have the host of the request": [full_page],
    "The key type defaults to rsa, and null removes the policy": [with_second(null_policy)],
    "Only a different policy restarts the certificate": [with_second(policy_again)],
    "An empty description is omitted": [lambda service: sorted(service.patch(service.path, description=""))],
}


@pytest.fixture(scope="module")
def emulated() -> Iterator[Service]:
    clock = EmulatorClock()
    with Emulator(API_KEY, clock=clock) as running:
        service = Service(running.url, API_KEY, "test.acme.com", clock.advance)
        service.path = service.create("first", description="a", metadata="{}")["uri"]
        yield service


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest) -> Iterator[Service]:
    """ngrok, with the domain of --ngrok."""
    domain: str = request.config.getoption("--ngrok") or pytest.skip("compares ngrok with the emulator: needs --ngrok")
    key = os.environ.get("NGROK_API_KEY") or pytest.exit("--ngrok needs NGROK_API_KEY", 2)
    service = Service(os.environ.get("NGROK_API_BASE_URL", "https://api.ngrok.com"), key, domain, time.sleep)
    if existing := service.below_domain():
        pytest.exit(f"nothing was changed: delete {', '.join(existing)} first, or name another domain", 2)
    try:
        service.path = service.create("first", description="a", metadata="{}")["uri"]
        yield service
    finally:
        for id_ in service.below_domain():
            service.send("DELETE", f"{LIST}/{id_}")


@pytest.mark.parametrize("guess", GUESSES)
def test_ngrok_does_what_the_emulator_guesses(guess: str, real: Service, emulated: Service) -> None:
    seen, guessed = (
        [service.without_account(probe(service)) for probe in GUESSES[guess]] for service in (real, emulated)
    )
    assert seen == guessed


def test_probes_run_on_the_emulator(emulated: Service) -> None:
    for guess, probes in GUESSES.items():
        outcomes = [emulated.without_account(probe(emulated)) for probe in probes]
        assert not re.search(f"{emulated.domain}|agin_[0-9A-Za-z]|{API_KEY}", str(outcomes)), guess
