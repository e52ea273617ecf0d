"""Count of the package's functions that the creation of one Agent Ingress calls.

It measures how much code a reader has to follow. `python -m benchmarks.functions` traces the constructor in
a program, then `check` and `create` in a plugin, against an emulator. `--names` prints the functions.
"""

from __future__ import annotations

import argparse
import asyncio
import inspect
import os
import pkgutil
import sys
import threading
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import pulumi
from pulumi.dynamic import Config, ConfigureRequest

import pulumi_agin as agin
from pulumi_agin.dynamic.agent_ingress import AgentIngressProvider
from pulumi_agin.emulator import Emulator
from pulumi_agin.emulator.state import DEFAULT_API_KEY

MOST = 110

PACKAGE = Path(agin.__file__).parent
NOT_FUNCTIONS = {"<module>", "<listcomp>", "<setcomp>", "<dictcomp>", "<genexpr>"}
DOMAIN = "connect.acme.com"


class Mocks(pulumi.runtime.Mocks):
    """An engine that returns the inputs of resources."""

    def new_resource(self, args: pulumi.runtime.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        return "id", args.inputs

    def call(self, args: pulumi.runtime.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        return {}, None


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--names", action="store_true", help="print each function")
    names = arguments.parse_args().names
    entered: set[CodeType] = set()
    # Calls during imports do not count.
    for package in ("api", "dynamic", "lifecycle", "program"):
        for module in pkgutil.iter_modules([str(PACKAGE / package)]):
            import_module(f"pulumi_agin.{package}.{module.name}")
    with Emulator() as emulator:
        os.environ["NGROK_API_KEY"], os.environ["NGROK_API_BASE_URL"] = DEFAULT_API_KEY, emulator.url
        provider = AgentIngressProvider()
        provider.configure(ConfigureRequest(Config({}, "benchmark")))
        checked: dict[str, Any] = {}
        steps: dict[str, Callable[[], object]] = {
            "constructor": _construct,
            "check": lambda: checked.update(provider.check({}, {"domain": DOMAIN}).inputs),
            "create": lambda: provider.create(checked),
        }
        for step, run in steps.items():
            functions = _traced(run)
            entered |= functions
            print(f"{step}: {len(functions)}")
            if names:
                print("\n".join(sorted(map(_name, functions))))
        assert [ingress["domain"] for ingress in emulator.ingresses()] == [DOMAIN]
    print(f"total: {len(entered)}; the limit is {MOST}")
    sys.exit(len(entered) > MOST)


def _construct() -> None:
    # Since Python 3.14, asyncio no longer creates the event loop that the SDK needs.
    asyncio.set_event_loop(asyncio.new_event_loop())
    pulumi.runtime.set_mocks(Mocks())

    @pulumi.runtime.test  # type: ignore[untyped-decorator]
    def program() -> None:
        agin.AgentIngress("connect", domain=DOMAIN)

    program()


def _traced(run: Callable[[], object]) -> set[CodeType]:
    entered = set()

    def record(frame: FrameType, event: str, _: object) -> None:
        code = frame.f_code
        # The body of a class is not a function.
        is_function = code.co_flags & inspect.CO_OPTIMIZED and code.co_name not in NOT_FUNCTIONS
        if event == "call" and is_function and _is_ours(code):
            entered.add(code)

    threading.setprofile(record)
    sys.setprofile(record)
    try:
        run()
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    return entered


def _is_ours(code: CodeType) -> bool:
    file = Path(code.co_filename)
    return PACKAGE in file.parents and PACKAGE / "emulator" not in file.parents


def _name(code: CodeType) -> str:
    return f"  {Path(code.co_filename).relative_to(PACKAGE)}:{code.co_firstlineno} {code.co_name}"


if __name__ == "__main__":
    main()
