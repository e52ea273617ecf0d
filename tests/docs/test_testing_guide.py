"""The lists of docs/guides/testing.md: type tokens, and the mistakes that mocks and emulator previews find."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.dynamic import Config, ConfigureRequest

import pulumi_agin as agin
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.dynamic.certificate import CertificateValidationProvider
from pulumi_agin.lifecycle import urns
from pulumi_agin.native.plugin import read_schema
from tests.support.mocks import Mocks, run

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "testing.md").read_text()


def list_after(sentence: str) -> list[str]:
    """Returns the items of the list after a sentence."""
    return [line.removeprefix("- ") for line in PAGE.split(sentence)[1].split("\n\n")[1].splitlines()]


FOUND_WITH_MOCKS = list_after("so mocks find only these mistakes:")
FOUND_IN_PREVIEWS = list_after("The emulator finds all of these in the preview, and also:")


def ingress(name: str = "a", **inputs: Any) -> Any:
    return agin.AgentIngress(name, **{"domain": "connect.acme.com", **inputs})


def delegation(*, zone: str = "acme.com", **inputs: Any) -> object:
    server = agin.dns.rfc2136(server="127.0.0.1", zone=zone, tsig_key_name="agin", tsig_secret="YWFhYQ==")
    return agin.AgentIngressDelegation("d", **{"agent_ingress": ingress(), "dns": server, **inputs})


# The package, as a program without type checks sees it.
untyped: Any = agin

MISTAKES: dict[str, list[Callable[[], object]]] = {
    "a misspelled argument, or a name that `agin` does not have": [
        lambda: ingress(domian="connect.acme.com"),
        lambda: untyped.AgentIngres,
        lambda: untyped.dns.route53,
    ],
    'an enum value that does not exist, such as `agin.PrivateKeyType("dsa")`': [
        lambda: agin.PrivateKeyType("dsa"),
        lambda: agin.CertificateAuthority("acme"),
    ],
    "a lookup with neither or both of `id` and `domain`": [
        lambda: untyped.get_agent_ingress(),
        lambda: untyped.get_agent_ingress(id="agin_1", domain="a.acme.com"),
    ],
    "an explicit `agin.Provider` with an empty API key or an invalid base URL": [
        lambda: agin.Provider("p", ""),
        lambda: agin.Provider("p", "a-key", api_base_url="http://api.example"),
    ],
    "a delegation with a wrong zone, `ttl` or `dns`": [
        lambda: delegation(zone="other.example"),
        lambda: delegation(ttl=-1),
        lambda: delegation(dns="aws"),
    ],
    "an invalid `region` or `authtoken` of `agent_config`": [
        lambda: agin.agent_config(ingress(), region="mars"),
        lambda: agin.agent_config(ingress(), authtoken="two\nlines"),
    ],
    "an invalid or missing domain": [
        lambda: untyped.AgentIngress("a"),
        lambda: ingress(domain="https://connect.acme.com"),
        lambda: ingress(domain=""),
    ],
    "a description or metadata that is too long": [
        lambda: ingress(description="x" * 256),
        lambda: ingress(metadata="x" * 4097),
    ],
    "an invalid certificate policy": [
        lambda: ingress(certificate_management_policy={"authority": "acme"}),
        lambda: ingress(certificate_management_policy={"authority": "letsencrypt", "privateKeyType": "rsa"}),
    ],
    "an invalid timeout of a certificate validation": [
        lambda: agin.AgentIngressCertificateValidation("v", agent_ingress_id="agin_1", timeout_seconds=-1)
    ],
}

# Mistakes that other tests cover with the real engine.
TESTED_WITH_ENGINE = {"two ingresses with one domain", "no API key"}

CASES = [(row, number) for row, programs in MISTAKES.items() for number in range(len(programs))]


def raises(program: Callable[[], object]) -> bool:
    def main() -> object:
        result = program()
        return result if isinstance(result, pulumi.Output) else None

    try:
        run(main)
    except Exception:  # noqa: BLE001 - any exception fails the user's test
        return True
    return False


def test_every_mistake_is_tested() -> None:
    assert sorted(FOUND_WITH_MOCKS + FOUND_IN_PREVIEWS) == sorted(MISTAKES.keys() | TESTED_WITH_ENGINE)
    assert set(FOUND_IN_PREVIEWS) >= TESTED_WITH_ENGINE


# In an update, which is the default of `set_mocks`, and without an API key.
@pytest.mark.parametrize("mocks", [False], indirect=True, ids=["up"])
@pytest.mark.parametrize(("row", "number"), CASES)
def test_mocks_find_only_the_listed_mistakes(row: str, number: int, mocks: Mocks) -> None:
    assert "NGROK_API_KEY" not in os.environ
    assert raises(MISTAKES[row][number]) == (row in FOUND_WITH_MOCKS)


@pytest.mark.parametrize(("row", "number"), CASES)
def test_preview_finds_every_mistake(row: str, number: int, preview: Mocks) -> None:
    assert raises(MISTAKES[row][number]) or fails_check(preview)


def fails_check(preview: Mocks) -> bool:
    """Returns whether a provider's check, which the engine calls in a preview, reports a failure."""
    providers = {
        "AgentIngress": AgentIngressProvider,
        "AgentIngressCertificateValidation": CertificateValidationProvider,
    }
    failures = []
    for request in preview.requests:
        provider = providers[request.token.partition("agin:")[2]]()
        provider.configure(ConfigureRequest(Config({}, "test")))
        failures += provider.check({}, request.inputs).failures
    return bool(failures)


def test_table_has_every_type_token() -> None:
    rows = re.findall(r"^\| (?:`(\S+:\S+)`|none) \| (?:`(\S+)`|(the same)|none) \| `(\w+)` \|$", PAGE, re.M)
    assert len(rows) == PAGE.split("| in a Python program |")[1].split("\n\n")[0].count("\n") - 1
    in_python = {token for token, *_ in rows if token}
    in_others = {token or in_python for in_python, token, same, _ in rows if token or same}
    tokens = {value for name, value in vars(urns).items() if name.isupper() and str(value).count(":") == 2}
    schema = json.loads(read_schema())
    assert in_others == {*schema["resources"], *schema["functions"], f"pulumi:providers:{urns.MODULE}"}
    assert in_python == tokens - in_others - {urns.STACK} | {urns.GET_AGENT_INGRESS, urns.GET_AGENT_INGRESSES}
    for *named, _, name in rows:
        spellings = {urns.name_of(token).lower() for token in named if token and not token.startswith("pulumi:")}
        assert spellings in ({name.replace("_", "").lower()}, set())
