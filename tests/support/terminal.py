"""A terminal for commands that tests run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence

from tools import pseudo_terminal


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
    env = {**os.environ, "TERM": "xterm", **(environment or {})}
    status, printed = pseudo_terminal.run(command, columns=columns, rows=24, env=env)
    return status, printed.decode().replace("\r\n", "\n")
