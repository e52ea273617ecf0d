"""The control plane: thread-safe methods, which are also available over HTTP under `/_emulator/`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TypedDict

from . import certificates
from .api import COLLECTION
from .configuration import SettingsChanges
from .faults import Fault, FaultKind
from .request_log import RequestSeen
from .state import State
from .store import TIMES, Ingress

if TYPE_CHECKING:
    # It comes with pydantic. typing has it since Python 3.11.
    from typing_extensions import Unpack

READS = ("connections", "counts", "faults", "ingresses", "requests", "settings", "unused_faults")
"""The methods that HTTP offers by GET."""

ACTIONS = (
    "add_fault",
    "add_key",
    "clear_faults",
    "clear_requests",
    "configure",
    "delete_ingress",
    "remove_key",
    "reset",
    "set_certificate",
    "set_ingress",
)
"""The methods that HTTP offers by POST, with the arguments as a JSON object."""


class IngressChanges(TypedDict, total=False):
    """The changes of `set_ingress`. Omitted keys stay unchanged."""

    description: str
    """The new description. Its length is not checked."""
    metadata: str
    """The new metadata. Its length is not checked."""
    certificate_management_policy: Mapping[str, str] | None
    """The new policy, with `authority` and `private_key_type`; None removes it."""
    private_key_type: str
    """The private key type of the policy."""
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
            self._state.store.ingresses.clear()
            self._state.store.save()
            self._state.settings = self._first_settings
            self._state.accounts = dict(self._first_accounts)
            self._state.faults.clear()
            self._state.recent.clear()
            self._state.connections = 0
            self.clear_requests()

    # The requests

    def requests(self) -> list[RequestSeen]:
        """Returns the requests to the API, oldest first, without their keys. The newest 10,000 are kept."""
        with self._state.lock:
            return [request.copy() for request in self._state.requests]

    def counts(self) -> dict[str, int]:
        """Counts the logged requests by kind, as in `{"GET /agent_ingresses/{id}": 2}`."""
        with self._state.lock:
            return dict(Counter(_route(request["method"], request["path"]) for request in self._state.requests))

    def clear_requests(self) -> None:
        """Removes the logged requests. They still count against the limit."""
        with self._state.lock:
            self._state.requests.clear()

    def connections(self) -> int:
        """Returns the number of connections that carried a request to the API, since the start or the last reset."""
        with self._state.lock:
            return self._state.connections

    # The settings and keys

    def settings(self) -> dict[str, Any]:
        """Returns the current settings, by name."""
        with self._state.lock:
            return asdict(self._state.settings)

    def configure(self, **changes: Unpack[SettingsChanges]) -> None:
        """Changes settings, for the requests that follow. Omitted settings stay unchanged.

        Some of them change behavior that ngrok does not document, so that a client's tests can cover each possibility.

        Args:
            limit: Requests of an account in a rolling minute; 0 for no limit. Default: 120.
            job_after_seconds: Seconds from setting a policy until the certificate's job starts. Until then, the
                status is null. Default: 2.
            issue_after_seconds: Seconds from setting a policy until the certificate is issued; with a DNS server,
                from the last lookup that did not find the right NS records, if there was one. ngrok takes seconds to
                minutes. Default: 20.
            null_policy: The effect of a null policy in a PATCH: "removes" (documented) or "ignored" (recorded for
                another field). Default: removes.
            default_private_key_type: The private key type of a policy that names none: "rsa" (documented) or "ecdsa"
                (seen for a similar resource). Default: rsa.
            base_url: The beginning of the absolute URLs of a list; "" for the host that the request was sent to.
                Default: "".

        Raises:
            TypeError: There is no such setting.
            ValueError: A value is not allowed. The numbers are from 0 to a billion.
        """
        if unknown := changes.keys() - SettingsChanges.__annotations__.keys():
            known = ", ".join(SettingsChanges.__annotations__)
            raise TypeError(f"configure has no setting {', '.join(sorted(unknown))}. The settings are {known}.")
        with self._state.lock:
            self._state.settings = replace(self._state.settings, **changes)

    def add_key(self, api_key: str, account_of: str | None = None) -> int:
        """Adds an API key.

        Args:
            api_key: The key.
            account_of: A key of the account to add it to; None for a new account.

        Returns:
            The number of the account.

        Raises:
            ValueError: The key is empty or exists already, or `account_of` is not a key.
        """
        with self._state.lock:
            accounts = self._state.accounts
            if not api_key:
                raise ValueError("api_key must not be empty.")
            if api_key in accounts:
                raise ValueError("This API key already exists.")
            if account_of is not None and account_of not in accounts:
                raise ValueError("account_of is not one of the API keys.")
            owners = (ingress.account for ingress in self._state.store.ingresses.values())
            highest = max((*accounts.values(), *self._first_accounts.values(), *owners))
            accounts[api_key] = highest + 1 if account_of is None else accounts[account_of]
            return accounts[api_key]

    def remove_key(self, api_key: str) -> None:
        """Revokes an API key. Its account and ingresses stay.

        Args:
            api_key: The key.

        Raises:
            ValueError: There is no such key.
        """
        with self._state.lock:
            if self._state.accounts.pop(api_key, None) is None:
                raise ValueError("This is not one of the API keys.")

    # The ingresses

    def ingresses(self) -> list[dict[str, Any]]:
        """Returns all ingresses of all accounts, oldest first, as the service holds them."""
        with self._state.lock:
            records = [asdict(ingress) for ingress in self._state.store.ingresses.values()]
        for record in records:
            for name in TIMES:
                record[name] = record[name] and certificates.timestamp(record[name])
        return records

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
        with self._state.lock:
            ingress = self._ingress(ingress_id)
            if unknown := changes.keys() - IngressChanges.__annotations__.keys():
                raise ValueError(f"set_ingress can't set {', '.join(sorted(unknown))}.")
            policy = changes.get("certificate_management_policy", ingress.certificate_management_policy)
            if "private_key_type" in changes:
                policy = {**(policy or {}), "private_key_type": changes["private_key_type"]}
            ingress.description = changes.get("description", ingress.description)
            ingress.metadata = changes.get("metadata", ingress.metadata)
            ingress.ns_targets = list(changes.get("ns_targets", ingress.ns_targets))
            ingress.region_domains = list(changes.get("region_domains", ingress.region_domains))
            ingress.set_policy(None if policy is None else dict(policy), self._state.clock())
            self._state.store.save()

    def delete_ingress(self, ingress_id: str) -> None:
        """Deletes an ingress without a request, as another user would.

        Args:
            ingress_id: The ID of the ingress.

        Raises:
            LookupError: There is no such ingress.
            StoreError: The file can't be written.
        """
        with self._state.lock:
            del self._state.store.ingresses[self._ingress(ingress_id).id]
            self._state.store.save()

    def set_certificate(
        self,
        ingress_id: str,
        state: certificates.CertificateState | None,
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
        if state is not None and state not in certificates.STATES:
            raise ValueError(f"A certificate's state must be one of {', '.join(certificates.STATES)}.")
        kept = {"state": state, "error_code": error_code, "msg": msg}
        with self._state.lock:
            self._ingress(ingress_id).certificate = None if state is None else kept
            self._state.store.save()

    def _ingress(self, ingress_id: str) -> Ingress:
        try:
            return self._state.store.ingresses[ingress_id]
        except KeyError:
            raise LookupError(f"There is no ingress {ingress_id}.") from None

    # The faults

    def add_fault(
        self,
        method: str | None,
        kind: FaultKind,
        *,
        times: int | None = 1,
        domain: str | None = None,
        status: int = 500,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        json_body: object = None,
        seconds: float = 0.0,
        after: bool = False,
        optional: bool = False,
    ) -> None:
        """Adds a fault. If several match a request, the oldest of them applies.

        Args:
            method: The HTTP method of the requests; None for any.
            kind: The effect; see `FaultKind`.
            times: The number of requests that it applies to; None for all.
            domain: The domain that the requests are about: those that create its ingress or name its ID, and lists
                whose filter has the domain. None for any.
            status: The status of the response of `respond` and `respond_after`, 200 to 599.
            headers: The headers of the response. `{api_key}` in a value becomes the key of the request.
            body: The body of the response. `{api_key}` in it becomes the key of the request.
            json_body: In place of `body`: a value that is sent as JSON.
            seconds: The duration of a `delay`, in seconds.
            after: For `hang` and `delay`: whether the request is carried out first.
            optional: Whether a test passes even if the fault is not used up.

        Raises:
            ValueError: A value is not allowed.
        """
        given = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body)
            given = {"content-type": "application/json", **given}
        fault = Fault(method, kind, times, domain, status, given, body or "", seconds, after, optional)
        with self._state.lock:
            self._state.faults.append(fault)

    def faults(self) -> list[dict[str, Any]]:
        """Returns the faults that can still happen, with what is left of `times`."""
        with self._state.lock:
            return [asdict(fault) for fault in self._state.faults if fault.times != 0]

    def unused_faults(self) -> list[str]:
        """Returns a description of each fault that is neither used up nor optional.

        A fault is used up after `times` requests; with `times=None`, after the first.
        """
        with self._state.lock:
            return [str(fault) for fault in self._state.faults if not (fault.is_used_up or fault.optional)]

    def clear_faults(self) -> None:
        """Removes all faults. A request that already hangs continues to."""
        with self._state.lock:
            self._state.faults.clear()


def _route(method: str, path: str) -> str:
    parent, _, name = path.rpartition("/")
    return f"{method} {f'{COLLECTION}/{{id}}' if parent == COLLECTION and name else path}"
