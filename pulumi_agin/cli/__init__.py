"""Command line: `pulumi-agin import | doctor | explain | emulator`.

An extra, for people at a terminal and for cron. Each command is a module: `importing`, `doctor` with its `checks`,
`explain`, `serve`. `project` reads the settings and the ingresses of the selected stack.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

from pulumi_agin.api.errors import NgrokError
from pulumi_agin.lifecycle.operation import FailedError
from pulumi_agin.version import VERSION

# The exit status of a command that could not do its work, as opposed to one that found something wrong.
FAILED = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs a command, and returns its exit status. Errors are one line on stderr."""
    parser = argparse.ArgumentParser(prog="pulumi-agin", description="Tools for ngrok Agent Ingresses with Pulumi.")
    parser.add_argument("--version", action="version", version=f"pulumi-agin {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    # Each module adds its own options, and is loaded here, because argparse prints the help of all of them.
    from . import doctor, explain, importing, serve

    for module in (importing, doctor, explain, serve):
        module.add_to(commands)
    options = parser.parse_args(arguments)
    try:
        status: int = options.run(options)
        sys.stdout.flush()
        return status
    except (FailedError, NgrokError) as error:
        print(f"pulumi-agin: {error}", file=sys.stderr)  # noqa: T201
        return FAILED
    except BrokenPipeError:
        # Python would flush stdout again at its exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except KeyboardInterrupt:
        return 130
