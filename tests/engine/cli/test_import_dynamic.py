"""`pulumi-agin import … | pulumi import …` with all kinds of ingresses, and an `up` that changes none."""

from __future__ import annotations

import json
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.imported_program import with_delegations
from tests.support.keys import OTHER_ACCOUNTS_KEY
from tests.support.ngrok import create
from tests.support.odd_emulator import OddEmulator, Oddities
from tests.support.project import Project
from tests.support.records import delegate
from tools.bind import Programs

PULUMI_IMPORT = "pulumi import --file /dev/stdin --generate-code=false --yes"
SITE = "urn:pulumi:dev::test::acme:index:Site::site"
PROVIDER = "urn:pulumi:dev::test::pulumi:providers:pulumi-python::acct2"

# The children are in another account. The program omits values that ngrok chose.
SITE_PROGRAM = """
config = pulumi.Config()
provider = agin.Provider("acct2", config.require_secret("acct2"), config.require("url"))


class Site(pulumi.ComponentResource):
    def __init__(self, name, children):
        super().__init__("acme:index:Site", name, {}, pulumi.ResourceOptions(providers=[provider]))
        for child, domain in children.items():
            agin.AgentIngress(child, domain=domain, description="", certificate_management_policy={
                "authority": "letsencrypt"}, opts=pulumi.ResourceOptions(parent=self))


Site("site", CHILDREN)
"""


def test_imported_ingresses_of_all_kinds_are_unchanged(
    project: Project, emulator: OddEmulator, tmp_path: Path, bind_programs: Programs
) -> None:
    metadata = json.dumps({"team": 'the "iot" team', "note": "two\nlines", "hi": "Grüße, 你好"}, ensure_ascii=False)
    policy = {"authority": "letsencrypt"}
    create(emulator, "bare.acme.com")
    create(emulator, "text.acme.com", description='it\'s\n"odd" \\ 🚀', metadata=metadata)
    create(emulator, "rsa.acme.com", certificate_management_policy=policy)
    create(emulator, "ecdsa.acme.com", certificate_management_policy={**policy, "private_key_type": "ecdsa"})
    wanted = {each["domain"]: sorted(f"{name}." for name in each["ns_targets"]) for each in emulator.ingresses()}
    first = create(emulator, "first.other.com", OTHER_ACCOUNTS_KEY, certificate_management_policy=policy)
    create(emulator, "second.other.com", OTHER_ACCOUNTS_KEY, certificate_management_policy=policy)
    # The status of a certificate depends on the time.
    emulator.configure(job_after_seconds=10_000, issue_after_seconds=20_000)
    emulator.oddities = Oddities(order="shuffled", upper_case=True)
    project.config(secret={"acct2": OTHER_ACCOUNTS_KEY}, plain={"url": emulator.url})
    project.program(SITE_PROGRAM.replace("CHILDREN", "{}"))
    project.up()

    key = Key("agin", list(wanted))
    with Bind(bind_programs, tmp_path / "bind", [key]) as bind:
        for domain, targets in wanted.items():
            delegate(bind, domain, targets, key)
        # All of this account, and a program with delegations.
        program = project.shell("pulumi-agin import --all --code 2>/dev/null")
        project.config(secret={"tsigSecret": key.secret})
        emulator.clear_requests()
        imported = project.shell(f"pulumi-agin import --all | {PULUMI_IMPORT}")
        assert "4 imported" in imported
        assert "warning" not in imported
        # The engine trusts the file and reads nothing.
        assert emulator.counts() == {"GET /agent_ingresses": 1}

        # Some of the other account, with the provider's key and URL.
        (project.folder / "names.json").write_text(json.dumps({first: "first", "Second.Other.com.": "second's\n"}))
        command = f"pulumi-agin import --names names.json --parent {SITE} --provider {PROVIDER}"
        elsewhere = {"NGROK_API_BASE_URL": "https://x.invalid", "NGROK_API_KEY": ""}
        assert "2 imported" in project.shell(f"{command} | {PULUMI_IMPORT}", env=elsewhere)
        site = SITE_PROGRAM.replace("CHILDREN", """{"first": "First.OTHER.com.", "second's\\n": "second.other.com"}""")
        arguments = f'"127.0.0.1", "acme.com", port={bind.port}, tsig_key_name="{key.name}", adopt=True'
        adapter = f'agin.dns.rfc2136({arguments}, tsig_secret=config.require_secret("tsigSecret"))'
        project.program(site + with_delegations(program, adapter))
        outputs = in_state(project, "outputs")
        emulator.clear_requests()
        up = project.up()
        assert "8 created" in up
        # The Provider is updated, because it has the config.
        assert "~ 1 updated" in up
        assert "8 unchanged" in up
        assert emulator.requests() == []
        assert in_state(project, "outputs") == outputs
        assert {domain: bind.referral(domain) for domain in wanted} == wanted
        # Resources that the program does not protect are no longer protected.
        unprotected = {each["outputs"]["domain"] for each in project.resources() if not each.get("protect")}
        assert unprotected == {"first.other.com", "second.other.com"}

        state = in_state(project, "inputs", "outputs")
        assert "17 unchanged" in project.up("--refresh")
        assert {request["method"] for request in emulator.requests()} == {"GET"}
        assert in_state(project, "inputs", "outputs") == state

    # The same command now changes nothing, and prints the same program.
    assert project.shell("pulumi-agin import --all --code 2>/dev/null") == program
    again = project.shell(f"pulumi-agin import --all | {PULUMI_IMPORT}")
    assert "imported" not in again
    assert "pulumi-agin: all of them are already in the stack, so the import file contains no resources\n" in again


def in_state(project: Project, *parts: str) -> dict[str, list[object]]:
    """Returns these parts of each ingress in the state, by URN."""
    return {each["urn"]: [each[part] for part in parts] for each in project.resources()}


def test_import_key_comes_from_the_stack(project: Project, emulator: Emulator) -> None:
    id_ = create(emulator, "connect.acme.com", OTHER_ACCOUNTS_KEY)
    project.config(secret={"agin:apiKey": OTHER_ACCOUNTS_KEY})
    project.pulumi("stack", "change-secrets-provider", "passphrase")
    (project.folder / "below").mkdir()
    printed = project.shell(f"cd below && pulumi-agin import {id_}")
    assert "the API key is from the config of the stack dev (agin:apiKey)" in printed
    printed = project.shell(f"pulumi-agin import {id_}", fails=True, env={"PULUMI_CONFIG_PASSPHRASE": "wrong"})
    assert "incorrect passphrase. The environment is not used instead" in printed
    no_login = {"PULUMI_BACKEND_URL": "", "PULUMI_ACCESS_TOKEN": ""}
    printed = project.shell(f"pulumi-agin import {id_}", fails=True, env=no_login)
    assert "`pulumi config` failed: PULUMI_ACCESS_TOKEN must be set for login" in printed
    project.pulumi("stack", "unselect")
    printed = project.shell(f"pulumi-agin import {id_}", fails=True)
    assert "in the account of the API key from the environment variable NGROK_API_KEY" in printed
    assert "the config of the stack dev (agin:apiKey)" in project.shell(f"pulumi-agin import {id_} --stack dev")
