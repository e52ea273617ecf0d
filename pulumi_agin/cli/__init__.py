"""The command line, `pulumi-agin`: an extra for people. Messages of the core name its commands, but need none.

- `import` is for those who have Agent Ingresses already: `import_command` selects them at ngrok, `import_names` names
  them, and `import_file` or `import_program` prints what brings them into a stack.
- `doctor` is for those whose Agent Ingress does not work yet: `doctor_reads` reads ngrok, the state (`doctor_state`)
  and DNS (`doctor_ns`, `doctor_caa`), `doctor_checks` judges, and `doctor_report` prints. It needs dnspython.
- `explain` is for those who got a message that names it: it prints a section of the errors page.
- `emulator` runs the emulator.

`import` and `doctor` stand on `stack`, which reads settings and resources with the user's `pulumi`, on `output`, and on
the client, the outputs and the URNs of the lifecycle. This module only parses: each command is loaded when it runs.
"""

from __future__ import annotations

import argparse
import functools
import importlib
from collections.abc import Callable, Sequence

from pulumi_agin.api.errors import ApiError, BadResponseError, NgrokError, UnreachableError
from pulumi_agin.base.clock import SYSTEM_CLOCK, Clock
from pulumi_agin.base.version import VERSION
from pulumi_agin.settings import ENVIRONMENT, Setting

from .output import UsageError, fail

# The same as in pulumi_agin.emulator.state, which is not imported just for the help.
DEFAULT_API_KEY = "emulator-key"
DEFAULT_LIMIT = 120

# The names of languages in Pulumi's commands and in Pulumi.yaml. Python has resource types of its own.
LANGUAGES = ("python", "typescript", "nodejs", "go", "csharp", "dotnet", "java", "yaml")

# The lines of descriptions are broken by hand, because argparse wraps either these and the examples, or neither.
_SETTINGS = f"""\
The API key comes from the config of the selected stack, if this folder has a
Pulumi project, or else from the environment variable {ENVIRONMENT[Setting.API_KEY]}."""


def main(arguments: Sequence[str] | None = None, clock: Clock = SYSTEM_CLOCK) -> int:
    """Runs one command, by default the one in `sys.argv`, and returns its exit status.

    2: the user must correct something. 1: ngrok or the network failed, and a retry may succeed. The status of `doctor`
    also depends on the report on stdout. Every other failure prints one sentence on stderr.
    """
    options = parser().parse_args(arguments)
    try:
        return _run(options, clock)
    except (UsageError, NgrokError, ImportError) as error:
        can_retry = isinstance(error, (UnreachableError, BadResponseError)) or (
            isinstance(error, ApiError) and error.is_transient
        )
        return fail(str(error), 1 if can_retry else 2)
    except KeyboardInterrupt:
        return fail("interrupted", 1)


def _run(options: argparse.Namespace, clock: Clock) -> int:
    # ngrok may treat an empty filter as a match for all.
    if getattr(options, "filter", None) is not None and not options.filter.strip():
        raise UsageError("--filter is empty; use CEL, such as 'obj.description == \"iot\"', or --all")
    for option in ("name", "stack"):
        if getattr(options, option, None) == "":
            raise UsageError(f"--{option} is empty; set it to a name, or omit it")
    command = importlib.import_module(f".{options.module}", __name__)
    status: int = command.run(options, clock)
    return status


