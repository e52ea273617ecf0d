"""The command line: `pulumi-agin emulator`. It only parses; what it starts is loaded when it is asked for."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence
from importlib.metadata import version

# Those of pulumi_agin.emulator.state, which is not loaded to print a help text.
_DEFAULT_API_KEY = "emulator-key"
_DEFAULT_LIMIT = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit status: 2 for what the user has to set right, said in one sentence."""
    parser = argparse.ArgumentParser(prog="pulumi-agin", description="ngrok Agent Ingresses from Pulumi.")
    parser.add_argument("--version", action="version", version=f"pulumi-agin {version('pulumi-agin')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_emulator(commands)
    options = parser.parse_args(arguments)
    run = options.run
    return int(run(options))


def _add_emulator(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    command = commands.add_parser(
        "emulator",
        help="a stand-in for ngrok's API, to try programs without an account",
        description="Runs a stand-in for ngrok's Agent Ingress API. Prints its URL when it answers; "
        "SIGINT and SIGTERM end it.",
    )
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (default: %(default)s)")
    command.add_argument("--port", type=int, default=0, help="0, the default, takes a free one")
    command.add_argument(
        "--allow-remote", action="store_true", help="allow a host that other machines reach: no key guards it"
    )
    command.add_argument(
        "--api-key",
        action="append",
        metavar="KEY",
        help="each further one is an account of its own; other users of this machine see keys given here "
        f"(default: NGROK_API_KEY of the environment, else {_DEFAULT_API_KEY})",
    )
    command.add_argument("--file", metavar="PATH", help="keep the ingresses in this file")
    command.add_argument(
        "--limit",
        type=int,
        default=_DEFAULT_LIMIT,
        help="requests of an account in a minute, 0 for no limit (default: %(default)s)",
    )
    command.set_defaults(run=_run_emulator)


def _run_emulator(options: argparse.Namespace) -> int:
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        from pulumi_agin.emulator import Emulator
    except ModuleNotFoundError as error:
        return _fail(str(error))

    api_key, *others = options.api_key or [os.environ.get("NGROK_API_KEY") or _DEFAULT_API_KEY]
    try:
        emulator = Emulator(
            api_key,
            other_accounts=others,
            host=options.host,
            port=options.port,
            allow_remote=options.allow_remote,
            file=options.file,
            limit=options.limit,
        )
        emulator.start()
    except (OSError, OverflowError) as error:
        return _fail(f"The emulator cannot listen on {options.host}, port {options.port}: {error}.")
    except ValueError as error:
        return _fail(str(error))
    try:
        sys.stdout.write(f"{emulator.url}\n")
        sys.stdout.flush()
        ended.wait()
    finally:
        emulator.stop()
    return 0


def _fail(sentence: str) -> int:
    sys.stderr.write(f"pulumi-agin: {sentence}\n")
    return 2


if __name__ == "__main__":
    sys.exit(main())
