"""The type of the `pulumi_agin` fixture, which runs the command line in the test's own process."""

from __future__ import annotations

from collections.abc import Callable

Command = Callable[..., tuple[int, str, str]]
"""Runs a command with these arguments. Returns its exit status, its stdout and its stderr."""
