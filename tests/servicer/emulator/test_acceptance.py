"""Guesses of the emulator, compared with ngrok itself.

    NGROK_API_KEY=… pytest tests/servicer/emulator/test_acceptance.py --ngrok test.acme.com -rA

Each probe sends requests to an emulator and to the account of the key, and both outcomes must be the same. A failure
shows both, without the key, IDs and the domain. The run creates Agent Ingresses below the domain, at most two at a
time, and ngrok may charge for them. It does not start if there are any, and deletes them at the end. If it is killed,
they remain, and the next run names them. It sends fewer than 100 requests a minute.

NGROK_API_BASE_URL names a stand-in for ngrok. Without --ngrok, the comparisons are skipped, and one test runs the
probes on the emulator alone.
"""

from __future__ import annotations

import json
import os
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs

import pytest
import requests

from pulumi_agin.api import settling
from pulumi_agin.api.client import Client
from pulumi_agin.api.progress import Budget
from pulumi_agin.api.redaction import Secret
from pulumi_agin.api.values import PUBLIC_API
from pulumi_agin.emulator import Emulator
from tests.support.emulator import EmulatorClock
from tests.support.keys import API_KEY

COLLECTION = "/agent_ingresses"
UNKNOWN_ID = "agin_" + "0" * 27
POLICY = "certificate_management_policy"
LETSENCRYPT = {"authority": "letsencrypt"}
# The pause between two requests: ngrok allows 120 in a minute, for all users of an account.
PACE_SECONDS = 0.6


@dataclass
class Response:
    """A response of ngrok or of the emulator."""

    status: int
    fields: dict[str, Any]

    @property
    def outcome(self) -> str:
        """The status and the error code, for a report."""
        if self.status < 300:
            return str(self.status)
        error = self.fields.get("error_code") or "without an error code"
        details = self.fields.get("details")
        path = ", with details.path" if isinstance(details, dict) and "path" in details else ""
        return f"{self.status} {error}{path}"


@dataclass
class Service:
    """ngrok's API or an emulator, with an Agent Ingress that the probes may read and change."""

    url: str
    key: str = field(repr=False)
    domain: str
    sleep: Callable[[float], object]
    created: list[str] = field(default_factory=list[str])
    _path: str = ""

    def send(self, method: str = "GET", path: str = COLLECTION, body: object = None, **changes: Any) -> Response:
        """Sends a request, again after a while if it meets the limit or a gateway's error.

        body: the JSON. `DOMAIN` in it becomes the domain.
        changes: `query`, and replacements of a client's values: `key`, `authorization`, `version`, `text`, `type`.
        """
        headers = {
            "Authorization": changes.get("authorization", f"Bearer {changes.get('key', self.key)}"),
            "Ngrok-Version": changes.get("version", "2"),
        }
        data = changes.get("text", None if body is None else json.dumps(body).replace("DOMAIN", self.domain))
        if data is not None:
            headers["Content-Type"] = changes.get("type", "application/json")
        given = {name: value for name, value in headers.items() if value is not None}
        http, url = requests.Session(), self.url + path
        # With any auth, an entry in .netrc does not replace the key.
        http.auth = lambda request: request
        for pause in (1, 2, 4, 8, 16, 32, 0):
            self.sleep(PACE_SECONDS)
            response = http.request(method, url, changes.get("query"), data, given, allow_redirects=False, timeout=60)
            if response.status_code not in (429, *(() if method == "POST" else (502, 503, 504))):
                break
            self.sleep(pause)
        fields: dict[str, Any] = response.json() if response.text.startswith("{") else {}
        if method == "POST" and response.status_code == 201:
            self.created.append(fields["id"])
        return Response(response.status_code, fields)

    @property
    def path(self) -> str:
        if not self._path:
            created = self.send("POST", body={"domain": "first.DOMAIN", "description": "a", "metadata": "{}"})
            assert created.status == 201, created.fields.get("msg")
            self._path = f"{COLLECTION}/{created.fields['id']}"
        return self._path

    def read(self) -> dict[str, Any]:
        return self.send(path=self.path).fields

    def without_account(self, text: str) -> str:
        """Returns a string without the key, IDs and the domain."""
        text = Secret(self.key).redact(text).replace(self.url, "URL")
        return re.sub(r"\b([a-z]{2,12})_[0-9A-Za-z]{20,40}\b", r"\1_…", text.replace(self.domain, "DOMAIN"))


