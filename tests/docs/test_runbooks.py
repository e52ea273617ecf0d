"""docs/operate/runbooks.md: its commands are run exactly as written, with the real engine, the emulator and BIND."""

from __future__ import annotations

import ast
import json
import os
import re
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import pytest
import trustme

from pulumi_agin.api.models import Issuance
from pulumi_agin.cli.doctor_ns import DnsResult
from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.cloud_provider import Cloud, install_dns
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY, OTHER_ROTATED_KEY
from tests.support.killed_up import kill_up_during_creates
from tests.support.literals import PACKAGE, literals, literals_in
from tests.support.ngrok import create, ns_targets
from tests.support.pages import blocks
from tests.support.ports import free_port
from tests.support.project import Project
from tests.support.records import delegate
from tests.support.tls_server import issue, tls_server
from tools.bind import Programs

pytestmark = pytest.mark.usefixtures("shell_programs")

PAGE = (Path(__file__).parents[2] / "docs" / "operate" / "runbooks.md").read_text()
SECTIONS = dict(re.findall(r"^## (.*?)\n(.*?)(?=^## |\Z)", PAGE, re.MULTILINE | re.DOTALL))
YES = {"PULUMI_SKIP_CONFIRMATIONS": "true"}

NEW_KEY = API_KEY.replace("2tst", "2new")
NEXT_KEY = API_KEY.replace("2tst", "2nxt")


def commands(section: str) -> list[str]:
    """Returns the blocks of commands in a section."""
    return blocks(SECTIONS[section], "sh")


def rows(section: str) -> list[list[str]]:
    """Returns the cells of all rows of the tables in a section."""
    return [re.split(r" ?\| ?", row)[1:-1] for row in re.findall(r"^\|.*\|$", SECTIONS[section], re.MULTILINE)]


# -- tables -------------------------------------------------------------------------------------------------------


def test_every_section_is_in_the_table_of_symptoms() -> None:
    index = PAGE.partition("\n## ")[0]
    linked = re.findall(r"\[([^]]+)\]\(#[\w-]+\) \|$", index, re.MULTILINE)
    assert "Only some devices" in linked
    assert [section for section in linked if section != "Only some devices"] == list(SECTIONS)


def messages(section: str, column: int) -> list[str]:
    """Returns the messages in a column of a section's tables."""
    # The words before a table of another tool.
    tables = SECTIONS[section].partition("\n### Only some devices")[0]
    cells = [row[column] for row in rows(section) if " | ".join(row) in tables]
    return [message for cell in cells for message in re.findall("`([^`]+)`", cell)]


STATES = {"ok", "wait", "wrong", "unknown"}
# Those of Pulumi, of OpenSSL, and a command.
OTHER_WORDS = STATES | {"create", "update", "replace", "delete", "expired", "pulumi up"}


@pytest.mark.parametrize(
    ("section", "column"),
    [
        ("Devices are offline", 1),
        ("A certificate was not renewed", 0),
        ("A run was interrupted", 0),
        ("Changes that disconnect agents", 0),
    ],
)
def test_messages_in_the_tables_are_in_the_code(section: str, column: int) -> None:
    known = "\n".join(literals())
    found = messages(section, column)
    assert len(found) > 3
    assert [each for each in found if each not in known and each not in OTHER_WORDS] == []


# The variables in doctor_checks.py that have a reason or a part of one.
PARTS_OF_REASONS = {"reason", "why", "at_ngrok", "resource", "note", "_NOT_QUERIED", "_OTHER_PROVIDER"}
# The words in reasons that need no row of their own, by why they don't.
WITHOUT_ROW = {
    "the row of an earlier check is not ok either": [
        "ngrok could not be queried",
        "the key of its provider was not used here",
        "the expected ones are unknown",
        "there is no certificate without an Agent Ingress",
    ],
    "another part of the reason has a row, or leads to the last one": [
        "the stack  has  as ",
        "has NS records for it as",
        "now returns",
        "it was last read with another key",
        "the state does not show which key last read it",
        "limit Let's Encrypt by",
        "; the base URL is",
        "issued (ISSUED)",
        "issued, and being renewed",
    ],
    "the last row": [
        " does not have them",
        "so it may be in another account",
        "whose key was not used here",
        "so Pulumi leaves them at the DNS provider",
        "ngrok returned no ns_targets",
    ],
}


