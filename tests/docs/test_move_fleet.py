"""The program and the commands of docs/operate/move-fleet.md, with BIND, while a probe queries all domains.

Not run: `ngrok` and the query of its name servers, which the page calls untried.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.ngrok import ns_targets
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.records import delegate, records
from tests.support.waiting import until
from tools.bind import Programs

pytestmark = pytest.mark.usefixtures("shell_programs")

PAGE = (Path(__file__).parents[2] / "docs" / "operate" / "move-fleet.md").read_text()
PROGRAM, CREATE, RETIRING, RETIRED, REMOVED = blocks(PAGE, "python")
(
    BEFORE,
    UP,
    UP_AND_CHECK,
    SHOW_CONFIG,
    _,
    COUNT_SESSIONS,
    UP_RETIRING,
    UP_RETIRED,
    CHECK_NEW,
    UP_REMOVED,
    AFTER,
) = blocks(PAGE, "sh")
[CONFIG] = blocks(PAGE, "yaml")

OLD = [f"site-{number:02}.acme.com" for number in range(1, 21)]
NEW = [domain.replace(".acme.com", ".agents.acme.com") for domain in OLD]
KEY = Key("agin", [*OLD, *NEW])
VALIDATION = "pulumi-python:dynamic/agin:AgentIngressCertificateValidation"
RECORDS = "pulumi-python:dynamic/agin:Rfc2136Delegation"
# The records too are protected, as in docs/guides/live-fleet.md. One domain has another name.
FORMER_PROGRAM = """
protected = pulumi.ResourceOptions(protect=True)
for domain in OLD:
    name = "site1" if domain == "site-01.acme.com" else domain.replace(".", "-")
    ingress = agin.AgentIngress(
        name,
        agin.AgentIngressArgs(
            domain=domain, certificate_management_policy=OLD_POLICY, description="acme devices"
        ),
        opts=protected,
    )
    agin.AgentIngressDelegation(name, agent_ingress=ingress, dns=DNS, opts=protected)
