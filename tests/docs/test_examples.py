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
READMES, PROJECTS = sorted(EXAMPLES.glob("*/README.md")), sorted(EXAMPLES.rglob("Pulumi.yaml"))
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
    schema = config_of(EXAMPLES / name / "Pulumi.yaml")
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
        first = min((each for each in mocks.registered if each.typ == token), key=lambda each: each.name)
        assert first.inputs[argument] == expected
    if name == "many-accounts":
        assert {each.name: f"::{each.name}" in str(each.provider) for each in ingresses} == {
            "first": True,
            "second": True,
        }


def config_of(project: Path) -> dict[str, dict[str, Any]]:
    """Returns the declarations of a project's config."""
    config: dict[str, dict[str, Any]] = yaml.safe_load(project.read_text()).get("config", {})
    return config


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: str(project.parent.relative_to(EXAMPLES)))
def test_readme_sets_every_value_that_has_no_default(project: Path) -> None:
    parts = project.relative_to(EXAMPLES).parent.parts
    assert yaml.safe_load(project.read_text())["name"] == f"agin-{'-'.join(parts)}"
    readme = (EXAMPLES / parts[0] / "README.md").read_text()
    for key, each in config_of(project).items():
        secret_flag = "--secret " if each.get("secret") else ""
        assert "default" in each or f"\npulumi config set {secret_flag}{key}" in readme, key


@pytest.mark.parametrize("requirements", sorted(EXAMPLES.glob("*/requirements.txt")), ids=lambda file: file.parent.name)
def test_readme_installs_what_the_programs_need(requirements: Path) -> None:
    folder = requirements.parent
    [install, *_] = blocks((folder / "README.md").read_text(), "sh")
    assert install == "python3 -m venv .venv\n. .venv/bin/activate\npip install -r requirements.txt\n"
    code = "".join(path.read_text() for path in folder.rglob("*.py"))
    extras = {*re.findall(r"agin\.dns\.([a-z]\w*)\(", code), *re.findall(r"(?<=agin_)emulator", code)}
    package = requirements.read_text().splitlines()[0]
    assert package == (f"../..[{','.join(sorted(extras))}]" if extras else "../..")


def test_index_lists_each_example() -> None:
    linked = re.findall(r"^\| \[(.+)\]\((.+)/README.md\)", (EXAMPLES / "README.md").read_text(), re.MULTILINE)
    assert sorted(linked) == [(readme.parent.name, readme.parent.name) for readme in READMES]
