"""The emulator itself: uvicorn's protocol in a thread, started and stopped in milliseconds."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Sequence
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path
from random import Random, SystemRandom
from types import TracebackType
from typing import Any, TypeVar

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol
from uvicorn.server import ServerState

from pulumi_agin.emulator.access import Access
from pulumi_agin.emulator.app import CONTROL_PREFIX, App, Connection
from pulumi_agin.emulator.control import Control
from pulumi_agin.emulator.delegation import DnsServer
from pulumi_agin.emulator.limits import MAX_NUMBER
from pulumi_agin.emulator.state import DEFAULT_API_KEY, DEFAULT_LIMIT, Settings, State
from pulumi_agin.emulator.store import Store

T = TypeVar("T")

_KEEP_ALIVE_SECONDS = 3600
_START_SECONDS = 10
_READ_BYTES = 16 * 1024


class Emulator(Control):
    """A stand-in for ngrok's Agent Ingress API on a port of this machine.

    ```python
    with Emulator() as emulator:
        requests.get(f"{emulator.url}/agent_ingresses", headers={...})
    ```

    `api_key`: of the first account. `other_accounts`: keys, each of an account of its own.
    `port`: 0 takes a free one. `allow_remote`: needed for a `host` that isn't this machine alone.
    `allowed_hosts`: further names that clients reach it by, without a port, such as the name of a container.
    `file`: keeps the ingresses in it (never a key); without, they are gone when the object is. While the emulator
    runs, no other can use the file.
    `dns`: HOST:PORT of a server that is asked for the domains' NS records, which a certificate then waits for.
    `limit`: requests of an account in `window_seconds`; 0 for none.
    `clock`: tells the time, aware; the certificates, created_at, the limit and `Date` go by it.
    `random`: makes ids and operation ids repeatable.
    Raises ValueError for a wrong value, StoreError for a file that can't be read or isn't an emulator's, and
    ModuleNotFoundError where `dns` is given and dnspython is missing.
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
    ) -> None:
        keys = (api_key, *other_accounts)
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError("API keys are not empty, and differ.")
        if not (allow_remote or _is_loopback(host)):
            raise ValueError(
                f"{host} is not this machine alone, and the emulator's control plane asks for no key: "
                "allow that by allow_remote (--allow-remote), or use 127.0.0.1."
            )
        self._access = Access(host, allow_remote=allow_remote, allowed_hosts=allowed_hosts)
        server = None if dns is None else DnsServer(dns)
        settings = Settings(limit=limit, window_seconds=window_seconds)
        source = random or SystemRandom()
        store = Store(None if file is None else Path(file), source)
        accounts = {key: number for number, key in enumerate(keys, 1)}
        super().__init__(State(clock or _utc_now, source, store, settings, accounts, dns=server))
        self._host = host
        self._port = port
        self._thread: threading.Thread | None = None
        # These belong to one run, from start to stop, and to its thread.
        self._loop: asyncio.AbstractEventLoop
        self._app: App
        self._uvicorn: uvicorn.Config
        self._uvicorn_state: ServerState
        self._listener: asyncio.Server | None = None
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
        """`http://HOST:PORT`, without a slash at the end."""
        if self._port == 0:
            raise RuntimeError("The emulator has no URL before it is started.")
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    def start(self) -> Emulator:
        """Returns when it answers. Once started it keeps its port. It reads its file again, which others may have used.

        Raises:
            OSError: The port is taken.
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
        """Ends every connection, also where a request hangs; nothing is left running. Harmless when stopped."""
        if self._thread is None:
            return
        self._loop.call_soon_threadsafe(self._app.stopping.set)
        self._thread.join()
        self._thread = None
        with self._state.lock:
            self._state.store.stop()

    def pause(self, seconds: float | None = None) -> None:
        """Ends every connection and refuses new ones, until `resume`, or for so many seconds.

        Over HTTP the seconds are needed, since nobody is left to ask for going on.
        """
        if seconds is not None and not 0 <= seconds <= MAX_NUMBER:
            raise ValueError(f"seconds is a number of 0 or more, and at most {MAX_NUMBER}.")
        self._run(self._pause(seconds))

    def resume(self) -> None:
        """Listens again, on the same port."""
        self._run(self._listen())

    def _bind(self) -> socket.socket:
        family = socket.AF_INET6 if ":" in self._host else socket.AF_INET
        sock = socket.create_server((self._host, self._port), family=family, backlog=128)
        # Inherited by each connection. asyncio sets it only where a socket names its protocol, which these don't,
        # and each answer would wait 40 ms for the client's acknowledgement.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Inherited too: what is read at once must not keep the event loop busy, however small its chunks are.
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _READ_BYTES)
        self._port = sock.getsockname()[1]
        return sock

    def _run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        if self._thread is None:
            coroutine.close()
            raise RuntimeError("The emulator is not running.")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_START_SECONDS)

    # In the thread

    async def _serve(self, sock: socket.socket, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._app = App(self._state, self, self._access)
        # uvicorn's Server polls for its end and waits for its clients; its protocol alone does neither.
        self._uvicorn = uvicorn.Config(
            self._app,
            http=H11Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            interface="asgi3",
            timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        )
        self._uvicorn.load()
        self._uvicorn_state = ServerState()
        await self._listen(sock)
        ready.set()
        await self._app.stopping.wait()
        self._close_listener()
        for protocol in self._protocols():
            protocol.transport.abort()
        while self._uvicorn_state.connections or self._uvicorn_state.tasks:
            await asyncio.sleep(0)

    async def _listen(self, sock: socket.socket | None = None, *, after_seconds: float = 0.0) -> None:
        await asyncio.sleep(after_seconds)
        if self._listener is None:
            self._listener = await self._loop.create_server(self._new_protocol, sock=sock or self._bind())

    async def _pause(self, seconds: float | None) -> None:
        self._close_listener()
        for protocol in self._protocols():
            # Whoever asks for the pause over HTTP gets an answer.
            if not (protocol.scope and protocol.scope["path"].startswith(CONTROL_PREFIX)):
                protocol.transport.abort()
        if seconds is not None:
            self._resuming = self._loop.create_task(self._listen(after_seconds=seconds))

    def _close_listener(self) -> None:
        if self._resuming is not None:
            self._resuming.cancel()
            self._resuming = None
        if self._listener is not None:
            self._listener.close()
            self._listener = None

    def _new_protocol(self) -> H11Protocol:
        app_state: dict[str, Any] = {}
        protocol = H11Protocol(
            config=self._uvicorn, server_state=self._uvicorn_state, app_state=app_state, _loop=self._loop
        )
        app_state["connection"] = Connection(protocol)
        return protocol

    def _protocols(self) -> list[H11Protocol]:
        return [each for each in self._uvicorn_state.connections if isinstance(each, H11Protocol)]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
