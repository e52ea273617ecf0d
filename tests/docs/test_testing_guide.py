"""The table of docs/guides/testing.md: which mistakes Pulumi's mocks find, and which a preview with the emulator."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.dynamic import Config, ConfigureRequest

import pulumi_agin as agin
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from tests.support.mocks import Mocks, run

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "testing.md").read_text()
TABLE = PAGE.partition("| mistake |")[2].partition("\n\n")[0].splitlines()[2:]
ROWS = {mistake: (with_mocks, when) for mistake, with_mocks, when in (line[2:-2].split(" | ") for line in TABLE)}


def ingress(name: str = "a", **inputs: Any) -> Any:
    return agin.AgentIngress(name, **{"domain": "connect.acme.com", **inputs})


def ingress_without_domain() -> object:
    make: Any = agin.AgentIngress
    return make("a")


def delegation(*, zone: str = "acme.com", **inputs: Any) -> object:
    server = agin.dns.rfc2136(server="127.0.0.1", zone=zone, tsig_key_name="agin", tsig_secret="YWFhYQ==")
    return agin.AgentIngressDelegation("d", **{"agent_ingress": ingress(), "dns": server, **inputs})


def lookup(**arguments: Any) -> object:
    return agin.get_agent_ingress(**arguments)


def config(**arguments: Any) -> object:
    return agin.agent_config(ingress(), **arguments)


def name(module: Any, wrong: str) -> object:
    return getattr(module, wrong)


MISTAKES: dict[str, list[Callable[[], object]]] = {
    "a misspelled argument, or a name that `agin` does not have": [
        lambda: ingress(domian="connect.acme.com"),
        lambda: name(agin, "AgentIngres"),
        lambda: name(agin.dns, "route53"),
    ],
    'an enum value that does not exist, such as `agin.PrivateKeyType("dsa")`': [
        lambda: agin.PrivateKeyType("dsa"),
        lambda: agin.CertificateAuthority("acme"),
    ],
    "a lookup with neither or both of `id` and `domain`": [lookup, lambda: lookup(id="agin_1", domain="a.acme.com")],
    "an explicit `agin.Provider` with an empty key, or with a base URL that is not allowed": [
        lambda: agin.Provider("p", ""),
        lambda: agin.Provider("p", "a-key", base_url="http://api.example"),
    ],
    "a delegation with a zone that the domain is not in, a wrong `ttl`, or a `dns` that is no adapter": [
        lambda: delegation(zone="other.example"),
        lambda: delegation(ttl=-1),
        lambda: delegation(dns="aws"),
    ],
    "a `region` or an `authtoken` of `agent_config` that can't be right": [
        lambda: config(region="mars"),
        lambda: config(authtoken="two\nlines"),
    ],
    "a missing domain, or one that is not valid": [
        ingress_without_domain,
        lambda: ingress(domain="https://connect.acme.com"),
        lambda: ingress(domain=""),
    ],
    "a description or metadata that is too long": [
        lambda: ingress(description="x" * 256),
        lambda: ingress(metadata="x" * 4097),
    ],
    "a certificate policy that is not valid": [
        lambda: ingress(certificate_management_policy={"authority": "acme"}),
        lambda: ingress(certificate_management_policy={"authority": "letsencrypt", "privateKeyType": "rsa"}),
    ],
    "a timeout of a certificate validation that is not valid": [
        lambda: agin.AgentIngressCertificateValidation("v", agent_ingress_id="agin_1", timeout_seconds=-1)
    ],
}

# Found with the engine, as other tests show.
BY_OTHERS = {
    "two ingresses with one domain": "in the preview",
    "no API key": "in the preview",
    "a domain that already has an ingress, or that is ngrok's own": "in `up`",
}

ALL = [(row, number) for row, programs in MISTAKES.items() for number in range(len(programs))]


def is_found(program: Callable[[], object]) -> bool:
    def whole() -> object:
        made = program()
        return made if isinstance(made, pulumi.Output) else None

    try:
        run(whole)
    except Exception:  # noqa: BLE001 - whatever it is, the user's test fails
        return True
    return False


def test_each_row_is_tested() -> None:
    assert ROWS.keys() == MISTAKES.keys() | BY_OTHERS.keys()
    assert {row: when for row, (with_mocks, when) in ROWS.items() if row in BY_OTHERS} == BY_OTHERS
    assert {ROWS[row][0] for row in BY_OTHERS} == {"no"}


# As `set_mocks` has it unless it is told otherwise.
@pytest.mark.parametrize("mocks", [False], indirect=True, ids=["up"])
@pytest.mark.parametrize(("row", "number"), ALL)
def test_with_mocks(row: str, number: int, mocks: Mocks) -> None:
    assert is_found(MISTAKES[row][number]) == {"yes": True, "no": False}[ROWS[row][0]]


@pytest.mark.parametrize(("row", "number"), ALL)
def test_in_a_preview(row: str, number: int, preview: Mocks) -> None:
    assert ROWS[row][1] == "in the preview"
    assert is_found(MISTAKES[row][number]) or is_found_by_plugin(preview)


def is_found_by_plugin(preview: Mocks) -> bool:
    """Whether the check of a provider finds something wrong, which the engine calls in a preview."""
    providers = {
        "AgentIngress": AgentIngressProvider,
        "AgentIngressCertificateValidation": CertificateValidationProvider,
    }
    found = []
    for request in preview.requests:
        provider = providers[request.token.partition("agin:")[2]]()
        provider.configure(ConfigureRequest(Config({}, "test")))
        found += provider.check({}, request.inputs).failures
    return bool(found)


def test_mocks_need_no_api_key(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NGROK_API_KEY", raising=False)
    assert not is_found(ingress)
