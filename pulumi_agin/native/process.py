"""Process of the plugin, which serves the engine's calls until the engine ends it or is gone."""

from __future__ import annotations

import os
import select
import signal
import socket
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import NoReturn

import grpc

from pulumi_agin.base.clock import Clock
from pulumi_agin.engine.connection import Engine
from pulumi_agin.engine.protocol import provider_pb2_grpc
from pulumi_agin.lifecycle.claims import Claims
from pulumi_agin.lifecycle.services import Services

from .phrasing import NativePhrasing
from .plugin import AginProvider

# The engine itself limits the concurrent calls (`--parallel`). A thread starts only when a call needs it.
MOST_CALLS_AT_ONCE = 1000

# The interval of the checks whether the engine is gone.
CHECK_SECONDS = 10

# The limit for calls in progress once the engine has ended the process or is gone.
GRACE_SECONDS = 20

# The longest interval in which a thread that waits for another one checks for Ctrl-C.
LONGEST_WAIT_SECONDS = 0.5


class InterruptibleClock(Clock):
    """The system's clock. Once `interrupted` is set, all pauses end."""

    def __init__(self) -> None:
        self.interrupted = threading.Event()

    def sleep(self, seconds: float) -> None:
        self.interrupted.wait(seconds)

    def wait(self, condition: threading.Condition, seconds: float) -> None:
        condition.wait(min(seconds, LONGEST_WAIT_SECONDS))


def serve(check_seconds: float = CHECK_SECONDS, grace_seconds: float = GRACE_SECONDS) -> NoReturn:
    """Serves until a signal, or until the engine is gone. Then it ends the process, and never returns.

    It checks every `check_seconds` whether the engine is gone. Calls in progress then have `grace_seconds` to end.
    """
    clock = InterruptibleClock()
    engine = Engine(sys.argv[1:])
    services = Services(NativePhrasing(), engine.log, clock, show_progress=engine.show_progress, warn=engine.warn)
    server = grpc.server(
        ThreadPoolExecutor(MOST_CALLS_AT_ONCE),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
    )
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(
        AginProvider(services, Claims(), clock.interrupted), server
    )
    port = server.add_insecure_port("127.0.0.1:0")
    # A signal just before `select` would not end it, but its byte in the socket does.
    signals, wakes_up = socket.socketpair()
    wakes_up.setblocking(False)
    signal.set_wakeup_fd(wakes_up.fileno())
    # Python writes the byte only for a signal with a handler of Python. This one does nothing, so that calls can end.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: None)
    server.start()
    print(port, flush=True)  # noqa: T201 - the engine reads it
    while engine.is_there() and not select.select([signals], [], [], check_seconds)[0]:
        continue
    clock.interrupted.set()
    server.stop(grace_seconds).wait()
    # Otherwise Python would wait for the threads of calls that have not ended, such as one without a response.
    os._exit(0)
