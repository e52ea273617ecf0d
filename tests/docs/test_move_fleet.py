"""The program and the commands of docs/operate/move-fleet.md, with BIND, while a probe queries all domains.

Not run: `ngrok` on a device.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from pulumi_agin.emulator import Emulator
from tests.support.bind import Bind, Key
from tests.support.keys import API_KEY
from tests.support.pages import blocks
from tests.support.project import Project
from tests.support.waiting import until
from tools.bind import Programs

PAGE = (Path(__file__).parents[2] / "docs" / "operate" / "move-fleet.md").read_text()
PROGRAM, CREATE, RETIRING, RETIRED, REMOVED = blocks(PAGE, "python")
BEFORE, UP, UP_AND_CHECK, SHOW_CONFIG, _, _, UP_AND_TIME, CHECK_NEW, _, AFTER = blocks(PAGE, "sh")
[CONFIG] = blocks(PAGE, "yaml")

OLD = [f"site-0{number}.acme.com" for number in range(1, 5)]
NEW = [domain.replace(".acme.com", ".agents.acme.com") for domain in OLD]
KEY = Key("agin", [*OLD, *NEW])
RECORDS = "pulumi-python:dynamic/agin:Rfc2136Delegation"
# Without phases and validations. One ingress has another name.
FORMER_PROGRAM = """
protected = pulumi.ResourceOptions(protect=True)
for domain in OLD:
    name = "site1" if domain == "site-01.acme.com" else domain.replace(".", "-")
    ingress = agin.AgentIngress(name, domain=domain, certificate_management_policy=OLD_POLICY, opts=protected)
    agin.AgentIngressDelegation(name, agent_ingress=ingress, dns=DNS, opts=protected)
