"""The examples under Pulumi's mocks, in an update and in a preview: that each makes what its README says.

Those that need no cloud also run for real: see test_examples_run.py.
"""

from __future__ import annotations

import json
import re
import runpy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pulumi.runtime import rpc

from pulumi_agin.native.plugin import read_schema
from tests.support.mocks import NS_TARGETS, TYPE, Mocks, Request, run
from tests.support.pyproject import project as pyproject

EXAMPLES = Path(__file__).parents[2] / "examples"

# Each is a secret in the config, and so may be nowhere in clear.
SECRETS = {
    "authtoken": "a-secret-authtoken",
    "tsigSecret": "YS1zZWNyZXQtdHNpZw==",
    "partnerApiKey": "a-secret-api-key",
}
DELEGATION = "agin:index:AgentIngressDelegation"
VALIDATION = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"
RFC2136 = "pulumi-python:dynamic/agin:Rfc2136Delegation"
UNDOTTED = [target.rstrip(".") for target in NS_TARGETS]

pytestmark = [
    pytest.mark.rest,
    pytest.mark.usefixtures("dns_sdks"),
    # What these packages say of their own parts when they are imported.
    pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning"),
]

# What each README tells to set.
BIND = {"server": "ns1.acme.com", "zone": "acme.com", "tsigKeyName": "agin", "tsigSecret": SECRETS["tsigSecret"]}
CONFIGS: dict[str, dict[str, Any]] = {
    "route53": {"zone": "acme.com", "sites": ["berlin", "austin"], "authtoken": SECRETS["authtoken"]},
    "cloudflare": {"zoneId": "Z1", "zone": "acme.com", "domain": "connect.acme.com"},
    "google": {"managedZone": "acme-com", "domain": "connect.acme.com", "authtoken": SECRETS["authtoken"]},
    "azure": {
        "resourceGroup": "dns",
        "zone": "acme.com",
        "domain": "connect.acme.com",
        "vault": "acme-agents",
        "authtoken": SECRETS["authtoken"],
    },
    "bind": {"domain": "connect.acme.com", **BIND},
    "two_accounts": {**BIND, "partnerApiKey": SECRETS["partnerApiKey"]},
    "quickstart": {},
}

REPOSITORY = pyproject()["project"]["urls"]["Repository"]
LOOKED_UP: dict[str, dict[str, Any]] = {
    "route53": {"zoneId": "Z1", "name": "acme.com"},
    "google": {"name": "acme-com", "dnsName": "acme.com."},
}

Example = Callable[..., dict[str, list[Request]]]


@pytest.fixture
def example(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> Example:
    """Runs one of the examples, with more or other config than its README has, and gives what it made, by type."""

    def run_it(name: str, **changes: Any) -> dict[str, list[Request]]:
        config = CONFIGS[name] | changes
        mocks.answer = LOOKED_UP.get(name, {})
        described = yaml.safe_load((EXAMPLES / name / "Pulumi.yaml").read_text())
        schema = described.get("config", {})
        values = {key: each["default"] for key, each in schema.items() if "default" in each} | config
        assert schema.keys() <= values.keys()
        secret = [key for key in values if key in SECRETS]
        assert {key for key, each in schema.items() if each.get("secret")} <= set(secret)
        # As the engine hands it over.
        texts = {key: each if isinstance(each, str) else json.dumps(each) for key, each in values.items()}
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps({f"project:{key}": text for key, text in texts.items()}))
        monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps([f"project:{key}" for key in secret]))
        run(lambda: runpy.run_path(str(EXAMPLES / name / "__main__.py")) and None)
        made: dict[str, list[Request]] = {}
        for request in mocks.requests:
            made.setdefault(request.token, []).append(request)
        return made

    return run_it


def secret(value: Any) -> Any:
    """Returns the value of a property that is marked as a secret."""
    assert rpc.is_rpc_secret(value), "not a secret"
    return rpc.unwrap_rpc_secret(value)


def assert_the_url_works(made: dict[str, list[Request]], record: Request) -> None:
    """What all of them have: a protected ingress with a certificate, its delegation, and the wait."""
    [ingress], [_], [wait] = made[TYPE], made[DELEGATION], made[VALIDATION]
    assert ingress.inputs["certificate_management_policy"]["authority"] == "letsencrypt"
    assert ingress.is_protected
    assert record.parent.endswith(f"{DELEGATION}::connect")
    # The wait begins when the record is there: its id comes through the delegation.
    assert wait.inputs["agent_ingress_id"] == "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
    assert any(urn.endswith(f"{record.token}::{record.name}") for urn in wait.dependencies)


def agents_file(text: str) -> Any:
    return yaml.safe_load(text)["agent"]


def test_route53(example: Example) -> None:
    made = example("route53")
    assert {each.inputs["domain"] for each in made[TYPE]} == {"berlin.acme.com", "austin.acme.com"}
    assert all(each.is_protected for each in made[TYPE])
    records = {each.inputs["name"]: each.inputs for each in made["aws:route53/record:Record"]}
    assert records.keys() == {"berlin.acme.com", "austin.acme.com"}
    assert records["austin.acme.com"]["zoneId"] == "Z1"
    assert records["austin.acme.com"]["records"] == NS_TARGETS
    # Behind the certificate.
    for each in made["aws:secretsmanager/secret:Secret"]:
        assert any(urn.endswith(f"{VALIDATION}::{each.name}") for urn in each.dependencies)
    versions = made["aws:secretsmanager/secretVersion:SecretVersion"]
    files = {each.name: secret(each.inputs["secretString"]) for each in versions}
    assert agents_file(files["berlin"]) == {
        "connect_url": "berlin.acme.com:443",
        "connect_cas": "host",
        "authtoken": SECRETS["authtoken"],
    }


