"""`make bench`: the life of Agent Ingresses beside that of as many resources that do nothing, or of another version.

Both sides run each command one after the other, and take turns at being first. A ratio is the median of those pairs,
because only the two runs of a pair have the same conditions. Each side has its own emulator: a refresh lists a whole
account.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from pulumi_agin.emulator import Emulator
from tests.support.project import Project
from tools import environment, pulumi_cli
from tools.steps import end, exit_status, report

START_RUNS = 11
"""The runs of the import and of the plugin's start, which take less than a second."""
LIFE = {"up": "up", "preview": "preview", "refresh": "refresh", "update": "up", "destroy": "destroy"}
"""The command of each operation. Nothing has changed in the preview."""
ROW = "{:<30}{:>12}{:>12}{:>8}{:>12}"

# Each name of the package is loaded when it is first used.
IMPORT_NOTHING = "import pulumi, pulumi.dynamic"
IMPORT_AGIN = f"{IMPORT_NOTHING}; from pulumi_agin import AgentIngress, AgentIngressDelegation, agent_config, dns"

PROGRAM = """\
from {module} import AgentIngress

for n in range({count}):
    AgentIngress(f"i{{n}}", domain=f"i{{n}}.acme.com", description="{description}")
"""

# Its outputs are those of an Agent Ingress, because the engine writes the whole state after each step.
NOTHING = '''\
"""A dynamic resource with the inputs and outputs of an Agent Ingress. It sends no requests."""

import uuid

from pulumi.dynamic import CreateResult, DiffResult, ReadResult, Resource, ResourceProvider, UpdateResult

OUTPUTS = {
    "metadata": "",
    "ns_targets": [f"ns-{number}.awsdns-50.net." for number in (1329, 737, 1940, 427)],
    "region_domains": [f"tunnel.r{number}.i100.acme.com" for number in range(8)],
    "created_at": "2026-01-01T00:00:00Z",
    "uri": "/agent_ingresses/agin_2k5okIo7afS6bKA3xNDLRZ9rjqk",
    "_key_fingerprint": "0" * 8,
}
NO_OUTPUTS = dict.fromkeys([*OUTPUTS, "certificate_management_policy", "certificate_management_status"])


class NothingProvider(ResourceProvider):
    serialize_as_secret_always = False

    def diff(self, id_, olds, news):
        return DiffResult(changes=olds["description"] != news["description"])

    def create(self, props):
        return CreateResult(f"agin_{uuid.uuid4()}", {**props, **OUTPUTS})

    def read(self, id_, props):
        return ReadResult(id_, props)

    def update(self, id_, olds, news):
        return UpdateResult({**news, **OUTPUTS})


class AgentIngress(Resource, module="nothing", name="AgentIngress"):
    def __init__(self, name, *, domain, description):
        super().__init__(NothingProvider(), name, {**NO_OUTPUTS, "domain": domain, "description": description})
'''


@dataclass(frozen=True)
class Side:
    """What is measured: the package in a Python environment, or in its place the module `nothing`."""

    name: str
    env: Path
    module: str = "pulumi_agin"

    def start_seconds(self) -> dict[str, float]:
        """Imports what a program uses, and starts the plugin: without the package, that of dynamic providers."""
        is_ours = self.module == "pulumi_agin"
        python = str(self.env / "bin" / "python")
        plugin = [str(self.env / "bin" / "pulumi-resource-agin")] if is_ours else [python, "-m", "pulumi.dynamic"]
        return {
            "import": import_seconds(python, IMPORT_AGIN if is_ours else IMPORT_NOTHING),
            "start of the plugin": seconds_to_first_line([*plugin, "127.0.0.1:1"]),
        }