@pytest.fixture(scope="module")
def emulated() -> Iterator[Service]:
    clock = EmulatorClock()
    with Emulator(API_KEY, clock=clock) as running:
        running.configure(limit=0)
        yield Service(running.url, API_KEY, "test.acme.com", clock.advance)


@pytest.fixture(scope="module")
def real(request: pytest.FixtureRequest) -> Iterator[Service]:
    """ngrok, with the domain of --ngrok."""
    domain: str = request.config.getoption("--ngrok") or pytest.skip("compares ngrok with the emulator: needs --ngrok")
    key = os.environ.get("NGROK_API_KEY") or pytest.exit("--ngrok needs NGROK_API_KEY", 2)
    url = os.environ.get("NGROK_API_BASE_URL", PUBLIC_API).rstrip("/")
    client, budget = Client(Secret(key), url), Budget(300)

    def below_domain() -> list[str]:
        return [ingress.id for ingress in client.list(None, budget) if ingress.domain.endswith(f".{domain}")]

    if existing := below_domain():
        pytest.exit(f"nothing was changed: delete {', '.join(existing)} first, or name another domain", 2)
    service = Service(url, key, domain, time.sleep)
    try:
        yield service
    finally:
        for id_ in set(below_domain()).intersection(service.created):
            settling.delete(client, id_, budget)
        assert below_domain() == [], "these were not created by this run"


Run = Callable[[Service], str]


class Probe(NamedTuple):
    """A check of guesses. Its outcome is a string, which a report can show."""

    guesses: str
    what: str
    run: Run


def response_to(method: str = "GET", path: str = COLLECTION, body: object = None, **changes: Any) -> Run:
    return lambda service: service.send(method, path, body, **changes).outcome


def creating(body: object = None, **changes: Any) -> Run:
    """Sends a POST that may be rejected, and deletes what it creates."""

    def run(service: Service) -> str:
        created = service.send("POST", COLLECTION, body, **changes)
        if created.status >= 300:
            return created.outcome
        deleted = service.send("DELETE", f"{COLLECTION}/{created.fields['id']}")
        return f"{created.status}: created {created.fields['domain']}, and deleted with {deleted.status}"

    return run


def patching(body: object = None) -> Run:
    def run(service: Service) -> str:
        before = service.read()
        response = service.send("PATCH", service.path, body)
        names = ("description", "metadata", "domain", POLICY)
        changed = [name for name in names if service.read().get(name) != before.get(name)]
        return f"{response.outcome}, changed: {changed or 'nothing'}"

    return run


def unknown_key(key: str) -> Run:
    def run(service: Service) -> str:
        response = service.send(key=key)
        repeats = "repeats" if key in str(response.fields.get("msg")) else "does not repeat"
        return f"{response.outcome}; the message {repeats} the key"

    return run


def filtering(condition: str) -> Run:
    def run(service: Service) -> str:
        id_ = service.path.rpartition("/")[2]
        found = service.send(query={"filter": f'obj.id == "{id_}" && ({condition})'})
        return f"{found.outcome}, {len(found.fields.get('ingresses', []))} found"

    return run


