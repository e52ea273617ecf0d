"""Command `emulator`: runs the stand-in for ngrok's API until a signal stops it."""

from __future__ import annotations

import signal
import sys
import threading
from argparse import ArgumentParser, Namespace
from pathlib import Path
from urllib.parse import urlsplit

from pulumi_agin.api.values import LOOPBACK_HOSTS
from pulumi_agin.lifecycle.operation import FailedError
from pulumi_agin.settings import API_KEY, BASE_URL

DEFAULT_API_KEY = "emulator-key"


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--host", default="127.0.0.1", help="listen on this address; default: %(default)s")
    parser.add_argument("--port", type=int, default=0, help="listen on this port; default: a free one")
    parser.add_argument("--api-key", action="append", metavar="KEY", help=f"repeatable; default: {DEFAULT_API_KEY}")
    parser.add_argument("--file", type=Path, metavar="PATH", help="store the ingresses in this file")
    parser.add_argument("--dns", metavar="HOST:PORT", help="the server that must have the NS records")
    parser.add_argument("--limit", type=int, default=120, help="requests per minute; default: %(default)s; 0: no limit")


def run(options: Namespace) -> int:
    """Runs a stand-in for ngrok's Agent Ingress API.

    When it is ready, prints its URL to stdout. SIGINT (Ctrl-C) or SIGTERM stops it.
    """
    # The key in the environment is not used, because that key may belong to an account at ngrok.
    first, *others = options.api_key or [DEFAULT_API_KEY]
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    try:
        from pulumi_agin.emulator import Emulator

        emulator = Emulator(
            first,
            other_accounts=others,
            host=options.host,
            port=options.port,
            file=options.file,
            dns=options.dns,
            limit=options.limit,
        )
        emulator.start()
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise FailedError(f"can't listen on {options.host}, port {options.port}: {reason}") from None
    except (ImportError, ValueError) as error:
        raise FailedError(str(error)) from None
    try:
        print(emulator.url, flush=True)  # noqa: T201
        # Programs reject an unencrypted URL of a host that is not loopback.
        if urlsplit(emulator.url).hostname in LOOPBACK_HOSTS:
            sys.stderr.write(_instructions(emulator.url, first))
        ended.wait()
    finally:
        emulator.stop()
    return 0


def _instructions(url: str, api_key: str) -> str:
    # `pulumi config set` prompts for a key that is not in the command.
    key = f" {api_key}" if api_key == DEFAULT_API_KEY else ""
    return (
        "To use it in a stack, run these commands in the project's folder:\n"
        f"  pulumi config set {BASE_URL} {url}\n"
        f"  pulumi config set --secret {API_KEY}{key}\n"
    )
