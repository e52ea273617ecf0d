"""The TypeScript examples with stand-ins for the clouds' plugins, and the reference's code in YAML and TypeScript."""

from __future__ import annotations

import shutil
from itertools import groupby
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import ZONE_ID, Cloud, install
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.pages import blocks
from tests.support.project import Project

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
AUTHTOKEN = "2k5_an-authtoken"

PACKAGES = {"cloudflare": "@pulumi/cloudflare", "route53": "@pulumi/aws"}


def reference(page: str, language: str) -> str:
    """Returns the code of a page of the reference in a language."""
    [code] = blocks((ROOT / "docs" / "reference" / f"{page}.md").read_text(), language)
    return code


@pytest.mark.rest
@pytest.mark.parametrize("page", ["agent-ingress", "provider", "functions"])
def test_yaml_of_the_reference(page: str, yaml_project: Project, emulator: Emulator) -> None:
    create(emulator, "shared.acme.com", metadata="iot")
    yaml_project.yaml_program(reference(page, "yaml"))
    yaml_project.config(secret={"secondApiKey": OTHER_ACCOUNTS_KEY})
    assert "created" in yaml_project.up()


@pytest.mark.weekly
def test_typescript_of_the_reference_compiles(typescript_project: Project) -> None:
    typescript_project.typescript_program("")
    codes = [reference(page, "typescript") for page in ("agent-ingress", "provider", "functions")]
    # The second page continues the first one.
    continued = ("rfc2136-delegation", "certificate-validation")
    for code in [*codes, "\n".join(reference(page, "typescript") for page in continued)]:
        (typescript_project.folder / "index.ts").write_text(code)
        typescript_project.check_types()


@pytest.fixture
def emulator(emulator: Emulator) -> Emulator:
    """The emulator, which issues certificates immediately."""
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    return emulator


def copy_example(project: Project, name: str, npm_packages: Path) -> tuple[Project, Cloud]:
    """Copies an example into the project, without protection. Returns the project and its simulated cloud."""
    package = PACKAGES[name]
    project.link_package(package, npm_packages / package)
    shutil.copytree(EXAMPLES / f"typescript-{name}", project.folder, dirs_exist_ok=True)
    program = project.folder / "index.ts"
    assert "protect: true" in program.read_text()
    program.write_text(program.read_text().replace("protect: true", "protect: false"))
    cloud, plugin = install(project, package.removeprefix("@pulumi/"))
    settings = (project.folder / "Pulumi.yaml").read_text().replace(f"agin-typescript-{name}", project.name)
    project.yaml(f"{settings}plugins: {{providers: [{plugin}]}}\n")
    return project, cloud


def writes(emulator: Emulator, cloud: Cloud, token: str) -> list[str]:
    """Returns the writes of ingresses and records in order. Equal writes in a row are merged into one."""
    ngrok = [(each["time"], f"{each['method']} ingress") for each in emulator.requests() if each["method"] != "GET"]
    records = [each for each in cloud.operations() if each.type == token]
    dns = [(each.time, f"{each.verb} {each.inputs['name']}") for each in records]
    return [write for write, _ in groupby(write for _, write in sorted(ngrok + dns))]


def clear_logs(emulator: Emulator, cloud: Cloud) -> None:
    emulator.clear_requests()
    cloud.clear_operations()


def assert_lifecycle_order(project: Project, emulator: Emulator, cloud: Cloud, token: str) -> None:
    """Asserts that a new domain is delegated before the old one is deleted, and that records are deleted first."""
    clear_logs(emulator, cloud)
    assert "unchanged" in project.up("--expect-no-changes")
    assert emulator.requests() == []

    project.config(plain={"domain": "devices.acme.com"})
    project.up()
    steps = ["POST ingress", "create devices.acme.com", "delete connect.acme.com", "DELETE ingress"]
    assert writes(emulator, cloud, token) == steps

    clear_logs(emulator, cloud)
    project.destroy()
    assert writes(emulator, cloud, token) == ["delete devices.acme.com", "DELETE ingress"]


@pytest.mark.weekly
def test_cloudflare(typescript_project: Project, npm_packages: Path, emulator: Emulator) -> None:
    project, cloud = copy_example(typescript_project, "cloudflare", npm_packages)
    project.config(plain={"zoneId": ZONE_ID, "domain": "connect.acme.com"})
    # The stack, the ingress, four records and the validation.
    assert "7 to create" in project.preview()
    project.up()
    targets = project.outputs()["nsTargets"]
    inputs = sorted((each.inputs for each in cloud.operations()), key=lambda each: str(each["content"]))
    shared = {"zoneId": ZONE_ID, "name": "connect.acme.com", "type": "NS", "ttl": 300}
    assert inputs == [{**shared, "content": target.rstrip(".")} for target in targets]
    assert yaml.safe_load(project.outputs()["agentConfig"])["agent"] == {
        "connect_url": "connect.acme.com:443",
        "connect_cas": "host",
    }
    assert project.outputs()["renewsAt"]

    # ngrok replaces a name server.
    clear_logs(emulator, cloud)
    [ingress] = emulator.ingresses()
    emulator.set_ingress(ingress["id"], {"ns_targets": [*targets[1:], "ns-9.example.net"]})
    project.up("--refresh")
    changed = [(each.verb, each.inputs["content"]) for each in cloud.operations()]
    assert ("update", "ns-9.example.net") in changed

    assert_lifecycle_order(project, emulator, cloud, "cloudflare:index/dnsRecord:DnsRecord")


@pytest.mark.weekly
def test_route53(typescript_project: Project, npm_packages: Path, emulator: Emulator) -> None:
    project, cloud = copy_example(typescript_project, "route53", npm_packages)
    project.config(plain={"zone": "acme.com", "domain": "connect.acme.com"}, secret={"authtoken": AUTHTOKEN})
    assert "6 to create" in project.preview()
    project.up()
    [record, _, version] = cloud.operations()
    assert record.inputs == {
        "zoneId": ZONE_ID,
        "name": "connect.acme.com",
        "type": "NS",
        "ttl": 300,
        "records": project.outputs()["nsTargets"],
    }
    assert yaml.safe_load(version.inputs["secretString"])["agent"]["authtoken"] == AUTHTOKEN
    assert not any(AUTHTOKEN in text for text in project.files().values())

    cloud.clear_operations()
    assert_lifecycle_order(project, emulator, cloud, "aws:route53/record:Record")


@pytest.mark.weekly
@pytest.mark.parametrize("name", PACKAGES)
def test_example_compiles(name: str, typescript_project: Project, npm_packages: Path) -> None:
    project, _ = copy_example(typescript_project, name, npm_packages)
    project.check_types()
