"""Commands of a set-up, and folders that are made once for all processes that need them."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
# The cache for all clones on this machine.
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pulumi-agin"


class StepError(Exception):
    """An error whose message is for the user and needs no traceback."""


def exit_status(main: Callable[[], object]) -> int:
    """Runs a whole script and shows the message of a StepError. Returns the exit status."""
    heed_interrupts()
    # They unwind the stack, so that all started processes are ended.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        main()
    except StepError as error:
        report(str(error))
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def heed_interrupts() -> None:
    """Lets Ctrl-C interrupt this process. Shells make background commands ignore it."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)


def report(message: str) -> None:
    """Prints to stderr. stdout is for results."""
    print(message, file=sys.stderr, flush=True)


def run(title: str, command: Sequence[str | Path], *, cwd: Path = ROOT, env: Mapping[str, str] | None = None) -> None:
    """Shows a title, and runs a command without its output. A StepError has the end of the output."""
    report(f"{title} …")
    try:
        done = subprocess.run(
            command, cwd=cwd, env=env, stdin=DEVNULL, stdout=PIPE, stderr=STDOUT, text=True, check=False
        )
    except OSError as error:
        raise StepError(f"{title}: {error}") from None
    if done.returncode != 0:
        last_lines = "\n".join(done.stdout.strip().splitlines()[-10:])
        raise StepError(f"{title}: failed with exit code {done.returncode}\n{last_lines}")


def end(process: subprocess.Popen[Any]) -> None:
    """Ends a background process, and returns when it has ended."""
    process.terminate()
    try:
        process.wait(timeout=10)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def hash_of(files: Iterable[Path]) -> str:
    """Hashes the contents of files."""
    return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]


def made_once(folder: Path, make: Callable[[Path], object]) -> Path:
    """Returns a folder, which is made if it does not exist. It exists either completely or not at all.

    If its sources can change, its name has a hash of them.
    """
    with locked(folder):
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            unfinished.mkdir()
            make(unfinished)
            unfinished.rename(folder)
    return folder


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits until no other process makes a folder. The system releases the lock if the process ends."""
    # Windows does not have it. Only unit tests run there.
    import fcntl

    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder.with_name(f"{folder.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