def reasons() -> set[str]:
    """Returns the reasons, or their parts, that doctor can show for checks that are not ok."""
    found = set[str]()
    for node in ast.walk(ast.parse((PACKAGE / "cli" / "doctor_checks.py").read_text())):
        match node:
            case ast.Call(func=ast.Name(id="Check"), args=[state, part, *_]) if ast.unparse(state) != "'ok'":
                found |= {*literals_in(part)}
            case ast.keyword(arg="reason", value=part):
                found |= {*literals_in(part)}
            case ast.Assign(targets=[ast.Name(id=name)], value=part) if name in PARTS_OF_REASONS:
                found |= {*literals_in(part)}
            case ast.AugAssign(target=ast.Name(id=name), value=part) if name in PARTS_OF_REASONS:
                found |= {*literals_in(part)}
            case _:
                pass
    # An f-string contains its parts, and less than three words say nothing.
    found = {each for each in found if len(re.findall("[A-Za-z]{2,}", each)) > 2}
    found = {each for each in found if not any(each in other for other in found - {each})}
    at_dns = [DnsResult(), DnsResult(("ns",)), DnsResult(problem="timeout"), DnsResult(cname="b.acme.com")]
    found |= {each.describe("public DNS") for each in at_dns}
    return found | {f"{each.value} ({each.name})" for each in Issuance}


def test_every_reason_of_doctor_has_its_row() -> None:
    known = {*messages("Devices are offline", 1), *messages("A certificate was not renewed", 0)} - OTHER_WORDS
    excepted = [words for each in WITHOUT_ROW.values() for words in each]
    found = reasons()
    assert len(found) > 30
    assert {each for each in found if not any(words in each for words in [*known, *excepted])} == set()
    # No exception is left over.
    assert [words for words in excepted if not any(words in each for each in found)] == []


# -- Test a connection --------------------------------------------------------------------------------------------


class Served(NamedTuple):
    """A certificate that a server has, and what `openssl` prints about it."""

    output: str
    name: str = "connect.acme.com"
    is_trusted: bool = True
    has_root: bool = False
    """Whether the server sends the certificate of the authority, too, as proxies do."""
    days: int | None = None
    """For how long it is valid."""


