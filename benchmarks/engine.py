"""Measurements of `pulumi up` and the other commands, ours and the floor in turn: seconds, requests and connections.

Each front end has its own floor. For the dynamic providers, it is a Python program with `floor.Floor`. For the plugin,
it is a YAML program with `floor:Floor`, whose plugin is `floor_plugin`.
"""

from __future__ import annotations

import base64
import json
import math
import os
import py_compile
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import Any, Literal

import requests

from benchmarks import floor, floor_plugin
from benchmarks.memory import peak_memory
from tests.support.project import Project
from tools import pulumi_cli
from tools.steps import end, report

API_KEY = "benchmark-key"
# The peer has its own account, because ours lists a whole account.
PEER_API_KEY = "benchmark-key-of-the-peer"

# The command of each operation. In this order a stack ends as empty as it began.
OPERATIONS = {
    "preview of creates": "preview",
    "up": "up",
    "preview": "preview",
    "unchanged up": "up",
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

# Enough for an `up` of thousands, in which Pulumi writes the whole state for each resource.
COMMAND_TIMEOUT_SECONDS = 3600

# The version of each plugin in Pulumi.yaml.
VERSION = "1.0.0"

Kind = Literal["floor", "ours", "peer"]


@dataclass(frozen=True)
class Load:
    """The number of resources in a program, the latency of each response, and the engine's `--parallel`."""

    count: int
    latency_seconds: float
    parallel: int | None = None

    @property
    def calls(self) -> int:
        """The number of calls that the engine sends at a time. The default is four times the number of processors."""
        return self.parallel or 4 * (os.cpu_count() or 1)

    def __str__(self) -> str:
        parallel = f", {self.parallel} at once" if self.parallel else ""
        return f"{self.count}, {self.latency_seconds * 1000:g} ms{parallel}"


@dataclass(frozen=True)
class Case:
    """One operation under a load."""

    operation: str
    load: Load


@dataclass
class Measured:
    """The seconds of each run of a case, and the requests, connections and memory of our last one."""

    floor: list[float] = field(default_factory=list[float])
    ours: list[float] = field(default_factory=list[float])
    peer: list[float] = field(default_factory=list[float])
    requests: int = 0
    connections: int = 0
    megabytes: int = 0
    """The sum of the peaks of all processes of the command: the CLI, the program and the plugins."""

    def floor_seconds(self, case: Case, most_calls: int) -> float:
        """The floor's median, plus the latency of the service at the highest possible concurrency.

        A refresh reads a list, page by page.
        """
        at_once = 1 if case.operation == "refresh" else min(case.load.calls, most_calls)
        batches = math.ceil(self.requests / at_once)
        return statistics.median(self.floor) + batches * case.load.latency_seconds

    def ratio(self) -> float:
        """The ratio of ours to the floor: the median of pairs of runs. Both runs of a pair have the same conditions."""
        return statistics.median(ours / floor for floor, ours in zip(self.floor, self.ours, strict=True))

    def ratio_to_peer(self) -> float:
        """The ratio of ours to the peer; see `ratio`."""
        return statistics.median(ours / peer for peer, ours in zip(self.peer, self.ours, strict=True))


class Service:
    """An emulator in its own process, which is used through its control plane."""

    def __init__(self, url: str) -> None:
        self.url = url

    def read(self, name: str) -> Any:
        """Returns the result of the control plane's read `name`."""
        response = requests.get(f"{self.url}/_emulator/{name}", timeout=60)
        response.raise_for_status()
        return response.json()

    def run(self, name: str, **arguments: Any) -> None:
        """Runs the control plane's action `name`."""
        requests.post(f"{self.url}/_emulator/{name}", json=arguments, timeout=60).raise_for_status()


@dataclass(frozen=True)
class Tools:
    """The folder of the Pulumi CLI, and the environment with the wheel in it."""

    cli: Path
    user_env: Path


@contextmanager
def service(tools: Tools, *arguments: str) -> Iterator[Service]:
    """Runs `pulumi-agin emulator` with these arguments."""
    command = [str(tools.user_env / "bin" / "pulumi-agin"), "emulator", *arguments]
    command += ["--api-key", API_KEY, "--api-key", PEER_API_KEY]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=True)
    try:
        assert process.stdout
        yield Service(process.stdout.readline().decode().strip())
    finally:
        end(process)


class FrontEnd(ABC):
    """A front end of our resources, and its floor."""

    name: str
    floor: ModuleType
    """The module that is installed for the floor."""
    most_calls = sys.maxsize
    """The limit of concurrent calls."""
    kinds: tuple[Kind, ...] = ("ours", "floor")

    @abstractmethod
    def prepare(self, tools: Tools, folder: Path) -> None:
        """Writes the common files of its programs into a folder."""

    @abstractmethod
    def write(self, kind: Kind, project: Project, load: Load, description: str) -> None:
        """Writes a program."""


class Dynamic(FrontEnd):
    """Python programs with Pulumi's dynamic providers."""

    name = "dynamic"
    floor = floor
    # The threads of the SDK's servicer.
    most_calls = 4

    def prepare(self, tools: Tools, folder: Path) -> None:
        """Does nothing."""

    def write(self, kind: Kind, project: Project, load: Load, description: str) -> None:
        program = OURS if kind == "ours" else FLOOR
        (project.folder / "__main__.py").write_text(program.format(count=load.count, description=description))


@dataclass(frozen=True)
class Plugin:
    """A provider plugin: the folder of its executable, its name, and the type of its resource."""

    folder: Path
    name: str
    type: str