class Stack:
    """The stack of one side, with an emulator and a program of its own."""

    def __init__(self, side: Side, cli: Path, folder: Path, latency_seconds: float, cleanup: ExitStack) -> None:
        self._module = side.module
        self._emulator = cleanup.enter_context(Emulator(limit=0))
        if latency_seconds:
            self._emulator.add_fault(None, "delay", seconds=latency_seconds, times=None)
        # As where users run it: bytecode is written. A module on the path is pickled by reference, as ours is.
        python = {"PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(folder)}
        ngrok = {"NGROK_API_BASE_URL": self._emulator.url, "NGROK_API_KEY": "emulator-key"}
        self._project = Project(folder, cli, side.env, python | ngrok)
        (folder / "nothing.py").write_text(NOTHING)

    def seconds(self, operation: str, count: int) -> float:
        if operation in ("up", "update"):
            description = "the first" if operation == "up" else "another one"
            program = PROGRAM.format(module=self._module, count=count, description=description)
            (self._project.folder / "__main__.py").write_text(program)
        command = LIFE[operation]
        options = [] if command == "preview" else ["--yes", "--skip-preview"]
        self._emulator.clear_requests()
        return seconds_of(lambda: self._project.pulumi(command, *options))

    def requests(self) -> int:
        """Returns the number of requests of the last command."""
        return len(self._emulator.requests())


def seconds_of(run: Callable[[], object]) -> float:
    start = time.perf_counter()
    run()
    return time.perf_counter() - start


def import_seconds(python: str, imports: str) -> float:
    program = f"import time; start = time.perf_counter(); {imports}; print(time.perf_counter() - start)"
    # Not in this folder, where it would import the source.
    run = subprocess.run([python, "-c", program], cwd=Path(python).parent, capture_output=True, text=True, check=True)
    return float(run.stdout)


def seconds_to_first_line(command: list[str]) -> float:
    start = time.perf_counter()
    process = subprocess.Popen(command, cwd=Path(command[0]).parent, stdout=subprocess.PIPE)
    try:
        assert process.stdout
        assert process.stdout.readline(), f"{command[0]} has not started"
        return time.perf_counter() - start
    finally:
        end(process)


def measure_start(sides: Sequence[Side]) -> None:
    pairs = defaultdict[str, list[dict[str, float]]](list)
    for run in range(START_RUNS):
        pair = {side.name: side.start_seconds() for side in in_turn(sides, run)}
        for what in pair[sides[0].name]:
            pairs[what].append({name: seconds[what] for name, seconds in pair.items()})
    for what, measured in pairs.items():
        print_row(what, sides, measured)


def measure_life(sides: Sequence[Side], cli: Path, count: int, latency_seconds: float, runs: int) -> None:
    with tempfile.TemporaryDirectory() as folder, ExitStack() as cleanup:
        stacks = {side.name: Stack(side, cli, Path(folder) / side.name, latency_seconds, cleanup) for side in sides}
        pairs = defaultdict[str, list[dict[str, float]]](list)
        requests: dict[str, list[int]] = {}
        for run in range(runs):
            report(f"{count} at {latency_seconds:g} s, run {run + 1} of {runs} …")
            for operation in LIFE:
                pair = {side.name: stacks[side.name].seconds(operation, count) for side in in_turn(sides, run)}
                pairs[operation].append(pair)
                requests[operation] = [stacks[side.name].requests() for side in sides]
    for operation, measured in pairs.items():
        print_row(f"{operation}, {count} at {latency_seconds:g} s", sides, measured, requests[operation])


def in_turn(sides: Sequence[Side], run: int) -> Sequence[Side]:
    return sides[::-1] if run % 2 else sides


def print_row(what: str, sides: Sequence[Side], pairs: list[dict[str, float]], requests: Sequence[int] = ()) -> None:
    first, second = (side.name for side in sides)
    seconds = [f"{statistics.median(pair[side.name] for pair in pairs):.3f}" for side in sides]
    ratio = statistics.median(pair[first] / pair[second] for pair in pairs)
    print(ROW.format(what, *seconds, f"{ratio:.2f}", " / ".join(map(str, requests))).rstrip(), flush=True)


def print_heading(sides: Sequence[Side], cli: Path, runs: int) -> None:
    version = subprocess.run([cli / "pulumi", "version"], capture_output=True, text=True, check=True).stdout.strip()
    print(
        f"{os.cpu_count()} cores, {platform.system()} {platform.machine()}, "
        f"Python {platform.python_version()}, Pulumi {version}\n"
        f"Medians of {runs} pairs, of {START_RUNS} for the import and the start of the plugin. Each request takes the "
        "latency.\n"
    )
    first, second = (side.name for side in sides)
    print(ROW.format("", f"{first}, s", f"{second}, s", "ratio", "requests"))


def main() -> None:
    arguments = parse_arguments()
    cli, user = pulumi_cli.find_or_make(), environment.user()
    second = Side("other", arguments.other.absolute()) if arguments.other else Side("nothing", user, "nothing")
    sides = [Side("ours", user), second]
    print_heading(sides, cli, arguments.runs)
    measure_start(sides)
    for latency_seconds in arguments.latencies:
        for count in arguments.counts:
            measure_life(sides, cli, count, latency_seconds, arguments.runs)


def parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=(__doc__ or "").partition("\n\n")[2])
    parser.add_argument("--counts", type=numbers(int), default=[1, 50], help="numbers of ingresses (default: 1,50)")
    parser.add_argument(
        "--latencies", type=numbers(float), default=[0, 0.2], help="seconds of each request (default: 0,0.2)"
    )
    parser.add_argument("--runs", type=int, default=5, help="pairs of runs (default: %(default)s)")
    parser.add_argument("--other", type=Path, help="a virtual environment into which pip installed another version")
    return parser.parse_args()


def numbers(kind: type[int | float]) -> Callable[[str], list[int | float]]:
    return lambda value: [kind(each) for each in value.split(",")]


if __name__ == "__main__":
    sys.exit(exit_status(main))
