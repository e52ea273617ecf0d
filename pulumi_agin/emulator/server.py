"""The emulator: a server in threads of its own. It starts and stops within milliseconds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timezone
from ipaddress import ip_address
from pathlib import Path

from .control import Control
from .dns_lookup import DnsServer
from .faults import not_used_up
from .handler import HttpServer
from .host_check import HostCheck, is_ip
from .state import DEFAULT_API_KEY, DEFAULT_LIMIT, EmulatorSettings, State
from .store import Store


class Emulator(Control):
    """A stand-in for ngrok's Agent Ingress API on a port of this machine.

    For example::

        with Emulator() as emulator:
            requests.get(f"{emulator.url}/agent_ingresses", headers={...})

    If `unused_faults` returns any at the end of the block, it raises AssertionError, but never in place of the block's
    own exception.
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
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Creates a stopped emulator. `start` or a `with` block starts it.

        Args:
            api_key: The key of the first account. Don't pass the key of an account at ngrok.
            other_accounts: Keys of further accounts, one for each.
            host: The address to listen on.
            port: The port to listen on; 0 for a free one. The emulator keeps its port when it is started again.
            allow_remote: Whether `host` may be an address that other machines can reach.
            allowed_hosts: More names by which clients reach the emulator, without a port, such as the name of a
                container.
            file: The file that stores the ingresses, but no keys, for one emulator at a time. Without a file, the
                ingresses are lost with this object.
            dns: HOST:PORT of a DNS server. Certificates are then issued only after it has the right NS records.
            limit: The limit of requests per account in a rolling minute; 0 for no limit.
            clock: Returns the current time, with its time zone; None for the system's clock. Certificates,
                `created_at`, the limit and the header `Date` use it.

        Raises:
            StoreError: The file can't be read, or is not an emulator's.
            ValueError: An argument is wrong.
        """
        keys = (api_key, *other_accounts)
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError("API keys must not be empty, and must differ.")
        if not (allow_remote or host == "localhost" or (is_ip(host) and ip_address(host).is_loopback)):
            raise ValueError(
                f"Other machines can reach {host}, and the emulator's control plane requires no key: "
                "allow that with allow_remote (--allow-remote), or use 127.0.0.1."
            )
        self._host_check = HostCheck(host, allow_remote=allow_remote, allowed_hosts=allowed_hosts)
        self._host = host
        self._port = port
        self._server: HttpServer | None = None
        store = Store(None if file is None else Path(file))
        accounts = {key: number for number, key in enumerate(keys, 1)}
        dns_server = None if dns is None else DnsServer(dns)
        super().__init__(State(clock or _utc_now, store, EmulatorSettings(limit=limit), accounts, dns_server))

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        __tracebackhide__ = True  # pytest shows only the user's `with` statement
        self.stop()
        if kind is None and (unused := self.unused_faults()):
            raise AssertionError(not_used_up(unused))

    @property
    def url(self) -> str:
        """The URL of the API: ``http://HOST:PORT``, without a slash at the end.

        Raises:
            RuntimeError: The emulator has no port before the first start.
        """
        if self._port == 0:
            raise RuntimeError("The emulator has no URL before it is started.")
        return f"http://{f'[{self._host}]' if ':' in self._host else self._host}:{self._port}"

    def start(self) -> Emulator:
        """Starts the emulator, and returns when it accepts requests.

        It keeps its port when it is started again, and reads its file, which another emulator may have changed.

        Returns:
            The emulator itself.

        Raises:
            OSError: The port is taken, perhaps by this emulator.
            StoreError: The file can't be read or written.
        """
        self._state.store.load()
        self._state.store.save(self._state.store.ingresses)
        self._server = HttpServer((self._host, self._port), self._state, self._host_check, self)
        self._port = self._server.server_address[1]
        return self

    def stop(self) -> None:
        """Stops the emulator and ends every connection, even if a request hangs. Does nothing if it is stopped."""
        if self._server is not None:
            self._server.end()
            self._server = None


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
