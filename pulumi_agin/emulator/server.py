"""Emulator: a server in threads of its own, and the methods with which a test inspects and changes its state."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, get_args

from .certificate_jobs import CertificateState
from .faults import Fault, FaultKind
from .handler import HttpServer
from .state import DEFAULT_API_KEY, DEFAULT_LIMIT, EmulatorSettings, Ingress, State


class Emulator:
    """A stand-in for ngrok's Agent Ingress API on a port of this machine.

    For example::

        with Emulator() as emulator:
            requests.get(f"{emulator.url}/agent_ingresses", headers={...})

    At the end of the `with` block, raises AssertionError if `unused_faults` returns any fault, unless the code of the
    block has raised an exception. Calls of the methods are not requests, so neither the limit nor the faults apply.
    """

    def __init__(
        self,
        api_key: str = DEFAULT_API_KEY,
        *,
        other_accounts: Sequence[str] = (),
        host: str = "127.0.0.1",
        port: int = 0,
        file: str | Path | None = None,
        dns: str | None = None,
        limit: int = DEFAULT_LIMIT,
        clock: Callable[[], datetime] | None = None,
    ) -> None:
        """Creates a stopped emulator. `start` or a `with` block starts it.

        Args:
            api_key: The key of the first account. Don't pass the key of an account at ngrok.
            other_accounts: One key for each further account.
            host: The address to listen on.
            port: The port to listen on; 0 for a free port. The emulator keeps its port when it is started again.
            file: The file that stores the ingresses, but no keys. Only one emulator at a time can use a file. Without a
                file, the ingresses are lost with this object.
            dns: HOST:PORT of a DNS server. A certificate is then issued only after the server has the right NS records.
            limit: The limit of requests per account in a rolling minute; 0 for no limit.
            clock: A function that returns the current time, with its time zone; None for the system's clock.
                Certificates, `created_at`, the limit and the header `Date` use this time.

        Raises:
            ValueError: An argument is wrong, or the file can't be used.
        """
        keys = [api_key, *other_accounts]
        if not all(keys) or len(set(keys)) < len(keys):
            raise ValueError("API keys must not be empty, and must differ.")
        if dns is not None and not re.fullmatch(r"\S+:[0-9]{1,5}", dns):
            raise ValueError(f"{dns!r} is not the address of a DNS server: use HOST:PORT, such as 127.0.0.1:53.")
        self._host = host
        self._port = port
        self._server: HttpServer | None = None
        accounts = {key: number for number, key in enumerate(keys, 1)}
        path = None if file is None else Path(file)
        self._state = State(accounts, EmulatorSettings(limit=limit), clock or _utc_now, dns, path)

    def __enter__(self) -> Emulator:
        return self.start()

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        __tracebackhide__ = True  # pytest shows only the user's `with` statement
        self.stop()
        if kind is None and (unused := self.unused_faults()):
            raise AssertionError(
                f"Some faults were not used up: {'; '.join(unused)}. `requests()` shows what was sent. Correct the "
                "fault's method, domain or times, or end the test with clear_faults()."
            )

    @property
    def url(self) -> str:
        """The URL of the API: ``http://HOST:PORT``, without a slash at the end.

        Raises:
            RuntimeError: The port is 0, and the emulator has not been started yet.
        """
        if self._port == 0:
            raise RuntimeError("The emulator has no URL before it is started.")
        host = "127.0.0.1" if self._host == "0.0.0.0" else self._host  # noqa: S104 - it binds nothing
        return f"http://{host}:{self._port}"

    def start(self) -> Emulator:
        """Starts the emulator, and returns when it accepts requests. It keeps its port when it is started again.

        Returns:
            The emulator itself.

        Raises:
            OSError: The address can't be used. For example, the port is in use, perhaps by this emulator.
        """
        self._server = HttpServer((self._host, self._port), self._state)
        self._port = self._server.server_address[1]
        return self

    def stop(self) -> None:
        """Stops the emulator and ends every connection, even if a request hangs. Does nothing if it is stopped."""
        if self._server is not None:
            self._server.end()
            self._server = None

    # The requests

    def requests(self) -> list[dict[str, Any]]:
        """Returns the requests to the API, oldest first. The newest 10,000 are kept.

        Each request has:

        - `method`, `path` and `query` (a dict)
        - `body`: the value of a JSON body, or any other body as a string; None without a body
        - `status`: the status of the response; None without a response, or before the response
        - `account`: 1 for the account of the first API key; None for an unknown key
        - `time`: in seconds of `time.monotonic()`
        """
        with self._state.lock:
            return [dict(request) for request in self._state.requests]

    def clear_requests(self) -> None:
        """Clears the log of requests. The removed requests still count against the limit."""
        with self._state.lock:
            self._state.requests.clear()

    # The settings and keys

    def configure(self, **changes: Any) -> None:
        """Changes settings, for the requests that follow.

        Args:
            changes: Some of the `EmulatorSettings`, by name. Omitted settings stay unchanged.

        Raises:
            TypeError: There is no such setting.
            ValueError: A value is not allowed.
        """
        with self._state.lock:
            self._state.settings = replace(self._state.settings, **changes)

    def add_key(self, api_key: str, account_of: str) -> None:
        """Adds an API key to an account.

        Args:
            api_key: The key. Don't pass the key of an account at ngrok.
            account_of: Another key of the account.
        """
        with self._state.lock:
            self._state.accounts[api_key] = self._state.accounts[account_of]

    def remove_key(self, api_key: str) -> None:
        """Revokes an API key. Its account and ingresses stay.

        Args:
            api_key: The key.
        """
        with self._state.lock:
            del self._state.accounts[api_key]

    # The ingresses

    def ingresses(self) -> list[dict[str, Any]]:
        """Returns all ingresses of all accounts, oldest first, as the emulator stores the ingresses."""
        return [asdict(ingress) for ingress in self._state.ingresses.values()]

    def set_ingress(self, ingress_id: str, changes: Mapping[str, Any]) -> None:
        """Changes an ingress without a request, as another user would.

        Args:
            ingress_id: The ID of the ingress.
            changes: The new values of fields, by name. Values are not checked, and omitted fields stay unchanged.

        Raises:
            LookupError: There is no such ingress.
            TypeError: There is no such field.
        """
        with self._state.lock:
            ingress = self._ingress(ingress_id)
            policy = changes.get("certificate_management_policy", ingress.certificate_management_policy)
            # Before the other changes, because `with_policy` restarts the certificate only if the policy differs.
            ingress = ingress.with_policy(policy, self._state.now())
            self._state.put(replace(ingress, **changes))

    def delete_ingress(self, ingress_id: str) -> None:
        """Deletes an ingress without a request, as another user would.

        Args:
            ingress_id: The ID of the ingress.

        Raises:
            LookupError: There is no such ingress.
        """
        with self._state.lock:
            self._state.remove(self._ingress(ingress_id).id)

    def set_certificate(
        self,
        ingress_id: str,
        state: CertificateState | None,
        *,
        error_code: str | None = None,
        msg: str | None = None,
    ) -> None:
        """Keeps the certificate of an ingress in one state. Responses have the state only if the ingress has a policy.

        Args:
            ingress_id: The ID of the ingress.
            state: The state; None to compute the state from the time again.
            error_code: The `error_code` of the job; None for the default of the state.
            msg: The `msg` of the job; None for the default of the state.

        Raises:
            LookupError: There is no such ingress.
            ValueError: There is no such state.
        """
        states = get_args(CertificateState)
        if state is not None and state not in states:
            raise ValueError(f"A certificate's state must be one of {', '.join(states)}, not {state!r}.")
        kept = {} if state is None else {"state": state, "error_code": error_code, "msg": msg}
        with self._state.lock:
            self._state.put(replace(self._ingress(ingress_id), certificate=kept))

    def _ingress(self, ingress_id: str) -> Ingress:
        if ingress_id not in self._state.ingresses:
            raise LookupError(f"There is no ingress {ingress_id}.")
        return self._state.ingresses[ingress_id]

    # The faults

    def add_fault(self, method: str | None, kind: FaultKind, **options: Any) -> None:
        """Adds a fault. If several faults match a request, the oldest fault applies.

        Args:
            method: The HTTP method of the requests; None for any.
            kind: The effect.
            options: Other fields of a `Fault`, by name.

        Raises:
            TypeError: There is no such field.
            ValueError: There is no such kind.
        """
        fault = Fault(method, kind, **options)
        with self._state.lock:
            self._state.faults.append(fault)

    def unused_faults(self) -> list[str]:
        """Returns a description of each fault that affected fewer than `times` requests."""
        with self._state.lock:
            return [str(fault) for fault in self._state.faults if fault.times]

    def clear_faults(self) -> None:
        """Removes all faults. A request that a fault already delays stays delayed."""
        with self._state.lock:
            self._state.faults.clear()


def _utc_now() -> datetime:
    return datetime.now(timezone.utc)
