"""`pulumi-agin emulator`: an emulator of ngrok's API, to test programs without an account."""

from __future__ import annotations

import argparse
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from pulumi_agin.base.clock import Clock
from pulumi_agin.base.names import LOOPBACK_HOSTS
from pulumi_agin.base.shell import quoted
from pulumi_agin.settings import IN_PYTHON, Setting

from . import DEFAULT_API_KEY
from .output import fail, note, print_text

# The address at which this machine reaches an emulator that listens on all addresses.
_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - it is not listened on here


def run(options: argparse.Namespace, _: Clock) -> int:
    """Runs the emulator until SIGINT or SIGTERM. The exit status is 2 if it can't start."""
    # Fails without the packages of the extra.
    from pulumi_agin.emulator import Emulator

    # Never the key in the environment, which may be that of an account at ngrok.
    api_key, *others = options.api_key or [DEFAULT_API_KEY]
    with _signals() as signals:
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
            return fail(f"the emulator can't listen on {options.host}, port {options.port}: {str(error).rstrip('.')}")
        except ValueError as error:
            return fail(str(error))
        try:
            status = print_text(f"{emulator.url}\n")
            if status == 0:
                _print_instructions(options, emulator.url)
                # Blocks until a signal.
                signals.recv(1)
        finally:
            emulator.stop()
    return status


@contextmanager
def _signals() -> Iterator[socket.socket]:
    """Yields a socket from which SIGINT and SIGTERM can be read.

    A lock would not work: the system may deliver a signal to another thread, and then the main thread, which runs
    Python's handlers, does not wake up.
    """
    reader, writer = socket.socketpair()
    writer.setblocking(False)
    with reader, writer:
        wakeup_before = signal.set_wakeup_fd(writer.fileno())
        # Python writes a number to the socket only for signals that have a handler of Python.
        handlers = {number: signal.signal(number, lambda *_: None) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield reader
        finally:
            signal.set_wakeup_fd(wakeup_before)
            for number, handler in handlers.items():
                signal.signal(number, handler)


def _print_instructions(options: argparse.Namespace, url: str) -> None:
    """Prints on stderr the commands that make one stack use the emulator.

    Variables in a shell would redirect the user's other stacks, too.
    """
    host = _LOOPBACK_OF.get(options.host, options.host)
    if host not in LOOPBACK_HOSTS:
        note(
            f"programs send an API key only over https:// or to this machine, so they reject {url}: listen on "
            "127.0.0.1, or forward a port on 127.0.0.1 to it"
        )
        return
    address = f"http://{f'[{host}]' if ':' in host else host}:{url.rpartition(':')[2]}"
    value, prompt = f" {DEFAULT_API_KEY}", ""
    if options.api_key:
        value, prompt = "", ". The second command prompts for a key that you passed with --api-key"
    note(
        f"to use it in one stack, run these commands in the project's folder{prompt}. For programs in other "
        "languages than Python, replace ngrok: with agin:",
        lines=[
            f"pulumi config set {IN_PYTHON.key(Setting.BASE_URL)} {quoted(address)}",
            f"pulumi config set --secret {IN_PYTHON.key(Setting.API_KEY)}{value}",
        ],
    )
