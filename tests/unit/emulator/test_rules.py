"""The emulator's API: the rules of ngrok's documentation that it follows."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import ngrok  # type: ignore[import-untyped]
import pytest
import requests

from pulumi_agin.emulator import CertificateState, Emulator
from tests.support.emulator import POLICY, Api, EmulatorClock
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY

SAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "data/agent_ingress_samples.json").read_text())
LIST = "/agent_ingresses"
UNKNOWN_ID = "agin_" + "0" * 27
UNKNOWN = f"{LIST}/{UNKNOWN_ID}"
NOT_FOUND = (404, None)


@pytest.fixture
def emulator(emulator_clock: EmulatorClock) -> Iterator[Emulator]:
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], clock=emulator_clock) as emulator:
        yield emulator


def error(response: requests.Response) -> tuple[int, str | None]:
    """Returns the status and the code of an error response, and checks its form."""
    body = response.json()
    assert body.keys() - {"error_code"} == {"status_code", "msg", "details"}
    assert body["status_code"] == response.status_code
    assert body["details"]["operation_id"] == response.headers["ngrok-operation-id"]
    code = body.get("error_code")
    return response.status_code, None if code is None else code.removeprefix("ERR_NGROK_")


def domains(page: requests.Response) -> list[str]:
    return [each["domain"] for each in page.json()["ingresses"]]


def test_create_read_update_delete(api: Api) -> None:
    created = api.create(description="acme devices", metadata="m", certificate_management_policy=POLICY)
    assert created["uri"] == f"{LIST}/{created['id']}"
    assert api.read(created) == created
    updated = api("PATCH", created["uri"], json={"description": "theirs"})
    assert (updated.status_code, updated.json()) == (200, {**created, "description": "theirs"})
    deleted = api("DELETE", created["uri"])
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert error(api("GET", created["uri"])) == NOT_FOUND


def shape(value: Any) -> Any:
    """Returns the keys and types of a value, to any depth; for a list, those of its first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def test_responses_have_the_shape_of_the_documented_samples(api: Api) -> None:
    created = api.create(description="acme devices")
    assert shape(created) == shape(SAMPLES["create"])
    assert shape(api("GET", LIST).json()) == shape(SAMPLES["list"])
    change = {name: SAMPLES["update"][name] for name in ("description", "metadata")}
    assert shape(api("PATCH", created["uri"], json=change).json()) == shape(SAMPLES["update"])
    assert shape(api.read(created)) == shape(SAMPLES["get"])


def test_new_ingress_is_like_a_recorded_one(api: Api) -> None:
    created = api.create()
    assert created.keys().isdisjoint({"description", "metadata"})
    assert created["created_at"] == "2026-03-01T12:00:00Z"
    assert re.fullmatch("agin_[0-9A-Za-z]{27}", created["id"])
    zones = [re.sub(r"^ns-\d+\.awsdns-\d\d\.", "", name) for name in created["ns_targets"]]
    assert zones == ["org", "net", "co.uk", "com"]
    assert created["region_domains"][:2] == ["tunnel.us.connect.acme.com", "tunnel.us-cal-1.connect.acme.com"]
    assert api.create("b.acme.com")["ns_targets"] != created["ns_targets"]
    assert api("GET", LIST).headers["date"] == "Sun, 01 Mar 2026 12:00:00 GMT"


