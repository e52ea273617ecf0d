"""The examples under Pulumi's mocks, and their READMEs.

Examples that need no cloud also run with the real engine: see test_examples_run.py.
"""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.support.mocks import NS_TARGETS, TYPE, Mocks, run
from tests.support.pages import blocks

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(each for each in EXAMPLES.iterdir() if each.is_dir())
# The first block of each README, by the language of the program.
INSTALL = {
    "python": "python3 -m venv .venv\n. .venv/bin/activate\npip install -r requirements.txt\n",
    "typescript": "npm install\npulumi package add ../../plugin\n",
    "yaml": "pulumi package add ../../plugin\n",
}
DELEGATION = "agin:index:AgentIngressDelegation"
AUTHTOKEN, TSIG_SECRET = "a-secret-authtoken", "YS1zZWNyZXQtdHNpZw=="
API_KEYS = {"first": "a-secret-api-key", "second": "another-secret-api-key"}
DOMAIN = {"domain": "connect.acme.com"}
BIND = {"server": "ns1.acme.com", "zone": "acme.com", "tsigKeyName": "agin", "tsigSecret": TSIG_SECRET}
# The config of each example, as its README describes it.
CONFIGS: dict[str, dict[str, Any]] = {
    "route53": {"zone": "acme.com", "sites": ["berlin", "austin"], "authtoken": AUTHTOKEN},
    "cloudflare": {"zoneId": "Z1", "zone": "acme.com", **DOMAIN},
    "google": {"managedZone": "acme-com", **DOMAIN, "authtoken": AUTHTOKEN},
    "azure": {"resourceGroup": "dns", "zone": "acme.com", **DOMAIN, "vault": "agents", "authtoken": AUTHTOKEN},
    "bind": {**DOMAIN, **BIND},
    "many-accounts": {
        **BIND,
        "domains": {"first": "connect.acme.com", "second": "partner.acme.com"},
        "apiKeys": API_KEYS,
    },
    "quickstart": DOMAIN,
}
LOOKUP_RESULTS = {
    "route53": {"zoneId": "Z1", "name": "acme.com"},
    "google": {"name": "acme-com", "dnsName": "acme.com."},
}
# The type and the values of the first record.
RECORDS: dict[str, tuple[str, str, Any]] = {
    "route53": ("aws:route53/record:Record", "records", NS_TARGETS),
    "cloudflare": ("cloudflare:index/dnsRecord:DnsRecord", "content", NS_TARGETS[0].rstrip(".")),
    "google": ("gcp:dns/recordSet:RecordSet", "rrdatas", NS_TARGETS),
    "azure": ("azure-native:dns:RecordSet", "nsRecords", [{"nsdname": each} for each in NS_TARGETS]),
    "bind": ("pulumi-python:dynamic/agin:Rfc2136Delegation", "ns_targets", NS_TARGETS),
    "many-accounts": ("pulumi-python:dynamic/agin:Rfc2136Delegation", "ns_targets", NS_TARGETS),
}


@pytest.mark.rest
@pytest.mark.usefixtures("dns_sdks")
# Of these packages about deprecated parts of their own.
@pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning")
@pytest.mark.parametrize("mocks", [False, True], indirect=True, ids=["up", "preview"])
@pytest.mark.parametrize("name", CONFIGS)
def test_example_delegates_its_domains(name: str, mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> None:
    mocks.answer = LOOKUP_RESULTS.get(name, {})
    schema = yaml.safe_load((EXAMPLES / name / "Pulumi.yaml").read_text()).get("config", {})
    values = {key: each["default"] for key, each in schema.items() if "default" in each} | CONFIGS[name]
    assert schema.keys() <= values.keys()
    # The engine passes every value as a string.
    strings = {f"project:{key}": each if isinstance(each, str) else json.dumps(each) for key, each in values.items()}
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps(strings))
    secrets = [f"project:{key}" for key in ("authtoken", "tsigSecret", "apiKeys")]
    monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps(secrets))
    run(lambda: runpy.run_path(str(EXAMPLES / name / "__main__.py")) and None)

    ingresses = [each for each in mocks.registered if each.typ == TYPE]
    wanted = CONFIGS[name].get("domains", {}).values() or {"berlin.acme.com", "austin.acme.com"}
    domains = {"connect.acme.com"} if "domain" in CONFIGS[name] else set(wanted)
    assert {each.inputs["domain"] for each in ingresses} == domains
    if name in RECORDS:
        token, argument, expected = RECORDS[name]
        records = [each for each in mocks.registered if each.typ == token]
        assert records[0].inputs[argument] == expected
    if name == "many-accounts":
        assert {each.name: f"::{each.name}" in str(each.provider) for each in ingresses} == {
            "first": True,
            "second": True,
        }


def language_of(folder: Path) -> str:
    if (folder / "index.ts").exists():
        return "typescript"
    return "python" if any(folder.glob("*.py")) else "yaml"


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)
def test_example_is_a_whole_project(folder: Path) -> None:
    if folder.name in ("ci", "emulator-container", "monitoring"):  # have no program
        return
    readme, language = (folder / "README.md").read_text(), language_of(folder)
    assert blocks(readme, "sh")[0] == INSTALL[language]
    # It has the costs.
    assert "[what all examples need](../README.md#what-you-need)" in " ".join(readme.split())
    if language == "python":
        code = "".join(path.read_text() for path in folder.glob("*.py"))
        extras = ",".join(re.findall(r"agin\.dns\.([a-z]\w*)\(", code))
        assert (folder / "requirements.txt").read_text() == f"../..{extras and f'[{extras}]'}\n"
    if folder.name == "automation":  # defines its project in the script
        return
    project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
    runtime = {"typescript": "nodejs"}.get(language, language)
    assert (project["name"], project["runtime"]) == (f"agin-{folder.name}", runtime)
    # The README sets every value that has no default.
    for key, each in project.get("config", {}).items():
        secret_flag = "--secret " if each.get("secret") else ""
        assert "default" in each or f"\npulumi config set {secret_flag}{key}" in readme, key
        assert f"`{key}`" in readme, key


def test_index_lists_each_example() -> None:
    linked = re.findall(r"^\| \[(.+)\]\((.+)/README.md\)", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(linked) == [(folder.name, folder.name) for folder in FOLDERS]
