"""Command line: `pulumi-agin import | doctor | explain | emulator`.

An extra, for people at a terminal and for cron. Each command is a module with two functions:

- `add_options` declares the options of the command.
- `run` carries the command out, and returns the exit status. The docstring of `run` is the text of `--help`.

For the commands, `project` reads the settings and the domains of a stack, and `zone_lookup` reads DNS records.
"""

from __future__ import annotations

import argparse
import inspect
import io
import os
import sys
from collections.abc import Sequence

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.lifecycle.operation import FailedError
from pulumi_agin.version import VERSION

from . import doctor, explain, importing, serve

COMMANDS = {"import": importing, "doctor": doctor, "explain": explain, "emulator": serve}

# The exit status of a command that could not do its work. argparse exits with 2 for wrong arguments.
FAILED = 1


def new_parser() -> argparse.ArgumentParser:
    """Returns the parser, with a subparser for each command."""
    parser = argparse.ArgumentParser(prog="pulumi-agin", description="Tools for ngrok Agent Ingresses with Pulumi.")
    parser.add_argument("--version", action="version", version=f"pulumi-agin {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for name, module in COMMANDS.items():
        description = inspect.getdoc(module.run) or ""
        command = commands.add_parser(name, help=description.partition("\n")[0], description=description)
        module.add_options(command)
        command.set_defaults(run=module.run)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, and returns its exit status. A failure prints one line to stderr, without a traceback.

    If the reader of stdout has closed the pipe, the failure prints nothing.

    Args:
        arguments: The command with its arguments; None for the arguments of the process.
    """
    try:
        if isinstance(sys.stdout, io.TextIOWrapper):
            # A locale without UTF-8 can't print every description. In Python source, the escape means the same string.
            sys.stdout.reconfigure(errors="backslashreplace")
        options = new_parser().parse_args(arguments)
        status: int = options.run(options)
        # A failed write to stdout must raise its error here, and not when Python exits.
        print(end="", flush=True)  # noqa: T201
        return status
    except (FailedError, NgrokError) as error:
        return _fail(str(error))
    except OSError as error:
        _discard_stdout()
        # A user who closed the pipe, for example with `head`, expects no more lines.
        return FAILED if isinstance(error, BrokenPipeError) else _fail(str(error))
    except KeyboardInterrupt:
        # The exit status with which shells report a program that Ctrl-C ended.
        return 130


def _fail(sentence: str) -> int:
    print(f"pulumi-agin: {sentence}", file=sys.stderr)  # noqa: T201
    return FAILED


def _discard_stdout() -> None:
    """Discards the output that stdout can't write. Otherwise, Python would write again at exit, and report an error."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
