"""Creation of more ingresses than the rate limit allows in a minute: with faster clocks, or with the real one."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

from benchmarks.engine import API_KEY, Dynamic, Load, Tools, projects, service
from pulumi_agin.api import rate_limit
from pulumi_agin.api.client import AgentIngressClient
from pulumi_agin.api.errors import NgrokError
from pulumi_agin.base.clock import Clock
from pulumi_agin.base.redaction import Secret
from pulumi_agin.emulator import Emulator

COUNT = 300
SPEED = 10
WINDOW_SECONDS = rate_limit.WINDOW_SECONDS / SPEED


class FastClock(Clock):
    """A clock that runs SPEED times as fast as the system's."""

    def __init__(self) -> None:
        self._began = super().monotonic(), datetime.now(timezone.utc)

    def monotonic(self) -> float:
        return super().monotonic() * SPEED

    def utc_now(self) -> datetime:
        began, moment = self._began
        return moment + timedelta(seconds=self.monotonic() - began * SPEED)

    def sleep(self, seconds: float) -> None:
        super().sleep(seconds / SPEED)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        super().wait(condition, seconds / SPEED)


@dataclass(frozen=True)
class Limited:
    """A run under the limit, in seconds. `floor` is the time that the limit forces."""

    floor: float
    ours: float
    requests: int
    failures: int
    connections: int


def forced_seconds(window_seconds: float) -> float:
    """Returns the minimum time under the limit, which allows the same number of requests in each window."""
    return (COUNT - 1) // rate_limit.LIMIT * window_seconds


def scaled() -> Limited:
    """Runs the client in as many threads as a Python program's plugin has, with clocks that shorten the window."""
    clock = FastClock()
    with Emulator(API_KEY, limit=rate_limit.LIMIT, clock=clock.utc_now) as emulator:
        client = AgentIngressClient(Secret(API_KEY), emulator.url, clock=clock)

        def failed(number: int) -> bool:
            try:
                client.create({"domain": f"i{number}.acme.com"})
            except NgrokError:
                return True
            return False

        started = time.perf_counter()
        with ThreadPoolExecutor(Dynamic.most_calls) as threads:
            failures = sum(threads.map(failed, range(COUNT)))
        seconds = time.perf_counter() - started
        return Limited(
            forced_seconds(WINDOW_SECONDS), seconds, len(emulator.requests()), failures, emulator.connections()
        )


def real(tools: Tools) -> Limited:
    """Runs `pulumi up` against the real limit, which takes about two minutes."""
    front_end = Dynamic()
    with service(tools) as emulator, projects(tools, emulator.url, front_end) as both:
        project = both["ours"]
        front_end.write("ours", project, Load(COUNT, 0), "limited")
        started = time.perf_counter()
        project.up()
        seconds = time.perf_counter() - started
        failures = COUNT - len(emulator.read("ingresses"))
        return Limited(
            forced_seconds(rate_limit.WINDOW_SECONDS),
            seconds,
            len(emulator.read("requests")),
            failures,
            emulator.read("connections"),
        )
