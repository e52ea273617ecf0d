"""The resources that each example registers with Pulumi's mocks, in an update and in a preview.

Examples that need no cloud also run with the real engine: see test_examples_run.py.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

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


def language_of(folder: Path) -> str:
    if (folder / "index.ts").exists():
        return "typescript"
    return "python" if any(folder.glob("*.py")) else "yaml"


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
            schema = json.loads((EXAMPLES.parent / "pulumi_agin" / "native" / "schema.json").read_text())
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