@pytest.mark.parametrize(
    ("method", "path", "options", "expected"),
    [
        ("GET", LIST, {"headers": {"Authorization": None}}, (403, "200")),
        ("DELETE", UNKNOWN, {"key": "wrong-key"}, (403, "202")),
        ("GET", LIST, {"headers": {"Ngrok-Version": None}}, (400, "218")),
        ("GET", f"{LIST}/", {}, NOT_FOUND),
        ("PUT", UNKNOWN, {}, (405, None)),
        ("GET", UNKNOWN, {}, NOT_FOUND),
        ("GET", f"{LIST}/agin_short", {}, (404, "222")),
        ("POST", f"{LIST}?domain=b.acme.com", {}, (400, "231")),
        ("GET", f"{LIST}?limit=101", {}, (400, "233")),
        ("GET", f"{LIST}?before_id=agin_x", {}, (404, "222")),
        ("GET", f"{LIST}?filter=x+%3D%3D", {}, (400, "250")),
        ("GET", f"{LIST}?filter=obj.region+%3D%3D+1", {}, (400, "250")),
        ("GET", f"{LIST}?filter=obj.id", {}, (400, "250")),
        ("GET", f"{LIST}?filter=%5B1%5D.map%28x%29", {}, (400, "250")),
        ("GET", f"{LIST}?filter=%5B1%5D.filter%281,true%29", {}, (400, "250")),
        ("POST", LIST, {"data": b"\xff"}, (400, "213")),
        ("POST", LIST, {"data": b"[" * 100_000}, (400, "213")),
        ("POST", LIST, {"json": {}}, (400, "6704")),
        ("POST", LIST, {"json": {"domain": 5}}, (400, "215")),
        ("POST", LIST, {"json": {"domain": "b.acme.com", "unknown": "x"}}, (400, "214")),
    ],
)
def test_invalid_request_is_rejected(api: Api, method: str, path: str, options: Any, expected: Any) -> None:
    assert error(api(method, path, **options)) == expected


@pytest.mark.parametrize(
    ("policy", "code"),
    [
        ({"authority": "zerossl"}, "215"),
        ({"authority": "letsencrypt", "private_key_type": "dsa"}, "215"),
        ({"authority": "letsencrypt", "privateKeyType": "rsa"}, "214"),
    ],
)
def test_invalid_policy_is_rejected(api: Api, emulator: Emulator, policy: dict[str, str], code: str) -> None:
    body = {"domain": "b.acme.com", "certificate_management_policy": policy}
    assert error(api("POST", LIST, json=body)) == (400, code)
    assert emulator.ingresses() == []


