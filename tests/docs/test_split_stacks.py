"""The example with split stacks, by the commands of its README, and the order of changes of its guide, with BIND."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks, type_lines
from tests.support.project import Project
from tools.bind import Programs

EXAMPLE = Path(__file__).parents[2] / "examples" / "stacks"
_, CREATE_INGRESS, CREATE_RECORDS = blocks((EXAMPLE / "README.md").read_text(), "sh")
INGRESS, RECORDS = (
    (EXAMPLE / name / "__main__.py").read_text().replace("protect=True", "protect=False")
    for name in ("ingress", "records")
)
FIRST, SECOND = "connect.acme.com", "second.acme.com"
REFERENCE = 'edge = pulumi.StackReference(config.require("ingressStack"))\n'


def of_second(program: str) -> str:
    """Returns a program for the second ingress and its domain."""
    return program.replace('"connect', '"second').replace('pulumi.Config().require("domain")', f'"{SECOND}"')


@pytest.mark.rest
def test_domain_change_replacement_and_destroy_in_the_order_of_the_guide(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    folder = project.folder / "stacks"
    shutil.copytree(EXAMPLE, folder)

    def go_to(name: str) -> Project:
        project.folder = folder / name
        return project

    def up(name: str, *programs: str) -> None:
        (folder / name / "__main__.py").write_text("\n".join(programs))
        go_to(name).up()

    with Bind(bind_programs, tmp_path / "bind", [Key("agin", [FIRST, SECOND])]) as bind:
        answers = {"agin:apiKey": API_KEY, "tsigSecret": bind.keys[0].secret}
        for name, commands in {"ingress": CREATE_INGRESS, "records": CREATE_RECORDS}.items():
            port = f"pulumi config set port {bind.port}\npulumi up" if name == "records" else "pulumi up"
            commands = re.sub(r"^cd .*\n", "", commands).replace("ns1.YOUR-DOMAIN", "127.0.0.1")
            type_lines(go_to(name), commands.replace("pulumi up", port), answers, NGROK_API_KEY="")
            assert "protected" in project.destroy(fails=True)
        assert bind.referral(FIRST) == ns_targets(emulator, FIRST)

        # Another domain: a second ingress, its records; without the old records, without the old ingress.
        up("ingress", INGRESS, of_second(INGRESS))
        up("records", RECORDS, of_second(RECORDS).replace(REFERENCE, ""))
        for domain in (FIRST, SECOND):
            assert bind.referral(domain) == ns_targets(emulator, domain)
        up("records", of_second(RECORDS))
        assert bind.referral(FIRST) == []
        up("ingress", of_second(INGRESS))
        assert {each["domain"] for each in emulator.ingresses()} == {SECOND}
        assert bind.referral(SECOND) == ns_targets(emulator, SECOND)

        up("ingress", of_second(INGRESS).replace("protect=False", "delete_before_replace=True"))
        project.up("--replace", project.resources()[0]["urn"])
        assert bind.referral(SECOND) != ns_targets(emulator, SECOND)
        go_to("records").up()
        assert bind.referral(SECOND) == ns_targets(emulator, SECOND)

        go_to("ingress").destroy()
        go_to("records").up(fails=True)
        assert bind.referral(SECOND) != []
        project.destroy()
        assert bind.referral(SECOND) == []