"""


@pytest.fixture
def bind(tmp_path: Path, bind_programs: Programs) -> Iterator[Bind]:
    with Bind(bind_programs, tmp_path / "bind", [KEY]) as running:
        yield running


@pytest.fixture
def emulator(bind: Bind) -> Iterator[Emulator]:
    """ngrok, which issues certificates of delegated domains."""
    with Emulator(API_KEY, dns=bind.address, limit=0) as running:
        running.configure(issue_after_seconds=1, job_after_seconds=0)
        yield running


class Probe:
    """Queries the delegations of all domains again and again, in a thread, and compares them with the ingresses."""

    def __init__(self, bind: Bind, emulator: Emulator) -> None:
        self._bind, self._emulator = bind, emulator
        self._required: Sequence[str] = ()
        self._gaps: list[str] = []
        self._samples = 0
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Probe:
        self._thread.start()
        return self

    def __exit__(self, *failure: object) -> None:
        self._ended.set()
        self._thread.join()

    def require(self, domains: Sequence[str]) -> None:
        """Asserts that there was no gap up to now. From now on, these domains must be delegated."""
        # The next sample has begun before now, but not the one after it.
        sampled = self._samples + 2
        until("two samples", lambda: self._samples >= sampled or bool(self._gaps))
        assert self._gaps == []
        self._required = domains

    def _run(self) -> None:
        while not self._ended.wait(0.05):
            required, before = self._required, self._targets()
            found = {domain: self._bind.referral(domain) for domain in [*OLD, *NEW]}
            after = self._targets()
            for domain, targets in found.items():
                if targets and targets not in (before.get(domain), after.get(domain)):
                    self._gaps.append(f"{domain} is delegated to name servers of no ingress")
                if not targets and domain in required and domain in self._required:
                    self._gaps.append(f"{domain} is not delegated")
            self._samples += 1

    def _targets(self) -> dict[str, list[str]]:
        return {
            each["domain"]: sorted(f"{target}." for target in each["ns_targets"]) for each in self._emulator.ingresses()
        }


class Fleet:
    """The program of the page, with all domains, and its commands, for this machine."""

    def __init__(self, project: Project, bind: Bind) -> None:
        self._project, self._bind = project, bind
        project.config(secret={"tsigSecret": bind.keys[0].secret})
        project.add_to_path(Path(bind.programs.dig).parent)
        program = with_all_domains(PROGRAM).replace("POLICY = None", 'POLICY = {"authority": "letsencrypt"}')
        self.program = program.replace('"ns1.acme.com"', f'"127.0.0.1", port={bind.port}')

    def replace(self, block: str) -> None:
        """Replaces the dict that a block of the page assigns."""
        assigned = re.compile(rf"^{block.partition(' ')[0]} = {{(}}|.*?^}})\n", re.MULTILINE | re.DOTALL)
        self.program, number = assigned.subn(lambda _: with_all_domains(block), self.program)
        assert number == 1

    def run(self, commands: str) -> tuple[list[str], str]:
        """Runs commands. Returns the changes that the preview of `pulumi up` counts, and the whole output."""
        (self._project.folder / "__main__.py").write_text(self.program)
        commands = commands.replace("pulumi-agin doctor", f"pulumi-agin doctor --dns {self._bind.address}")
        output = self._project.typed(commands.replace("@ns1.acme.com", f"@127.0.0.1 -p {self._bind.port}"))
        preview = output.partition("Updating (")[0]
        return re.findall(r"^    (\S \d+ to \w+)$", preview, re.MULTILINE), output

    def protected(self, type_: str) -> set[str]:
        """Returns the domains of the protected resources of a type."""
        return {each["outputs"]["domain"] for each in self._project.of_type(type_) if each.get("protect")}


def with_all_domains(block: str) -> str:
    """Returns a block with a line for each domain in place of the first line and the comment."""
    line = re.compile(r'^(    "site-01\..*\n)    # … and the others\n', re.MULTILINE)
    return line.sub(lambda found: "".join(found[1].replace("-01", each[4:7]) for each in OLD), block)


@pytest.mark.rest
def test_fleet_moves_without_a_gap(project: Project, bind: Bind, emulator: Emulator) -> None:
    fleet = Fleet(project, bind)
    program = fleet.program
    fleet.program = program.partition("def declare")[0] + FORMER_PROGRAM
    fleet.run(UP)
    with Probe(bind, emulator) as probe:
        probe.require(OLD)
        fleet.run(BEFORE)
        fleet.program = program
        fleet.replace('NAMES = {"site-01.acme.com": "site1"}\n')
        assert fleet.run(UP)[0] == ["+ 4 to create"]

        fleet.replace(CREATE)
        assert fleet.run(UP_AND_CHECK)[0] == ["+ 16 to create"]
        probe.require([*OLD, *NEW])
        assert fleet.protected(project.INGRESS) == fleet.protected(RECORDS) == {*OLD, *NEW}
        assert f'{CONFIG}  connect_cas: "host"\n' in fleet.run(SHOW_CONFIG)[1]

        # A skipped phase deletes nothing.
        now = fleet.program
        fleet.replace(REMOVED)
        (project.folder / "__main__.py").write_text(fleet.program)
        assert "cannot be deleted because it is protected" in " ".join(project.preview(fails=True).output.split())
        fleet.program = now

        fleet.replace(RETIRING)
        assert fleet.run(UP)[0] == []
        assert (fleet.protected(project.INGRESS), fleet.protected(RECORDS)) == ({*OLD, *NEW}, {*NEW})

        probe.require(NEW)
        fleet.replace(RETIRED)
        counted, output = fleet.run(UP_AND_TIME)
        assert counted == ["- 12 to delete"]
        # The time that the reader notes.
        assert re.search(r"^succeeded\n\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\S*Z$", output, re.MULTILINE)
        assert [bind.referral(domain) for domain in OLD] == [[]] * 4
        assert {each["domain"] for each in emulator.ingresses()} == {*OLD, *NEW}
        fleet.run(CHECK_NEW)

        fleet.replace(REMOVED)
        assert fleet.run(UP)[0] == ["- 4 to delete"]
        assert {each["domain"] for each in emulator.ingresses()} == {*NEW}

        fleet.replace("NEW = {}\n")
        fleet.replace(CREATE.replace("NEW", "OLD"))
        fleet.run(AFTER)
        probe.require(NEW)
