"""Long steps of a set-up: their duration is shown, their output is logged, and their processes are always ended."""

from __future__ import annotations

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

ROOT = Path(__file__).resolve().parent.parent
BUILD = ROOT / ".build"
LOGS = BUILD / "logs"

HEARTBEAT_SECONDS = 15
GRACE_SECONDS = 10


class StepError(Exception):
    """An error whose message is for the user and needs no traceback."""


def exit_status(run: Callable[[], object]) -> int:
    """Runs a whole script and shows the message of a StepError. Returns the exit status."""
    heed_interrupts()
    _exit_on_termination()
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


# -- cached folders ---------------------------------------------------------------------------------------


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

    Its name has a hash of its sources. If another process is making it, this one waits, and `what` is in the message.
    """
    if folder.exists():
        return folder
    with locked(folder.with_name(f"{folder.name}.lock"), what):
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
def locked(file: Path, what: str) -> Iterator[None]:
    """Waits until no other process has the lock, and holds it. The system releases it if the process ends."""
    # Windows does not have it. Only unit tests run there.
    import fcntl

    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock = file.open("w")
    except OSError as error:
        raise StepError(
            f"{file.parent} can't be written ({error.strerror}); XDG_CACHE_HOME names another cache"
        ) from None
    with lock:
        began = time.monotonic()
        reported = -float(HEARTBEAT_SECONDS)
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                elapsed = time.monotonic() - began
                if elapsed - reported >= HEARTBEAT_SECONDS:
                    report(f"waiting for another process that makes {what} … {_minutes(elapsed)}")
                    reported = elapsed
                time.sleep(0.2)
        yield


# -- a step -----------------------------------------------------------------------------------------------


def run_step(
    title: str,
    command: Sequence[str | Path],
    *,
    log: Path,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    timeout_seconds: float | None = None,
) -> None:
    """Runs a command, shows its duration, and appends its output to `log`.

    `title` may have the usual duration after a colon. A StepError has the last line of the output.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as output:
        start_of_output = output.tell()
        output.write(f"$ {' '.join(map(str, command))}\n".encode())
        output.flush()
        try:
            process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            raise StepError(f"{title}: {error}") from error
        with ended(process):
            in_time = _wait(process, title, timeout_seconds)
    what = title.partition(": ")[0]
    if not in_time:
        raise StepError(f"{what}: stopped after {timeout_seconds:.0f}s")
    if process.returncode != 0:
        printed = log.read_bytes()[start_of_output:].decode(errors="replace").strip().splitlines()
        raise StepError(f"{what}: failed ({printed[-1].strip() if printed else process.returncode}); the log is {log}")


def _wait(process: subprocess.Popen[bytes], title: str, timeout_seconds: float | None) -> bool:
    """Waits for the end. A terminal shows the time in place; other streams get a line every HEARTBEAT_SECONDS."""
    in_place = sys.stderr.isatty()
    started = time.monotonic()
    if not in_place:
        report(f"{title} …")
    try:
        while True:
            elapsed = time.monotonic() - started
            if timeout_seconds is not None and elapsed >= timeout_seconds:
                return False
            if in_place:
                print(f"\r{title} … {_minutes(elapsed)}", end="", file=sys.stderr, flush=True)
            elif elapsed >= HEARTBEAT_SECONDS:
                report(f"{title} … {_minutes(elapsed)}")
            pause = 1.0 if in_place else float(HEARTBEAT_SECONDS)
            if timeout_seconds is not None:
                pause = min(pause, timeout_seconds - elapsed)
            try:
                process.wait(pause)
            except subprocess.TimeoutExpired:
                continue
            return True
    finally:
        if in_place:
            print(file=sys.stderr)


def _minutes(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest:02d}s" if minutes else f"{rest}s"


@contextmanager
def ended(process: subprocess.Popen[bytes]) -> Iterator[None]:
    """Ends `process` and its whole group when the block ends, even by an error.

    `process` must have been started with `start_new_session=True`.
    """
    try:
        yield
    except (KeyboardInterrupt, SystemExit):
        # A second Ctrl-C must not interrupt the clean-up, which takes only seconds.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        raise
    finally:
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(process.pid, number)
            except ProcessLookupError:
                break
            try:
                process.wait(GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                continue
        process.wait()


def _exit_on_termination() -> None:
    """Makes SIGTERM and SIGHUP unwind the stack, so that all started processes are ended."""

    def leave(number: int, _frame: FrameType | None) -> None:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGHUP, leave)