def names_in_responses(service: Service) -> str:
    reads = [service.read() for _ in range(3)]
    targets = reads[0]["ns_targets"]
    forms = {
        "ns_targets": len(targets),
        "with a dot": sum(name.endswith(".") for name in targets),
        "in the same order each time": all(read["ns_targets"] == targets for read in reads),
        "sorted": targets == sorted(targets),
        "in lower case": targets[0].islower(),
        "regions": [name.removesuffix(f".first.{service.domain}") for name in reads[0]["region_domains"]],
    }
    return str(forms)


def empty_description(service: Service) -> str:
    service.send("PATCH", service.path, {"description": ""})
    return repr(service.read().get("description", "absent"))


def full_page(service: Service) -> str:
    page = service.send(query={"filter": f'obj.domain == "first.{service.domain}"', "limit": 1})
    following = page.fields.get("next_page_uri")
    if not following:
        return "a full page names no next page"
    host, _, query = str(following).partition("?")
    second = service.send(query={name: values[0] for name, values in parse_qs(query).items()})
    end = "a next page" if second.fields.get("next_page_uri") else "no next page"
    return f"{host}, with {sorted(parse_qs(query))}: {len(second.fields['ingresses'])} ingresses and {end}"


def with_second_ingress(run: Callable[[Service, str], str]) -> Run:
    """Runs on a separate ingress, which is deleted afterwards. Its domain is sent as `Second.….`."""

    def create_and_run(service: Service) -> str:
        created = service.send("POST", body={"domain": "Second.DOMAIN."})
        if created.status >= 300:
            return created.outcome
        path = f"{COLLECTION}/{created.fields['id']}"
        try:
            return f"{created.fields['domain']}: {run(service, path)}"
        finally:
            service.send("DELETE", path)

    return create_and_run


def key_type(service: Service, path: str) -> str:
    return str(service.send("PATCH", path, {POLICY: LETSENCRYPT}).fields[POLICY])


def null_policy(service: Service, path: str) -> str:
    service.send("PATCH", path, {POLICY: LETSENCRYPT})
    changed = service.send("PATCH", path, {POLICY: None})
    shown = [bool(each.get(POLICY)) for each in (changed.fields, service.send(path=path).fields)]
    return f"{changed.outcome}, the policy is there: {shown}"


def policy_again(service: Service, path: str) -> str:
    def job_started_at() -> str | None:
        status = service.send(path=path).fields.get("certificate_management_status") or {}
        return (status.get("provisioning_job") or {}).get("started_at")

    rsa, ecdsa = ({**LETSENCRYPT, "private_key_type": kind} for kind in ("rsa", "ecdsa"))
    service.send("PATCH", path, {POLICY: rsa})
    for _ in range(60):
        service.sleep(1)
        if first := job_started_at():
            break
    else:
        return "no job"
    outcomes = []
    for policy in (rsa, ecdsa):
        service.send("PATCH", path, {POLICY: policy})
        outcomes.append("goes on" if job_started_at() == first else "starts again")
    return f"the same policy: {outcomes[0]}; another one: {outcomes[1]}"


def deleted(service: Service, path: str) -> str:
    responses = [service.send("DELETE", path), service.send(path=path), service.send("DELETE", path)]
    after = service.send(query={"limit": "1", "before_id": path.rpartition("/")[2]})
    return ", ".join(each.outcome for each in (*responses, after))


