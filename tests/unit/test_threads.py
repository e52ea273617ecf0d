"""Calls of a program in threads of their own: they wait for nobody else, and nobody waits for them at the end."""

from __future__ import annotations

import asyncio
import contextvars
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import pytest

from pulumi_agin.threads import DaemonThreads

T = TypeVar("T")

# Much longer than anything here takes, so that a test that would hang fails.
LONG_SECONDS = 60


def run(awaitable: Awaitable[T]) -> T:
    async def main() -> T:
        return await asyncio.wait_for(awaitable, LONG_SECONDS)

    return asyncio.run(main())


def test_a_call_does_not_wait_behind_those_of_asyncios_default_executor() -> None:
    done = threading.Event()

    async def main() -> int:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(1))
        theirs = loop.run_in_executor(None, done.wait)
        try:
            return await DaemonThreads().run(sum, [1, 2])
        finally:
            done.set()
            await theirs

    assert run(main()) == 3


def test_a_few_calls_run_at_once_in_their_order_and_each_caller_gets_its_own_result() -> None:
    going = threading.Event()
    began: list[int] = []

    def call(number: int) -> int:
        began.append(number)
        going.wait()
        return number * 10

    async def main(at_once: int) -> list[int]:
        began.clear()
        going.clear()
        before = {*threading.enumerate()}
        threads = DaemonThreads(at_once)
        calls = asyncio.gather(*[threads.run(call, number) for number in range(9)])
        # Each has begun or waits for its turn after this.
        await asyncio.sleep(0)
        running = {*threading.enumerate()} - before
        going.set()
        assert len(running) == at_once
        return await calls

    for at_once in (1, 3):
        assert run(main(at_once)) == [number * 10 for number in range(9)]
        assert sorted(began) == [*range(9)]
        assert at_once > 1 or began == [*range(9)]


def test_what_a_call_raises_is_raised_where_it_is_awaited_and_the_next_one_works() -> None:
    threads = DaemonThreads(1)

    async def main() -> list[object]:
        return await asyncio.gather(*[threads.run(int, text) for text in ("x", "5")], return_exceptions=True)

    wrong, right = run(main())
    assert isinstance(wrong, ValueError)
    assert right == 5


def test_it_works_in_one_event_loop_after_another_and_in_two_at_once() -> None:
    threads = DaemonThreads(2)
    both = threading.Barrier(2)

    async def main() -> int:
        return await threads.run(both.wait, LONG_SECONDS)

    for _ in range(2):
        with ThreadPoolExecutor(2) as loops:
            assert sorted(loops.map(lambda _: run(main()), range(2))) == [0, 1]


def test_a_call_sees_the_context_of_its_caller() -> None:
    variable = contextvars.ContextVar("variable", default="none")

    async def main() -> str:
        variable.set("ours")
        return await DaemonThreads().run(variable.get)

    assert run(main()) == "ours"


def test_a_call_that_ends_after_its_loop_says_nothing(capfd: pytest.CaptureFixture[str]) -> None:
    going, ended = threading.Event(), threading.Event()

    def call() -> None:
        going.wait(LONG_SECONDS)

    async def main() -> None:
        calling = asyncio.create_task(threads.run(call))
        await asyncio.sleep(0)
        calling.cancel()

    threads = DaemonThreads(1)
    run(main())
    going.set()
    # One thread, so the next call begins once the first one has ended.
    run(threads.run(ended.set))
    assert ended.is_set()
    assert capfd.readouterr() == ("", "")


def test_a_call_that_nobody_awaits_any_more_says_nothing() -> None:
    going = threading.Event()
    said: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: said.append(context))
        threads = DaemonThreads(1)
        calling = asyncio.create_task(threads.run(going.wait, LONG_SECONDS))
        await asyncio.sleep(0)
        calling.cancel()
        going.set()
        # One thread, so this ends after the other one.
        await threads.run(int)

    run(main())
    assert said == []


INTERRUPTED = """
import asyncio, sys, requests
from pulumi_agin.threads import DaemonThreads

try:
    asyncio.run(DaemonThreads().run(requests.get, sys.argv[1], timeout=300))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_one_interrupt_ends_a_program_that_waits_for_an_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(LONG_SECONDS)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        program = subprocess.Popen([sys.executable, "-c", INTERRUPTED, url], stdout=subprocess.PIPE, text=True)
        with program:
            try:
                connection, _ = server.accept()
                with connection:
                    assert connection.recv(1) == b"G"
                    program.send_signal(signal.SIGINT)
                    printed, _ = program.communicate(timeout=LONG_SECONDS)
                    assert printed == "interrupted\n"
                    assert program.returncode == 0
            finally:
                program.kill()
