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
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
LINES_OF_OUTPUT = 10
STOP_SECONDS = 10


class StepError(Exception):
    """An error whose message is for the user and needs no traceback."""


def exit_status(run: Callable[[], object]) -> int:
    """Runs a whole script and shows the message of a StepError. Returns the exit status."""
    heed_interrupts()
    # They unwind the stack, so that all started processes are ended.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _frame: sys.exit(128 + number))
    try:
        run()
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
    """Prints to stderr. stdout is for results, such as a folder for PATH."""
    print(message, file=sys.stderr, flush=True)


def run(
    title: str,
    command: Sequence[str | Path],
    *,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float | None = None,
) -> None:
    """Shows a title, which may have the usual duration after a colon, and runs a command.

    If the command can't be started, or fails, a StepError has the reason or the end of its output.
    """
    report(f"{title} …")
    what = title.partition(": ")[0]
    try:
        process = subprocess.Popen(
            command,
            cwd=cwd,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
            start_new_session=True,
        )
    except OSError as error:
        raise StepError(f"{what}: {error}") from None
    with process:
        try:
            output, _ = process.communicate(timeout=timeout_seconds)
        except BaseException:
            # Its own processes end, too.
            os.killpg(process.pid, signal.SIGKILL)
            raise
    if process.returncode != 0:
        last_lines = "\n".join(output.strip().splitlines()[-LINES_OF_OUTPUT:])
        raise StepError(f"{what}: failed with exit code {process.returncode}\n{last_lines}")


def end(process: subprocess.Popen[Any]) -> None:
    """Ends a background process, and returns when it has ended."""
    process.terminate()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def cache() -> Path:
    """Returns the cache for all clones on this machine."""
    given = Path(os.environ.get("XDG_CACHE_HOME", ""))
    return (given if given.is_absolute() else Path.home() / ".cache") / "pulumi-agin"


def hash_of(files: Iterable[Path]) -> str:
    """Hashes the contents of files."""
    digest = hashlib.sha256()
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()[:16]


def made_once(folder: Path, what: str, make: Callable[[Path], object]) -> Path:
    """Returns a folder, which is made if it does not exist. It exists either completely or not at all.

    If its sources can change, its name has a hash of them.
    """
    if folder.exists():
        return folder
    with locked(folder, what):
        if not folder.exists():
            unfinished = folder.with_name(f"{folder.name}.unfinished")
            shutil.rmtree(unfinished, ignore_errors=True)
            try:
                make(unfinished)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    return folder


@contextmanager
def locked(folder: Path, what: str) -> Iterator[None]:
    """Waits until no other process makes a folder. The system releases the lock if the process ends."""
    # Windows does not have it. Only unit tests run there.
    import fcntl

    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = folder.with_name(f"{folder.name}.lock").open("w")
    except OSError as error:
        raise StepError(f"{error}; the cache can be another folder: set XDG_CACHE_HOME") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            report(f"waiting for another process that makes {what} …")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
