"""The memory of a command's processes, from Linux's /proc."""

from __future__ import annotations

import os
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

# The peak of a process that ends sooner may be missing. That of the CLI, a program or a plugin is not.
PAUSE_SECONDS = 0.5


class PeakMemory:
    """The memory peaks of processes, by their ids; empty on other systems than Linux."""

    def __init__(self) -> None:
        self.kilobytes: dict[int, int] = {}

    @property
    def megabytes(self) -> int:
        """The sum of all peaks."""
        return sum(self.kilobytes.values()) >> 10


@contextmanager
def peak_memory() -> Iterator[PeakMemory]:
    """Measures the processes that are started meanwhile by this process, and by those."""
    memory, is_over = PeakMemory(), threading.Event()
    others = _peaks().keys()

    def sample() -> None:
        while not is_over.wait(PAUSE_SECONDS):
            memory.kilobytes |= {id_: peak for id_, peak in _peaks().items() if id_ not in others}

    thread = threading.Thread(target=sample)
    thread.start()
    try:
        yield memory
    finally:
        is_over.set()
        thread.join()


def _peaks() -> dict[int, int]:
    """Returns the peak so far of each process below this one, in kilobytes."""
    parents: dict[int, int] = {}
    peaks: dict[int, int] = {}
    for file in Path("/proc").glob("[0-9]*/status"):
        try:
            status = file.read_text()
        except OSError:
            # The process has ended.
            continue
        id_ = int(file.parent.name)
        parents[id_] = int(re.findall(r"^PPid:\s*(\d+)", status, re.MULTILINE)[0])
        # A process that has ended, but that nobody has waited for, has no memory.
        if peak := re.search(r"^VmHWM:\s*(\d+) kB", status, re.MULTILINE):
            peaks[id_] = int(peak[1])
    return {id_: peak for id_, peak in peaks.items() if _is_below(os.getpid(), id_, parents)}


def _is_below(root: int, id_: int, parents: dict[int, int]) -> bool:
    while id_ in parents:
        id_ = parents[id_]
        if id_ == root:
            return True
    return False
