"""Calls of a program in daemon threads."""

from __future__ import annotations

import asyncio
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

from pulumi_agin.program.threads import DaemonThreads

T = TypeVar("T")

# Much longer than anything here takes, so that a hanging test fails.
LONG_SECONDS = 60


def run(call: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(asyncio.wait_for(call, LONG_SECONDS))


def test_call_does_not_wait_for_asyncios_default_executor() -> None:
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


def test_calls_run_in_order_and_a_few_at_once() -> None:
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
        # After this, each call has begun or is in the queue.
        await asyncio.sleep(0)
        running = {*threading.enumerate()} - before
        going.set()
        assert len(running) == at_once
        return await calls

    for at_once in (1, 3):
        assert run(main(at_once)) == [number * 10 for number in range(9)]
        assert sorted(began) == [*range(9)]
        assert at_once > 1 or began == [*range(9)]


def test_exception_is_raised_for_its_caller_only() -> None:
    threads = DaemonThreads(1)

    async def main() -> list[object]:
        return await asyncio.gather(*[threads.run(int, text) for text in ("x", "5")], return_exceptions=True)

    wrong, right = run(main())
    assert isinstance(wrong, ValueError)
    assert right == 5


def test_cancelled_call_reports_no_error() -> None:
    going = threading.Event()
    reported: list[object] = []

    async def main() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: reported.append(context))
        threads = DaemonThreads(1)
        calling = asyncio.create_task(threads.run(going.wait, LONG_SECONDS))
        await asyncio.sleep(0)
        calling.cancel()
        going.set()
        # With one thread, this ends after the other call.
        await threads.run(int)

    run(main())
    assert reported == []


INTERRUPTED = """
import asyncio, sys, requests
from pulumi_agin.program.threads import DaemonThreads

try:
    asyncio.run(DaemonThreads().run(requests.get, sys.argv[1], timeout=300))
except KeyboardInterrupt:
    print("interrupted", flush=True)
"""


def test_one_interrupt_ends_a_program_during_a_call() -> None:
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
