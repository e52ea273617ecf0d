"""The resources that each example registers with Pulumi's mocks, in an update and in a preview.

Examples that need no cloud also run with the real engine: see test_examples_run.py.
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
from tests.support.pages import blocks

EXAMPLES = Path(__file__).parents[2] / "examples"
FOLDERS = sorted(each for each in EXAMPLES.iterdir() if each.is_dir())

# The first block of each README, by the language of the program. test_examples_run.py runs that of Python.
INSTALL = {
    "python": "python3 -m venv .venv\n. .venv/bin/activate\npip install -r requirements.txt\n",
    "typescript": "npm install\npulumi package add ../../plugin\n",
    "yaml": "pulumi package add ../../plugin\n",
}
HEADINGS = ["Install", "Run", "Configuration", "Good to know"]
# Only the user may read the file.
AGENT_CONFIG = r"^\(umask 077; pulumi stack output (\w+) --show-secrets > ngrok\.yml\)$"

# Secrets in the config. None may appear in plain text.
SECRETS = {
    "authtoken": "a-secret-authtoken",
    "tsigSecret": "YS1zZWNyZXQtdHNpZw==",
    "apiKeys": '{"first": "a-secret-api-key", "second": "another-secret-api-key"}',
}
DELEGATION = "agin:index:AgentIngressDelegation"
VALIDATION = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"
RFC2136 = "pulumi-python:dynamic/agin:Rfc2136Delegation"
UNDOTTED = [target.rstrip(".") for target in NS_TARGETS]

pytestmark = [
    pytest.mark.rest,
    pytest.mark.usefixtures("dns_sdks"),
    # Warnings of these packages about deprecated parts of their own when they are imported.
    pytest.mark.filterwarnings(r"ignore:\S+ has been deprecated in favor of \S+$:DeprecationWarning"),
]

# The config of each example, as its README describes it.
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
    "many-accounts": {
        **BIND,
        "domains": {"first": "connect.acme.com", "second": "partner.acme.com"},
        "apiKeys": SECRETS["apiKeys"],
    },
    "quickstart": {"domain": "connect.acme.com"},
}

LOOKUP_RESULTS: dict[str, dict[str, Any]] = {
    "route53": {"zoneId": "Z1", "name": "acme.com"},
    "google": {"name": "acme-com", "dnsName": "acme.com."},
}

Example = Callable[..., dict[str, list[Request]]]


@pytest.fixture
def example(mocks: Mocks, monkeypatch: pytest.MonkeyPatch) -> Example:
    """A function that runs an example, with changes to its README's config, and returns its resources by type."""

    def run_example(name: str, **changes: Any) -> dict[str, list[Request]]:
        config = CONFIGS[name] | changes
        mocks.answer = LOOKUP_RESULTS.get(name, {})
        project = yaml.safe_load((EXAMPLES / name / "Pulumi.yaml").read_text())
        schema = project.get("config", {})
        values = {key: each["default"] for key, each in schema.items() if "default" in each} | config
        assert schema.keys() <= values.keys()
        secret_keys = [key for key in values if key in SECRETS]
        assert {key for key, each in schema.items() if each.get("secret")} <= set(secret_keys)
        # The engine passes every value as a string.
        strings = {key: each if isinstance(each, str) else json.dumps(each) for key, each in values.items()}
        monkeypatch.setenv("PULUMI_CONFIG", json.dumps({f"project:{key}": string for key, string in strings.items()}))
        monkeypatch.setenv("PULUMI_CONFIG_SECRET_KEYS", json.dumps([f"project:{key}" for key in secret_keys]))
        run(lambda: runpy.run_path(str(EXAMPLES / name / "__main__.py")) and None)
        resources: dict[str, list[Request]] = {}
        for request in mocks.requests:
            resources.setdefault(request.token, []).append(request)
        return resources

    return run_example


def language_of(folder: Path) -> str:
    if (folder / "index.ts").exists():
        return "typescript"
    return "python" if any(folder.glob("*.py")) else "yaml"


def secret(value: Any) -> Any:
    """Returns the value of a property that is marked as a secret."""
    assert rpc.is_rpc_secret(value), "not a secret"
    return rpc.unwrap_rpc_secret(value)