def test_cloudflare(example: Example) -> None:
    made = example("cloudflare")
    records = made["cloudflare:index/dnsRecord:DnsRecord"]
    assert sorted(each.inputs["content"] for each in records) == UNDOTTED
    assert {(each.inputs["zoneId"], each.inputs["name"]) for each in records} == {("Z1", "connect.acme.com")}
    assert_the_url_works(made, records[0])


def test_google(example: Example) -> None:
    made = example("google")
    [record] = made["gcp:dns/recordSet:RecordSet"]
    assert (record.inputs["managedZone"], record.inputs["name"]) == ("acme-com", "connect.acme.com.")
    assert record.inputs["rrdatas"] == NS_TARGETS
    assert_the_url_works(made, record)
    [version] = made["gcp:secretmanager/secretVersion:SecretVersion"]
    assert agents_file(secret(version.inputs["secretData"]))["authtoken"] == SECRETS["authtoken"]


def test_azure(example: Example) -> None:
    made = example("azure")
    [record] = made["azure-native:dns:RecordSet"]
    assert (record.inputs["resourceGroupName"], record.inputs["zoneName"]) == ("dns", "acme.com")
    assert record.inputs["relativeRecordSetName"] == "connect"
    assert [each["nsdname"] for each in record.inputs["nsRecords"]] == NS_TARGETS
    assert_the_url_works(made, record)
    [stored] = made["azure-native:keyvault:Secret"]
    assert stored.inputs["vaultName"] == "acme-agents"
    assert agents_file(secret(stored.inputs["properties"]["value"]))["authtoken"] == SECRETS["authtoken"]


@pytest.mark.parametrize(
    "more", [{}, {"port": 5353, "authtoken": SECRETS["authtoken"], "certificateTimeoutSeconds": 60}]
)
def test_bind(example: Example, more: dict[str, Any]) -> None:
    made = example("bind", **more)
    [record], [wait] = made[RFC2136], made[VALIDATION]
    inputs = record.inputs
    assert (inputs["server"], inputs["port"], inputs["zone"]) == ("ns1.acme.com", more.get("port", 53), "acme.com")
    assert (inputs["domain"], inputs["ns_targets"]) == ("connect.acme.com", NS_TARGETS)
    assert secret(inputs["tsig_secret"]) == SECRETS["tsigSecret"]
    assert wait.inputs["timeout_seconds"] == more.get("certificateTimeoutSeconds", 2700)
    # The demo ends it.
    assert not made[TYPE][0].is_protected


def test_two_accounts(example: Example) -> None:
    made = example("two_accounts")
    providers = {each.inputs["domain"]: each.provider for each in made[TYPE]}
    assert "::partner::" in providers["partner.acme.com"]
    assert "::partner::" not in providers["connect.acme.com"]
    assert {each.inputs["domain"] for each in made[RFC2136]} == {"connect.acme.com", "partner.acme.com"}
    [provider] = made["pulumi:providers:pulumi-python"]
    assert SECRETS["partnerApiKey"] in secret(provider.inputs["ngrok:apiKey"])


@pytest.mark.parametrize("mocks", [True], indirect=True)
@pytest.mark.parametrize("name", CONFIGS)
def test_first_preview_of_each_passes(name: str, mocks: Mocks, example: Example) -> None:
    mocks.to_be_made = {"connect", "partner", "berlin", "austin"}
    made = example(name)
    assert made[TYPE]
    assert "cloudflare:index/dnsRecord:DnsRecord" not in made


def test_each_example_is_a_whole_project() -> None:
    for folder in sorted(each for each in EXAMPLES.iterdir() if each.is_dir()):
        readme = (folder / "README.md").read_text()
        assert readme.startswith("# ")
        if folder.name == "emulator-container":  # which has no program
            continue
        language = folder.name.partition("-")[0]
        if language not in ("yaml", "typescript"):
            [requirement] = (folder / "requirements.txt").read_text().splitlines()
            assert re.fullmatch(rf"pulumi-agin(\[\w+\])? @ git\+{REPOSITORY}", requirement)
        else:
            assert f"\n$ pulumi package add {REPOSITORY}.git/plugin@vX.Y.Z\n" in readme
        if language == "typescript":
            dependencies = json.loads((folder / "package.json").read_text())["dependencies"]
            imported = re.findall(r'^import .* from "(.+)";$', (folder / "index.ts").read_text(), re.M)
            assert dependencies.keys() == set(imported)
            # Where `pulumi package add` generates the SDK.
            schema = json.loads(read_schema())
            name, folder_of_sdk = schema["language"]["nodejs"]["packageName"], f"{schema['namespace']}-{schema['name']}"
            assert dependencies[name] == f"file:sdks/{folder_of_sdk}"
        if folder.name == "automation":  # whose project is in the script
            continue
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
        runtime = {"yaml": "yaml", "typescript": "nodejs"}.get(language, "python")
        assert (project["name"], project["runtime"]) == (f"agin-{folder.name.replace('_', '-')}", runtime)
        # What its README tells to set is all that it can't do without.
        for key, each in project.get("config", {}).items():
            wants_secret = "--secret " if each.get("secret") else ""
            assert "default" in each or f"pulumi config set {wants_secret}{key}" in readme, (folder.name, key)
            assert f"`{key}`" in readme, (folder.name, key)
