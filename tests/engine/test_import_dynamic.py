"""Existing ingresses taken over: `pulumi-agin import … | pulumi import …`, and then an `up` that changes nothing."""

from __future__ import annotations

import json
import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.project import UNCHANGED, Project
from tests.support.records import delegate
from tools.bind import Bind, Key

PULUMI_IMPORT = "pulumi import --file /dev/stdin --generate-code=false --yes"
STACK = "urn:pulumi:dev::test::pulumi:pulumi:Stack::test-dev"
SITE = "urn:pulumi:dev::test::acme:index:Site::site"
PROVIDER = "urn:pulumi:dev::test::pulumi:providers:pulumi-python::acct2"
PROTECTED = ", opts=pulumi.ResourceOptions(protect=True)"


def import_line(project: Project, python: Path, *args: Any, **kwargs: Any) -> str:
    """What commands.import_line gives in a process that runs in the project's folder with this Python."""
    program = (
        "import json, sys; from pulumi_agin.commands import import_line; args, kwargs = json.loads(sys.argv[1]); "
        "print(import_line(*args, **kwargs))"
    )
    command = [str(python), "-c", program, json.dumps([args, kwargs])]
    return subprocess.check_output(command, cwd=project.folder, text=True).strip()


def assert_unchanged(project: Project, emulator: Emulator, resources: int) -> None:
    """Neither a refresh nor an `up` finds a difference, and the state is as an `up` leaves it."""
    before = contents(project)
    emulator.clear_requests()
    assert f"{resources} unchanged" in project.up("--refresh")
    assert contents(project) == before
    assert {request["method"] for request in emulator.requests()} == {"GET"}


def contents(project: Project) -> dict[str, Any]:
    """Inputs and outputs in the state, by URN."""
    return {found["urn"]: (found["inputs"], found["outputs"]) for found in project.resources()}


def test_all_of_an_account_and_the_program_for_it(project: Project, emulator: Emulator) -> None:
    metadata = json.dumps(
        {"team": 'the "iot" team', "note": "two\nlines", "greeting": "Grüße, 你好"}, ensure_ascii=False
    )
    create(emulator, "bare.acme.com")
    create(emulator, "text.acme.com", description='it\'s\n"odd" \\ 🚀', metadata=metadata)
    for key_type in ({}, {"private_key_type": "rsa"}, {"private_key_type": "ecdsa"}):
        domain = f"{key_type.get('private_key_type', 'any')}.acme.com"
        create(emulator, domain, certificate_management_policy={"authority": "letsencrypt", **key_type})
    # The status of a certificate goes by the clock.
    emulator.configure(order="shuffled", upper_case=True, job_after_seconds=10_000, issue_after_seconds=20_000)
    project.shell("pulumi-agin import --all --code > __main__.py")
    emulator.clear_requests()
    imported = project.shell(f"pulumi-agin import --all | {PULUMI_IMPORT}")
    assert "5 imported" in imported
    assert "warning" not in imported
    # The engine asks for nothing: what the file says is the state.
    assert emulator.counts() == {"GET /agent_ingresses": 1}
    assert all(found["protect"] for found in project.resources())

    emulator.clear_requests()
    assert "6 unchanged" in project.up()
    assert emulator.requests() == []
    assert_unchanged(project, emulator, 6)
    assert all(found["protect"] for found in project.resources())
    # After it, the same command changes nothing and prints the same program.
    assert project.shell("pulumi-agin import --all --code 2>/dev/null") == (project.folder / "__main__.py").read_text()
    again = project.shell(f"pulumi-agin import --all | {PULUMI_IMPORT}")
    assert "imported" not in again
    assert again.count("is in the stack already, as urn:pulumi:dev::test::") == 5
    assert "pulumi-agin: nothing is left to take over, so the file has no resources\n" in again


