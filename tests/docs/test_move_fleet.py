"""The program and the commands of docs/operate/move-fleet.md, with BIND, while a probe queries all domains.

Not run: `ngrok` and the query of its name servers, which the page calls untried.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY, OTHER_ACCOUNTS_KEY
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.waiting import until
from tools.bind import Programs

PAGE = (Path(__file__).parents[2] / "docs" / "operate" / "move-fleet.md").read_text()
PROGRAM, CREATE, RETIRING, RETIRED, REMOVED = blocks(PAGE, "python")
(
    BEFORE,
    UP,
    UP_AND_CHECK,
    SHOW_CONFIG,
    _,
    _,
    UP_RETIRING,
    UP_RETIRED,
    CHECK_NEW,
    UP_REMOVED,
    AFTER,
) = blocks(PAGE, "sh")
[CONFIG] = blocks(PAGE, "yaml")

COUNT = 4
OLD = [f"site-{number:02}.acme.com" for number in range(1, COUNT + 1)]
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
            found = {domain: self._bind.referral(domain) for domain in [*OLD, *NEW]}
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
    """The program of the page, and its commands."""

    def __init__(self, project: Project, bind: Bind) -> None:
        self.project, self._bind = project, bind
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
            lambda found: "".join(found[1].replace("-01", each[4:7]) for each in OLD),
            block,
            flags=re.MULTILINE,
        )


def previewed(output: str) -> str:
    """Returns the output of the preview of `pulumi up`."""
    return output.partition("Updating (")[0]


def changes(output: str) -> list[str]:
    """Returns the lines about changes in the summary of a preview."""
    return re.findall(r"^    (\S \d+ to \w+)$", previewed(output), re.MULTILINE)


def domains(emulator: Emulator) -> list[str]:
    return sorted(each["domain"] for each in emulator.ingresses())


@pytest.mark.rest
@pytest.mark.usefixtures("shell_programs")
def test_fleet_moves_without_a_gap(project: Project, bind: Bind, emulator: Emulator) -> None:
    fleet = Fleet(project, bind)
    program = fleet.program
    fleet.program = program.partition("def declare")[0] + FORMER_PROGRAM
    fleet.run(UP)
    with Probe(bind, emulator) as probe:
        probe.assert_no_gap(OLD)
        fleet.run(BEFORE)
        fleet.program = program
        fleet.edit(FORMER_NAMES)
        assert changes(fleet.run(UP)) == [f"+ {COUNT} to create"]
        assert len(project.of_type(VALIDATION)) == COUNT

        fleet.replace(CREATE)
        assert changes(fleet.run(UP_AND_CHECK)) == [f"+ {4 * COUNT} to create"]
        probe.assert_no_gap(OLD + NEW)
        assert fleet.protected(project.INGRESS) == fleet.protected(RECORDS) == {*OLD, *NEW}
        # The commands are printed, too.
        assert CONFIG in fleet.run(SHOW_CONFIG)

        # A skipped phase deletes nothing.
        now = fleet.program
        fleet.replace(REMOVED)
        assert "cannot be deleted because it is protected" in " ".join(project.preview(fails=True).output.split())
        fleet.program = now

        fleet.replace(RETIRING)
        output = fleet.run(UP_RETIRING)
        assert changes(output) == []
        assert (fleet.protected(project.INGRESS), fleet.protected(RECORDS)) == ({*OLD, *NEW}, {*NEW})
        probe.assert_no_gap(OLD + NEW)

        probe.release(OLD)
        fleet.replace(RETIRED)
        output = fleet.run(UP_RETIRED)
        assert changes(output) == [f"- {3 * COUNT} to delete"]
        # The time that the reader notes.
        assert re.search(r"^succeeded\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*Z$", output, re.MULTILINE)
        assert domains(emulator) == sorted(OLD + NEW)
        assert [bind.referral(domain) for domain in OLD] == [[]] * COUNT
        fleet.run(CHECK_NEW)
        probe.assert_no_gap(NEW)

        fleet.replace(REMOVED)
        assert changes(fleet.run(UP_REMOVED)) == [f"- {COUNT} to delete"]
        assert domains(emulator) == NEW

        fleet.replace("NEW = {}\n")
        fleet.replace(CREATE.replace("NEW", "OLD"))
        fleet.run(AFTER)
        probe.assert_no_gap(NEW)
