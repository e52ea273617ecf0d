"""Time limits of requests. A socket's own timeout starts again with each byte, so a slow server could defeat it."""

from __future__ import annotations

import contextlib
import functools
import socket
import threading
import time
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.poolmanager import PoolManager


class TimeLimit:
    """The time limit of one request, from its beginning to the last byte of its response.

    When it is over, a timer shuts down the connection, which wakes the thread that reads from it.
    """

    is_exceeded = False
    """Whether the connection was shut down, so that everything that was read from it may be incomplete."""

    def __init__(self, seconds: float) -> None:
        self._began = time.monotonic()
        self._seconds = seconds
        self._lock = threading.Lock()
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None

    @property
    def elapsed(self) -> float:
        """Seconds since the request began."""
        return time.monotonic() - self._began

    def __enter__(self) -> TimeLimit:
        _thread.limit = self
        return self

    def __exit__(self, *_: object) -> None:
        _thread.limit = None
        self.end()

    def start(self, descriptor: int) -> None:
        """Starts the timer, unless it runs, for the connection with this file descriptor.

        It needs a duplicate of the descriptor, because urllib3 may close the original before the last byte.
        """
        if self._socket is None:
            # The family does not matter, because this socket only shuts down the connection.
            self._socket = socket.fromfd(descriptor, socket.AF_INET, socket.SOCK_STREAM)
            self._timer = threading.Timer(self._seconds - self.elapsed, self._shut_down)
            # The process can exit earlier.
            self._timer.daemon = True
            try:
                self._timer.start()
            except RuntimeError as error:
                # The machine has no thread left, which is as transient as having no file descriptor left.
                raise OSError(str(error)) from error

    def end(self) -> None:
        """Ends the limit. After that, it does not shut down the connection, which another request may use."""
        with self._lock:
            if self._timer is not None and self._socket is not None:
                self._timer.cancel()
                self._socket.close()
                self._timer = self._socket = None

    def _shut_down(self) -> None:
        with self._lock:
            if self._socket is not None:
                self.is_exceeded = True
                with contextlib.suppress(OSError):
                    self._socket.shutdown(socket.SHUT_RDWR)


class _Thread(threading.local):
    limit: TimeLimit | None = None


_thread = _Thread()


def current_limit() -> TimeLimit | None:
    """Returns the time limit of the request that the current thread is sending; None if it is sending none of ours."""
    return _thread.limit


class LimitedAdapter(HTTPAdapter):
    """An adapter that keeps each request within the time limit of its thread, directly or through a proxy."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        _limit_connections(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> PoolManager:
        manager: PoolManager = super().proxy_manager_for(*args, **kwargs)
        _limit_connections(manager)
        return manager


class _LimitedConnection(HTTPConnection):
    """A connection that starts the timer of the current thread's request before it sends anything."""

    def connect(self) -> None:
        super().connect()
        self._start_limit()

    def send(self, data: Any) -> None:
        # For a reused connection, and for a CONNECT to a proxy, which is a part of connecting.
        self._start_limit()
        super().send(data)

    def _start_limit(self) -> None:
        limit = current_limit()
        if limit is not None and self.sock is not None:
            limit.start(self.sock.fileno())


class _LimitedPool(HTTPConnectionPool):
    def _put_conn(self, conn: Any) -> None:
        # Before another request can get the connection.
        limit = current_limit()
        if limit is not None:
            limit.end()
        super()._put_conn(conn)


def _limit_connections(manager: PoolManager) -> None:
    """Makes the future pools of a manager limited. A proxy's manager gets here with each request."""
    classes = manager.pool_classes_by_scheme
    manager.pool_classes_by_scheme = {scheme: _limited(pool_class) for scheme, pool_class in classes.items()}


@functools.cache
def _limited(pool_class: type[HTTPConnectionPool]) -> type[HTTPConnectionPool]:
    """Returns the class of limited pools for a class of urllib3: that of HTTP, HTTPS or SOCKS."""
    if issubclass(pool_class, _LimitedPool):
        return pool_class
    connection_class = type("LimitedConnection", (_LimitedConnection, pool_class.ConnectionCls), {})
    return type("LimitedPool", (_LimitedPool, pool_class), {"ConnectionCls": connection_class})
