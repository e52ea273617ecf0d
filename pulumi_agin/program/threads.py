"""Runs blocking calls of a program in threads of their own, while resources are registered.

They don't use asyncio's default executor: the SDK's calls fill it, and in a large stack ours would wait for them.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import threading
from collections import deque
from collections.abc import Callable
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")
T = TypeVar("T")

# Enough that one slow answer does not hold up others. Reads share a list, so more threads would not be faster.
AT_ONCE = 8


class DaemonThreads:
    """Runs calls in daemon threads, a few at the same time, in the order in which they come.

    When Python exits, it waits for the threads of a ThreadPoolExecutor, so a request without an answer would hold up a
    program that the user interrupted. It does not wait for daemon threads.
    """

    def __init__(self, at_once: int = AT_ONCE) -> None:
        """Starts no thread yet.

        Args:
            at_once: The largest number of threads that run at the same time.
        """
        self._at_once = at_once
        self._lock = threading.Lock()
        self._running = 0
        self._waiting: deque[Callable[[], None]] = deque()

    async def run(self, function: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> R:
        """Calls a function in one of the threads. Different event loops can await such calls.

        Args:
            function: The function to call.
            *args: Its positional arguments.
            **kwargs: Its keyword arguments.

        Returns:
            What the function returns.

        Raises:
            BaseException: What the function raises.
        """
        loop = asyncio.get_running_loop()
        done: asyncio.Future[R] = loop.create_future()
        # asyncio.to_thread does this too. It keeps the context of traces.
        context = contextvars.copy_context()

        def settle(how: Callable[[T], None], value: T) -> None:
            def in_the_loop() -> None:
                if not done.cancelled():
                    how(value)

            # If the loop is closed, nobody waits any more.
            with contextlib.suppress(RuntimeError):
                loop.call_soon_threadsafe(in_the_loop)

        def call() -> None:
            try:
                result = context.run(function, *args, **kwargs)
            except BaseException as error:  # noqa: BLE001 - it is raised where the call is awaited
                settle(done.set_exception, error)
            else:
                settle(done.set_result, result)

        with self._lock:
            self._waiting.append(call)
            is_another_needed = self._running < self._at_once
            self._running += is_another_needed
        if is_another_needed:
            try:
                threading.Thread(target=self._work, daemon=True).start()
            except RuntimeError:
                # No more threads can start. If one is running, it takes the call.
                with self._lock:
                    self._running -= 1
                    if not self._running:
                        self._waiting.remove(call)
                        raise
        return await done

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._running -= 1
                    return
                call = self._waiting.popleft()
            call()
