"""Measures `pulumi up` and the other commands, ours and the floor's in turn: seconds, requests and connections."""

from __future__ import annotations

import math
import os
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

# As many calls as our plugin process carries out at once, at most.
PLUGIN_CALLS = 32

# The name of each operation in the table, and its command. In this order a stack ends as empty as it began.
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
class Load:
    """How many resources a program has, and how long the service takes for each answer."""

    count: int
    latency_seconds: float


@dataclass(frozen=True)
class Case:
    """One operation under a load."""

    operation: str
    load: Load

    @property
    def latency_seconds(self) -> float:
        """How long the service takes for each answer."""
        return self.load.latency_seconds


@dataclass
class Measured:
    """The seconds of each run of a case, and how many requests and connections the last of ours took."""

    floor: list[float] = field(default_factory=list[float])
    ours: list[float] = field(default_factory=list[float])
    requests: int = 0
    connections: int = 0

    def floor_seconds(self, case: Case, calls: int) -> float:
        """The floor's median, and the latency of the service where so many calls ask it at once."""
        return statistics.median(self.floor) + math.ceil(self.requests / calls) * case.latency_seconds

    def ratio(self) -> float:
        """Ours to the floor: the median of the pairs of runs. Both runs of a pair met the machine in the same state."""
        return statistics.median(ours / floor for floor, ours in zip(self.floor, self.ours, strict=True))


class Service:
    """An emulator in a process of its own, which is used through its control plane."""

    def __init__(self, url: str) -> None:
        self.url = url

    def ask(self, name: str) -> Any:
        """Asks the control plane for `name` and returns the answer."""
        answer = requests.get(f"{self.url}/_emulator/{name}", timeout=60)
        answer.raise_for_status()
        return answer.json()

    def tell(self, name: str, **arguments: Any) -> None:
        """Makes the control plane do `name`."""
        requests.post(f"{self.url}/_emulator/{name}", json=arguments, timeout=60).raise_for_status()


@dataclass(frozen=True)
class Tools:
    """The folder of the Pulumi CLI, and the environment with the wheel in it."""

    cli: Path
    user_env: Path


@contextmanager
def service(tools: Tools, *arguments: str) -> Iterator[Service]:
    """Runs `pulumi-agin emulator` with these arguments."""
    command = [str(tools.user_env / "bin" / "pulumi-agin"), "emulator", "--api-key", API_KEY, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    with ended(process):
        assert process.stdout
        yield Service(process.stdout.readline().decode().strip())


@contextmanager
def projects(tools: Tools, url: str) -> Iterator[dict[str, Project]]:
    """An empty project for the floor, and one for ours."""
    settings = {"NGROK_API_BASE_URL": url, "NGROK_API_KEY": API_KEY}
    # Installed as ours is: the state holds the path of the code, and the engine writes the whole state after each step.
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


def calls_at_once(parallel: int | None) -> int:
    """How many resources are worked on at once.

    Args:
        parallel: The engine's `--parallel`; None for its default, four times the number of processors.
    """
    return min(PLUGIN_CALLS, parallel or 4 * (os.cpu_count() or 1))


def measure(tools: Tools, loads: Sequence[Load], runs: int, parallel: int | None) -> dict[Case, Measured]:
    """Runs all operations under each load.

    Args:
        tools: What runs them.
        loads: The loads.
        runs: How often each is run, once for the floor and once for ours.
        parallel: The engine's `--parallel`; None for its default.
    """
    found: dict[Case, Measured] = {}
    options = () if parallel is None else ("--parallel", str(parallel))
    with service(tools, "--limit", "0") as emulator, projects(tools, emulator.url) as both:
        for load in loads:
            emulator.tell("clear_faults")
            if load.latency_seconds:
                emulator.tell("add_fault", method=None, kind="delay", seconds=load.latency_seconds, times=None)
            for run in range(runs):
                say(f"{load.count} at {load.latency_seconds * 1000:g} ms, run {run + 1} of {runs} …")
                for operation in OPERATIONS:
                    case = Case(operation, load)
                    measured = found.setdefault(case, Measured())
                    # The second one finds the machine's caches as the first one left them.
                    for kind in ("floor", "ours") if run % 2 else ("ours", "floor"):
                        _run(kind, both[kind], case, emulator, measured, options)
    return found


def _run(
    kind: str, project: Project, case: Case, emulator: Service, measured: Measured, options: Sequence[str]
) -> None:
    description = "changed" if case.operation == "update" else "first"
    if case.operation in ("up", "update"):
        program = OURS if kind == "ours" else FLOOR
        (project.folder / "__main__.py").write_text(program.format(count=case.load.count, description=description))
    emulator.tell("clear_requests")
    connections_before = emulator.ask("connections")
    quick = ("--yes", "--skip-preview") if case.operation != "preview" else ()
    started = time.perf_counter()
    project.pulumi(OPERATIONS[case.operation], *quick, *options)
    seconds = time.perf_counter() - started
    if kind == "floor":
        measured.floor.append(seconds)
    else:
        measured.ours.append(seconds)
        measured.requests = sum(emulator.ask("counts").values())
        measured.connections = emulator.ask("connections") - connections_before
