"""The programs and commands of docs/guides/rename.md, one after another in one stack."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.cloud_provider import install_dns
from tests.support.pages import blocks
from tests.support.project import UNCHANGED, Project
from tests.support.result import Result

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "rename.md").read_text()
RENAMED, IN_COMPONENT, RENAMED_COMPONENT = blocks(PAGE, "python")
[YAML], [TYPESCRIPT] = blocks(PAGE, "yaml"), blocks(PAGE, "typescript")
[COMMANDS] = blocks(PAGE, "sh")
[WARNING] = [each.split(" …")[0] for each in blocks(PAGE, "text")]

ALIASES = """\
    options:
      aliases:
        - urn:pulumi:prod::acme::agin:index:AgentIngress::connect
"""


def assert_warns(preview: Result) -> None:
    assert WARNING in preview.output.replace("\n", " ")
    assert "- 1 to delete" in preview or "- 3 to delete" in preview


@pytest.mark.rest
def test_resources_are_renamed_moved_and_renamed_with_their_component(
    project: Project, emulator: Emulator, main_dns_packages: Path
) -> None:
    cloud = install_dns(project, main_dns_packages)
    program = project.folder / "__main__.py"
    aliases = 'aliases=[pulumi.Alias(name="connect")]'
    assert aliases in RENAMED
    program.write_text(RENAMED.replace(aliases, "").replace('"edge"', '"connect"'))
    project.up()
    ingresses, records = emulator.ingresses(), cloud.records("connect.acme.com")
    assert records
    cloud.clear_operations()

    program.write_text(RENAMED.replace(aliases, ""))
    assert_warns(project.preview())
    program.write_text(RENAMED)
    assert "4 unchanged" in project.typed(COMMANDS)
    # An alias that was forgotten.
    program.write_text(RENAMED.replace(aliases, "").replace('"edge"', '"other"'))
    project.up(fails=True)
    program.write_text(RENAMED.replace('"edge"', '"other"').replace('"connect"', '"edge"'))
    assert "- 1 deleted\n    4 unchanged" in project.typed(COMMANDS)
    component = 'Gateway("edge")\n'
    assert component in IN_COMPONENT
    program.write_text(IN_COMPONENT.replace(component, 'Gateway("other")\n'))
    assert "+ 1 to create\n    4 unchanged" in project.typed(COMMANDS)
    program.write_text(IN_COMPONENT.replace(component, RENAMED_COMPONENT.replace("edge", "other")))
    assert "5 unchanged" in project.typed(COMMANDS)
    # The aliases are not needed any more.
    without_aliases = re.sub(r"^ *aliases=.*\n", "", IN_COMPONENT, flags=re.MULTILINE)
    program.write_text(without_aliases.replace(component, 'Gateway("site")\n'))
    project.up("--expect-no-changes")
    assert (emulator.ingresses(), cloud.records("connect.acme.com"), cloud.operations()) == (ingresses, records, [])


@pytest.mark.rest
def test_yaml_resource_is_renamed(yaml_project: Project, emulator: Emulator) -> None:
    without_aliases = YAML.replace(ALIASES, "")
    assert without_aliases != YAML
    yaml_project.yaml_program(without_aliases.replace("edge", "connect"))
    yaml_project.up()
    ingresses = emulator.ingresses()
    yaml_project.yaml_program(without_aliases)
    assert_warns(yaml_project.preview())
    # The other way that the page names.
    yaml_project.yaml_program(without_aliases.replace("AgentIngress\n", "AgentIngress\n    name: connect\n"))
    assert UNCHANGED in yaml_project.preview()
    yaml_project.yaml_program(YAML.replace("prod::acme", "dev::test"))
    assert UNCHANGED in yaml_project.typed(COMMANDS)
    assert emulator.ingresses() == ingresses


@pytest.mark.weekly
def test_typescript_resource_is_renamed(typescript_project: Project, emulator: Emulator) -> None:
    project = typescript_project
    project.typescript_program("")
    program = project.folder / "index.ts"
    aliases = ', { aliases: [{ name: "connect" }] }'
    assert aliases in TYPESCRIPT
    program.write_text(TYPESCRIPT.replace(aliases, "").replace('"edge"', '"connect"'))
    project.up()
    ingresses = emulator.ingresses()
    program.write_text(TYPESCRIPT)
    project.check_types()
    assert UNCHANGED in project.typed(COMMANDS)
    assert emulator.ingresses() == ingresses