def connect(port: int, **environment: str) -> tuple[int, str]:
    """Runs the command of the page. Returns its exit status and output."""
    command = commands("Test a connection")[0].replace("-connect connect.acme.com:443", f"-connect 127.0.0.1:{port}")
    run = subprocess.run(
        ["bash", "-c", command],
        env={"PATH": "/usr/bin:/bin", **environment},
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    return run.returncode, run.stdout + run.stderr


@pytest.mark.parametrize(
    "served",
    [
        Served("Verification: OK"),
        Served("unable to get local issuer certificate", is_trusted=False),
        Served("self-signed certificate", is_trusted=False, has_root=True),
        Served("hostname mismatch", name="other.acme.com"),
        Served("certificate has expired", days=-1),
    ],
    ids=lambda served: served.output,
)
def test_connection_test_prints_what_the_table_lists(served: Served, tmp_path: Path) -> None:
    authority, others = trustme.CA(), trustme.CA()
    trusted = tmp_path / "trusted.pem"
    (authority if served.is_trusted else others).cert_pem.write_to_path(str(trusted))
    chain = [authority.cert_pem] if served.has_root else []
    with tls_server(issue(authority, served.name, days=served.days), chain) as port:
        status, output = connect(port, SSL_CERT_FILE=str(trusted))
    # It is no result of the verification.
    assert status == 0
    listed = [message for row in rows("Test a connection") for message in re.findall("`([^`]+)`", row[0])]
    assert [each for each in listed if each in output.replace("Hostname", "hostname")] == [served.output]


def test_connection_test_without_a_server_prints_what_the_table_lists() -> None:
    _, output = connect(free_port())
    assert "Connection refused" in output
    assert "`Connection refused`" in SECTIONS["Test a connection"]


def test_command_shows_the_expiry_of_the_served_certificate(tmp_path: Path) -> None:
    authority = trustme.CA()
    [command, _] = commands("A certificate was not renewed")
    with tls_server(issue(authority, "connect.acme.com", days=-1)) as port:
        command = command.replace("-connect connect.acme.com:443", f"-connect 127.0.0.1:{port}")
        run = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert re.fullmatch(r"notAfter=.* GMT\nissuer=.*trustme.*\n", run.stdout)


# -- keys ---------------------------------------------------------------------------------------------------------


@pytest.mark.rest
def test_api_key_rotation(project: Project, emulator: Emulator) -> None:
    project.environment["NGROK_API_KEY"] = ""
    project.config(secret={"agin:apiKey": API_KEY, "secondApiKey": OTHER_ACCOUNTS_KEY})
    theirs = """
        second = agin.Provider("second", api_key=pulumi.Config().require_secret("secondApiKey"))
        agin.AgentIngress("theirs", domain="theirs.acme.com", opts=pulumi.ResourceOptions(provider=second))
        """
    project.program(f'{theirs}\n        agin.AgentIngress("kept", domain="kept.acme.com")')
    project.up()
    project.program(
        f'{theirs}\n        for name in ("kept", "gone"): agin.AgentIngress(name, domain=f"{{name}}.acme.com")'
    )
    project.up()
    for key in (NEW_KEY, NEXT_KEY):
        emulator.add_key(key, account_of=API_KEY)
    emulator.add_key(OTHER_ROTATED_KEY, account_of=OTHER_ACCOUNTS_KEY)
    [gone] = [each["id"] for each in emulator.ingresses() if each["domain"] == "gone.acme.com"]
    emulator.delete_ingress(gone)
    project.program(f'{theirs}\n        agin.AgentIngress("kept", domain="kept.acme.com")')

    [rotation] = commands("Rotate the API key")
    output = project.typed(rotation, stdin=NEW_KEY)
    assert output.count("1 deleted") == 1
    emulator.remove_key(API_KEY)

    # The key of the explicit provider.
    [set_key] = re.findall(r"`(pulumi config set --secret second\w+)`", SECTIONS["Rotate the API key"])
    output = project.typed(f"{set_key}\npulumi up\npulumi refresh", stdin=OTHER_ROTATED_KEY)
    updated = re.findall(r"^ ~ +(\S+) \S+ updated", output, re.MULTILINE)
    assert set(updated) == {"pulumi:providers:pulumi-python"}
    assert "~ 1 updated\n    3 unchanged" in output
    emulator.remove_key(OTHER_ACCOUNTS_KEY)
    project.refresh()

    # The next one, with the old key revoked too early.
    project.config(secret={"agin:apiKey": NEXT_KEY})
    emulator.remove_key(NEW_KEY)
    assert "or add --run-program" in project.refresh(fails=True)
    project.pulumi("refresh", "--preview-only", "--run-program", "--expect-no-changes")
    assert "4 unchanged" in project.up()
    project.refresh()
    assert project.names(Project.INGRESS) == {"kept", "theirs"}

    # A wrong key fails at the second refresh.
    project.config(secret={"agin:apiKey": API_KEY})
    project.up()
    assert "ERR_NGROK_202" in project.refresh(fails=True)
    assert project.names(Project.INGRESS) == {"kept", "theirs"}


# The end of a loop over names and adapters.
DECLARE = """\
    ingress = agin.AgentIngress(
        name,
        domain=f"{name}.acme.com",
        certificate_management_policy={"authority": "letsencrypt"},
        opts=protected,
    )
    delegation = agin.AgentIngressDelegation(name, ingress, dns, opts=protected)
    agin.AgentIngressCertificateValidation(name, agent_ingress_id=delegation.agent_ingress_id)
"""
PROTECTED = (
    """
protected = pulumi.ResourceOptions(protect=True)
secret = pulumi.Config().require_secret("tsigSecret")
for name in ("one", "two"):
    dns = agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", secret, port=PORT, adopt=False)
"""
    + DECLARE
)
DOMAINS = ["one.acme.com", "two.acme.com"]
NO_RECORDS: dict[str, list[str]] = {domain: [] for domain in DOMAINS}
KEY = Key("agin", DOMAINS)


@dataclass(frozen=True)
class NewSecret(Key):
    """A TSIG key whose secret was replaced."""

    @property
    def secret(self) -> str:
        return replace(KEY, name="any").secret


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.fixture
def project_on_bind(project: Project, emulator: Emulator, bind: Bind) -> Project:
    """A project with two ingresses, whose certificates are issued at once, and their records in BIND."""
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    project.config(secret={"tsigSecret": KEY.secret})
    project.program(PROTECTED.replace("PORT", str(bind.port)))
    return project


def referrals(bind: Bind) -> dict[str, list[str]]:
    return {domain: bind.referral(domain) for domain in DOMAINS}


def live(emulator: Emulator) -> dict[str, list[str]]:
    """Returns the NS records of all ingresses, as they should be."""
    return {each["domain"]: ns_targets(emulator, each["domain"]) for each in emulator.ingresses()}


@pytest.mark.rest
def test_tsig_key_rotation(project_on_bind: Project, emulator: Emulator, bind: Bind) -> None:
    project = project_on_bind
    project.up()

    def serve(*keys: Key) -> None:
        """Replaces the keys of the server."""
        bind.stop()
        bind.keys = keys
        bind.start()

    rotate, check = commands("Rotate a TSIG key")
    new = Key("agin-2", DOMAINS)
    serve(KEY, new)
    project.edit({'"agin"': '"agin-2"'})
    # With a wrong secret, nothing changes.
    project.config(secret={"tsigSecret": KEY.secret})
    assert "BADSIG" in project.up(fails=True)
    assert referrals(bind) == live(emulator)
    output = project.typed(rotate, stdin=new.secret)
    changes = re.findall(r"(\w+) updated \(.*\[diff: (.*)\]", output.partition("+ pulumi refresh\n")[0])
    assert dict(changes) == dict.fromkeys(("one", "two"), "~tsig_key_name")
    serve(new)
    assert "unchanged" in project.typed(check)
    assert referrals(bind) == live(emulator)

    # Another one, with the old key removed first, as after a leak.
    third = Key("agin-3", DOMAINS)
    serve(third)
    project.edit({'"agin-2"': '"agin-3"'})
    assert "BADKEY" in project.refresh(fails=True)
    project.typed(rotate, stdin=third.secret)

    # The secret of the same key.
    changed = NewSecret("agin-3", DOMAINS)
    serve(changed)
    assert "BADSIG" in project.refresh(fails=True)
    assert "BADSIG" in project.pulumi("up", "--refresh", "--yes", fails=True)
    project.typed(rotate, stdin=changed.secret)
    project.pulumi("state", "unprotect", "--all", "--yes")
    project.destroy()
    assert referrals(bind) == NO_RECORDS


# -- state, records and ingresses ---------------------------------------------------------------------------------


# The variables that each project sets for itself.
OWN = ("HOME", "PULUMI_HOME", "PULUMI_BACKEND_URL")


@pytest.mark.rest
def test_lost_state(project: Project, emulator: Emulator, bind: Bind, tmp_path: Path) -> None:
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    # With a passphrase, which the stack's secrets need again.
    environment = {name: value for name, value in project.environment.items() if name not in OWN}
    project = Project(tmp_path / "own", project.cli, project.user_env, environment)
    project.config(secret={"tsigSecret": KEY.secret})
    project.program(PROTECTED.replace("PORT", str(bind.port)))
    project.up()
    section = SECTIONS["The state is lost"]
    [export] = re.findall(r"`(pulumi stack export --file \S+)`", section)
    project.typed(export)
    init, again = (each.replace("NAME", "dev") for each in re.findall(r"`(pulumi stack init NAME)`", section))
    restore, import_, adopt, check = commands("The state is lost")
    stacks = project.folder / "state" / ".pulumi" / "stacks"
    existing = (emulator.ingresses(), referrals(bind))

    def lose() -> None:
        shutil.rmtree(stacks)

    # Without a state, nothing that exists is changed.
    lose()
    project.typed(init)
    failed = project.pulumi("up", "--yes", fails=True)
    for domain in DOMAINS:
        assert f'The agent ingress domain "{domain}" already exists' in failed
        assert f"{domain} already has an Agent Ingress" in failed.output.partition("Updating (")[0]
    assert project.resources() == []
    assert (emulator.ingresses(), referrals(bind)) == existing

    emulator.clear_requests()
    output = project.typed(restore)
    assert output.count("9 unchanged") == 3, "the refresh with its preview, and the preview"
    assert project.names(Project.INGRESS) == {"one", "two"}

    # From the history of a backend of one's own.
    lose()
    [copy] = re.findall(r"`(mkdir -p \S+ && cp \S+ \S+)`", " ".join(section.split()))
    newest = max((project.folder / "state/.pulumi/history/test/dev").glob("*.checkpoint.json"), key=str)
    names = {"NAME-NUMBER.checkpoint.json": newest.name, "PROJECT": "test", "NAME": "dev", "NUMBER": "*"}

    def named(words: str) -> str:
        return re.sub("|".join(names), lambda match: names[match[0]], words)

    project.shell(f"cd state && {named(copy)}")
    project.pulumi("preview", "--expect-no-changes")

    # From its backups, which `pulumi stack rm` leaves.
    config = project.folder / "Pulumi.dev.yaml"
    committed = config.read_text()
    project.pulumi("stack", "rm", "--force", "--yes", "dev")
    assert not config.exists()
    config.write_text(committed)
    [pattern] = re.findall(r"`(\S+/NAME\.NUMBER\.json)`", section)
    shutil.copy(max((project.folder / "state").glob(named(pattern))), stacks / "test" / "dev.json")
    [select] = re.findall("`(pulumi stack select NAME)`", " ".join(section.split()))
    project.typed(named(select))
    project.pulumi("preview", "--expect-no-changes")

    # A run was killed while it wrote the state.
    [file] = re.findall(r"`(\S+NAME\.json\.attrs)`", section)
    attributes = project.folder / "state" / named(file)
    attributes.write_text("")
    assert "failed to load checkpoint: EOF" in project.pulumi("preview", fails=True)
    attributes.unlink()
    project.pulumi("preview", "--expect-no-changes")

    lose()
    project.typed(again)
    (project.folder / "names.json").write_text(json.dumps({domain: domain[:3] for domain in DOMAINS}))
    output = project.typed(import_)
    assert "= 2 imported" in output
    assert output.count("`pulumi up` on this machine will fail unless it deletes these records first") >= 2
    project.edit({"adopt=False": "adopt=True"})
    output = project.typed(adopt)
    assert output.count("already match the program, so they will be adopted, and nothing is written there") >= 4
    assert output.count("+ 6 to create\n    3 unchanged") == 2, "delegations, records and validations"
    project.edit({"adopt=True": "adopt=False"})
    project.typed(check)
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert (emulator.ingresses(), referrals(bind)) == existing


ADAPTERS = (
    """
protected = pulumi.ResourceOptions(protect=True)
secret = pulumi.Config().require_secret("tsigSecret")
adapters = {
    "bind": agin.dns.rfc2136("127.0.0.1", "acme.com", "agin", secret, port=PORT),
    "set": agin.dns.aws("Z1"),
    "each": agin.dns.cloudflare("Z1"),
}
for name, dns in adapters.items():
"""
    + DECLARE
)


def rows_of_update(output: str) -> dict[str, list[str]]:
    """Returns the names of the resources that an update has created, updated and deleted."""
    found: dict[str, list[str]] = {}
    for type_, name, verb in re.findall(
        r"^ [+~-] +(\S+) (\S+) (created|updated|deleted) \(", output.partition("Updating (")[2], re.MULTILINE
    ):
        found.setdefault(verb, []).append(f"{type_.rpartition(':')[2]} {name.partition('-')[0]}")
    return {verb: sorted(names) for verb, names in found.items()}


@pytest.mark.rest
def test_deleted_records_and_ingresses(
    project: Project, emulator: Emulator, tmp_path: Path, bind_programs: Programs, main_dns_packages: Path
) -> None:
    cloud = install_dns(project, main_dns_packages)
    emulator.configure(job_after_seconds=0, issue_after_seconds=0)
    with Bind(bind_programs, tmp_path / "bind", [Key("agin", ["bind.acme.com"])]) as bind:
        project.config(secret={"tsigSecret": bind.keys[0].secret})
        project.program(ADAPTERS.replace("PORT", str(bind.port)))
        project.up()
        assert all_records(bind, cloud) == live(emulator)
        recover, dig = commands("Records were deleted")
        doctor = commands("Devices are offline")[0].replace("connect.", "bind.").rstrip() + f" --dns {bind.address}"

        # All of them.
        delegate(bind, "bind.acme.com", [], bind.keys[0])
        with cloud.content() as content:
            content.resources.clear()
        assert "has no NS records for it" in project.shell(doctor, fails=True)
        assert "16 unchanged" in project.pulumi("up", "--yes")
        updated = rows_of_update(project.typed(recover))
        assert updated == {"created": [*["DnsRecord each"] * 4, "Record set", "Rfc2136Delegation bind"]}
        assert all_records(bind, cloud) == live(emulator)
        assert "delegation     ok " in project.shell(doctor)
        # The last number is the negative TTL.
        command = dig.replace("dig", f"{bind_programs.dig} @127.0.0.1 -p {bind.port}")
        assert project.shell(command).split()[-1] == "60"

        # Some of them.
        delegate(bind, "bind.acme.com", ns_targets(emulator, "bind.acme.com")[:1], bind.keys[0])
        with cloud.content() as content:
            for id_, (_, inputs) in [*content.resources.items()]:
                if inputs["name"] == "each.acme.com":
                    content.resources.pop(id_)
                    break
        assert "different name servers" in project.shell(doctor, fails=True)
        assert rows_of_update(project.typed(recover)) == {
            "created": ["DnsRecord each"],
            "updated": ["Rfc2136Delegation bind"],
        }
        assert all_records(bind, cloud) == live(emulator)

        # Two ingresses.
        recover, with_unprotect = commands("An ingress was deleted")
        delete(emulator, "bind.acme.com", "set.acme.com")
        assert "but ngrok no longer has it" in project.shell(doctor, fails=True)
        assert rows_of_update(project.typed(recover)) == {
            "created": [
                "AgentIngress bind",
                "AgentIngress set",
                "AgentIngressCertificateValidation bind",
                "AgentIngressCertificateValidation set",
            ],
            "updated": ["Record set", "Rfc2136Delegation bind"],
        }
        assert all_records(bind, cloud) == live(emulator)
        assert "delegation     ok " in project.shell(doctor)

        # The one with a record for each value.
        delete(emulator, "each.acme.com")
        failed = " ".join(project.shell(recover, fails=True, env=YES).split())
        [message] = re.findall(r"fails with `([^`]+)`", " ".join(SECTIONS["An ingress was deleted"].split()))
        assert message in failed
        assert "each.acme.com" not in live(emulator)
        assert rows_of_update(project.typed(with_unprotect)) == {
            "created": ["AgentIngress each", "AgentIngressCertificateValidation each", *["DnsRecord each"] * 4],
            "deleted": ["DnsRecord each"] * 4,
        }
        assert all_records(bind, cloud) == live(emulator)
        project.pulumi("preview", "--expect-no-changes")
        assert all(resource["protect"] for resource in project.resources())

        # One that was deleted on purpose. The first `up` unprotects its delegation.
        delete(emulator, "bind.acme.com")
        project.edit({"protect=True": "protect=False"})
        project.typed("pulumi up")
        project.edit({'    "bind": agin.dns.rfc2136': '    # "bind": agin.dns.rfc2136'})
        [remove] = re.findall(r"deleted on purpose:.*? run `([^`]+)`", SECTIONS["An ingress was deleted"], re.DOTALL)
        assert "Rfc2136Delegation bind" in rows_of_update(project.typed(remove))["deleted"]
        assert all_records(bind, cloud) == {**live(emulator), "bind.acme.com": []}


@pytest.mark.rest
def test_deleted_ingress_that_was_created_again(project_on_bind: Project, emulator: Emulator, bind: Bind) -> None:
    project = project_on_bind
    project.up()
    delete(emulator, "one.acme.com")
    made = create(emulator, "one.acme.com", certificate_management_policy={"authority": "letsencrypt"})
    shown = project.shell(f"pulumi-agin doctor one.acme.com --dns {bind.address}", fails=True)
    section = " ".join(SECTIONS["An ingress was deleted"].split())
    item = section.partition("**ngrok has another ingress with the domain ")[2].partition(" - **")[0]
    reason, refresh, preview, up = re.findall("`([^`]+)`", item)
    assert reason in shown
    output = project.typed(f"{refresh}\n{preview}")
    [import_] = re.findall(r"^ +(\S+pulumi-agin import .* \| pulumi import .*)$", output, re.MULTILINE)
    project.typed(f"{import_}\n{up}")
    assert made in {each["id"] for each in project.resources()}
    assert referrals(bind) == live(emulator)
    project.pulumi("preview", "--expect-no-changes")


def all_records(bind: Bind, cloud: Cloud) -> dict[str, list[str]]:
    at_cloud = {f"{name}.acme.com": cloud.records(f"{name}.acme.com") for name in ("set", "each")}
    return {
        "bind.acme.com": bind.referral("bind.acme.com"),
        **{domain: [f"{value}." for value, _ in found] for domain, found in at_cloud.items()},
    }


def delete(emulator: Emulator, *domains: str) -> None:
    for each in emulator.ingresses():
        if each["domain"] in domains:
            emulator.delete_ingress(each["id"])


# -- runs ---------------------------------------------------------------------------------------------------------


@pytest.mark.rest
def test_name_servers_are_compared_without_an_api_key(project_on_bind: Project, emulator: Emulator, bind: Bind) -> None:
    project = project_on_bind
    project.up()
    doctor, compare = commands("Devices are offline")
    project.environment["NGROK_API_KEY"] = ""
    [message] = re.findall(r"\*\*`(there is no .*)`:\*\*", SECTIONS["Devices are offline"])
    assert message in project.shell(doctor.replace("connect.", "one."), fails=True)
    first, second = compare.replace("connect.", "one.").split("\n", 1)
    [row] = re.findall("^delegation .*$", project.shell(f"{first} --dns {bind.address}", fails=True), re.MULTILINE)
    in_state = project.shell(second).split()
    assert in_state == live(emulator)["one.acme.com"]
    assert ", ".join(in_state) in row


def press_ctrl_c_twice(project: Project, command: str, is_due: Callable[[str], bool], **environment: str) -> str:
    """Interrupts a command once its output is as expected, and again when Pulumi has noticed. Returns the output."""
    shown = ""
    env = project.environment | environment
    # As in a terminal, all processes of the command get the signal.
    with project.start(command, "--yes", "--skip-preview", env=env, start_new_session=True) as run:
        assert run.stdout
        is_pressed = False
        for line in run.stdout:
            shown += line
            if (not is_pressed and is_due(shown)) or "press ^C again" in line:
                is_pressed = True
                os.killpg(run.pid, signal.SIGINT)
        assert run.wait() > 0
    assert is_pressed, shown
    return shown


def begin_outage(emulator: Emulator) -> None:
    for method in ("GET", "POST", "PATCH", "DELETE"):
        emulator.add_fault(method, "respond", status=503, times=None)


@pytest.mark.rest
def test_outage_of_ngrok(project_on_bind: Project, emulator: Emulator, bind: Bind) -> None:
    project = project_on_bind
    # As if the user had not protected them.
    project.edit({"protect=True": "protect=False"})
    project.up()
    before = live(emulator)
    project.environment["NGROK_API_TIMEOUT_SECONDS"] = "2"
    begin_outage(emulator)
    [doctor] = commands("ngrok is down")
    shown = project.shell(f"{doctor.rstrip()} --dns {bind.address} || test $? = 3")
    assert re.search(r"^API key +unknown .*: ngrok responded 503", shown)
    for succeeds in ("pulumi preview --expect-no-changes", "pulumi up --expect-no-changes"):
        project.typed(succeeds)
    for fails in ("pulumi refresh", "pulumi up --refresh"):
        assert "ngrok responded 503" in project.shell(fails, fails=True, env=YES)
    assert project.names(Project.INGRESS) == {"one", "two"}
    assert len(project.of_type("pulumi-python:dynamic/agin:Rfc2136Delegation")) == 2

    project.edit({"opts=protected,": 'description="changed", opts=protected,'})
    assert "warning: the preview can't determine which outputs this update will leave unchanged" in project.preview()
    project.up(fails=True)
    project.edit({'description="changed", ': ""})
    with (project.folder / "__main__.py").open("a") as program:
        program.write('agin.get_agent_ingress(domain="one.acme.com")\n')
    assert "ngrok responded 503" in project.preview(fails=True)
    project.edit({'agin.get_agent_ingress(domain="one.acme.com")\n': ""})
    assert referrals(bind) == before

    # What the page says never to run, and how to stop it.
    emulator.clear_faults()
    project.up()
    begin_outage(emulator)
    press_ctrl_c_twice(
        project,
        "destroy",
        lambda shown: len(re.findall(r"Rfc2136Delegation \w+ deleted|AgentIngress \w+ deleting", shown)) == 4,
        NGROK_API_TIMEOUT_SECONDS="300",
    )
    assert referrals(bind) == NO_RECORDS
    assert live(emulator) == before
    # The records are created again during the outage, and then a second Ctrl-C ends the validation.
    shown = press_ctrl_c_twice(project, "up", lambda shown: "waiting for the certificate" in shown)
    assert "press ^C again" in shown
    assert referrals(bind) == live(emulator) == before
    emulator.clear_faults()
    assert "+ 2 created" in project.typed("pulumi up").rpartition("Updating (")[2]
    assert "interrupted while creating" not in project.typed(commands("A run was interrupted")[2])
    project.pulumi("preview", "--expect-no-changes")
    assert referrals(bind) == live(emulator) == before


def test_interrupted_run(project: Project, emulator: Emulator) -> None:
    project.program(
        """
        agin.AgentIngress("a", domain="a.acme.com", description="d")
        agin.AgentIngress("b", domain="b.acme.com", metadata=pulumi.Output.secret("hush-hush"))
        """
    )
    kill_up_during_creates(project, emulator, {"a.acme.com", "b.acme.com"})
    made = emulator.ingresses()
    unlock, import_, clear = commands("A run was interrupted")
    preview = project.typed(unlock)
    for each in made:
        assert f"The domain belongs to {each['id']}, created at {each['created_at']};" in preview
    output = project.typed(import_)
    assert "= 2 imported" in output
    assert "3 unchanged" in output.partition("+ pulumi preview\n")[2]
    emulator.clear_requests()
    output = project.typed(clear)
    up = output.partition("+ pulumi up\n")[2]
    assert "3 unchanged" in up
    assert "interrupted while creating" not in up
    assert {request["method"] for request in emulator.requests()} == {"GET"}
    assert {each["id"] for each in project.resources()} == {each["id"] for each in made}
    assert "hush-hush" not in str(project.state())


@pytest.mark.rest
def test_undone_deployment(project_on_bind: Project, emulator: Emulator, bind: Bind) -> None:
    project = project_on_bind
    bind.stop()
    bind.keys = [Key("agin", [*DOMAINS, "wrong.acme.com"])]
    bind.start()
    project.edit({"protect=True": "protect=False", "opts=protected,": 'description="d", opts=protected,'})
    project.up()
    first = emulator.ingresses()
    program = (project.folder / "__main__.py").read_text()
    bad = program.replace('"d"', '"bad"').replace(
        'f"{name}.acme.com"', '{"one": "wrong"}.get(name, name) + ".acme.com"'
    )
    (project.folder / "__main__.py").write_text(bad)
    project.up()
    assert bind.referral("one.acme.com") == []
    (project.folder / "__main__.py").write_text(program)
    [undo] = commands("Undo a deployment")
    project.typed(undo)
    assert referrals(bind) == live(emulator)
    assert bind.referral("wrong.acme.com") == []
    assert {each["description"] for each in emulator.ingresses()} == {"d"}
    kept = {each["domain"] for each in first if each["id"] in {other["id"] for other in emulator.ingresses()}}
    assert kept == {"two.acme.com"}