PROBES = [
    Probe("unknown-key", "a key that does not look like one", unknown_key("not-a-key")),
    Probe("unknown-key", "a key that looks like one", unknown_key("2aginAcceptanceTestNobodys0_" + "0" * 21)),
    Probe("other-credentials", "Basic", response_to(authorization="Basic YTpi")),
    Probe("wrong-method", "PUT on the list", response_to("PUT", body={"description": "a"})),
    Probe("order-of-checks", "path, key", response_to(path="/agent_ingresses_acceptance", authorization=None)),
    Probe("order-of-checks", "method, key", response_to("PUT", body={}, authorization=None)),
    Probe("order-of-checks", "key, version", response_to(authorization=None, version=None)),
    Probe("order-of-checks", "version, query", response_to(query={"a": "b"}, version=None)),
    Probe("order-of-checks", "query, body", response_to(query={"a": "b"}, body={})),
    Probe("order-of-checks", "body of a GET, id", response_to(path=f"{COLLECTION}/nonsense", body={})),
    Probe("order-of-checks", "body that is not JSON, id", response_to("PATCH", f"{COLLECTION}/nonsense", text="{")),
    Probe("order-of-checks", "parameter, id", response_to("PATCH", f"{COLLECTION}/{UNKNOWN_ID}", {"a": "b"})),
    Probe("unknown-id", "an ID that nothing has", response_to(path=f"{COLLECTION}/{UNKNOWN_ID}")),
    Probe("unknown-id", "a malformed id", response_to(path=f"{COLLECTION}/nonsense")),
    Probe("before-id", "a malformed before_id", response_to(query={"limit": "1", "before_id": "nonsense"})),
    Probe("page-size", "not a number", response_to(query={"limit": "many"})),
    Probe("page-size", "0", response_to(query={"limit": "0"})),
    Probe("page-size", "101", response_to(query={"limit": "101"})),
    Probe("wrong-filter", "another field", response_to(query={"filter": 'obj.acceptance == "a"'})),
    Probe("wrong-filter", "neither true nor false", response_to(query={"filter": '"text"'})),
    Probe("refused-input", "an ID of something else", response_to(path=f"{COLLECTION}/ep_{'0' * 27}")),
    Probe("refused-input", "a repeated query parameter", response_to(query={"limit": ["1", "2"]})),
    Probe("refused-input", "an unknown version", response_to(version="1000000")),
    Probe("refused-input", "a body that is not JSON", creating(text="{")),
    Probe("refused-input", "a form", creating(text="a=b", type="text/plain")),
    Probe("refused-input", "a body without a type", creating(text='{"description": "a"}', type=None)),
    Probe("refused-input", "an unknown parameter", creating({"domain": "refused.DOMAIN", "acceptance": "a"})),
    Probe("refused-input", "a number as the description", creating({"domain": "refused.DOMAIN", "description": 1})),
    Probe("refused-input", "an unknown authority", creating({"domain": "refused.DOMAIN", POLICY: {"authority": "a"}})),
    Probe("refused-input", "a domain that is none", creating({"domain": "not a refused.DOMAIN"})),
    Probe("refused-input", "the domain of another ingress", creating({"domain": "first.DOMAIN"})),
    Probe("refused-input", "a description of 256 bytes", patching({"description": "a" * 256})),
    Probe("refused-input", "a description of 258 bytes", patching({"description": "ä" * 129})),
    Probe("refused-input", "metadata of 4097 bytes", patching({"metadata": "a" * 4097})),
    Probe("refused-input", "a change of the domain", patching({"domain": "refused.acme.com"})),
    Probe("no-domain", "a create without a domain", creating({"description": "a"})),
    Probe("wildcard", "* as a whole label", creating({"domain": "*.wildcard.DOMAIN"})),
    Probe("at-once", "a new ingress in a list", filtering("true")),
    Probe("trailing-dots order regions", "the names of an ingress", names_in_responses),
    Probe("empty-patch", "an empty object", patching({})),
    Probe("empty-patch", "no body", patching()),
    Probe("id-in-patch", "another id", patching({"id": UNKNOWN_ID})),
    Probe("full-page list-uris", "a page of one", full_page),
    Probe("filters", "timestamp(time.now)", filtering("obj.created_at <= timestamp(time.now)")),
    Probe("filters", "subtract", filtering('obj.created_at > timestamp(time.now).subtract("7d")')),
    Probe("filters", "matches", filtering('obj.domain.matches("^first[.]")')),
    Probe("filters", "startsWith", filtering('obj.domain.startsWith("first.")')),
    Probe("filters", "in", filtering('obj.metadata in ["{}"]')),
    Probe("filters", "?", filtering('obj.metadata == "" ? false : true')),
    Probe("spelling", "upper case, and a dot at the end", with_second_ingress(lambda service, path: "created")),
    Probe("key-type", "a policy without a key type", with_second_ingress(key_type)),
    Probe("null-policy", "PATCH with null", with_second_ingress(null_policy)),
    Probe("policy-restart", "the same policy, and another", with_second_ingress(policy_again)),
    Probe("unknown-id", "a deleted ingress", with_second_ingress(deleted)),
    Probe("empty-keys", "an empty description", empty_description),
    Probe("unknown-keys", "an ingress", lambda service: str(sorted(service.read()))),
]

