"""The emulator: a server in a thread of its own. It starts and stops within milliseconds."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path
from random import Random, SystemRandom
from types import TracebackType
from typing import Any, TypeVar

from .access import Access
from .api import Answer
from .app import CONTROL_PREFIX, App
from .control import Control
from .delegation import DnsServer
from .http import READ_BYTES, BadRequestError, Connection
from .limits import DEFAULT_BOUNDS, MAX_NUMBER, Bounds
from .log import RequestLog
from .state import DEFAULT_API_KEY, DEFAULT_LIMIT, Settings, State
from .store import Store

T = TypeVar("T")

_START_SECONDS = 10
_BAD_REQUEST = Answer(
    400,
    b"Invalid HTTP request received.",
    {"content-type": "text/plain; charset=utf-8", "connection": "close"},
)


class Emulator(Control):
    """A stand-in for ngrok's Agent Ingress API on a port of this machine.

    Such as::

        with Emulator() as emulator:
            requests.get(f"{emulator.url}/agent_ingresses", headers={...})
    """

    def __init__(
        self,
        api_key: str = DEFAULT_API_KEY,
        *,
        other_accounts: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        allow_remote: bool = False,
        allowed_hosts: Sequence[str] = (),
        file: str | Path | None = None,
        dns: str | None = None,
        limit: int = DEFAULT_LIMIT,
        window_seconds: float = 60.0,
        clock: Callable[[], datetime] | None = None,
        random: Random | None = None,
        bounds: Bounds = DEFAULT_BOUNDS,
    ) -> None:
        """Starts nothing yet. `start`, or entering a `with` block, does.

        Args:
            api_key: The key of the first account.
            other_accounts: Keys of further accounts, one for each.
            host: The address to listen on.
            port: The port to listen on; 0 for a free one. The emulator keeps its port when it is started again.
            allow_remote: Whether `host` may be an address that other machines can reach.
            allowed_hosts: Further names under which clients reach the emulator, without a port, such as the name of a
                container.
            file: The file that stores the ingresses, but no keys. While the emulator runs, no other emulator can use
                the file. Without a file, the ingresses are lost with this object.
            dns: HOST:PORT of a DNS server. Certificates then wait until it has the right NS records of their domains.
            limit: How many requests an account may send in `window_seconds`; 0 for no limit.
            window_seconds: The length of the rolling window of `limit`.
            clock: Returns the current time, with its time zone; None for the system's clock. Certificates,
                `created_at`, the limit and the header `Date` use it.
            random: The source of IDs and operation IDs. With a seed, they are always the same.
            bounds: The bounds of the emulator's work, for its own tests.

        Raises:
            ModuleNotFoundError: `dns` is given, and dnspython is missing.
            StoreError: The file cannot be read, or is not an emulator's.
            ValueError: An argument is wrong.
        """
        keys = (api_key, *other_accounts)
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError("API keys must not be empty, and must differ.")
        if not (allow_remote or _is_loopback(host)):
            raise ValueError(
                f"Other machines can reach {host}, and the emulator's control plane asks for no key: "
                "allow that with allow_remote (--allow-remote), or use 127.0.0.1."
            )
        self._access = Access(host, allow_remote=allow_remote, allowed_hosts=allowed_hosts)
        server = None if dns is None else DnsServer(dns, bounds)
        settings = Settings(limit=limit, window_seconds=window_seconds)
        source = random or SystemRandom()
        store = Store(None if file is None else Path(file), source)
        accounts = {key: number for number, key in enumerate(keys, 1)}
        log = RequestLog(bounds)
        super().__init__(State(clock or _utc_now, source, store, settings, accounts, dns=server, requests=log))
        self._host = host
        self._port = port
        self._thread: threading.Thread | None = None
        # These belong to one run, from start to stop. Only its thread uses them.
        self._loop: asyncio.AbstractEventLoop
        self._app: App
        self._connections: set[Connection]
        self._listener: asyncio.Server | None = None
        self._reserved: socket.socket | None = None
        self._resuming: asyncio.Task[None] | None = None

    def __repr__(self) -> str:
        return f"<Emulator {self.url if self._thread else 'stopped'}>"

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The URL of the API: ``http://HOST:PORT``, without a slash at the end.

        Raises:
            RuntimeError: The port is not known before the first start.
        """
        if self._port == 0:
            raise RuntimeError("The emulator has no URL before it is started.")
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    def start(self) -> Emulator:
        """Starts the emulator, and returns when it accepts requests.

        It keeps its port when it is started again, and reads its file, which others may have used.

        Returns:
            The emulator itself.

        Raises:
            OSError: The port is taken.
            RuntimeError: The emulator is running already, or did not start within 10 seconds.
            StoreError: Another emulator uses the file, or it cannot be read or written.
        """
        if self._thread is not None:
            raise RuntimeError("The emulator is running already.")
        with self._state.lock:
            self._state.store.start()
        try:
            sock = self._bind()
            ready = threading.Event()
            thread = threading.Thread(
                target=lambda: asyncio.run(self._serve(sock, ready)), name="emulator", daemon=True
            )
            thread.start()
            if not ready.wait(_START_SECONDS):
                raise RuntimeError("The emulator did not start.")
        except BaseException:
            self._state.store.stop()
            raise
        self._thread = thread
        return self

    def stop(self) -> None:
        """Stops the emulator and ends every connection, even if a request hangs. Does nothing if it is stopped."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._app.stopping.set)
        self._thread.join()
        self._thread = None
        with self._state.lock:
            self._state.store.stop()

    def pause(self, seconds: float | None = None) -> None:
        """Ends every connection and refuses new ones.

        Args:
            seconds: How long, in seconds; None for until `resume`. Over HTTP it is required, because a paused emulator
                can't be asked to resume.

        Raises:
            RuntimeError: The emulator is not running.
            ValueError: `seconds` is not a number from 0 to a billion.
        """
        if seconds is not None and not 0 <= seconds <= MAX_NUMBER:
            raise ValueError(f"seconds must be a number of 0 or more, and at most {MAX_NUMBER}.")
        self._run(self._pause(seconds))

    def resume(self) -> None:
        """Ends a pause. The port stays the same.

        Raises:
            RuntimeError: The emulator is not running.
        """
        self._run(self._listen())

    def _bind(self) -> socket.socket:
        """Returns a socket that has the port, and refuses connections until it listens."""
        is_ipv6 = ":" in self._host
        sock = socket.socket(socket.AF_INET6 if is_ipv6 else socket.AF_INET)
        try:
            if is_ipv6:
                # "::" means all IPv6 addresses, and no IPv4 ones.
                sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            # Connections of an earlier run may still be ending. On Windows, the option would let two sockets listen.
            if os.name != "nt":
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Connections inherit this option. See READ_BYTES.
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, READ_BYTES)
            sock.bind((self._host, self._port))
        except BaseException:
            sock.close()
            raise
        self._port = sock.getsockname()[1]
        return sock

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._thread is None:
            coroutine.close()
            raise RuntimeError("The emulator is not running.")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_START_SECONDS)

    # In the thread of the emulator

    async def _serve(self, sock: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._app = App(self._state, self, self._access)
        self._connections = set()
        self._reserved = sock
        await self._listen()
        ready.set()
        await self._app.stopping.wait()
        self._cancel_resuming()
        self._close_listener()
        if self._reserved is not None:
            self._reserved.close()
            self._reserved = None
        while self._connections:
            for connection in self._connections:
                connection.abort()
            await asyncio.sleep(0)

    async def _listen(self, *, after_seconds: float = 0.0) -> None:
        await asyncio.sleep(after_seconds)
        if self._listener is not None:
            return
        sock, self._reserved = self._reserved or self._bind(), None
        # Assigned before it listens, which takes a turn of the event loop: a pause may come in that turn.
        self._listener = await asyncio.start_server(
            self._answer_connection, sock=sock, limit=READ_BYTES, backlog=128, start_serving=False
        )
        try:
            await self._listener.start_serving()
        except OSError:
            self._close_listener()
            raise

    async def _pause(self, seconds: float | None) -> None:
        self._cancel_resuming()
        self._close_listener()
        for connection in self._connections:
            # A client that asks for the pause over HTTP gets an answer.
            if not (connection.request and connection.request.path.startswith(CONTROL_PREFIX)):
                connection.abort()
        # Otherwise the system could give the port to a process that asks for any free one.
        self._reserved = self._reserved or self._bind()
        if seconds is not None:
            self._resuming = self._loop.create_task(self._listen(after_seconds=seconds))

    def _cancel_resuming(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None

    def _close_listener(self) -> None:
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    async def _answer_connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = Connection(reader, writer)
        self._connections.add(connection)
        try:
            while request := await connection.next_request():
                await self._app.answer(request, connection)
        except BadRequestError:
            await connection.send(_BAD_REQUEST)
        finally:
            connection.close()
            await connection.wait_closed()
            self._connections.discard(connection)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
