"""The programs and the order of changes of docs/guides/split-stacks.md, with two stacks and BIND."""

from __future__ import annotations

from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.vault import SECRETS_PROVIDER
from tools.bind import Programs

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "split-stacks.md").read_text()
INGRESS, RECORDS = blocks(PAGE, "python")
REFERENCE = 'edge = pulumi.StackReference("acme/edge/prod")\n'
FIRST, SECOND = "connect.acme.com", "second.acme.com"


def of_second(program: str) -> str:
    """Returns the program with the names of the second ingress and its domain."""
    return program.replace("connect", "second")


@pytest.mark.rest
def test_domain_change_replacement_and_destroy_in_the_order_of_the_page(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs
) -> None:
    with Bind(bind_programs, tmp_path / "bind", [Key("agin", [FIRST, SECOND])]) as bind:
        # Another project of the same user.
        records = Project(
            tmp_path / "records",
            project.cli,
            project.user_env,
            dict(project.environment),
            name="records",
            secrets_provider=SECRETS_PROVIDER,
        )
        records.config(secret={"tsigSecret": bind.keys[0].secret})

        def ingress_up(program: str, *args: str) -> None:
            project.pulumi("state", "unprotect", "--all", "--yes")
            (project.folder / "__main__.py").write_text(program)
            project.up(*args)

        def records_up(program: str) -> None:
            changes = {REFERENCE: REFERENCE.replace("acme/edge/prod", "organization/test/dev")}
            changes['"ns1.acme.com"'] = f'"127.0.0.1", port={bind.port}'
            for before, after in changes.items():
                assert before in program
                program = program.replace(before, after)
            (records.folder / "__main__.py").write_text(program)
            records.up()

        ingress_up(INGRESS)
        records_up(RECORDS)
        assert bind.referral(FIRST) == ns_targets(emulator, FIRST)

        ingress_up(INGRESS + of_second(INGRESS))
        records_up(RECORDS + of_second(RECORDS.replace(REFERENCE, "")))
        for domain in (FIRST, SECOND):
            assert bind.referral(domain) == ns_targets(emulator, domain)
        records_up(of_second(RECORDS))
        assert bind.referral(FIRST) == []
        second_alone = of_second(INGRESS)
        ingress_up(second_alone)
        assert {each["domain"] for each in emulator.ingresses()} == {SECOND}
        assert bind.referral(SECOND) == ns_targets(emulator, SECOND)

        [second] = project.resources()
        replaceable = second_alone.replace("protect=True", "delete_before_replace=True")
        ingress_up(replaceable, "--replace", second["urn"])
        assert bind.referral(SECOND) != ns_targets(emulator, SECOND)
        records.up()
        assert bind.referral(SECOND) == ns_targets(emulator, SECOND)

        project.destroy()
        assert "KeyError" in records.up(fails=True)
        assert bind.referral(SECOND) != []
        records.destroy()
        assert bind.referral(SECOND) == []