def assert_delegated_with_certificate(resources: dict[str, list[Request]], record: Request) -> None:
    """Asserts that an example has a protected ingress with a certificate, its delegation, and the validation."""
    [ingress], [_], [validation] = resources[TYPE], resources[DELEGATION], resources[VALIDATION]
    assert ingress.inputs["certificate_management_policy"]["authority"] == "letsencrypt"
    assert ingress.is_protected
    assert record.parent.endswith(f"{DELEGATION}::connect")
    # The validation starts after the record is created, because it gets the ID from the delegation.
    assert validation.inputs["agent_ingress_id"] == "agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
    assert any(urn.endswith(f"{record.token}::{record.name}") for urn in validation.dependencies)


def agent_section(text: str) -> Any:
    return yaml.safe_load(text)["agent"]


def test_route53(example: Example) -> None:
    resources = example("route53")
    assert {each.inputs["domain"] for each in resources[TYPE]} == {"berlin.acme.com", "austin.acme.com"}
    assert all(each.is_protected for each in resources[TYPE])
    records = {each.inputs["name"]: each.inputs for each in resources["aws:route53/record:Record"]}
    assert records.keys() == {"berlin.acme.com", "austin.acme.com"}
    assert records["austin.acme.com"]["zoneId"] == "Z1"
    assert records["austin.acme.com"]["records"] == NS_TARGETS
    # The secret is created after the certificate is issued.
    for each in resources["aws:secretsmanager/secret:Secret"]:
        assert any(urn.endswith(f"{VALIDATION}::{each.name}") for urn in each.dependencies)
    versions = resources["aws:secretsmanager/secretVersion:SecretVersion"]
    files = {each.name: secret(each.inputs["secretString"]) for each in versions}
    assert agent_section(files["berlin"]) == {
        "connect_url": "berlin.acme.com:443",
        "connect_cas": "host",
        "authtoken": SECRETS["authtoken"],
    }


def test_cloudflare(example: Example) -> None:
    resources = example("cloudflare")
    records = resources["cloudflare:index/dnsRecord:DnsRecord"]
    assert sorted(each.inputs["content"] for each in records) == UNDOTTED
    assert {(each.inputs["zoneId"], each.inputs["name"]) for each in records} == {("Z1", "connect.acme.com")}
    assert_delegated_with_certificate(resources, records[0])


def test_google(example: Example) -> None:
    resources = example("google")
    [record] = resources["gcp:dns/recordSet:RecordSet"]
    assert (record.inputs["managedZone"], record.inputs["name"]) == ("acme-com", "connect.acme.com.")
    assert record.inputs["rrdatas"] == NS_TARGETS
    assert_delegated_with_certificate(resources, record)
    [version] = resources["gcp:secretmanager/secretVersion:SecretVersion"]
    assert agent_section(secret(version.inputs["secretData"]))["authtoken"] == SECRETS["authtoken"]


def test_azure(example: Example) -> None:
    resources = example("azure")
    [record] = resources["azure-native:dns:RecordSet"]
    assert (record.inputs["resourceGroupName"], record.inputs["zoneName"]) == ("dns", "acme.com")
    assert record.inputs["relativeRecordSetName"] == "connect"
    assert [each["nsdname"] for each in record.inputs["nsRecords"]] == NS_TARGETS
    assert_delegated_with_certificate(resources, record)
    [stored] = resources["azure-native:keyvault:Secret"]
    assert stored.inputs["vaultName"] == "acme-agents"
    assert agent_section(secret(stored.inputs["properties"]["value"]))["authtoken"] == SECRETS["authtoken"]


@pytest.mark.parametrize(
    "more", [{}, {"port": 5353, "authtoken": SECRETS["authtoken"], "certificateTimeoutSeconds": 60}]
)
def test_bind(example: Example, more: dict[str, Any]) -> None:
    resources = example("bind", **more)
    [record], [validation] = resources[RFC2136], resources[VALIDATION]
    inputs = record.inputs
    assert (inputs["server"], inputs["port"], inputs["zone"]) == ("ns1.acme.com", more.get("port", 53), "acme.com")
    assert (inputs["domain"], inputs["ns_targets"]) == ("connect.acme.com", NS_TARGETS)
    assert secret(inputs["tsig_secret"]) == SECRETS["tsigSecret"]
    assert validation.inputs["timeout_seconds"] == more.get("certificateTimeoutSeconds", 2700)
    # The demo destroys it.
    assert not resources[TYPE][0].is_protected