def test_the_program_of_a_user_who_left_out_what_ngrok_chose(project: Project, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", certificate_management_policy={"authority": "letsencrypt"})
    project.shell(f"pulumi-agin import {id_} --name connect | {PULUMI_IMPORT}")
    project.program(
        """
        agin.AgentIngress("connect", domain="Connect.ACME.com.", description="",
            certificate_management_policy={"authority": "letsencrypt"})
        """
    )
    emulator.clear_requests()
    assert UNCHANGED in project.preview()
    assert UNCHANGED in project.up()
    assert emulator.requests() == []
    # Its program doesn't protect it, and so it is no more.
    assert "protect" not in project.resources()[0]


def test_one_taken_over_can_be_found_gone(project: Project, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com")
    project.shell(f"pulumi-agin import {id_} | {PULUMI_IMPORT}")
    # Not with a key of another account, for which it does not exist.
    failed = project.refresh(fails=True, env={"NGROK_API_KEY": OTHER_ACCOUNTS_KEY})
    assert "That need not mean that it is gone" in failed.diagnostics
    emulator.delete_ingress(id_)
    project.refresh()
    assert project.resources() == []


def test_a_filter(project: Project, emulator: Emulator) -> None:
    create(emulator, "one.acme.com", description="iot")
    create(emulator, "two.acme.com", description="web")
    iot = """pulumi-agin import --filter 'obj.description == "iot"'"""
    project.shell(f"{iot} | {PULUMI_IMPORT}")
    project.shell(f"{iot} --code > __main__.py")
    assert [found["outputs"]["domain"] for found in project.resources()] == ["one.acme.com"]
    assert_unchanged(project, emulator, 2)


SITE_PROGRAM = """
    class Site(pulumi.ComponentResource):
        def __init__(self, name, opts=None):
            super().__init__("acme:index:Site", name, {{}}, opts)
            {child}
            self.register_outputs({{}})

    provider = pulumi.ProviderResource("pulumi-python", "acct2", {{
        "ngrok:apiKey": pulumi.Config().require_secret("acct2"), "ngrok:apiBaseUrl": pulumi.Config().require("url")}})
    Site("site", pulumi.ResourceOptions({options}))
    """


@pytest.mark.parametrize("explicit", [False, True], ids=["default-provider", "explicit-provider"])
def test_the_child_of_a_component(explicit: bool, project: Project, emulator: Emulator, user_env: Path) -> None:
    id_ = create(emulator, "connect.acme.com", OTHER_ACCOUNTS_KEY if explicit else API_KEY)
    project.config(secret={"acct2": OTHER_ACCOUNTS_KEY}, plain={"url": emulator.url})
    options = "providers=[provider]" if explicit else ""
    project.program(SITE_PROGRAM.format(child="pass", options=options))
    project.up()

    # With a reference to the provider, as a state has it, the URL and the key are the provider's own.
    [acct2] = [found for found in project.state()["deployment"]["resources"] if found["urn"] == PROVIDER]
    provider = f"{PROVIDER}::{acct2['id']}" if explicit else None
    environment = {"NGROK_API_BASE_URL": "https://x.invalid", "NGROK_API_KEY": ""} if explicit else {}
    line = import_line(project, user_env / "bin" / "python", id_, "connect", parent=SITE, provider=provider)
    imported = project.shell(line, env=environment)
    assert "1 imported" in imported
    assert "warning" not in imported
    # The program has it under the component, with the component's provider.
    child = 'agin.AgentIngress("connect", domain="connect.acme.com", opts=pulumi.ResourceOptions(parent=self))'
    project.program(SITE_PROGRAM.format(child=child, options=options))
    assert_unchanged(project, emulator, 4)


def test_an_explicit_provider_and_the_printed_program_filled_in(project: Project, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", OTHER_ACCOUNTS_KEY)
    project.config(secret={"acct2": OTHER_ACCOUNTS_KEY}, plain={"url": emulator.url})
    program = SITE_PROGRAM.format(child="pass", options="")
    project.program(program)
    project.up()
    command = f"pulumi-agin import {id_} --parent {SITE} --provider {PROVIDER}"
    project.shell(f"{command} | {PULUMI_IMPORT}")
    code = project.shell(f"{command} --code 2>/dev/null")
    assert OTHER_ACCOUNTS_KEY[:8] not in code
    site = 'Site("site", pulumi.ResourceOptions())'
    assert site in program
    project.program(program.replace(site, f"parent = {site}"))
    with (project.folder / "__main__.py").open("a") as file:
        file.write(code)
    assert_unchanged(project, emulator, 4)

    # Where the state can't be decrypted, or there is no such provider, nothing is printed.
    project.pulumi("stack", "change-secrets-provider", "passphrase")
    said = project.shell(f"{command} 2>&1", fails=True, env={"PULUMI_CONFIG_PASSPHRASE": "wrong"})
    assert said.startswith("pulumi-agin: the API key of the provider could not be taken from the state: `pulumi stack")
    assert "incorrect passphrase" in said
    said = project.shell(f"{command}0", fails=True)
    assert said == f"pulumi-agin: the stack has no provider {PROVIDER}0; it has {PROVIDER}\n"
    said = project.shell(f"cd / && {command}", fails=True)
    assert "no Pulumi.yaml project file found" in said


def test_the_line_of_a_key_in_the_stack_config_where_no_environment_is_active(
    project: Project, emulator: Emulator, user_env: Path
) -> None:
    id_ = create(emulator, "connect.acme.com")
    (project.folder / ".venv").symlink_to(user_env)
    project.yaml("name: test\nruntime:\n  name: python\n  options:\n    virtualenv: .venv\n")
    for variable in ("NGROK_API_KEY", "NGROK_API_BASE_URL"):
        del project.environment[variable]
    project.config(secret={"ngrok:apiKey": API_KEY}, plain={"ngrok:apiBaseUrl": emulator.url})
    name = "a b'; rm -rf /"
    python = project.folder / ".venv" / "bin" / "python"
    line = import_line(project, python, id_, name, parent=STACK)
    assert line.startswith(".venv/bin/pulumi-agin import ")
    # The stack config wins over the environment, as in the provider.
    path = {"PATH": f"{project.cli}:/usr/bin:/bin"}
    imported = project.shell(line, env={**path, "NGROK_API_KEY": OTHER_ACCOUNTS_KEY})
    assert "pulumi-agin: the API key is from the config of the stack dev (ngrok:apiKey)\n" in imported
    assert "1 imported" in imported
    project.program(f'agin.AgentIngress("{name}", domain="connect.acme.com"{PROTECTED})')
    assert_unchanged(project, emulator, 2)


@pytest.mark.parametrize("shell_name", ["sh", "bash"])
def test_the_line_that_a_failed_up_prints_works_for_any_name(
    shell_name: str, project: Project, emulator: Emulator
) -> None:
    """Names that end in a line break, and hold what can't be printed."""
    create(emulator, "connect.acme.com")
    child = 'agin.AgentIngress("connect\\n", domain="connect.acme.com", opts=pulumi.ResourceOptions(parent=self))'
    program = SITE_PROGRAM.format(child=child, options="").replace('Site("site"', 'Site("\\x1b[2K\u202eit\'s a\\n\\n"')
    project.config(secret={"acct2": OTHER_ACCOUNTS_KEY}, plain={"url": emulator.url})
    project.program(program)
    failed = project.up(fails=True)
    [line] = {line.strip() for line in failed.output.splitlines() if "| pulumi import" in line}
    assert line.isprintable()
    # Any stack has the parent by then.
    assert "1 imported" in project.shell(f"exec {shell_name} -c {shlex.quote(line)}")
    assert [found["urn"].rpartition("::")[2] for found in project.resources()] == ["connect\n"]
    assert "unchanged" in project.up()
    assert len(emulator.ingresses()) == 1


def test_the_line_fails_where_another_stack_is_selected(project: Project, emulator: Emulator, user_env: Path) -> None:
    id_ = create(emulator, "connect.acme.com")
    line = import_line(project, user_env / "bin" / "python", id_, "connect", parent=STACK)
    project.init("prod")
    said = project.shell(line, fails=True)
    assert f"refers to missing parent {STACK}" in said
    project.program('agin.AgentIngress("other", domain="other.acme.com")')
    assert "2 created" in project.up()
    before = project.state()
    assert f"refers to missing parent {STACK}" in project.shell(line, fails=True)
    assert project.state() == before
    assert UNCHANGED in project.up()

    # In its own stack it works, in an empty one too.
    project.select("dev")
    project.program(f'agin.AgentIngress("connect", domain="connect.acme.com"{PROTECTED})')
    project.shell(line)
    assert_unchanged(project, emulator, 2)


def test_a_rename_is_not_made_worse(project: Project, emulator: Emulator, user_env: Path) -> None:
    project.program('agin.AgentIngress("old", domain="connect.acme.com")')
    project.up()
    [ingress] = emulator.ingresses()
    project.program('agin.AgentIngress("new", domain="connect.acme.com")')
    assert "ERR_NGROK_6706" in project.up(fails=True).diagnostics
    line = import_line(project, user_env / "bin" / "python", ingress["id"], "new", parent=STACK)
    # With it done, the next `up` would delete the ingress that both names have.
    said = project.shell(line, fails=True)
    assert "is in the stack already, as urn:pulumi:dev::test::pulumi-python:dynamic/agin:AgentIngress::old" in said
    assert "ResourceOptions(aliases=[pulumi.Alias(name=…, parent=…)])" in said
    assert [found["urn"].rpartition("::")[2] for found in project.resources()] == ["old"]


def test_a_domain_taken_back_half_way_is_not_made_worse(project: Project, emulator: Emulator, user_env: Path) -> None:
    project.program('agin.AgentIngress("connect", domain="a.acme.com")')
    project.up()
    [first] = emulator.ingresses()
    refused = {"status_code": 400, "error_code": "ERR_NGROK_215", "msg": "not now"}
    emulator.add_fault("DELETE", "answer", status=400, json_body=refused)
    project.program('agin.AgentIngress("connect", domain="b.acme.com")')
    project.up(fails=True)
    project.program('agin.AgentIngress("connect", domain="a.acme.com")')
    assert "ERR_NGROK_6706" in project.up(fails=True).diagnostics
    line = import_line(project, user_env / "bin" / "python", first["id"], "connect", parent=STACK)
    before = project.state()
    assert "which is still to be deleted: finish that first" in project.shell(line, fails=True)
    assert project.state() == before


def test_nothing_is_imported_where_something_is_wrong(project: Project, emulator: Emulator) -> None:
    create(emulator, "connect.acme.com")
    before = project.state()
    said = project.shell(f"pulumi-agin import agin_000000000000000000000000000 | {PULUMI_IMPORT}", fails=True)
    assert said.startswith("pulumi-agin: could not read the Agent Ingress agin_0000")
    assert project.state() == before


def test_a_stack_config_that_can_not_be_read_is_not_replaced_by_the_environment(
    project: Project, emulator: Emulator
) -> None:
    id_ = create(emulator, "connect.acme.com", OTHER_ACCOUNTS_KEY)
    project.config(secret={"ngrok:apiKey": OTHER_ACCOUNTS_KEY})
    project.pulumi("stack", "change-secrets-provider", "passphrase")
    said = project.shell(f"pulumi-agin import {id_}", fails=True, env={"PULUMI_CONFIG_PASSPHRASE": "wrong"})
    assert said.startswith(
        "pulumi-agin: the config of the selected stack could not be read: `pulumi config get` failed: incorrect "
        "passphrase. The environment is not used in its place"
    )
    said = project.shell(f"pulumi-agin import {id_} --stack nowhere", fails=True)
    assert said.startswith(
        "pulumi-agin: the state could not be read: `pulumi stack export` failed: no stack named 'now"
    )
    no_login = {"PULUMI_BACKEND_URL": "", "PULUMI_ACCESS_TOKEN": ""}
    said = project.shell(f"pulumi-agin import {id_}", fails=True, env=no_login)
    assert "`pulumi config` failed: PULUMI_ACCESS_TOKEN must be set for login" in said
    # A stack of its own, whose settings are asked for from a folder below.
    (project.folder / "below").mkdir()
    said = project.shell(f"cd below && pulumi-agin import {id_}")
    assert "the API key is from the config of the stack dev (ngrok:apiKey)" in said
    # No stack is selected: the environment, in which is our key.
    project.pulumi("stack", "unselect")
    said = project.shell("pulumi-agin import --all", fails=True)
    assert said == (
        "pulumi-agin: the account of the API key from the environment variable NGROK_API_KEY has no Agent Ingress\n"
    )
    said = project.shell(f"pulumi-agin import {id_} --stack dev")
    assert "the API key is from the config of the stack dev (ngrok:apiKey)" in said


def test_many_in_one_component_under_the_names_of_a_file(project: Project, emulator: Emulator) -> None:
    ids = {name: create(emulator, f"{name}.acme.com") for name in ("a", "b", "c", "d")}
    component = """
        class Site(pulumi.ComponentResource):
            def __init__(self, name, opts=None):
                super().__init__("acme:index:Site", name, {{}}, opts)
                for domain, name in {names}.items():
                    agin.AgentIngress(name, domain=domain, opts=pulumi.ResourceOptions(parent=self, protect=True))

        Site("site")
        """
    project.program(component.format(names={}))
    project.up()
    names = {"a.acme.com": "first", "B.acme.com.": "b's", "c.acme.com": "third\n"}
    (project.folder / "names.json").write_text(json.dumps({ids["a"]: "first"}))
    line = f"pulumi-agin import --names names.json --parent {SITE} | {PULUMI_IMPORT}"
    assert "1 imported" in project.shell(line)
    # More of them, of which the stack has one already, from another program.
    rows = f"id,name\n{ids['a']},first\nB.acme.com.,b's\n"
    line = f"printf %s {shlex.quote(rows)} | pulumi-agin import --names - --parent {SITE} | {PULUMI_IMPORT}"
    assert "1 imported" in project.shell(line)
    (project.folder / "names.json").write_text(json.dumps(names))
    line = f"pulumi-agin import --all --names names.json --parent {SITE} | {PULUMI_IMPORT}"
    assert "2 imported" in project.shell(line)
    assert "nothing is left to take over" in project.shell(line)
    names["d.acme.com"] = "d-acme-com"
    project.program(component.format(names=names))
    assert_unchanged(project, emulator, 6)


def test_the_key_of_a_program_in_another_language(project: Project, emulator: Emulator) -> None:
    """Its name does not depend on what else the config has."""
    project.yaml("name: test\nruntime: yaml\n")
    project.config(secret={"agin:apiKey": OTHER_ACCOUNTS_KEY, "ngrok:apiKey": API_KEY})
    said = project.shell("pulumi-agin import --all", fails=True)
    assert "the account of the API key from the config of the stack dev (agin:apiKey) has no Agent Ingress" in said


def test_delegations_take_over_the_records_that_exist(project: Project, emulator: Emulator, tmp_path: Path) -> None:
    key = Key("agin", ["a.acme.com", "b.acme.com"])
    with Bind(tmp_path / "bind", [key]) as bind:
        for domain in ("a.acme.com", "b.acme.com"):
            create(emulator, domain)
        wanted = {each["domain"]: sorted(f"{name}." for name in each["ns_targets"]) for each in emulator.ingresses()}
        for domain, targets in wanted.items():
            delegate(bind, domain, targets, key)
        project.shell("pulumi-agin import --all --code --delegations rfc2136 > __main__.py")
        program = (project.folder / "__main__.py").read_text()
        lines = [line.removeprefix("# ") for line in program.splitlines() if line.startswith("# pulumi config set ")]
        values = {
            "server": "127.0.0.1",
            "zone": "acme.com",
            "port": str(bind.port),
            "tsigKeyName": key.name,
            "tsigSecret": key.secret,
        }
        assert [line.split()[-1] for line in lines] == [*values]
        for line, value in zip(lines, values.values(), strict=True):
            project.shell(f"printf %s {shlex.quote(value)} | {line}")
        assert key.secret not in (project.folder / "Pulumi.dev.yaml").read_text()
        assert "2 imported" in project.shell(f"pulumi-agin import --all | {PULUMI_IMPORT}")
        assert "4 created" in project.up()
        assert {domain: bind.referral(domain) for domain in wanted} == wanted
        assert "7 unchanged" in project.up()
