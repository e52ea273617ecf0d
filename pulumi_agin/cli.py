"""The command line: `pulumi-agin import`, `pulumi-agin doctor` and `pulumi-agin emulator`.

It only parses; what it starts is loaded when it is asked for.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading
from collections.abc import Sequence

from pulumi_agin.version import VERSION

# Those of pulumi_agin.emulator.state, which is not loaded to print a help text.
_DEFAULT_API_KEY = "emulator-key"
_DEFAULT_LIMIT = 120


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command. Returns the exit status, where it is not 0 with one sentence on stderr.

    2: something that the user has to set right. 1: what ngrok or the network did, which may go better another time;
    of `doctor`, that not all is well, which its report says on stdout.
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
    from pulumi_agin import importing
    from pulumi_agin.api import errors, retry

    try:
        found = importing.find(
            importing.Asked(
                options.ids, options.all, options.filter, options.name, options.parent, options.provider, options.stack
            )
        )
    except importing.NotImportableError as error:
        return _fail(str(error))
    except errors.ApiError as error:
        return _fail(str(error), 1 if retry.passes_by(error.status) else 2)
    except (errors.UnreachableError, errors.BadAnswerError) as error:
        return _fail(str(error), 1)
    except errors.NgrokError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted", 1)
    for sentence in found.left_out:
        sys.stderr.write(f"pulumi-agin: left out: {sentence}\n")
    return _print(found.program() if options.code else found.file())


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
    from pulumi_agin import doctor, nameservers

    try:
        server = None if options.dns is None else nameservers.parse_server(options.dns)
    except ValueError as error:
        return _fail(f"--dns: {error}")
    try:
        report = doctor.examine(options.domain, server)
    except doctor.NotExaminableError as error:
        return _fail(str(error))
    except KeyboardInterrupt:
        return _fail("interrupted", 1)
    printed = _print(report.json() if options.json else report.table())
    return printed or int(not report.is_ok)


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
        f"(default: NGROK_API_KEY of the environment, else {_DEFAULT_API_KEY})",
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
            allowed_hosts=options.allow_host,
            file=options.file,
            dns=options.dns,
            limit=options.limit,
        )
        emulator.start()
    except (OSError, OverflowError) as error:
        return _fail(f"The emulator cannot listen on {options.host}, port {options.port}: {str(error).rstrip('.')}.")
    except (ValueError, ModuleNotFoundError) as error:
        return _fail(str(error))
    try:
        sys.stdout.write(f"{emulator.url}\n")
        sys.stdout.flush()
        ended.wait()
    finally:
        emulator.stop()
    return 0


def _print(text: str) -> int:
    try:
        # UTF-8 whatever the terminal has: it may be Python's source.
        sys.stdout.buffer.write(text.encode())
        sys.stdout.flush()
    except BrokenPipeError:
        # Python would try once more at its end, and say so.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return _fail("nobody reads what is printed", 1)
    return 0


def _fail(sentence: str, status: int = 2) -> int:
    sys.stderr.write(f"pulumi-agin: {sentence}\n")
    return status


if __name__ == "__main__":
    sys.exit(main())