"""
FORMER_NAMES = {
    "NAMES = {}": 'NAMES = {"site-01.acme.com": "site1"}',
    "        # … and the description and metadata of your ingresses\n": '        description="acme devices",\n',
}
POLICY = ' = {"authority": "letsencrypt"}\n'
PROTECTED = "cannot be deleted because it is protected"
CHECK_ALL = "pulumi-agin doctor --all"
MISSING = "wrong: 4 missing"


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.fixture
def emulator(bind: Bind) -> Iterator[Emulator]:
    """ngrok, which issues certificates of delegated domains."""
    with Emulator(API_KEY, other_accounts=[OTHER_ACCOUNTS_KEY], dns=bind.address, limit=0) as running:
        running.configure(issue_after_seconds=1, job_after_seconds=0)
        yield running


class Probe:
    """Queries the delegations of all domains and their ingresses, again and again, in a thread.

    A domain is in use from its first delegation until it is released.
    """

    def __init__(self, bind: Bind, emulator: Emulator) -> None:
        self._bind, self._emulator = bind, emulator
        self._in_use: set[str] = set()
        self._released: set[str] = set()
        self._lock = threading.Lock()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self.samples = 0
        self.gaps: list[str] = []

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._thread.join()

    def release(self, domains: Sequence[str]) -> None:
        """Allows that these domains have no delegation from now on."""
        with self._lock:
            self._released |= {*domains}

    def assert_no_gap(self, in_use: Sequence[str]) -> None:
        """Asserts that no sample up to now has a gap, and that these domains are in use."""
        # The next sample has begun before now, but not the one after it.
        sampled = self.samples + 2
        until("two samples", lambda: self.samples >= sampled)
        with self._lock:
            assert self.gaps == []
            assert self._in_use - self._released == {*in_use}

    def _run(self) -> None:
        while not self._ended.wait(0.05):
            with self._lock:
                required = self._in_use - self._released
            before = self._targets()
            found = {domain: records(self._bind, domain)[0] for domain in [*OLD, *NEW]}
            after = self._targets()
            with self._lock:
                for domain, targets in found.items():
                    if targets:
                        self._in_use.add(domain)
                        if targets not in (before.get(domain), after.get(domain)):
                            self.gaps.append(f"{domain} is delegated to name servers of no ingress")
                    elif domain in required - self._released:
                        self.gaps.append(f"{domain} is not delegated")
            self.samples += 1

    def _targets(self) -> dict[str, list[str]]:
        return {
            each["domain"]: sorted(f"{target}." for target in each["ns_targets"]) for each in self._emulator.ingresses()
        }


class Fleet:
    """The program of the page with a number of domains, and its commands."""

    def __init__(self, project: Project, bind: Bind, domains: int) -> None:
        self.project, self._bind, self.old, self.new = project, bind, OLD[:domains], NEW[:domains]
        project.config(secret={"tsigSecret": bind.keys[0].secret})
        project.add_to_path(Path(bind.programs.dig).parent)
        self.program = self._of_all(PROGRAM).replace('"ns1.acme.com"', f'"127.0.0.1", port={bind.port}')
        assert self.program.count("127.0.0.1") == 1

    @property
    def program(self) -> str:
        return (self.project.folder / "__main__.py").read_text()

    @program.setter
    def program(self, text: str) -> None:
        (self.project.folder / "__main__.py").write_text(text)

    def replace(self, block: str) -> None:
        """Replaces the dict that a block of the page replaces."""
        name = block.partition(" ")[0]
        self.program, number = re.subn(
            rf"^{name} = \{{(\}}|.*?^\}})\n",
            lambda _: self._of_all(block),
            self.program,
            flags=re.MULTILINE | re.DOTALL,
        )
        assert number == 1

    def edit(self, changes: Mapping[str, str]) -> None:
        """Replaces strings of the program, each of which it must have once."""
        assert [before for before in changes if self.program.count(before) != 1] == []
        self.project.edit(changes)

    def run(self, commands: str) -> str:
        """Runs commands of the page. The domains are not in public DNS."""
        return self.project.typed(self._local(commands))

    def missing(self) -> set[str]:
        """Runs the `doctor` before step 7, and returns the domains that may be removed then."""
        output = self.project.shell(self._local(CHECK_ALL), fails=True)
        return {line.split()[0] for line in output.splitlines() if MISSING in line}

    def up(self, block: str) -> str:
        self.replace(block)
        return self.run(UP)

    def fails_as_protected(self, block: str) -> None:
        """Asserts that `pulumi up` fails in its preview with a block, and restores the program."""
        program = self.program
        self.replace(block)
        result = self.project.pulumi("up", "--yes", fails=True)
        assert PROTECTED in " ".join(result.output.split())
        assert "Updating (" not in result
        self.program = program

    def protected(self, type_: str) -> set[str]:
        """Returns the domains of the protected resources of a type."""
        return {each["outputs"]["domain"] for each in self.project.of_type(type_) if each.get("protect")}

    def _local(self, commands: str) -> str:
        commands = re.sub("(pulumi-agin doctor)", rf"\1 --dns {self._bind.address}", commands)
        return commands.replace("@ns1.acme.com", f"@127.0.0.1 -p {self._bind.port}")

    def _of_all(self, block: str) -> str:
        """Returns a block with the lines of all domains in place of a line and the comment."""
        return re.sub(
            r'^(    "site-01\..*\n)    # … and the others\n',
            lambda found: "".join(found[1].replace("-01", each[4:7]) for each in self.old),
            block,
            flags=re.MULTILINE,
        )


def previewed(output: str) -> str:
    """Returns the output of the preview of `pulumi up`."""
    return output.partition("Updating (")[0]


def changes(output: str) -> list[str]:
    """Returns the lines about changes in the summary of a preview."""
    return re.findall(r"^    (\S \d+ to \w+)$", previewed(output), re.MULTILINE)


def after_last_command(output: str) -> str:
    """Returns the output of the last of several commands, which the shell prints, too."""
    return re.split(r"^\+ .*\n", output, flags=re.MULTILINE)[-1]


def deletes(emulator: Emulator) -> int:
    return sum(request["method"] == "DELETE" for request in emulator.requests())


def domains(emulator: Emulator) -> list[str]:
    return sorted(each["domain"] for each in emulator.ingresses())


@pytest.mark.rest
def test_fleet_moves_without_a_gap(project: Project, bind: Bind, emulator: Emulator) -> None:
    fleet = Fleet(project, bind, 20)
    program = fleet.program
    fleet.program = program.partition("def declare")[0] + FORMER_PROGRAM
    fleet.run(UP)
    with Probe(bind, emulator) as probe:
        probe.assert_no_gap(OLD)
        assert "20 domains: 20 ok" in fleet.run(BEFORE)
        fleet.program = program
        fleet.edit(FORMER_NAMES)
        assert changes(fleet.run(UP)) == ["+ 20 to create"]
        assert len(project.of_type(VALIDATION)) == 20

        emulator.clear_requests()
        fleet.replace(CREATE)
        output = fleet.run(UP_AND_CHECK)
        assert changes(output) == ["+ 80 to create"]
        assert "40 domains: 40 ok" in output
        assert 40 <= len(emulator.requests()) <= 60
        probe.assert_no_gap(OLD + NEW)
        assert fleet.protected(project.INGRESS) == fleet.protected(RECORDS) == {*OLD, *NEW}
        # The commands are printed, too.
        assert CONFIG in fleet.run(SHOW_CONFIG)

        fleet.replace(RETIRING)
        project.pulumi("preview", "--expect-no-changes")
        output = fleet.run(UP_RETIRING)
        assert changes(output) == []
        assert previewed(output).count("[diff: ~protect]") == 40
        assert (fleet.protected(project.INGRESS), fleet.protected(RECORDS)) == ({*OLD, *NEW}, {*NEW})
        probe.assert_no_gap(OLD + NEW)

        probe.release(OLD)
        fleet.replace(RETIRED)
        output = fleet.run(UP_RETIRED)
        assert changes(output) == ["- 60 to delete"]
        # The time that the reader notes.
        assert re.search(r"^succeeded\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*Z$", output, re.MULTILINE)
        assert previewed(output).count("[diff: ~protect]") == 20
        assert domains(emulator) == sorted(OLD + NEW)
        assert [bind.referral(domain) for domain in OLD] == [[]] * 20
        assert "20 domains: 20 ok" in fleet.run(CHECK_NEW)
        probe.assert_no_gap(NEW)

        # Somebody followed `doctor`.
        delegate(bind, OLD[0], ns_targets(emulator, OLD[0]), KEY)
        assert fleet.missing() == {*OLD[1:]}
        delegate(bind, OLD[0], [], KEY)
        assert fleet.missing() == {*OLD}

        assert deletes(emulator) == 0
        fleet.replace(REMOVED)
        assert changes(fleet.run(UP_REMOVED)) == ["- 20 to delete"]
        assert deletes(emulator) == 20
        assert domains(emulator) == NEW

        fleet.replace("NEW = {}\n")
        fleet.replace(CREATE.replace("NEW", "OLD"))
        output = fleet.run(AFTER)
        assert "20 domains: 20 ok" in output
        assert OLD[0] not in after_last_command(output)
        probe.assert_no_gap(NEW)

    # Only the last command shows records that were created by hand.
    delegate(bind, OLD[0], ["ns1.other.net."], KEY)
    output = fleet.run(AFTER)
    assert "20 domains: 20 ok" in output
    assert re.search(rf"^{OLD[0]}\..*\sNS\sns1\.other\.net\.$", after_last_command(output), re.MULTILINE)
    delegate(bind, OLD[0], [], KEY)

    # The next move, to another certificate authority.
    assert json.loads(project.pulumi("stack", "output", "agent_configs", "--json").output).keys() == {*NEW}
    fleet.edit({f"NEW_POLICY{POLICY}": "NEW_POLICY = None\n"})
    project.pulumi("preview", "--expect-no-changes")
    fleet.replace(f'NEW = {{\n    "{OLD[0]}": "live",\n}}\n')
    assert changes(project.pulumi("preview").output) == ["+ 4 to create"]
    assert fleet.protected(project.INGRESS) == fleet.protected(RECORDS) == {*NEW}


@pytest.mark.rest
def test_every_step_has_its_way_back_and_a_skipped_one_deletes_nothing(
    project: Project, bind: Bind, emulator: Emulator
) -> None:
    fleet = Fleet(project, bind, 2)
    live = "OLD = {\n" + PROGRAM.partition("OLD = {\n")[2].partition("}\n")[0] + "}\n"
    fleet.run(UP)
    before = emulator.ingresses()
    program = fleet.program
    # Nothing prevents a change of the policy in place, of both ingresses and their validations.
    fleet.edit({f"OLD_POLICY{POLICY}": "OLD_POLICY = None\n"})
    output = project.preview().output
    assert output.count("this update removes the certificate_management_policy") >= 2
    assert changes(output) == ["~ 4 to update"]
    # A change of a domain in place.
    fleet.program = program
    fleet.edit(
        {
            "NAMES = {}": f'NAMES = {{"{NEW[0]}": "site-01-acme-com"}}',
            f'    "{OLD[0]}": "live"': f'    "{NEW[0]}": "live"',
        }
    )
    output = project.preview(fails=True).output
    assert "unable to replace resource" in output
    assert f"this replacement deletes the Agent Ingress {OLD[0]}" in " ".join(output.split())
    fleet.program = program
    with Probe(bind, emulator) as probe:
        fleet.up(CREATE)
        program = fleet.program
        # Only interrupted domains adopt records.
        fleet.edit({"    tsig_secret=": "    adopt=True,\n    tsig_secret="})
        project.pulumi("preview", "--expect-no-changes")
        fleet.program = program
        emulator.clear_requests()
        for skipped in (REMOVED, RETIRED, "NEW = {}\n"):
            fleet.fails_as_protected(skipped)
        fleet.up(RETIRING)
        fleet.fails_as_protected(REMOVED)
        probe.assert_no_gap(fleet.old + fleet.new)

        assert changes(fleet.up(live)) == []
        assert fleet.protected(RECORDS) == {*fleet.old, *fleet.new}
        fleet.up(RETIRING)
        probe.release(fleet.old)
        fleet.up(RETIRED)
        assert changes(fleet.up(live)) == ["+ 6 to create"]
        assert [bind.referral(each) for each in fleet.old] == [ns_targets(emulator, each) for each in fleet.old]
        assert fleet.protected(project.INGRESS) == fleet.protected(RECORDS) == {*fleet.old, *fleet.new}

        # The way back of step 2.
        retiring_new, retired_new = (CREATE.replace("live", phase) for phase in ("retiring", "retired"))
        fleet.up(retiring_new)
        probe.release(fleet.new)
        fleet.up(retired_new)
        assert deletes(emulator) == 0
        fleet.up("NEW = {}\n")
        probe.assert_no_gap([])
    assert emulator.ingresses() == before
    assert [bind.referral(each) for each in fleet.new] == [[], []]
    assert fleet.protected(project.INGRESS) == fleet.protected(RECORDS) == {*fleet.old}


@pytest.mark.rest
def test_fleet_moves_to_another_authority_and_account(project: Project, bind: Bind, emulator: Emulator) -> None:
    fleet = Fleet(project, bind, 2)
    replaced = {
        f"OLD_POLICY{POLICY}": "OLD_POLICY = None\n",
        "NEW = {}": 'NEW = {}\nsecond = agin.Provider("second", pulumi.Config().require_secret("secondApiKey"))',
        "def declare(domain, phase, policy)": "def declare(domain, phase, policy, provider=None)",
        "ResourceOptions(protect": "ResourceOptions(provider=provider, protect",
        "delegation.agent_ingress_id\n": (
            "delegation.agent_ingress_id, opts=pulumi.ResourceOptions(provider=provider)\n"
        ),
        "phase, NEW_POLICY": "phase, NEW_POLICY, second",
    }
    project.config(secret={"secondApiKey": OTHER_ACCOUNTS_KEY})
    project.edit(replaced)
    fleet.run(UP)
    with Probe(bind, emulator) as probe:
        fleet.up(CREATE)
        probe.assert_no_gap(fleet.old + fleet.new)
        posted = [each for each in emulator.requests() if each["method"] == "POST"]
        assert [(each["account"], each["body"].get("certificate_management_policy")) for each in posted] == [
            *[(1, None)] * 2,
            *[(2, {"authority": "letsencrypt"})] * 2,
        ]
        assert CONFIG in fleet.run(SHOW_CONFIG)
        assert "2 domains: 2 ok" in fleet.run(CHECK_ALL)
        [provider] = [each["urn"] for each in project.of_type("pulumi:providers:pulumi-python") if each.get("parent")]
        assert "2 domains: 2 ok" in fleet.run(f"{CHECK_ALL} --provider '{provider}'")
        fleet.up(RETIRING)
        probe.release(fleet.old)
        fleet.up(RETIRED)
        fleet.up(REMOVED)
        probe.assert_no_gap(fleet.new)
    assert domains(emulator) == fleet.new


def test_sessions_of_each_domain_are_counted(tmp_path: Path) -> None:
    # In the documented form of a list. Without a value, `metadata` is omitted, empty or null.
    metadata: list[dict[str, object]] = [
        {"metadata": "site-01.agents.acme.com device-0001"},
        {"metadata": "site-01.agents.acme.com device-0002"},
        {"metadata": "site-01.acme.com"},
        {"metadata": ""},
        {"metadata": None},
        {},
    ]
    sessions = json.dumps({"tunnel_sessions": [{"id": "ts_1", **each} for each in metadata], "next_page_uri": None})
    (tmp_path / "ngrok").write_text(f"#!/bin/sh\necho '{sessions}'\n")
    (tmp_path / "ngrok").chmod(0o755)
    path = f"{tmp_path}:{os.environ['PATH']}"
    counted = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", COUNT_SESSIONS],
        env={"PATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    counts = {tuple(line.split()) for line in counted.stdout.splitlines()}
    assert {("1", "site-01.acme.com"), ("2", "site-01.agents.acme.com")} <= counts


# The phases of the table about other languages.
PHASES = ("live", "retiring", "retired")


def resources_in_yaml(bind: Bind, domain: str, phase: str) -> dict[str, Any]:
    """Returns the resources of a domain in a phase, as a program in YAML declares them."""
    name = domain.replace(".", "-")
    ingress = {"domain": domain, "certificateManagementPolicy": {"authority": "letsencrypt"}}
    declared: dict[str, Any] = {
        name: {"type": "agin:AgentIngress", "properties": ingress, "options": {"protect": phase != "retired"}}
    }
    if phase != "retired":
        delegation = {
            "domain": f"${{{name}.domain}}",
            "nsTargets": f"${{{name}.nsTargets}}",
            "ttl": 300,
            "server": "127.0.0.1",
            "port": bind.port,
            "zone": "acme.com",
            "tsigKeyName": KEY.name,
            "tsigSecret": KEY.secret,
        }
        declared[f"{name}-records"] = {
            "type": "agin:Rfc2136Delegation",
            "properties": delegation,
            "options": {"protect": phase == "live"},
        }
        declared[f"{name}-certificate"] = {
            "type": "agin:AgentIngressCertificateValidation",
            "properties": {"agentIngressId": f"${{{name}.id}}"},
            "options": {"dependsOn": [f"${{{name}-records}}"]},
        }
    return declared


@pytest.mark.rest
def test_fleet_moves_in_yaml(yaml_project: Project, bind: Bind, emulator: Emulator) -> None:
    def write(phases: dict[str, str]) -> None:
        declared: dict[str, Any] = {}
        for domain, phase in phases.items():
            declared |= resources_in_yaml(bind, domain, phase)
        yaml_project.yaml_program(yaml.safe_dump({"resources": declared}))

    [*old, new] = [*OLD[:2], NEW[0]]
    kept = {old[1]: "live", new: "live"}
    write({old[0]: "live", old[1]: "live"})
    yaml_project.up()
    with Probe(bind, emulator) as probe:
        for phase in PHASES:
            if phase != "live":
                write(kept)
                assert PROTECTED in " ".join(yaml_project.preview(fails=True).output.split())
            if phase == "retired":
                probe.release(old[:1])
            write({old[0]: phase} | kept)
            yaml_project.up()
            probe.assert_no_gap([old[1], new] if phase == "retired" else [*old, new])
        assert domains(emulator) == sorted([*old, new])
        write(kept)
        yaml_project.up()
        probe.assert_no_gap([old[1], new])
    assert domains(emulator) == sorted([old[1], new])
