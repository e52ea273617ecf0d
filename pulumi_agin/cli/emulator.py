"""`pulumi-agin emulator`: a stand-in for ngrok's API, to try programs without an account."""

from __future__ import annotations

import argparse
import os
import signal
import sys
import threading

from pulumi_agin.settings import API_KEY, ENVIRONMENT

from . import DEFAULT_API_KEY
from .common import fail


def run(options: argparse.Namespace) -> int:
    """Runs the emulator until SIGINT or SIGTERM.

    Args:
        options: The parsed command line; see `main`.

    Returns:
        The exit status: 0, or 2 if the emulator cannot start.
    """
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        from pulumi_agin.emulator import Emulator
    except ModuleNotFoundError as error:
        return fail(str(error))

    api_key, *others = options.api_key or [os.environ.get(ENVIRONMENT[API_KEY]) or DEFAULT_API_KEY]
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
        return fail(f"The emulator cannot listen on {options.host}, port {options.port}: {str(error).rstrip('.')}.")
    except (ValueError, ModuleNotFoundError) as error:
        return fail(str(error))
    try:
        sys.stdout.write(f"{emulator.url}\n")
        sys.stdout.flush()
        ended.wait()
    finally:
        emulator.stop()
    return 0
