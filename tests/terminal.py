"""A terminal for commands that tests run."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Mapping, Sequence
from contextlib import suppress


def on_terminal(
    command: Sequence[str], columns: int = 80, *, environment: Mapping[str, str] | None = None
) -> tuple[int, str]:
    """Runs a command with a pseudo terminal as its stdout and stderr.

    Args:
        command: The command.
        columns: The width of the terminal.
        environment: More environment variables.

    Returns:
        The exit status, and what the terminal got, with "\\n" at the end of each line.
    """
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm", **(environment or {})}
    with subprocess.Popen(command, env=env, stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        printed = b""
        # Linux says so where the other end is closed.
        with suppress(OSError):
            while part := os.read(ours, 65536):
                printed += part
        os.close(ours)
    return process.returncode, printed.decode().replace("\r\n", "\n")
