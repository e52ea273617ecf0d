"""The commands in the pages of docs/ and the programs in other languages, run exactly as written."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.pages import blocks
from tests.support.project import UNCHANGED, Project

DOCS = Path(__file__).parents[2] / "docs"


def block(page: str, language: str) -> str:
    return blocks((DOCS / page).read_text(), language)[0]


def sent_only_reads(emulator: Emulator) -> bool:
    return {request["method"] for request in emulator.requests()} == {"GET"}


def test_import_of_one_ingress(project: Project, emulator: Emulator) -> None:
    policy = {"authority": "letsencrypt", "private_key_type": "ecdsa"}
    create(emulator, "connect.acme.com", description="acme devices", certificate_management_policy=policy)
    project.config(secret={"agin:apiKey": API_KEY})
    emulator.clear_requests()
    commands = block("reference/command-line.md", "sh")
    # The output of the last command becomes the program.
    project.typed(f"{commands.rstrip()} > __main__.py", NGROK_API_KEY="")
    assert UNCHANGED in project.preview()
    assert sent_only_reads(emulator)


def test_check_of_all_accounts_fails_if_any_fails() -> None:
    [check] = [each for each in blocks((DOCS / "reference/provider.md").read_text(), "sh") if "doctor" in each]
    programs = """
        pulumi() { true; }
        jq() { echo wrong unknown fine; }
        pulumi-agin() { case "$*" in "doctor --all --provider wrong") return 1;; *unknown) return 3;; esac; }
    """
    run = subprocess.run(
        ["bash", "-c", f'{programs}\n{check.rstrip()} || echo "$failed"'], capture_output=True, check=True
    )
    assert run.stdout == b" 1 3\n"


def test_lookups(project: Project, emulator: Emulator) -> None:
    create(emulator, "shared.acme.com", metadata="iot")
    (project.folder / "__main__.py").write_text(block("reference/functions.md", "python"))
    project.up()
    outputs = project.outputs()
    [ingress] = emulator.ingresses()
    assert outputs["shared_targets"] == sorted(f"{name}." for name in ingress["ns_targets"])
    assert outputs["domains"] == ["shared.acme.com"]
    assert "shared.acme.com:443" in outputs["agent_config"]


def test_agent_configuration(project: Project) -> None:
    (project.folder / "__main__.py").write_text(block("guides/agents.md", "python"))
    project.config(secret={"authtoken": "2k5-a_b"})
    project.up()
    page = (DOCS / "guides" / "agents.md").read_text()
    # The other commands run the agent, which the page calls untried.
    write, append = [
        each for each in blocks(page, "sh") if "ngrok.yml" in each and not re.search("^(sudo )?ngrok ", each)
    ]
    project.typed(write)
    file = project.folder / "ngrok.yml"
    assert file.stat().st_mode & 0o777 == 0o600
    config = yaml.safe_load(file.read_text())
    assert config["agent"].pop("authtoken") == "2k5-a_b"
    assert config == yaml.safe_load(block("guides/agents.md", "yaml"))
    project.typed(append)
    appended = yaml.safe_load(file.read_text())
    assert appended["agent"].pop("metadata").startswith("connect.acme.com ")
    assert appended["agent"].pop("authtoken") == "2k5-a_b"
    [endpoint] = appended.pop("endpoints")
    assert endpoint.keys() == {"name", "url", "upstream"}
    assert appended == config


# Pages with programs in YAML and TypeScript. `programs` makes their names unique, so that one stack can have them all.
PAGES = ("agent-ingress", "rfc2136-delegation", "certificate-validation", "provider", "functions")


def programs(language: str) -> dict[str, str]:
    return {
        page: re.sub(r"\bconnect\b", page.replace("-", ""), block(f"reference/{page}.md", language)) for page in PAGES
    }


def assert_preview_creates_all(project: Project, emulator: Emulator) -> None:
    create(emulator, "shared.acme.com")
    project.config(secret={"tsigSecret": "YWFhYQ==", "secondApiKey": OTHER_ACCOUNTS_KEY})
    emulator.clear_requests()
    preview = project.preview()
    # The stack, three ingresses, two sets of records, a validation, the second provider, and its ingress.
    assert "+ 9 to create" in preview
    # The name server of the examples does not exist.
    warnings = [line for line in preview.output.splitlines() if "warning" in line.lower()]
    assert [line for line in warnings if "at ns1.acme.com:53: no connection" not in line] == []
    assert sent_only_reads(emulator)


def test_yaml_programs(yaml_project: Project, emulator: Emulator) -> None:
    program: dict[str, dict[str, object]] = {}
    for page, source in programs("yaml").items():
        source = re.sub(r"\brecords\b", f"{page}-records", source)
        for section, entries in yaml.safe_load(source).items():
            program.setdefault(section, {}).update(entries)
    yaml_project.yaml_program(yaml.safe_dump(program))
    assert_preview_creates_all(yaml_project, emulator)


@pytest.mark.weekly
def test_typescript_programs(typescript_project: Project, emulator: Emulator) -> None:
    typescript_project.typescript_program("")
    for page, source in programs("typescript").items():
        source = source.replace('"records"', f'"{page}-records"')
        (typescript_project.folder / f"{page}.ts").write_text(source)
    imports = "".join(f'import "./{page}";\n' for page in PAGES)
    (typescript_project.folder / "index.ts").write_text(imports)
    typescript_project.check_types()
    assert_preview_creates_all(typescript_project, emulator)
