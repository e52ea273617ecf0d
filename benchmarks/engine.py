"""Seconds, requests and connections of `pulumi up` and its like, ours and the floor's run by run in turn."""

from __future__ import annotations

import math
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import requests

from benchmarks import floor
from tests.engine.project import Project
from tools.steps import ended, say

API_KEY = "benchmark-key"

# As many calls as the plugin of the SDK carries out at once.
THREADS = 4

# What each command is called in the table; run in this order, a stack ends as empty as it began.
OPERATIONS = {
    "up": "up",
    "preview": "preview",
    "refresh": "refresh",
    "update": "up",
    "destroy": "destroy",
}

OURS = """\
import pulumi_agin as agin

for n in range({count}):
    agin.AgentIngress(f"i{{n}}", domain=f"i{{n}}.acme.com", description="{description}")
"""

FLOOR = """\
import floor

for n in range({count}):
    floor.Floor(f"i{{n}}", domain=f"i{{n}}.acme.com", description="{description}")
"""


@dataclass(frozen=True)
class Case:
    """One operation on so many resources, at so many seconds of latency of the service."""

    operation: str
    count: int
    latency_seconds: float


@dataclass
class Measured:
    """What the runs of a case took, in seconds, and what one of ours asked."""

    floor: list[float] = field(default_factory=list[float])
    ours: list[float] = field(default_factory=list[float])
    requests: int = 0
    connections: int = 0

    def floor_seconds(self, case: Case) -> float:
        """The floor's median, and the latency of the service over the threads that ask it at once."""
        return statistics.median(self.floor) + math.ceil(self.requests / THREADS) * case.latency_seconds

    def ratio(self) -> float:
        """Ours to the floor: the median over the pairs of runs, each of which saw the same machine."""
        return statistics.median(ours / floor for floor, ours in zip(self.floor, self.ours, strict=True))


class Service:
    """The emulator in a process of its own, asked through its control plane."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, name: str) -> Any:
        """What the control plane answers."""
        answer = requests.get(f"{self.url}/_emulator/{name}", timeout=60)
        answer.raise_for_status()
        return answer.json()

    def tell(self, name: str, **arguments: Any) -> None:
        """Makes the control plane do something."""
        requests.post(f"{self.url}/_emulator/{name}", json=arguments, timeout=60).raise_for_status()


@dataclass(frozen=True)
class Tools:
    """The folder of the Pulumi CLI, and the environment with the wheel in it."""

    cli: Path
    user_env: Path


@contextmanager
def service(tools: Tools, *arguments: str) -> Iterator[Service]:
    """`pulumi-agin emulator` with these arguments."""
    command = [str(tools.user_env / "bin" / "pulumi-agin"), "emulator", "--api-key", API_KEY, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    with ended(process):
        assert process.stdout
        yield Service(process.stdout.readline().decode().strip())


@contextmanager
def projects(tools: Tools, url: str) -> Iterator[dict[str, Project]]:
    """An empty project for the floor, and one for ours."""
    settings = {"NGROK_API_BASE_URL": url, "NGROK_API_KEY": API_KEY}
    # Installed as ours is: the state has the place of the code, and the engine writes all of it after each step.
    [packages] = (tools.user_env / "lib").glob("python*/site-packages")
    installed = Path(shutil.copy(floor.__file__, packages))
    try:
        with tempfile.TemporaryDirectory() as folder:
            yield {
                kind: Project(Path(folder, kind), tools.cli, tools.user_env, dict(settings))
                for kind in ("floor", "ours")
            }
    finally:
        installed.unlink()


def measure(tools: Tools, counts: Sequence[int], latencies: Sequence[float], runs: int) -> dict[Case, Measured]:
    """All operations for all counts and latencies (in seconds), each run so many times."""
    found: dict[Case, Measured] = {}
    with service(tools, "--limit", "0") as emulator, projects(tools, emulator.url) as both:
        for latency in latencies:
            emulator.tell("clear_faults")
            if latency:
                emulator.tell("add_fault", method=None, kind="delay", seconds=latency, times=None)
            for count in counts:
                for run in range(runs):
                    say(f"{count} at {latency * 1000:g} ms, run {run + 1} of {runs} …")
                    for operation in OPERATIONS:
                        case = Case(operation, count, latency)
                        # Whoever comes second finds the machine's caches as the other has left them.
                        kinds = ("floor", "ours") if run % 2 else ("ours", "floor")
                        measured = found.setdefault(case, Measured())
                        for kind in kinds:
                            _run(kind, both[kind], case, emulator, measured)
    return found


def _run(kind: str, project: Project, case: Case, emulator: Service, measured: Measured) -> None:
    description = "changed" if case.operation == "update" else "first"
    if case.operation in ("up", "update"):
        program = OURS if kind == "ours" else FLOOR
        (project.folder / "__main__.py").write_text(program.format(count=case.count, description=description))
    emulator.tell("clear_requests")
    connections_before = emulator.ask("connections")
    quick = ("--yes", "--skip-preview") if case.operation != "preview" else ()
    started = time.perf_counter()
    project.pulumi(OPERATIONS[case.operation], *quick)
    seconds = time.perf_counter() - started
    if kind == "floor":
        measured.floor.append(seconds)
    else:
        measured.ours.append(seconds)
        measured.requests = sum(emulator.ask("counts").values())
        measured.connections = emulator.ask("connections") - connections_before
