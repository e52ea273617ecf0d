"""A terminal for commands that tests run."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence


def on_terminal(command: Sequence[str], columns: int) -> tuple[int, str]:
    r"""Runs a command with a pseudo terminal. Returns its status, and what it printed, with "\n" as line breaks."""
    terminal, end_of_command = pty.openpty()
    fcntl.ioctl(end_of_command, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    env = {**os.environ, "TERM": "xterm"}
    with subprocess.Popen(
        command, env=env, stdin=end_of_command, stdout=end_of_command, stderr=end_of_command, start_new_session=True
    ) as process:
        os.close(end_of_command)
        printed = b""
        while chunk := _read(terminal):
            printed += chunk
        os.close(terminal)
    return process.returncode, printed.decode().replace("\r\n", "\n")


def _read(terminal: int) -> bytes:
    try:
        return os.read(terminal, 65536)
    except OSError:  # On Linux, this is the end.
        return b""
