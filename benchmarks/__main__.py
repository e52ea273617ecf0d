"""`make bench`: a table of the cost of the package's own work, each compared with its floor.

For a quick run: make bench T='--counts 1,200 --latency 0 --runs 3'
For large stacks, an hour: make bench T='--counts 100,300,1000 --latency 0 --runs 1'
"""

from __future__ import annotations

import argparse
import os
import platform
import re
import statistics
import subprocess
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from benchmarks import engine, import_cost
from tools import environment, pulumi_cli
from tools.steps import exit_status, report

IMPORT_RUNS = 21

IMPORT_SECONDS = 0.015
RATIO = 1.1

COLUMNS = "{:<40}{:>9}{:>9}{:>8}{:>10}  {:<10}{:>9}{:>13}{:>8}  {}"


def main() -> None:
    arguments = _arguments()
    tools = engine.Tools(pulumi_cli.find_or_make(), environment.user())
    report(f"measuring, {arguments.runs} runs of each …")
    rows = [_import_row(tools)]
    for name in arguments.front_ends:
        front_end = engine.Dynamic() if name == "dynamic" else engine.Native(arguments.peer)
        measured = engine.measure(tools, front_end, _loads(arguments), arguments.runs)
        rows += [_engine_row(front_end, case, each) for case, each in measured.items()]
    print(_heading(tools, arguments.runs))
    print(
        COLUMNS.format("", "floor s", "ours s", "ratio", "over s", "goal", "requests", "connections", "MB", "").rstrip()
    )
    print("\n".join(rows))


def _arguments() -> argparse.Namespace:
    def numbers(value: str) -> list[int]:
        return [int(each) for each in value.split(",")]

    parser = argparse.ArgumentParser(
        prog="make bench",
        description="The cost of the package's own work beside its floor: each number of ingresses at each latency.",
    )
    parser.add_argument(
        "--front-end",
        dest="front_ends",
        choices=["dynamic", "native"],
        nargs="+",
        default=["dynamic", "native"],
        help="dynamic: Python programs; native: YAML programs, by the plugin (default: both)",
    )
    parser.add_argument(
        "--peer",
        type=Path,
        help="a folder with pulumi-resource-terraform-provider and terraform-provider-ngrok, which are measured beside "
        "the plugin",
    )
    parser.add_argument(
        "--counts", type=numbers, default=[1, 50, 200], help="the numbers of ingresses (default: 1,50,200)"
    )
    parser.add_argument(
        "--latency", type=numbers, default=[0, 50, 200], help="milliseconds of the API (default: 0,50,200)"
    )
    parser.add_argument("--parallel", type=int, help="the engine's --parallel (default: its own)")
    parser.add_argument("--runs", type=int, default=9, help="of each; the figures are medians (default: %(default)s)")
    return parser.parse_args()


def _loads(arguments: argparse.Namespace) -> Sequence[engine.Load]:
    return [
        engine.Load(count, latency / 1000, arguments.parallel)
        for latency in arguments.latency
        for count in arguments.counts
    ]


def _heading(tools: engine.Tools, runs: int) -> str:
    cli = subprocess.run([tools.cli / "pulumi", "version"], capture_output=True, text=True, check=True).stdout.strip()
    return f"""\
{_processor()}, {os.cpu_count()} cores, {platform.system()} {platform.machine()}
Python {platform.python_version()}, pulumi SDK {version("pulumi")}, CLI {cli.removeprefix("v")}, pulumi-agin \
{version("pulumi-agin")}; medians of {runs} runs, of {IMPORT_RUNS} for the import
floor: the same number of resources that send no requests, by the same front end; with latency, also the time of our \
requests,
{engine.Load(1, 0).calls} at once by default, at most {engine.Dynamic.most_calls} in a Python program, and one by one \
in the list of a refresh.
ratio: ours to the floor, at 0 ms the median of the pairs. over: ours less the floor.
MB: the memory peaks of all processes of the command together.
"""


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    found = re.search(r"^model name\s*: (.*)$", cpuinfo.read_text(), re.MULTILINE) if cpuinfo.exists() else None
    return found[1] if found else platform.processor() or "unknown processor"


def _import_row(tools: engine.Tools) -> str:
    floor, ours = import_cost.measure(tools.user_env / "bin" / "python", IMPORT_RUNS)
    over = statistics.median(ours) - statistics.median(floor)
    return _row(
        "import pulumi_agin",
        statistics.median(floor),
        statistics.median(ours),
        goal=f"+{IMPORT_SECONDS:.3f} s",
        missed=over > IMPORT_SECONDS,
        digits=3,
    )


def _engine_row(front_end: engine.FrontEnd, case: engine.Case, measured: engine.Measured) -> str:
    floor, ours = measured.floor_seconds(case, front_end.most_calls), statistics.median(measured.ours)
    # Without latency, only processor time counts, and the real ngrok always has latency.
    has_goal = case.load.latency_seconds > 0
    ratio = ours / floor if has_goal else measured.ratio()
    goal, missed = (f"{RATIO:g} times", ratio > RATIO) if has_goal else ("", False)
    row = _row(
        f"{front_end.name}: {case.operation} of {case.load}",
        floor,
        ours,
        goal=goal,
        missed=missed,
        ratio=ratio,
        last=(measured.requests, measured.connections, measured.megabytes or ""),
    )
    if measured.peer:
        row += f"  peer {statistics.median(measured.peer):.2f} s, ours to it {measured.ratio_to_peer():.2f}"
    return row


def _row(
    title: str,
    floor: float,
    ours: float,
    *,
    goal: str,
    missed: bool,
    ratio: float | None = None,
    last: tuple[int | str, ...] = ("", "", ""),
    digits: int = 2,
) -> str:
    ratio = ours / floor if ratio is None else ratio
    shown = (f"{floor:.{digits}f}", f"{ours:.{digits}f}", f"{ratio:.2f}", f"{ours - floor:+.{digits}f}")
    return COLUMNS.format(title, *shown, goal, *last, "missed" if missed else "").rstrip()


if __name__ == "__main__":
    sys.exit(exit_status(main))