def parser() -> argparse.ArgumentParser:
    """Returns the argument parser. `shtab` generates the shell completion from it."""
    root = argparse.ArgumentParser(
        prog="pulumi-agin",
        description="Import and diagnose Agent Ingresses, and emulate ngrok's API.",
        epilog=_examples(
            "pulumi-agin import agin_2k5okIo7afS6bKA3xNDLRZ9rjqk --name connect --code",
            "pulumi-agin doctor connect.acme.com",
            "pulumi-agin explain taken-domain",
            "pulumi-agin emulator --port 24404",
        )
        + "\n\n`pulumi-agin COMMAND --help` describes a command.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    root.add_argument("--version", action="version", version=f"pulumi-agin {VERSION}")
    # No abbreviations, because a later version may have another option with the same beginning.
    add_command = functools.partial(
        root.add_subparsers(metavar="COMMAND", required=True).add_parser,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_import(add_command)
    _add_doctor(add_command)
    _add_explain(add_command)
    _add_emulator(add_command)
    return root


def _examples(*lines: str) -> str:
    """Returns the examples at the end of the help. They are not wrapped, so that they can be pasted."""
    return "\n".join(["examples:", *(f"  {line}" for line in lines)])


def _add_import(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    command = add_command(
        "import",
        help="import existing Agent Ingresses",
        usage="%(prog)s (DOMAIN… | ID… | --all | --filter CEL | --names FILE) [--name N | --names FILE]\n"
        "       [--parent URN] [--provider URN] [--stack S] [--language L] [--code]",
        description=f"""\
Prints an import file for `pulumi import`. For a program in Python, --code
prints the program instead; in other languages, `pulumi import` generates it.

{_SETTINGS}""",
        epilog=_examples(
            "pulumi-agin import agin_2k5okIo7afS6bKA3xNDLRZ9rjqk --name connect | "
            "pulumi import --file /dev/stdin --generate-code=false --yes",
            "pulumi-agin import connect.acme.com devices.acme.com --code",
            "pulumi-agin import --all --language typescript | pulumi import --file /dev/stdin --yes --out imported.ts",
            "pulumi-agin import --names names.json --code > imported.py",
            "pulumi-agin import --filter 'obj.description == \"iot\"' --stack prod",
        ),
    )
    command.set_defaults(module="import_command")
    add = command.add_argument
    add("chosen", nargs="*", metavar="DOMAIN|ID", help="an Agent Ingress: its domain, or its ID, such as agin_2k5…")
    add("--all", action="store_true", help="import all Agent Ingresses of the account")
    add("--filter", metavar="CEL", help="import the Agent Ingresses that match the filter")
    add(
        "--name",
        metavar="N",
        help="the name of the resource in the program (default: the domain with hyphens instead of dots, followed by "
        "-2, -3 … if that name is taken)",
    )
    add(
        "--names",
        metavar="FILE",
        help="a JSON file that maps IDs or domains to names; - for stdin. Alone, imports the ingresses in the file",
    )
    add("--parent", metavar="URN", help="the URN of the component that contains the resources")
    add("--provider", metavar="URN", help="the URN of the explicit provider; its API key is read from the state")
    add("--stack", metavar="S", help="the stack for the resources (default: the one selected in this folder)")
    add(
        "--language",
        metavar="L",
        choices=LANGUAGES,
        help=f"the language of the program: {', '.join(LANGUAGES)} (default: that of the stack's Agent Ingresses, or "
        "else of the project)",
    )
    add("--code", action="store_true", help="print the program for the resources instead, which is in Python")


def _add_doctor(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    command = add_command(
        "doctor",
        help="show why an Agent Ingress isn't working yet",
        usage="%(prog)s (DOMAIN | --all | --filter CEL) [--provider URN] [--stack S]\n"
        "       [--dns HOST:PORT] [--json]",
        description=f"""\
Checks the API key, the Agent Ingress, the NS records and the certificate.
Shows how to fix each problem, and once there is none, how to test whether
agents can connect, which it doesn't check. In the folder of a Pulumi project,
it also compares ngrok with the state of the stack. It changes nothing.

The exit status is 0 if every check is ok; 1 if a check is wrong; 2 if you must
correct something before the checks can run; and 3 if nothing is wrong, but a
check is waiting or could not be made.

{_SETTINGS}""",
        epilog=_examples(
            "pulumi-agin doctor connect.acme.com",
            "pulumi-agin doctor connect.acme.com --dns 127.0.0.1:5300",
            "pulumi-agin doctor --all --json",
        ),
    )
    command.set_defaults(module="doctor")
    add = command.add_argument
    add("domain", nargs="?", metavar="DOMAIN", help="the domain of an Agent Ingress, such as connect.acme.com")
    add(
        "--all",
        action="store_true",
        help="check all Agent Ingresses of this key's account, and those of the stack with the same key or provider, "
        "in one table; run it once more for each explicit provider (--provider)",
    )
    add("--filter", metavar="CEL", help="check the Agent Ingresses that match the filter, in one table")
    add(
        "--provider",
        metavar="URN",
        help="check the account of this explicit provider; its API key is read from the state",
    )
    add("--stack", metavar="S", help="the stack whose config has the settings (default: the selected one)")
    add("--dns", metavar="HOST:PORT", help="the DNS server to query instead of public DNS")
    add("--json", action="store_true", help="print JSON instead of a table")


def _add_explain(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    command = add_command(
        "explain",
        help="show what to do after an error",
        description="Prints all next steps after an error, whose message has the NAME.",
        epilog=_examples("pulumi-agin explain taken-domain", "pulumi-agin explain"),
    )
    command.set_defaults(module="explain")
    command.add_argument("section", nargs="?", metavar="NAME", help="the name; without one, lists all names")


def _add_emulator(add_command: Callable[..., argparse.ArgumentParser]) -> None:
    command = add_command(
        "emulator",
        help="emulate ngrok's API, to test programs without an account",
        description="""\
Runs a stand-in for ngrok's Agent Ingress API. When it is ready, prints its URL
to stdout and, to stderr, the commands that make a stack use it. SIGINT (Ctrl-C)
or SIGTERM stops it.""",
        epilog=_examples(
            "pulumi-agin emulator",
            "pulumi-agin emulator --port 24404 --file agent-ingresses.json",
            "pulumi-agin emulator --port 24404 --dns 127.0.0.1:5300",
            "pulumi-agin emulator --host 0.0.0.0 --port 24404 --allow-remote --allow-host emulator",
        ),
    )
    command.set_defaults(module="emulator")
    add = command.add_argument
    add("--host", default="127.0.0.1", help="the address to listen on (default: %(default)s)")
    add("--port", type=int, default=0, help="the port to listen on (default: 0, a free port)")
    add("--allow-remote", action="store_true", help="allow other machines; the control plane requires no key")
    add(
        "--allow-host",
        action="append",
        default=[],
        metavar="NAME",
        help="another host name that clients use to reach the emulator, such as its container's name (repeatable)",
    )
    add(
        "--api-key",
        action="append",
        metavar="KEY",
        help="an API key, which is visible to other users of this machine (repeatable, one account each; "
        f"default: {DEFAULT_API_KEY}, even if NGROK_API_KEY is set)",
    )
    add("--file", metavar="PATH", help="store the ingresses in this file")
    add("--dns", metavar="HOST:PORT", help="issue certificates only for domains that are delegated on this DNS server")
    add(
        "--limit",
        type=int,
        default=DEFAULT_LIMIT,
        help="the maximum number of requests per minute for each account; 0 for no limit (default: %(default)s)",
    )