@pytest.mark.parametrize(("field", "maximum", "code"), [("description", 255, "6700"), ("metadata", 4096, "6701")])
def test_strings_are_limited_in_bytes(api: Api, field: str, maximum: int, code: str) -> None:
    fits = "ü" * (maximum // 2) + "x" * (maximum % 2)
    created = api.create(**{field: fits})
    assert created[field] == fits
    response = api("PATCH", created["uri"], json={field: fits + "x"})
    assert error(response) == (400, code)
    assert f"limited to {maximum} characters" in response.json()["msg"]


LONGEST = ".".join(["a" * 63] * 3 + ["a" * 61])


@pytest.mark.parametrize("given", [" Connect.ACME.com. ", "*.acme.com", "_a.xn--bcher.com", LONGEST, "notngrok.com"])
def test_domain_is_stored_in_canonical_form(api: Api, given: str) -> None:
    assert api.create(given)["domain"] == given.strip(" .").lower()


@pytest.mark.parametrize(
    ("domain", "code"),
    [
        *[
            (name, "6704")
            for name in ("a..com", "https://acme.com", "10.0.0.1", "a*.acme.com", "a" * 64, LONGEST + "a")
        ],
        *[(name, "6705") for name in ("ngrok.com", "connect.NGROK.io")],
    ],
)
def test_invalid_domain_is_rejected(api: Api, domain: str, code: str) -> None:
    assert error(api("POST", LIST, json={"domain": domain})) == (400, code)


def test_domain_is_unique_across_accounts(api: Api) -> None:
    created = api.create()
    for key in (API_KEY, OTHER_ACCOUNTS_KEY):
        assert error(api("POST", LIST, key=key, json={"domain": "CONNECT.acme.com"})) == (400, "6706")
    api("DELETE", created["uri"])
    api.create(key=OTHER_ACCOUNTS_KEY)


def test_accounts_are_separate(api: Api) -> None:
    created = api.create()
    assert domains(api("GET", LIST, key=OTHER_ACCOUNTS_KEY)) == []
    for method in ("GET", "PATCH", "DELETE"):
        assert error(api(method, created["uri"], key=OTHER_ACCOUNTS_KEY)) == NOT_FOUND
    assert api.read(created) == created
    # Like ngrok's, the message repeats a wrong key.
    assert "Your credential: 'wrong-key'." in api("GET", LIST, key="wrong-key").json()["msg"]


def test_patch_ignores_null_and_clears_empty_strings(api: Api) -> None:
    created = api.create(description="d", metadata="m", certificate_management_policy=POLICY)
    nulls = {"description": None, "metadata": None, "id": created["id"]}
    assert api("PATCH", created["uri"], json=nulls).json() == created
    assert error(api("PATCH", created["uri"], json={"domain": created["domain"]})) == (400, "214")
    assert error(api("PATCH", created["uri"], json={"id": UNKNOWN_ID})) == (400, "215")
    cleared = api("PATCH", created["uri"], json={"description": "", "metadata": ""}).json()
    assert cleared.keys() == created.keys() - {"description", "metadata"}


def test_patch_adds_changes_and_removes_the_policy(api: Api, emulator: Emulator) -> None:
    path = api.create()["uri"]

    def patch(policy: dict[str, str] | None) -> Any:
        response = api("PATCH", path, json={"certificate_management_policy": policy})
        return response.json()["certificate_management_policy"]

    assert patch({"authority": "letsencrypt"}) == {"authority": "letsencrypt", "private_key_type": "rsa"}
    assert patch(POLICY) == POLICY
    emulator.configure(null_policy="ignored")
    assert patch(None) == POLICY
    emulator.configure(null_policy="removes", default_private_key_type="ecdsa")
    assert patch(None) is None
    assert patch({"authority": "letsencrypt", "private_key_type": ""}) == POLICY


def test_list_has_pages_from_the_newest_on(api: Api, emulator: Emulator) -> None:
    created = [api.create(f"{number}.acme.com") for number in range(102)]
    page = api("GET", LIST, params={"filter": 'obj.domain != "x"'})
    assert domains(page) == [each["domain"] for each in created[:1:-1]]
    assert page.json()["uri"] == f"{emulator.url}{LIST}"
    # The next page begins after this one's last ingress, even if that was deleted.
    emulator.delete_ingress(created[2]["id"])
    next_page = page.json()["next_page_uri"].removeprefix(emulator.url)
    assert domains(api("GET", next_page)) == ["1.acme.com", "0.acme.com"]
    assert emulator.requests()[-1]["query"]["filter"] == 'obj.domain != "x"'
    # A full page is followed by another one, even an empty one.
    full = api("GET", LIST, params={"limit": 1, "before_id": created[1]["id"]}).json()
    empty = api("GET", full["next_page_uri"].removeprefix(emulator.url)).json()
    assert (empty["ingresses"], empty["next_page_uri"]) == ([], None)


@pytest.mark.parametrize(
    ("cel", "found"),
    [
        ('obj.domain == "a.acme.com"', ["a"]),
        ('obj.description == "first" || obj.metadata == "{}"', ["b", "a"]),
        ('obj.domain.endsWith(".acme.com") && !obj.domain.startsWith("a")', ["b"]),
        ('obj.created_at > timestamp("2026-03-01T12:00:05Z")', ["b"]),
        ("obj.created_at < timestamp(time.now)", ["b", "a"]),
    ],
)
def test_filter_selects_ingresses(api: Api, emulator_clock: EmulatorClock, cel: str, found: list[str]) -> None:
    for domain, inputs in (("a.acme.com", {"description": "first"}), ("b.acme.com", {"metadata": "{}"})):
        api.create(domain, **inputs)
        emulator_clock.advance(10)
    assert [each[0] for each in domains(api("GET", LIST, params={"filter": cel}))] == found


def test_limit_is_120_requests_in_a_rolling_minute(api: Api, emulator: Emulator, emulator_clock: EmulatorClock) -> None:
    for number in range(120):
        emulator_clock.advance(0.25)
        assert api("GET", LIST).status_code == 200, number
    response = api("GET", LIST)
    assert error(response) == (429, "226")
    assert response.json()["msg"] == "Your account is rate limited to 120 API requests per minute."
    assert "Retry-After" not in response.headers
    assert api("GET", LIST, key=OTHER_ACCOUNTS_KEY).status_code == 200
    # The first one was sent 29.75 seconds ago. The rejected one does not count.
    emulator_clock.advance(30.25)
    assert [api("GET", LIST).status_code for _ in range(2)] == [200, 429]
    emulator.configure(limit=0)
    assert api("GET", LIST).status_code == 200


def test_certificate_is_issued_after_its_time(api: Api, emulator_clock: EmulatorClock) -> None:
    created = api.create(certificate_management_policy=POLICY)
    assert created["certificate_management_status"] is None
    emulator_clock.advance(5)
    assert api.job(created) == (None, "Managed certificate provisioning in progress.")
    assert api.certificate(created)["provisioning_job"]["started_at"] == "2026-03-01T12:00:02Z"
    emulator_clock.advance(15)
    assert api.certificate(created) == {"renews_at": "2026-04-30T12:00:20Z", "provisioning_job": None}


def test_only_a_different_policy_restarts_the_certificate(api: Api, emulator_clock: EmulatorClock) -> None:
    created = api.create(certificate_management_policy=POLICY)
    emulator_clock.advance(30)
    for policy, is_issued in ((POLICY, True), ({**POLICY, "private_key_type": "rsa"}, False)):
        patched = api("PATCH", created["uri"], json={"certificate_management_policy": policy}).json()
        assert (patched["certificate_management_status"] is not None) == is_issued


@pytest.mark.parametrize(
    ("state", "details", "renews", "job"),
    [
        ("in_progress", {}, False, (None, False)),
        ("issued", {}, True, None),
        ("renewing", {"error_code": "INTERNAL_ERROR"}, True, ("INTERNAL_ERROR", False)),
        ("internal_error", {}, False, ("INTERNAL_ERROR", True)),
        ("dns_error", {}, False, ("DNS_ERROR", True)),
        ("dns_error", {"error_code": "CAA_ERROR", "msg": "Forbidden."}, False, ("CAA_ERROR", True)),
    ],
)
def test_certificate_can_be_kept_in_a_state(
    api: Api, emulator: Emulator, state: CertificateState, details: Any, renews: bool, job: Any
) -> None:
    created = api.create(certificate_management_policy=POLICY)
    emulator.set_certificate(created["id"], state, **details)
    status = api.certificate(created)
    found = status["provisioning_job"]
    assert (status["renews_at"] is not None) == renews
    assert (found and (found["error_code"], found["retries_at"] is not None)) == job
    assert found is None or found["msg"] == details.get("msg", found["msg"]) != ""
    emulator.set_certificate(created["id"], None)
    assert api.certificate(created) is None


def test_official_client_works(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    # The client raises KeyError if a response has no description or metadata.
    texts = {"description": "acme devices", "metadata": "m"}
    client: Any = ngrok.Client(API_KEY, emulator.url).agent_ingresses
    created = client.create("connect.acme.com", description="acme devices", metadata="old")
    client.update(created.id, metadata="m")
    read = client.get(created.id)
    assert (read.domain, read.description, read.metadata) == ("connect.acme.com", "acme devices", "m")
    client.create("b.acme.com", **texts)
    assert [each.domain for each in client.list(limit="1")] == ["b.acme.com", "connect.acme.com"]
    with pytest.raises(ngrok.Error, match="already exists"):
        client.create("connect.acme.com", **texts)
    client.delete(created.id)
    with pytest.raises(ngrok.NotFoundError):
        client.get(created.id)