class Native(FrontEnd):
    """YAML programs with the provider plugin."""

    name = "native"
    floor = floor_plugin

    def __init__(self, peer: Path | None = None) -> None:
        """Creates the front end. With `peer`, it also measures a peer.

        `peer` is a folder with two executables: `pulumi-resource-terraform-provider`, the plugin of Pulumi's "Any
        Terraform Provider", and ngrok's `terraform-provider-ngrok`.
        """
        self._peer = peer and peer.absolute()
        if peer:
            self.kinds = ("ours", "floor", "peer")

    def prepare(self, tools: Tools, folder: Path) -> None:
        pulumi_cli.find_or_make_host(pulumi_cli.YAML, tools.cli)
        scripts = tools.user_env / "bin"
        self._plugins = {
            "ours": Plugin(folder / "agin", "agin", "agin:AgentIngress"),
            "floor": Plugin(folder / "floor", "floor", "floor:Floor"),
        }
        for plugin in self._plugins.values():
            plugin.folder.mkdir()
        (folder / "agin" / "pulumi-resource-agin").symlink_to(scripts / "pulumi-resource-agin")
        executable = folder / "floor" / "pulumi-resource-floor"
        executable.write_text(f"#!{scripts / 'python'}\nfrom floor_plugin import main\n\nmain()\n")
        executable.chmod(0o755)
        if self._peer:
            self._plugins["peer"] = Plugin(self._peer, "terraform-provider", "ngrok:AgentIngress")

    def write(self, kind: Kind, project: Project, load: Load, description: str) -> None:
        plugin = self._plugins[kind]
        zone = "peer.com" if kind == "peer" else "acme.com"
        resources = {
            f"i{n}": {"type": plugin.type, "properties": {"domain": f"i{n}.{zone}", "description": description}}
            for n in range(load.count)
        }
        # With a version, the YAML host caches the schema and starts no other process for it. Any version works.
        plugins = {"providers": [{"name": plugin.name, "path": str(plugin.folder), "version": VERSION}]}
        program = {"name": project.name, "runtime": "yaml", "plugins": plugins, "resources": resources}
        # JSON is YAML, too.
        project.yaml(json.dumps(program, indent=2))
        if kind == "peer":
            self._describe_peer(project)

    def _describe_peer(self, project: Project) -> None:
        """Writes the file of `pulumi package add terraform-provider …/terraform-provider-ngrok`."""
        value = json.dumps({"local": {"path": f"{self._peer}/terraform-provider-ngrok"}}).encode()
        package = {
            "packageDeclarationVersion": 1,
            "version": VERSION,
            "name": "terraform-provider",
            "parameterization": {"name": "ngrok", "version": "0.0.0", "value": base64.b64encode(value).decode()},
        }
        folder = project.folder / "sdks" / "ngrok"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "ngrok-0.0.0.yaml").write_text(json.dumps(package))


@contextmanager
def projects(tools: Tools, url: str, front_end: FrontEnd) -> Iterator[dict[Kind, Project]]:
    """Yields an empty project for each kind: for ours, for the floor, and for the peer if it is measured."""
    keys: dict[Kind, str] = {"ours": API_KEY, "floor": API_KEY, "peer": PEER_API_KEY}
    # In the same folder as ours: the state has the path of the code, and the engine writes the whole state after each
    # step.
    [packages] = (tools.user_env / "lib").glob("python*/site-packages")
    installed = Path(shutil.copy(str(front_end.floor.__file__), packages))
    compiled = Path(str(py_compile.compile(str(installed))))
    try:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            front_end.prepare(tools, folder)
            yield {
                kind: Project(
                    folder / kind,
                    tools.cli,
                    tools.user_env,
                    {"NGROK_API_BASE_URL": url, "NGROK_API_KEY": keys[kind]},
                    timeout_seconds=COMMAND_TIMEOUT_SECONDS,
                )
                for kind in front_end.kinds
            }
    finally:
        installed.unlink()
        compiled.unlink()


def measure(tools: Tools, front_end: FrontEnd, loads: Sequence[Load], runs: int) -> dict[Case, Measured]:
    """Runs all operations under each load: `runs` times for each kind."""
    results: dict[Case, Measured] = {}
    with service(tools, "--limit", "0") as emulator, projects(tools, emulator.url, front_end) as of_each:
        for load in loads:
            emulator.run("clear_faults")
            if load.latency_seconds:
                emulator.run("add_fault", method=None, kind="delay", seconds=load.latency_seconds, times=None)
            for run in range(runs):
                report(f"{front_end.name}: {load}, run {run + 1} of {runs} …")
                for operation in OPERATIONS:
                    case = Case(operation, load)
                    measured = results.setdefault(case, Measured())
                    # The order alternates, because each run warms the caches for the next one.
                    for kind in reversed(front_end.kinds) if run % 2 else front_end.kinds:
                        _run(front_end, kind, of_each[kind], case, emulator, measured)
    return results


def _run(front_end: FrontEnd, kind: Kind, project: Project, case: Case, emulator: Service, measured: Measured) -> None:
    if case.operation in ("preview of creates", "update"):
        front_end.write(kind, project, case.load, "changed" if case.operation == "update" else "first")
    emulator.run("clear_requests")
    connections_before = emulator.read("connections")
    command = OPERATIONS[case.operation]
    options = ["--yes", "--skip-preview"] if command != "preview" else []
    if case.load.parallel:
        options += ["--parallel", str(case.load.parallel)]
    with peak_memory() as memory:
        started = time.perf_counter()
        project.pulumi(command, *options)
        seconds = time.perf_counter() - started
    getattr(measured, kind).append(seconds)
    if kind == "ours":
        measured.requests = sum(emulator.read("counts").values())
        measured.connections = emulator.read("connections") - connections_before
        measured.megabytes = memory.megabytes
