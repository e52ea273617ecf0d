"""Previews that say what an update would fail at."""

from __future__ import annotations

import re
import shlex

import pytest

from pulumi_agin.api.access import Secret
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.project import UNCHANGED, Project

DOMAIN = 'domain="connect.acme.com"'
URN = "urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::"
POLICY = 'certificate_management_policy={"authority": "letsencrypt"}'
WARNING = "ngrok will keep the certificate_management_policy that this update is to remove, and the update will fail."


def test_wrong_settings_are_one_error_however_many_resources_there_are(project: Project, emulator: Emulator) -> None:
    project.program('for n in range(30): agin.AgentIngress(f"a{n}", domain=f"d{n}.acme.com")')
    for failed in (
        project.pulumi("preview", fails=True, env={"NGROK_API_KEY": ""}),
        project.up(fails=True, env={"NGROK_API_KEY": ""}),
        project.up(fails=True, env={"NGROK_API_KEY": "", "NGROK_API_BASE_URL": "http://api.ngrok.com"}),
    ):
        assert failed.diagnostics.count("there is no ngrok API key: set it with `pulumi config set --secret") == 1
        assert "Traceback" not in failed
    assert "; the base URL from the environment variable NGROK_API_BASE_URL must begin with https://" in failed
    assert project.resources() == []
    assert emulator.requests() == []


def test_two_resources_with_one_domain_are_an_error_that_names_both(project: Project, emulator: Emulator) -> None:
    many = 'for n in range(30): agin.AgentIngress(f"a{n}", domain=f"d{n}.acme.com")\n'
    project.program(f'{many}agin.AgentIngress("b", domain="D7.acme.com.")')
    failed = project.pulumi("preview", fails=True)
    assert (
        'the AgentIngresses "a7" and "b" have the same domain, d7.acme.com, and a domain has at most one Agent '
        "Ingress. Give one of them another domain, or remove one of them from the program"
    ) in " ".join(failed.output.split())
    assert "--show-ids" not in failed
    assert "Traceback" not in failed
    # An update finds those that the preview did not know, in other accounts, too.
    project.program(
        f"""
        a = agin.AgentIngress("a", {DOMAIN})
        opts = pulumi.ResourceOptions(provider=agin.Provider("second", "{OTHER_ACCOUNTS_KEY}"))
        agin.AgentIngress("b", domain=a.id.apply(lambda id: "Connect.ACME.com."), opts=opts)
        """
    )
    assert "4 to create" in project.preview()
    # With the id, the next preview knows it, too.
    for failed in (project.up(fails=True), project.pulumi("preview", fails=True)):
        assert 'the AgentIngresses "a" and "b" have the same domain, connect.acme.com' in failed.diagnostics
        assert "Traceback" not in failed
    assert [each["id"] for each in emulator.ingresses()] == [each["id"] for each in project.resources()]


def test_a_preview_warns_of_domains_that_have_an_ingress(project: Project, emulator: Emulator) -> None:
    project.program(f'agin.AgentIngress("a", {DOMAIN})')
    project.up()
    [renamed] = project.resources()
    left = AgentIngressClient(Secret(API_KEY), emulator.url).create({"domain": "left.acme.com"})
    program = f"""
        agin.AgentIngress("b", {DOMAIN}, opts=pulumi.ResourceOptions(OPTS))
        agin.AgentIngress("c", domain="left.acme.com")
        for n in range(30): agin.AgentIngress(f"d{{n}}", domain=f"d{{n}}.acme.com")
        """
    project.program(program.replace("OPTS", ""))
    emulator.clear_requests()
    preview = project.pulumi("preview")
    warnings = {w.split()[0]: w for w in preview.diagnostics.split("warning: ")[1:]}
    # They share a list, which is read again only after five seconds.
    counts = emulator.counts()
    assert counts.pop("GET /agent_ingresses") < 10
    assert counts == {}
    assert warnings.keys() == {"connect.acme.com", "left.acme.com"}
    assert "already has an Agent Ingress, so `pulumi up` will fail" in warnings["left.acme.com"]
    assert f"{renamed['id']}, created at {renamed['outputs']['created_at']}" in warnings["connect.acme.com"]
    assert "renamed or moved in the program, give the resource its old name" in warnings["connect.acme.com"]
    [line] = [line.strip() for line in preview.output.splitlines() if f"pulumi-agin import {left.id}" in line]
    project.shell(line)
    project.program(program.replace("OPTS", 'aliases=[pulumi.Alias(name="a")]'))
    preview = project.pulumi("preview")
    assert "warning" not in preview
    assert "30 to create" in preview