# Guesses about HTTP that Pulumi programs hardly notice. The emulator's page describes the others.
OTHER_GUESSES = {
    "refused-input": "Rejected input gets a 400, even a taken domain.",
    "unknown-key": "An unknown key gets 403 ERR_NGROK_202, which repeats the key.",
    "other-credentials": "Credentials other than Bearer get 403 ERR_NGROK_201.",
    "wrong-method": "An unsupported method gets a 405.",
    "order-of-checks": "The order is path, method, key, version, limit, query, body, ID.",
    "unknown-id": "An unknown or deleted ID gets a 404 without an error code, a malformed one 404 ERR_NGROK_222.",
    "limit-counts": "Requests over the limit, or rejected before that check, don't count.",
    "no-domain": "A create without a domain gets ERR_NGROK_6704.",
    "spelling": "Names are in lowercase, domains without a trailing dot.",
    "empty-patch": "An empty PATCH gets a 200.",
    "id-in-patch": "An `id` in a PATCH must match the path.",
    "before-id": "A malformed ID gets 404 ERR_NGROK_222; a deleted one works.",
    "full-page": "A full page has a next page, which may be empty.",
    "page-size": "A page size out of range gets ERR_NGROK_233, and one that is not a number ERR_NGROK_244.",
    "list-uris": "URIs in lists use the host of the request.",
    "wrong-filter": "A filter with an unknown field, or without a boolean result, gets ERR_NGROK_250.",
    "empty-keys": "An empty description or metadata is omitted.",
    "trailing-dots": "The four `ns_targets` have no trailing dot.",
    "order": "`ns_targets` and `region_domains` are unsorted, in a fixed order.",
    "unknown-keys": "Responses contain only documented keys.",
}

# They need days, domains that are not below the given one, or going over the limit that others share.
NOT_PROBED = {"limit", "limit-counts", "one-label", "ngrok-domains", "certificate-times", "certificate-errors"}


@pytest.mark.parametrize("probe", PROBES, ids=lambda probe: f"{probe.guesses}: {probe.what}")
def test_ngrok_does_what_the_emulator_guesses(probe: Probe, real: Service, emulated: Service) -> None:
    described = [OTHER_GUESSES.get(guess, f"{guess}: see the emulator's page") for guess in probe.guesses.split()]
    assert real.without_account(probe.run(real)) == emulated.without_account(probe.run(emulated)), described


def test_probes_run_on_the_emulator(emulated: Service) -> None:
    for probe in PROBES:
        outcome = emulated.without_account(probe.run(emulated))
        assert outcome, probe
        assert not re.search(f"{emulated.domain}|agin_[0-9A-Za-z]", outcome), probe


def test_every_guess_is_described_and_has_a_probe() -> None:
    page = (Path(__file__).parents[3] / "docs/reference/emulator.md").read_text(encoding="utf-8")
    section = page.partition("## Our assumptions")[2].partition("\n## ")[0]
    names = re.findall("^- `([a-z-]+)`:", section, re.MULTILINE)
    probed = {guess for probe in PROBES for guess in probe.guesses.split()}
    assert sorted([*names, *OTHER_GUESSES]) == sorted(probed | NOT_PROBED)
