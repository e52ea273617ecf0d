"""Runs commands on a pseudo terminal, for the pictures and for tests."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from tools.steps import StepError, ended

# Enough for the slowest command on a busy machine.
TIMEOUT_SECONDS = 180


def run(
    command: Sequence[str | Path], *, columns: int, rows: int, env: Mapping[str, str], cwd: Path | None = None
) -> tuple[int, bytes]:
    """Runs a command on a terminal of its own.

    Args:
        command: The command.
        columns: The width of the terminal.
        rows: Its height.
        env: The environment of the command.
        cwd: The folder to run it in; None for that of this process.

    Returns:
        The exit status, and what the terminal got.

    Raises:
        StepError: It took too long.
    """
    ours, its = pty.openpty()
    fcntl.ioctl(its, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    process = subprocess.Popen(
        command, cwd=cwd, env=env, stdin=its, stdout=its, stderr=its, start_new_session=True, restore_signals=False
    )
    os.close(its)
    with ended(process), open(ours, "rb", buffering=0) as terminal:
        printed = _read(terminal.fileno())
        return process.wait(), printed


def _read(terminal: int) -> bytes:
    """Returns all that is printed until the last process that has the terminal ends."""
    printed = b""
    end = time.monotonic() + TIMEOUT_SECONDS
    while True:
        if not select.select([terminal], [], [], max(end - time.monotonic(), 0))[0]:
            raise StepError(f"The command did not end within {TIMEOUT_SECONDS} seconds. It printed:\n{printed!r}")
        try:
            chunk = os.read(terminal, 65536)
        except OSError:  # How Linux tells of the end.
            chunk = b""
        if not chunk:
            return printed
        printed += chunk
