"""The emulator's API, asked over HTTP: each rule of ngrok's documents that it keeps."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from random import Random
from typing import Any, cast

import ngrok  # type: ignore[import-untyped]
import pytest
import requests

from pulumi_agin.emulator import CertificateState, Emulator

KEY = "2aBcD_secretsecretsecret"
OTHER_KEY = "2xYz_othersecretsecret"
SAMPLES: dict[str, Any] = json.loads((Path(__file__).parent / "data/agent_ingress_samples.json").read_text())
POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
UNKNOWN_ID = "agin_" + "0" * 27


class Clock:
    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def emulator(clock: Clock) -> Iterator[Emulator]:
    with Emulator(KEY, other_accounts=[OTHER_KEY], clock=clock, random=Random(7)) as started:
        yield started


Ask = Callable[..., requests.Response]


@pytest.fixture
def ask(emulator: Emulator) -> Iterator[Ask]:
    """Sends a request as it should be; keyword arguments are those of requests, `headers` override."""
    with requests.Session() as session:
        session.trust_env = False

        def send(method: str, path: str, *, key: str = KEY, **options: Any) -> requests.Response:
            headers = {"Authorization": f"Bearer {key}", "Ngrok-Version": "2", **options.pop("headers", {})}
            options.setdefault("allow_redirects", False)
            return session.request(method, emulator.url + path, headers=headers, timeout=10, **options)

        yield send


def create(ask: Ask, domain: str = "connect.acme.com", *, key: str = KEY, **body: Any) -> dict[str, Any]:
    answer = ask("POST", "/agent_ingresses", key=key, json={"domain": domain, **body})
    assert answer.status_code == 201, answer.text
    return cast("dict[str, Any]", answer.json())


def error(answer: requests.Response) -> tuple[int, str | None]:
    """Status and code of an error, whose form is checked."""
    body = answer.json()
    assert body.keys() - {"error_code"} == {"status_code", "msg", "details"}
    assert body["status_code"] == answer.status_code
    assert body["details"]["operation_id"] == answer.headers["ngrok-operation-id"]
    assert all(isinstance(value, str) for value in body["details"].values())
    code = body.get("error_code")
    return answer.status_code, None if code is None else code.removeprefix("ERR_NGROK_")


# The five operations


def test_create_read_change_delete(ask: Ask) -> None:
    made = create(ask, description="acme devices", metadata="m", certificate_management_policy=POLICY)
    path = made["uri"]
    assert path == f"/agent_ingresses/{made['id']}"
    assert ask("GET", path).json() == made

    changed = ask("PATCH", path, json={"description": "theirs"})
    assert changed.status_code == 200
    assert changed.json() == {**made, "description": "theirs"}

    deleted = ask("DELETE", path)
    assert (deleted.status_code, deleted.content) == (204, b"")
    assert deleted.headers["ngrok-operation-id"].startswith("op_")
    assert error(ask("GET", path)) == (404, None)


def shape(value: Any) -> Any:
    """Keys and types, to any depth; of a list that of its first item."""
    if isinstance(value, dict):
        return {name: shape(item) for name, item in cast("dict[str, Any]", value).items()}
    if isinstance(value, list):
        return [shape(item) for item in value[:1]]
    return type(value).__name__


def test_answers_have_the_form_of_the_documents_samples(ask: Ask) -> None:
    made = create(ask, description="acme devices")
    assert shape(made) == shape(SAMPLES["create"])
    listed = ask("GET", "/agent_ingresses").json()
    assert shape(listed) == shape(SAMPLES["list"])
    change = {name: SAMPLES["update"][name] for name in ("description", "metadata")}
    updated = ask("PATCH", made["uri"], json=change).json()
    assert shape(updated) == shape(SAMPLES["update"])
    assert shape(ask("GET", made["uri"]).json()) == shape(SAMPLES["get"])


def test_a_new_ingress_is_as_recorded(ask: Ask) -> None:
    made = create(ask)
    assert "description" not in made
    assert "metadata" not in made
    assert made["certificate_management_policy"] is None
    assert made["certificate_management_status"] is None
    assert made["created_at"] == "2026-03-01T12:00:00Z"
    assert [name.rpartition(".awsdns-")[2].partition(".")[2] for name in made["ns_targets"]] == [
        "org",
        "net",
        "co.uk",
        "com",
    ]
    for name in made["ns_targets"]:
        number, zone = re.fullmatch(r"ns-(\d+)\.awsdns-(\d\d)\.[a-z.]+", name).groups()  # type: ignore[union-attr] # pyright: ignore[reportOptionalMemberAccess]
        assert int(number) % 512 // 8 == int(zone)
    assert made["ns_targets"] != sorted(made["ns_targets"])
    assert made["region_domains"][:2] == ["tunnel.us.connect.acme.com", "tunnel.us-cal-1.connect.acme.com"]
    assert len(made["region_domains"]) == 8
    assert made["region_domains"] != sorted(made["region_domains"])
    assert create(ask, "b.acme.com")["ns_targets"] != made["ns_targets"]


def test_ids_are_ksuids_of_the_time_of_creation(ask: Ask, clock: Clock) -> None:
    ids: list[str] = []
    for number in range(20):
        clock.advance(number % 2)
        ids.append(create(ask, f"{number}.acme.com")["id"])
        assert re.fullmatch("agin_[0-9A-Za-z]{27}", ids[-1])
    assert ids == sorted(ids)
    digits = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
    value = 0
    for digit in ids[-1].removeprefix("agin_"):
        value = value * 62 + digits.index(digit)
    assert (value >> 128) + 1_400_000_000 == int(clock.now.timestamp())


def test_date_is_the_clocks(ask: Ask) -> None:
    assert ask("GET", "/agent_ingresses").headers["date"] == "Sun, 01 Mar 2026 12:00:00 GMT"


# What every request must have


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({"Authorization": None}, (403, "200")),
        ({"Authorization": "Basic dTpw"}, (403, "201")),
        ({"Authorization": "Bearer "}, (403, "201")),
        ({"Authorization": "Bearer wrong-key"}, (403, "202")),
        ({"Ngrok-Version": None}, (400, "218")),
        ({"Ngrok-Version": "1"}, (400, "217")),
    ],
)
@pytest.mark.parametrize(
    ("method", "path"), [("GET", "/agent_ingresses"), ("DELETE", f"/agent_ingresses/{UNKNOWN_ID}")]
)
def test_headers(ask: Ask, method: str, path: str, headers: dict[str, Any], expected: tuple[int, str]) -> None:
    assert error(ask(method, path, headers=headers)) == expected


def test_a_wrong_key_is_repeated_in_the_message(ask: Ask) -> None:
    assert "Your credential: 'wrong-key'." in ask("GET", "/agent_ingresses", key="wrong-key").json()["msg"]


@pytest.mark.parametrize(
    ("content_type", "body", "expected"),
    [
        (None, b'{"domain": "a.acme.com"}', "216"),
        ("text/plain", b'{"domain": "a.acme.com"}', "210"),
        ("application/json", b"{", "213"),
        ("application/json", b"[]", "213"),
        ("application/json", b"\xff", "213"),
        ("application/json", b'{"domain": NaN}', "213"),
        ("application/json", b"[" * 100_000, "213"),
    ],
)
def test_bodies_that_cannot_be_read(ask: Ask, content_type: str | None, body: bytes, expected: str) -> None:
    answer = ask("POST", "/agent_ingresses", data=body, headers={"Content-Type": content_type})
    assert error(answer) == (400, expected)


def test_a_content_type_may_have_parameters(ask: Ask) -> None:
    headers = {"Content-Type": "Application/JSON; charset=utf-8"}
    assert ask("POST", "/agent_ingresses", data=b'{"domain": "a.acme.com"}', headers=headers).status_code == 201


def test_get_and_delete_have_no_body(ask: Ask) -> None:
    made = create(ask)
    assert error(ask("GET", "/agent_ingresses", json={})) == (400, "211")
    assert error(ask("GET", made["uri"], json={})) == (400, "211")
    assert error(ask("DELETE", made["uri"], json={})) == (400, "211")
    assert ask("GET", made["uri"]).status_code == 200


@pytest.mark.parametrize("path", ["/", "/v1/agent_ingresses", "/agent_ingresses/", f"/agent_ingresses/{UNKNOWN_ID}/x"])
def test_wrong_paths(ask: Ask, path: str) -> None:
    answer = ask("GET", path)
    assert error(answer) == (404, None)
    assert answer.json()["msg"] == "Not Found"
    assert answer.json()["details"]["path"] == path


def test_wrong_methods(ask: Ask) -> None:
    assert error(ask("PUT", f"/agent_ingresses/{UNKNOWN_ID}", json={})) == (405, None)
    assert error(ask("DELETE", "/agent_ingresses")) == (405, None)


@pytest.mark.parametrize(
    ("ingress_id", "expected"),
    [
        (UNKNOWN_ID, (404, None)),
        ("agin_short", (404, "222")),
        ("nonsense", (404, "222")),
        ("rd_2k5okIo7afS6bKA3xNDLRZ9rjqk", (400, "227")),
    ],
)
@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
def test_ids(ask: Ask, method: str, ingress_id: str, expected: tuple[int, str | None]) -> None:
    answer = ask(method, f"/agent_ingresses/{ingress_id}")
    assert error(answer) == expected
    assert "path" not in answer.json()["details"]


def test_unknown_query_parameters(ask: Ask) -> None:
    assert error(ask("GET", "/agent_ingresses?page=2")) == (400, "231")
    assert error(ask("GET", create(ask)["uri"] + "?limit=1")) == (400, "231")
    assert error(ask("POST", "/agent_ingresses?domain=b.acme.com", json={"domain": "b.acme.com"})) == (400, "231")
    assert error(ask("GET", "/agent_ingresses?limit=1&limit=2")) == (400, "232")


# Values


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "6704"),
        ({"domain": None}, "6704"),
        ({"domain": 5}, "215"),
        ({"description": 5}, "215"),
        ({"metadata": {"team": "iot"}}, "215"),
        ({"id": "x"}, "214"),
        ({"Domain": "b.acme.com"}, "214"),
        ({"certificate_management_policy": "letsencrypt"}, "215"),
        ({"certificate_management_policy": {}}, "215"),
        ({"certificate_management_policy": {"authority": "zerossl"}}, "215"),
        ({"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": "dsa"}}, "215"),
        ({"certificate_management_policy": {"authority": "letsencrypt", "private_key_type": False}}, "215"),
        ({"certificate_management_policy": {"authority": ["letsencrypt"]}}, "215"),
        ({"certificate_management_policy": {"authority": "letsencrypt", "privateKeyType": "rsa"}}, "214"),
    ],
)
def test_refused_bodies(ask: Ask, emulator: Emulator, body: dict[str, Any], code: str) -> None:
    default = {} if "domain" in body or not body else {"domain": "b.acme.com"}
    assert error(ask("POST", "/agent_ingresses", json={**default, **body})) == (400, code)
    assert emulator.ingresses() == []


def test_a_create_without_a_body_lacks_a_domain(ask: Ask) -> None:
    assert error(ask("POST", "/agent_ingresses")) == (400, "6704")


@pytest.mark.parametrize(("field", "maximum", "code"), [("description", 255, "6700"), ("metadata", 4096, "6701")])
def test_texts_are_limited_in_bytes(ask: Ask, field: str, maximum: int, code: str) -> None:
    fits = "ü" * (maximum // 2) + "x" * (maximum % 2)
    made = create(ask, **{field: fits})
    assert made[field] == fits
    for answer in (
        ask("POST", "/agent_ingresses", json={"domain": "b.acme.com", field: fits + "x"}),
        ask("PATCH", made["uri"], json={field: fits + "x"}),
    ):
        assert error(answer) == (400, code)
        assert f"limited to {maximum} characters" in answer.json()["msg"]
        assert f"had {maximum + 1} characters" in answer.json()["msg"]
    assert ask("GET", made["uri"]).json()[field] == fits


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        (" Connect.ACME.com. ", "connect.acme.com"),
        ("acme.com", "acme.com"),
        ("*.acme.com", "*.acme.com"),
        ("_a.xn--bcher-kva.example", "_a.xn--bcher-kva.example"),
        (".".join(["a" * 63] * 3 + ["a" * 61]), ".".join(["a" * 63] * 3 + ["a" * 61])),
    ],
)
def test_domains_that_are_taken(ask: Ask, given: str, kept: str) -> None:
    assert create(ask, given)["domain"] == kept


@pytest.mark.parametrize(
    "domain",
    [
        "",
        " ",
        ".",
        "a..com",
        "acme.com..",
        ".acme.com",
        "https://acme.com",
        "acme.com:443",
        "acme.com/x",
        "a b.com",
        "bücher.example",
        "\u212aonnect.acme.com",
        "10.0.0.1",
        "a*.acme.com",
        "a" * 64 + ".com",
        ".".join(["a" * 63] * 3 + ["a" * 62]),
    ],
)
def test_domains_that_are_no_dns_names(ask: Ask, domain: str) -> None:
    answer = ask("POST", "/agent_ingresses", json={"domain": domain})
    assert error(answer) == (400, "6704")
    assert f'"{domain}"' in answer.json()["msg"]


@pytest.mark.parametrize("domain", ["ngrok.com", "connect.NGROK.io", "a.ngrok-free.app"])
def test_domains_of_ngroks_own(ask: Ask, domain: str) -> None:
    assert error(ask("POST", "/agent_ingresses", json={"domain": domain})) == (400, "6705")


def test_names_that_only_look_like_ngroks_are_taken(ask: Ask) -> None:
    create(ask, "notngrok.com")
    create(ask, "ngrok.com.acme.com")


def test_a_domain_is_there_once(ask: Ask) -> None:
    made = create(ask)
    for key in (KEY, OTHER_KEY):
        answer = ask("POST", "/agent_ingresses", key=key, json={"domain": "CONNECT.acme.com"})
        assert error(answer) == (400, "6706")
    ask("DELETE", made["uri"])
    create(ask, key=OTHER_KEY)


def test_lone_surrogates_are_replaced(ask: Ask) -> None:
    answer = ask(
        "POST",
        "/agent_ingresses",
        data=b'{"domain": "a.acme.com", "description": "\\ud800"}',
        headers={"Content-Type": "application/json"},
    )
    assert answer.json()["description"] == "\ufffd"


# PATCH


def test_null_leaves_and_empty_clears(ask: Ask) -> None:
    made = create(ask, description="d", metadata="m", certificate_management_policy=POLICY)
    nulls = {"description": None, "metadata": None, "certificate_management_policy": None, "id": made["id"]}
    assert ask("PATCH", made["uri"], json=nulls).json() == made
    assert ask("PATCH", made["uri"], json={}).json() == made
    cleared = ask("PATCH", made["uri"], json={"description": "", "metadata": ""}).json()
    assert cleared.keys() == made.keys() - {"description", "metadata"}


def test_the_domain_cannot_be_changed(ask: Ask) -> None:
    made = create(ask)
    assert error(ask("PATCH", made["uri"], json={"domain": made["domain"]})) == (400, "214")


def test_another_id_in_the_body_is_refused(ask: Ask) -> None:
    made = create(ask)
    assert error(ask("PATCH", made["uri"], json={"id": UNKNOWN_ID})) == (400, "215")


def test_a_policy_can_be_added_and_changed(ask: Ask, emulator: Emulator) -> None:
    made = create(ask)
    first = ask("PATCH", made["uri"], json={"certificate_management_policy": {"authority": "letsencrypt"}}).json()
    assert first["certificate_management_policy"] == {"authority": "letsencrypt", "private_key_type": "rsa"}
    second = ask("PATCH", made["uri"], json={"certificate_management_policy": POLICY}).json()
    assert second["certificate_management_policy"] == POLICY
    emulator.configure(null_policy="removes")
    third = ask("PATCH", made["uri"], json={"certificate_management_policy": None}).json()
    assert third["certificate_management_policy"] is None
    emulator.configure(default_private_key_type="ecdsa")
    policy = {"authority": "letsencrypt", "private_key_type": ""}
    fourth = ask("PATCH", made["uri"], json={"certificate_management_policy": policy}).json()
    assert fourth["certificate_management_policy"] == POLICY


# Lists


def test_pages(ask: Ask, emulator: Emulator, clock: Clock) -> None:
    domains: list[str] = []
    for number in range(4):
        domains.append(create(ask, f"{number}.acme.com")["domain"])
        clock.advance(number // 2)
    create(ask, "other.acme.com", key=OTHER_KEY)

    answer = ask("GET", "/agent_ingresses", params={"limit": 2, "filter": 'obj.domain != "x"'}).json()
    assert answer["uri"] == f"{emulator.url}/agent_ingresses"
    pages: list[list[str]] = [[each["domain"] for each in answer["ingresses"]]]
    while answer["next_page_uri"]:
        assert answer["next_page_uri"].startswith(f"{emulator.url}/agent_ingresses?")
        answer = ask("GET", answer["next_page_uri"].removeprefix(emulator.url)).json()
        pages.append([each["domain"] for each in answer["ingresses"]])
    # A full page names another, also where that is empty.
    assert pages == [domains[:1:-1], domains[1::-1], []]
    assert emulator.requests()[-1]["query"]["filter"] == 'obj.domain != "x"'
    assert emulator.requests()[-1]["query"]["limit"] == "2"


def test_a_page_has_100_at_most(ask: Ask, emulator: Emulator) -> None:
    emulator.configure(limit=0)
    for number in range(101):
        create(ask, f"{number}.acme.com")
    first = ask("GET", "/agent_ingresses").json()
    assert len(first["ingresses"]) == 100
    rest = ask("GET", first["next_page_uri"].removeprefix(emulator.url)).json()
    assert [each["domain"] for each in rest["ingresses"]] == ["0.acme.com"]
    assert rest["next_page_uri"] is None


def test_a_page_goes_on_where_the_last_ended_also_when_that_is_gone(ask: Ask, emulator: Emulator) -> None:
    made = [create(ask, f"{number}.acme.com") for number in range(3)]
    first = ask("GET", "/agent_ingresses?limit=2").json()
    emulator.delete_ingress(made[1]["id"])
    rest = ask("GET", first["next_page_uri"].removeprefix(emulator.url)).json()
    assert [each["id"] for each in rest["ingresses"]] == [made[0]["id"]]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("limit=0", (400, "233")),
        ("limit=101", (400, "233")),
        ("limit=-1", (400, "233")),
        ("limit=ten", (400, "244")),
        ("limit=1.5", (400, "244")),
        ("before_id=rd_2k5okIo7afS6bKA3xNDLRZ9rjqk", (400, "227")),
        ("before_id=agin_x", (404, "222")),
        ("filter=x+%3D%3D", (400, "250")),
        ("filter=obj.region+%3D%3D+1", (400, "250")),
        ("filter=domain+%3D%3D+%22x%22", (400, "250")),
        ("filter=obj.domain", (400, "250")),
        ("filter=1%2F0+%3D%3D+1", (400, "250")),
        ("filter=" + "(" * 3000, (400, "250")),
    ],
)
def test_refused_queries(ask: Ask, query: str, expected: tuple[int, str]) -> None:
    answer = ask("GET", f"/agent_ingresses?{query}")
    assert error(answer) == expected
    assert "activation" not in answer.text


@pytest.mark.parametrize(
    ("cel", "found"),
    [
        ('obj.domain == "a.acme.com"', ["a"]),
        ('obj.description == "first" || obj.metadata == "{}"', ["b", "a"]),
        ('obj.description != ""', ["a"]),
        ('obj.domain.endsWith(".acme.com") && !obj.domain.startsWith("a")', ["b"]),
        ('obj.domain in ["a.acme.com", "c.acme.com"]', ["a"]),
        ('obj.created_at > timestamp("2026-03-01T12:00:05Z")', ["b"]),
        ("obj.created_at < timestamp(time.now)", ["b", "a"]),
        ('obj.id == "x"', []),
    ],
)
def test_filters(ask: Ask, clock: Clock, cel: str, found: list[str]) -> None:
    create(ask, "a.acme.com", description="first")
    clock.advance(10)
    create(ask, "b.acme.com", metadata="{}")
    clock.advance(10)
    listed = ask("GET", "/agent_ingresses", params={"filter": cel}).json()
    assert [each["domain"][0] for each in listed["ingresses"]] == found


# Accounts, and their limit


def test_accounts_are_apart(ask: Ask) -> None:
    made = create(ask)
    assert ask("GET", "/agent_ingresses", key=OTHER_KEY).json()["ingresses"] == []
    for method in ("GET", "PATCH", "DELETE"):
        assert error(ask(method, made["uri"], key=OTHER_KEY)) == (404, None)
    assert ask("GET", made["uri"]).status_code == 200


def test_120_requests_in_a_rolling_minute(ask: Ask, clock: Clock) -> None:
    for number in range(120):
        clock.advance(0.25)
        assert ask("GET", "/agent_ingresses").status_code == 200, number
    answer = ask("GET", "/agent_ingresses")
    assert error(answer) == (429, "226")
    assert answer.json()["msg"] == "Your account is rate limited to 120 API requests per minute."
    assert "Retry-After" not in answer.headers
    assert ask("GET", "/agent_ingresses", key=OTHER_KEY).status_code == 200
    # The first was 29.75 seconds ago. What was refused doesn't count.
    clock.advance(30.25)
    assert [ask("GET", "/agent_ingresses").status_code for _ in range(2)] == [200, 429]


# Certificates


def status(ask: Ask, made: dict[str, Any]) -> Any:
    return ask("GET", made["uri"]).json()["certificate_management_status"]


def test_a_certificate_is_issued_and_renewed(ask: Ask, clock: Clock) -> None:
    made = create(ask, certificate_management_policy=POLICY)
    assert made["certificate_management_status"] is None
    clock.advance(5)
    assert status(ask, made) == {
        "renews_at": None,
        "provisioning_job": {
            "error_code": None,
            "msg": "Managed certificate provisioning in progress.",
            "started_at": "2026-03-01T12:00:02Z",
            "retries_at": None,
        },
    }
    clock.advance(15)
    assert status(ask, made) == {"renews_at": "2026-04-30T12:00:20Z", "provisioning_job": None}
    clock.advance(60 * 86400)
    renewing = status(ask, made)
    assert renewing["renews_at"] == renewing["provisioning_job"]["started_at"] == "2026-04-30T12:00:20Z"
    clock.advance(20)
    assert status(ask, made) == {"renews_at": "2026-06-29T12:00:20Z", "provisioning_job": None}


def test_the_same_policy_again_starts_nothing(ask: Ask, clock: Clock) -> None:
    made = create(ask, certificate_management_policy=POLICY)
    clock.advance(30)
    again = ask("PATCH", made["uri"], json={"certificate_management_policy": POLICY}).json()
    assert again["certificate_management_status"]["renews_at"] is not None
    rsa = {**POLICY, "private_key_type": "rsa"}
    other = ask("PATCH", made["uri"], json={"certificate_management_policy": rsa}).json()
    assert other["certificate_management_status"] is None


@pytest.mark.parametrize(
    ("state", "is_renewed", "error_code"),
    [
        ("in_progress", False, None),
        ("renewing", True, None),
        ("internal_error", False, "INTERNAL_ERROR"),
        ("dns_error", False, "DNS_ERROR"),
    ],
)
def test_states_with_a_job(
    ask: Ask, emulator: Emulator, state: CertificateState, is_renewed: bool, error_code: str | None
) -> None:
    made = create(ask, certificate_management_policy=POLICY)
    emulator.set_certificate(made["id"], state)
    shown = status(ask, made)
    assert (shown["renews_at"] is not None) == is_renewed
    assert shown["provisioning_job"]["error_code"] == error_code
    assert (shown["provisioning_job"]["retries_at"] is not None) == (error_code is not None)


def test_other_states(ask: Ask, emulator: Emulator) -> None:
    made = create(ask, certificate_management_policy=POLICY)
    emulator.set_certificate(made["id"], "issued")
    assert status(ask, made) == {"renews_at": "2026-04-30T12:00:20Z", "provisioning_job": None}
    emulator.set_certificate(made["id"], "no_job")
    assert status(ask, made) == {"renews_at": None, "provisioning_job": None}
    emulator.set_certificate(made["id"], "error", error_code="CAA_ERROR", msg="Forbidden by CAA.")
    assert status(ask, made)["provisioning_job"]["error_code"] == "CAA_ERROR"
    assert status(ask, made)["provisioning_job"]["msg"] == "Forbidden by CAA."
    emulator.set_certificate(made["id"], None)
    assert status(ask, made) is None
    emulator.set_ingress(made["id"], {"certificate_management_policy": None})
    emulator.set_certificate(made["id"], "issued")
    assert status(ask, made) is None


# ngrok's own client


def test_the_official_client(emulator: Emulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_PROXY", "*")
    # It raises KeyError on an answer without a description, such as production gives.
    emulator.configure(empty_keys="empty")
    client: Any = ngrok.Client(KEY, emulator.url).agent_ingresses
    made = client.create("connect.acme.com", description="acme devices")
    assert (made.domain, made.description, made.metadata) == ("connect.acme.com", "acme devices", "")
    client.update(made.id, metadata="m")
    read = client.get(made.id)
    assert (read.description, read.metadata) == ("acme devices", "m")
    made.update(description="")
    assert client.get(made.id).description == ""
    for number in range(4):
        client.create(f"{number}.acme.com")
    assert [each.domain for each in client.list(limit="2")] == [
        "3.acme.com",
        "2.acme.com",
        "1.acme.com",
        "0.acme.com",
        "connect.acme.com",
    ]
    filtered = client.list(filter='obj.metadata == "m"')
    assert [each.id for each in filtered] == [made.id]
    with pytest.raises(ngrok.Error, match="already exists") as refused:
        client.create("connect.acme.com")
    assert refused.value.error_code == "ERR_NGROK_6706"
    client.delete(made.id)
    with pytest.raises(ngrok.NotFoundError):
        client.get(made.id)
