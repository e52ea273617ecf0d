"""Command line: `pulumi-agin import | doctor | explain | emulator`.

An extra, for people at a terminal and for cron. Each command is a module: `importing`, `doctor`, `explain`, `serve`.
`doctor` has its checks in `checks`, which use `zone_lookup`. `project` reads the settings and the ingresses of a stack.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
from collections.abc import Sequence

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.lifecycle.operation import FailedError
from pulumi_agin.version import VERSION

from . import doctor, explain, importing, serve

# The exit status of a command that could not do its work. argparse exits with 2 for wrong arguments.
FAILED = 1

# What shells report for a program that Ctrl-C ended.
INTERRUPTED = 130


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, and returns its exit status. A failure is one line on stderr, without a traceback.

    Args:
        arguments: The command with its arguments; None for those of the process.
    """
    parser = argparse.ArgumentParser(prog="pulumi-agin", description="Tools for ngrok Agent Ingresses with Pulumi.")
    parser.add_argument("--version", action="version", version=f"pulumi-agin {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for module in (importing, doctor, explain, serve):
        module.add_to(commands)
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A locale without UTF-8 can't print every description. In Python source, the escape is the same string.
            sys.stdout.reconfigure(errors="backslashreplace")
        options = parser.parse_args(arguments)
        status: int = options.run(options)
        # It may be closed, and is then None.
        print(end="", flush=True)  # noqa: T201
        return status
    except (FailedError, NgrokError) as error:
        return _fail(str(error))
    except BrokenPipeError:
        _discard_stdout()
        return FAILED
    except OSError as error:
        _discard_stdout()
        return _fail(error.strerror or str(error))
    except KeyboardInterrupt:
        return INTERRUPTED


def _fail(sentence: str) -> int:
    print(f"pulumi-agin: {sentence}", file=sys.stderr)  # noqa: T201
    return FAILED


def _discard_stdout() -> None:
    """Discards what stdout can't write, because Python writes it again when it exits, and reports the error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