def test_many_accounts(example: Example) -> None:
    resources = example("many-accounts")
    providers = {each.inputs["domain"]: each.provider for each in resources[TYPE]}
    assert "::first::" in providers["connect.acme.com"]
    assert "::second::" in providers["partner.acme.com"]
    assert {each.inputs["domain"] for each in resources[RFC2136]} == providers.keys()
    keys = {each.name: secret(each.inputs["agin:apiKey"]) for each in resources["pulumi:providers:pulumi-python"]}
    # Each has only its own key.
    assert keys == json.loads(SECRETS["apiKeys"])


@pytest.mark.parametrize("mocks", [True], indirect=True)
@pytest.mark.parametrize("name", CONFIGS)
def test_first_preview_passes(name: str, mocks: Mocks, example: Example) -> None:
    mocks.to_be_made = {"connect", "first", "second", "berlin", "austin"}
    resources = example(name)
    assert resources[TYPE]
    assert "cloudflare:index/dnsRecord:DnsRecord" not in resources


def test_each_example_is_a_whole_project() -> None:
    for folder in FOLDERS:
        if folder.name == "emulator-container":  # has no program
            continue
        readme, language = (folder / "README.md").read_text(), language_of(folder)
        assert blocks(readme, "sh")[0] == INSTALL[language], folder.name
        headings = re.findall("^## (.*)", readme, re.MULTILINE)
        assert headings == [each for each in HEADINGS if each != "Configuration" or folder.name != "automation"]
        # It has the costs.
        assert "[what all examples need](../README.md#what-you-need)" in " ".join(readme.split())
        code = "".join(path.read_text() for path in [*folder.glob("*.py"), *folder.glob("*.ts")])
        outputs = re.findall(r"export[ (](?:const )?\"?(agent_?config)\b", code, re.IGNORECASE)
        assert re.findall(AGENT_CONFIG, readme, re.MULTILINE) == outputs, folder.name
        assert readme.count("ngrok.yml") == len(outputs)
        if language == "python":
            extras = ",".join(re.findall(r"agin\.dns\.([a-z]\w*)\(", code))
            assert (folder / "requirements.txt").read_text() == f"../..{extras and f'[{extras}]'}\n"
        if language == "typescript":
            dependencies = json.loads((folder / "package.json").read_text())["dependencies"]
            imported = re.findall(r'^import .* from "(.+)";$', (folder / "index.ts").read_text(), re.M)
            assert dependencies.keys() == set(imported)
            # The folder of the SDK that `pulumi package add` generates.
            schema = json.loads(read_schema())
            name, sdk_folder = schema["language"]["nodejs"]["packageName"], f"{schema['namespace']}-{schema['name']}"
            assert dependencies[name] == f"file:sdks/{sdk_folder}"
        if folder.name == "automation":  # defines its project in the script
            continue
        project = yaml.safe_load((folder / "Pulumi.yaml").read_text())
        runtime = {"typescript": "nodejs"}.get(language, language)
        assert (project["name"], project["runtime"]) == (f"agin-{folder.name}", runtime)
        # The README sets every value that has no default.
        for key, each in project.get("config", {}).items():
            secret_flag = "--secret " if each.get("secret") else ""
            assert "default" in each or f"\npulumi config set {secret_flag}{key}" in readme, (folder.name, key)
            assert f"`{key}`" in readme, (folder.name, key)


def test_index_lists_each_example() -> None:
    index = (EXAMPLES / "README.md").read_text()
    assert "each Agent Ingress costs money every month" in index.partition("\n## What you need\n")[2]
    linked = re.findall(r"^\| \[(.+)\]\((.+)/README.md\)", index, re.MULTILINE)
    assert sorted(linked) == [(folder.name, folder.name) for folder in FOLDERS]


@pytest.mark.parametrize(
    "readme", [EXAMPLES / "README.md", *EXAMPLES.glob("*/README.md")], ids=lambda path: path.parent.name
)
def test_readme_refers_to_the_clone(readme: Path) -> None:
    text = readme.read_text()
    # There is no release, so readers install from their clone.
    assert not re.search("git[+]|pulumi-agin[.]git|@vX", text)
    if readme.parent != EXAMPLES:
        assert "](../README.md" in text
