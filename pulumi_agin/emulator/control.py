"""The control plane: what a test changes and sees, by methods and also over HTTP under `/_emulator/`."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from typing import Any, TypedDict, get_args

from . import certificate_jobs
from .api_request import ApiResponse
from .faults import Fault, FaultKind
from .rules import COLLECTION
from .state import State
from .store import Ingress

READS = ("counts", "faults", "ingresses", "requests", "settings", "unused_faults")
"""The methods that HTTP offers by GET."""

ACTIONS = (
    *("add_fault", "add_key", "clear_faults", "clear_requests", "configure"),
    *("delete_ingress", "remove_key", "reset", "set_certificate", "set_ingress"),
)
"""The methods that HTTP offers by POST, with the arguments as a JSON object."""


class IngressChanges(TypedDict, total=False):
    """The changes of `set_ingress`. Omitted keys stay unchanged."""

    description: str
    """The new description. Its length is not checked."""
    metadata: str
    """The new metadata. Its length is not checked."""
    certificate_management_policy: dict[str, str] | None
    """The new policy, with `authority` and `private_key_type`; None removes it."""
    ns_targets: list[str]
    """The new values of the NS records."""
    region_domains: list[str]
    """The new regional domains."""


class Control:
    """The controls of a test. Calls of these methods do not count as requests, have no limit and have no faults.

    A method that changes ingresses raises StoreError if the file can't be written. In that case nothing has changed.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._first_settings = state.settings
        self._first_accounts = dict(state.accounts)

    def reset(self) -> None:
        """Removes all ingresses (from the file, too), requests and faults, and restores the first settings and keys.

        Raises:
            StoreError: The file can't be written.
        """
        with self._state.lock:
            # First, because nothing may change if the file can't be written.
            self._state.store.save({})
            self._state.settings = self._first_settings
            self._state.accounts = dict(self._first_accounts)
            self._state.recent.clear()
            self._state.faults.clear()
            self._state.requests.clear()

    # The requests

    def requests(self) -> list[dict[str, Any]]:
        """Returns the requests to the API, oldest first. The newest 10,000 are kept.

        Each has `method`, `path`, `query` (a dictionary), `headers` (with names in lower case, without the key), `body`
        (the value of a JSON body, any other body as a string, None if there is none), `status` (None if there was no
        response, or not yet), `account` (1 for that of the first API key, None for an unknown key), `client_port` (the
        same for all requests of a connection), and `time` (in seconds of `time.monotonic()`).
        """
        with self._state.lock:
            return [dict(request) for request in self._state.requests]

    def counts(self) -> dict[str, int]:
        """Counts the logged requests by kind, as in `{"GET /agent_ingresses/{id}": 2}`."""
        return dict(Counter(_route(request["method"], request["path"]) for request in self.requests()))

    def clear_requests(self) -> None:
        """Removes the logged requests. They still count against the limit."""
        with self._state.lock:
            self._state.requests.clear()

    def connections(self) -> int:
        """Returns the number of connections that carried the logged requests."""
        return len({request["client_port"] for request in self.requests()})

    # The settings and keys

    def settings(self) -> dict[str, Any]:
        """Returns the current settings, by name."""
        return asdict(self._state.settings)

    def configure(self, **changes: Any) -> None:
        """Changes settings, for the requests that follow.

        Args:
            changes: Some of the `EmulatorSettings`, by name. Omitted settings stay unchanged.

        Raises:
            TypeError: There is no such setting.
            ValueError: A value is not allowed. The numbers are from 0 to a billion.
        """
        with self._state.lock:
            self._state.settings = replace(self._state.settings, **changes)

    def add_key(self, api_key: str, account_of: str | None = None) -> None:
        """Adds an API key.

        Args:
            api_key: The key. Don't pass the key of an account at ngrok.
            account_of: A key of the account to add it to; None for a new account.

        Raises:
            KeyError: `account_of` is not a key.
        """
        with self._state.lock:
            accounts = self._state.accounts
            # Above those of revoked keys, too.
            owners = [ingress.account for ingress in self._state.store.ingresses.values()]
            new_account = max([0, *accounts.values(), *owners]) + 1
            accounts[api_key] = new_account if account_of is None else accounts[account_of]

    def remove_key(self, api_key: str) -> None:
        """Revokes an API key. Its account and ingresses stay.

        Args:
            api_key: The key.

        Raises:
            KeyError: There is no such key.
        """
        with self._state.lock:
            del self._state.accounts[api_key]

    # The ingresses

    def ingresses(self) -> list[dict[str, Any]]:
        """Returns all ingresses of all accounts, oldest first, as the service holds them."""
        return [asdict(ingress) for ingress in self._state.store.ingresses.values()]

    def set_ingress(self, ingress_id: str, changes: IngressChanges) -> None:
        """Changes an ingress without a request, as another user would. The values are not checked.

        Args:
            ingress_id: The ID of the ingress.
            changes: The new values. Omitted keys stay unchanged.

        Raises:
            LookupError: There is no such ingress.
            StoreError: The file can't be written.
            ValueError: A field can't be changed.
        """
        if unknown := changes.keys() - IngressChanges.__annotations__.keys():
            raise ValueError(f"set_ingress can't set {', '.join(sorted(unknown))}.")
        with self._state.lock:
            ingress = self._ingress(ingress_id)
            policy = changes.get("certificate_management_policy", ingress.certificate_management_policy)
            # First, because it restarts the certificate only if the policy differs.
            ingress = ingress.with_policy(policy, self._state.now())
            self._state.store.put(replace(ingress, **changes))

    def delete_ingress(self, ingress_id: str) -> None:
        """Deletes an ingress without a request, as another user would.

        Args:
            ingress_id: The ID of the ingress.

        Raises:
            LookupError: There is no such ingress.
            StoreError: The file can't be written.
        """
        with self._state.lock:
            self._state.store.remove(self._ingress(ingress_id).id)

    def set_certificate(
        self,
        ingress_id: str,
        state: certificate_jobs.CertificateState | None,
        *,
        error_code: str | None = None,
        msg: str | None = None,
    ) -> None:
        """Keeps the certificate of an ingress in one state, which is visible only if the ingress has a policy.

        Args:
            ingress_id: The ID of the ingress.
            state: The state; None computes it from the time again.
            error_code: The `error_code` of the job; None for the default of the state.
            msg: The `msg` of the job; None for the default of the state.

        Raises:
            LookupError: There is no such ingress.
            StoreError: The file can't be written.
            ValueError: A value is not allowed.
        """
        states = get_args(certificate_jobs.CertificateState)
        if state is not None and state not in states:
            raise ValueError(f"A certificate's state must be one of {', '.join(states)}, not {state!r}.")
        kept = {} if state is None else {"state": state, "error_code": error_code, "msg": msg}
        with self._state.lock:
            self._state.store.put(replace(self._ingress(ingress_id), certificate=kept))

    def _ingress(self, ingress_id: str) -> Ingress:
        if ingress_id not in self._state.store.ingresses:
            raise LookupError(f"There is no ingress {ingress_id}.")
        return self._state.store.ingresses[ingress_id]

    # The faults

    def add_fault(self, method: str | None, kind: FaultKind, **options: Any) -> None:
        """Adds a fault. If several match a request, the oldest of them applies.

        Args:
            method: The HTTP method of the requests; None for any.
            kind: The effect.
            options: Other fields of a `Fault`, by name.

        Raises:
            TypeError: There is no such field.
            ValueError: A value is not allowed.
        """
        fault = Fault(method, kind, **options)
        with self._state.lock:
            self._state.faults.append(fault)

    def faults(self) -> list[dict[str, Any]]:
        """Returns the faults that can still happen, with what is left of `times`."""
        with self._state.lock:
            return [asdict(fault) for fault in self._state.faults]

    def unused_faults(self) -> list[str]:
        """Returns a description of each fault that affected fewer than `times` requests."""
        with self._state.lock:
            return [str(fault) for fault in self._state.faults if fault.times]

    def clear_faults(self) -> None:
        """Removes all faults. A request that already hangs continues to."""
        with self._state.lock:
            self._state.faults.clear()


def respond(control: Control, method: str, name: str, body: bytes) -> ApiResponse:
    """Calls a method of the control plane for an HTTP request, with a JSON object of arguments."""
    if name not in {"GET": READS, "POST": ACTIONS}.get(method, ()):
        supported = f"The control plane supports GET {', '.join(READS)}; POST {', '.join(ACTIONS)}."
        return ApiResponse.of(404, {"error": supported})
    try:
        return ApiResponse.of(200, getattr(control, name)(**json.loads(body or b"{}")))
    except (LookupError, ValueError, TypeError) as error:
        return ApiResponse.of(400, {"error": str(error)})


def _route(method: str, path: str) -> str:
    is_of_one = path.startswith(f"{COLLECTION}/")
    return f"{method} {COLLECTION}/{{id}}" if is_of_one else f"{method} {path}"
