"""Process of the plugin, which serves the engine's calls until the engine ends the process or is gone."""

from __future__ import annotations

import os
import signal
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc

from pulumi_agin.engine import Engine, protocol

from .plugin import AginProvider

# The engine itself limits the concurrent calls (`--parallel`). A thread starts only when a call needs it.
MOST_CALLS_AT_ONCE = 1000

# The interval between checks of whether the engine is gone.
CHECK_SECONDS = 10

# The time limit for calls in progress after a signal, or after the engine is gone.
GRACE_SECONDS = 20


def serve() -> NoReturn:
    """Serves until a signal, or until the engine is gone. Then ends the process without returning."""
    engine, interrupted = Engine(sys.argv[-1]), threading.Event()
    options = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(MOST_CALLS_AT_ONCE), options=options)
    provider = AginProvider(engine, interrupted)
    protocol("provider_pb2_grpc").add_ResourceProviderServicer_to_server(provider, server)
    port = server.add_insecure_port("127.0.0.1:0")
    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    server.start()
    print(port, flush=True)  # noqa: T201 - the engine reads it
    while not ended.wait(CHECK_SECONDS) and engine.is_there():
        continue
    interrupted.set()
    server.stop(GRACE_SECONDS).wait()
    # A normal exit would wait for the threads of unfinished calls, such as a call to a server that does not respond.
    os._exit(0)