def test_wrong_values_are_one_error_however_many_resources_there_are(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        for number in range(30):
            agin.AgentIngress(
                f"a{number}",
                domain=f"a{number}.acme.com",
                certificate_management_policy={"authority": "acme"},
            )
        """
    )
    # The engine would end the program while the SDK registers others, and the SDK would print their tracebacks.
    failed = project.pulumi("preview", fails=True)
    [error] = re.findall("error: __main__.py:.*", failed.diagnostics)
    assert 'the AgentIngress "a0" has a problem: property certificate_management_policy.authority must be' in error
    assert "Traceback" not in failed
    assert emulator.requests() == []


def test_what_the_program_leaves_to_the_plugin_is_an_error_that_names_both(project: Project) -> None:
    ingress = f'agin.AgentIngress("{{}}", {DOMAIN}, opts=pulumi.ResourceOptions(ignore_changes=["domain"]))\n'
    project.program(ingress.format("a"))
    project.up()
    project.program(ingress.format("a") + ingress.format("b"))
    failed = project.pulumi("preview", fails=True)
    assert "value {connect.acme.com} has a problem: urn:pulumi:dev::test::" in failed.diagnostics
    assert f"The new one is {URN}b: give it another domain, or remove it from the program" in failed.diagnostics
    assert not failed.has_traceback


def test_two_names_of_one_ingress_end_in_the_line_that_forgets_one(project: Project, emulator: Emulator) -> None:
    options = 'opts=pulumi.ResourceOptions(ignore_changes=["domain"])'
    two = f'for name in "ab": agin.AgentIngress(name, {DOMAIN}, {options})'
    project.program(two.replace("ab", "a"))
    project.up()
    id_ = project.import_again(f"{URN}a", f"{URN}b")
    project.program(two)
    failed = project.pulumi("preview", fails=True)
    assert f"Both are in the state with {id_}, as after an import under a second name." in failed.diagnostics
    [line] = {line.strip() for line in failed.output.splitlines() if "pulumi state delete" in line}
    # A program that knows both itself does not know the state.
    project.program(two.replace(options, ""))
    known = project.pulumi("preview", fails=True)
    assert 'the AgentIngresses "a" and "b" have the same domain' in known.diagnostics
    assert "state delete" not in known
    project.shell(line)
    [left] = project.resources()
    project.program(two.replace("ab", left["urn"][-1]))
    assert UNCHANGED in project.up()
    assert [each["id"] for each in emulator.ingresses()] == [left["id"]]


@pytest.mark.parametrize("is_child", [False, True], ids=["top", "child"])
def test_the_preview_of_a_removed_policy_warns_that_ngrok_keeps_it(is_child: bool, project: Project) -> None:
    parent = {"parent": "pulumi.ComponentResource('test:index:Gateway', 'gateway')"} if is_child else {}

    def write(*arguments: str, **options: str) -> None:
        opts = ", ".join(f"{name}={value}" for name, value in {**parent, **options}.items())
        project.program(f'agin.AgentIngress("a", {", ".join(arguments)}, opts=pulumi.ResourceOptions({opts}))')

    write(DOMAIN, POLICY)
    project.up()
    [urn] = [each["urn"] for each in project.resources()]
    write(DOMAIN)
    preview = project.pulumi("preview")
    [warning] = preview.diagnostics.split("warning: ")[1:]
    assert warning.startswith(f"{WARNING} Only a replacement")
    assert f"pulumi up --stack dev --replace {shlex.quote(urn)}" in warning
    # The update says it once, as its failure.
    failed = project.up(fails=True)
    assert "ngrok was asked to remove the certificate_management_policy" in failed.diagnostics
    assert "warning:" not in failed
    # What does not remove it by an update is not warned of.
    write(DOMAIN, delete_before_replace="True")
    assert WARNING not in project.pulumi("preview", "--replace", urn)
    write('domain="other.acme.com"')
    assert "warning:" not in project.pulumi("preview")
    write(DOMAIN, 'description="new"', POLICY)
    assert "warning:" not in project.pulumi("preview")
    write(DOMAIN, 'description="new"', ignore_changes='["certificate_management_policy"]')
    assert "warning:" not in project.pulumi("preview")
