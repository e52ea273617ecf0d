"""The command line: `pulumi-agin import`, `pulumi-agin doctor` and `pulumi-agin emulator`.

This module only parses. Each command is a module of its own, which is loaded when the command runs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from pulumi_agin.settings import API_KEY, ENVIRONMENT
from pulumi_agin.version import VERSION

# As in pulumi_agin.emulator.state, which is not loaded to print a help text.
DEFAULT_API_KEY = "emulator-key"
DEFAULT_LIMIT = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: The words of the command line; None for those of this process.

    Returns:
        The exit status. 2: the user has to set something right. 1: ngrok or the network failed, and it may work another
        time. For `doctor`, 1 means that not all is well, and the report on stdout says why. Every other failure prints
        one sentence on stderr.
    """
    parser = argparse.ArgumentParser(prog="pulumi-agin", description="ngrok Agent Ingresses from Pulumi.")
    parser.add_argument("--version", action="version", version=f"pulumi-agin {VERSION}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    _add_import(commands)
    _add_doctor(commands)
    _add_emulator(commands)
    options = parser.parse_args(arguments)
    run = options.run
    return int(run(options))


def _add_import(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    command = commands.add_parser(
        "import",
        help="take over Agent Ingresses that exist",
        usage="%(prog)s (ID… | --all | --filter CEL) [--name N] [--parent URN] [--provider URN] [--stack S] [--code]",
        description="Prints the file with which Pulumi takes over Agent Ingresses that exist:\n\n"
        "  pulumi-agin import ID | pulumi import --file /dev/stdin --generate-code=false --yes",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    command.add_argument(
        "ids", nargs="*", metavar="ID", help="of an Agent Ingress, such as agin_2k5okIo7afS6bKA3xNDLRZ9rjqk"
    )
    command.add_argument("--all", action="store_true", help="all of the account")
    command.add_argument("--filter", metavar="CEL", help="those of the account for which ngrok's filter holds")
    command.add_argument(
        "--name",
        metavar="N",
        help="the resource's name in the program (default: the domain with hyphens for its dots, and with -2, -3 … "
        "behind where that is there already)",
    )
    command.add_argument("--parent", metavar="URN", help="of the component that the resource is a child of")
    command.add_argument(
        "--provider",
        metavar="URN",
        help="of the resource's explicit provider, whose API key is then taken from the state of the stack",
    )
    command.add_argument(
        "--stack", metavar="S", help="that is to have the resources (default: the one that is selected in the folder)"
    )
    command.add_argument("--code", action="store_true", help="print the Python program of the resources instead")
    command.set_defaults(run=_run_import)


def _run_import(options: argparse.Namespace) -> int:
    from . import importing

    return importing.run(options)


def _add_doctor(commands: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:  # pyright: ignore[reportPrivateUsage]
    command = commands.add_parser(
        "doctor",
        help="why a domain's Agent Ingress does not work yet",
        description="Looks from outside, and changes nothing: at the API key, the Agent Ingress, the NS records and "
        "the certificate, and says what puts right what is wrong. The exit status is 0 only when all is well, 2 where "
        "nothing could be asked, else 1.",
    )
    command.add_argument("domain", metavar="DOMAIN", help="of an Agent Ingress, such as connect.acme.com")
    command.add_argument(
        "--dns", metavar="HOST:PORT", help="a DNS server to ask for the NS records, in place of the parent zone's own"
    )
    command.add_argument("--json", action="store_true", help="print JSON instead of a table")
    command.set_defaults(run=_run_doctor)


def _run_doctor(options: argparse.Namespace) -> int:
    from . import doctor

    return doctor.run(options)


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
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another host name that clients use to reach the emulator, such as its container's name (repeatable)",
    )
    command.add_argument(
        "--api-key",
        action="append",
        metavar="KEY",
        help="each further one is an account of its own; other users of this machine see keys given here "
        f"(default: {ENVIRONMENT[API_KEY]} of the environment, else {DEFAULT_API_KEY})",
    )
    command.add_argument("--file", metavar="PATH", help="keep the ingresses in this file")
    command.add_argument(
        "--dns",
        metavar="HOST:PORT",
        help="ask this server for NS records: no certificate before those of its domain are right",
    )
    command.add_argument(
        "--limit",
        type=int,
        default=DEFAULT_LIMIT,
        help="requests of an account in a minute, 0 for no limit (default: %(default)s)",
    )
    command.set_defaults(run=_run_emulator)


def _run_emulator(options: argparse.Namespace) -> int:
    from . import emulator

    return emulator.run(options)
