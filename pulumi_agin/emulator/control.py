"""The control plane: each knob is one thread-safe method, and the same under `/_emulator/` over HTTP."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, replace
from typing import Any, Literal, TypedDict, cast

from pulumi_agin.emulator import certificates
from pulumi_agin.emulator.api import COLLECTION
from pulumi_agin.emulator.faults import Fault, FaultKind
from pulumi_agin.emulator.limits import is_sendable
from pulumi_agin.emulator.log import RequestSeen
from pulumi_agin.emulator.state import State
from pulumi_agin.emulator.store import Ingress

READS = ("connections", "counts", "faults", "ingresses", "requests", "settings")
"""Methods that HTTP offers by GET."""

ACTIONS = (
    "add_fault",
    "add_key",
    "clear_faults",
    "clear_requests",
    "configure",
    "delete_ingress",
    "pause",
    "remove_key",
    "reset",
    "set_certificate",
    "set_ingress",
)
"""Methods that HTTP offers by POST, with the arguments as a JSON object."""


class IngressChanges(TypedDict, total=False):
    """What `set_ingress` can change; what is left out stays."""

    description: str
    metadata: str
    certificate_management_policy: Mapping[str, str] | None
    private_key_type: str
    """Of the policy that the ingress has."""
    ns_targets: list[str]
    region_domains: list[str]


class Control:
    """What a test can see and set. Nothing here counts as a request, or is limited, or meets a fault.

    A method that changes ingresses raises StoreError where the file cannot be written. Then it has changed nothing.
    """

    def __init__(self, state: State) -> None:
        self._state = state
        self._first_settings = state.settings
        self._first_accounts = dict(state.accounts)

    def reset(self) -> None:
        """As it was started: no ingresses (also in the file), requests or faults, the first settings and keys."""
        with self._state.lock:
            # First, as nothing else may change where the file can't be written.
            self._state.store.ingresses.clear()
            self._state.store.save()
            self._state.settings = self._first_settings
            self._state.accounts = dict(self._first_accounts)
            self._state.faults.clear()
            self._state.recent.clear()
            self._state.connections = 0
            self.clear_requests()

    # What was asked

    def requests(self) -> list[RequestSeen]:
        """Requests to the API, oldest first; their keys are not in it.

        The newest 10,000 are kept, and fewer where they are large: 16 MiB in all, 64 KiB of a body.
        """
        with self._state.lock:
            return [request.seen() for request in self._state.requests]

    def counts(self) -> dict[str, int]:
        """How many of the requests that are kept were of each kind, as in `{"GET /agent_ingresses/{id}": 2}`."""
        with self._state.lock:
            return dict(Counter(_route(request.method, request.path) for request in self._state.requests))

    def clear_requests(self) -> None:
        """Forgets the requests seen, and so their counts. What counts against the limit stays."""
        with self._state.lock:
            self._state.requests.clear()

    def connections(self) -> int:
        """How many connections carried a request to the API, since the start or the last reset."""
        with self._state.lock:
            return self._state.connections

    # How it behaves

    def settings(self) -> dict[str, Any]:
        """The settings in force, by name."""
        with self._state.lock:
            return asdict(self._state.settings)

    def configure(
        self,
        *,
        limit: int | None = None,
        window_seconds: float | None = None,
        job_after_seconds: float | None = None,
        issue_after_seconds: float | None = None,
        null_policy: Literal["ignored", "removes"] | None = None,
        default_private_key_type: Literal["rsa", "ecdsa"] | None = None,
        trailing_dots: bool | None = None,
        empty_keys: Literal["absent", "null", "empty"] | None = None,
        order: Literal["as_made", "reversed", "sorted", "shuffled"] | None = None,
        upper_case: bool | None = None,
        unknown_keys: bool | None = None,
        base_url: str | None = None,
    ) -> None:
        """Changes settings; None leaves one as it is. `Settings` says what each means. Wrong ones: ValueError."""
        given = {name: value for name, value in locals().items() if name != "self" and value is not None}
        with self._state.lock:
            self._state.settings = replace(self._state.settings, **given)

    def add_key(self, api_key: str, account_of: str | None = None) -> int:
        """Another key: of the account that `account_of` is a key of, or of a new one. Returns its number."""
        with self._state.lock:
            accounts = self._state.accounts
            if not (_is_text(api_key) and api_key):
                raise ValueError("api_key is a text that is not empty.")
            if api_key in accounts:
                raise ValueError("This API key is there already.")
            if account_of is not None and account_of not in accounts:
                raise ValueError("account_of is not one of the API keys.")
            owners = (ingress.account for ingress in self._state.store.ingresses.values())
            known = max((*accounts.values(), *self._first_accounts.values(), *owners))
            accounts[api_key] = known + 1 if account_of is None else accounts[account_of]
            return accounts[api_key]

    def remove_key(self, api_key: str) -> None:
        """Revokes a key; its account and ingresses stay."""
        with self._state.lock:
            if self._state.accounts.pop(api_key, None) is None:
                raise ValueError("This is not one of the API keys.")

    # What is there

    def ingresses(self) -> list[dict[str, Any]]:
        """All ingresses of all accounts, oldest first, as the service holds them."""
        with self._state.lock:
            records = [asdict(ingress) for ingress in self._state.store.ingresses.values()]
        for record in records:
            for name in ("created_at", "policy_set_at", "records_right_since"):
                record[name] = record[name] and certificates.timestamp(record[name])
        return records

    def set_ingress(self, ingress_id: str, changes: IngressChanges) -> None:
        """Changes an ingress behind the API's back, as another user would. Values are not validated, but typed."""
        with self._state.lock:
            ingress = self._ingress(ingress_id)
            for name, value in changes.items():
                if not _fits(name, value):
                    raise ValueError(f"set_ingress cannot set {name} to {value!r}.")
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
        """Deletes an ingress behind the API's back."""
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
        """Holds the certificate of an ingress with a policy in a state; None gives it back to the clock."""
        if state is not None and state not in certificates.STATES:
            raise ValueError(f"A certificate's state is one of {', '.join(certificates.STATES)}.")
        for name, text in (("error_code", error_code), ("msg", msg)):
            if not isinstance(cast(object, text), (str, type(None))):
                raise ValueError(f"A certificate's {name} is a text, not {text!r}.")
        with self._state.lock:
            self._ingress(ingress_id).certificate = (
                None if state is None else {"state": state, "error_code": error_code, "msg": msg}
            )
            self._state.store.save()

    def _ingress(self, ingress_id: str) -> Ingress:
        try:
            return self._state.store.ingresses[ingress_id]
        except KeyError:
            raise LookupError(f"There is no ingress {ingress_id}.") from None

    # What goes wrong

    def add_fault(
        self,
        method: str | None,
        kind: FaultKind,
        *,
        times: int | None = 1,
        skip: int = 0,
        path_contains: str | None = None,
        status: int = 500,
        headers: Mapping[str, str] | None = None,
        body: str | None = None,
        json_body: object = None,
        seconds: float = 0.0,
        after: bool = False,
    ) -> None:
        """Makes requests of a method (None: any) go wrong. The first of the faults that matches is met.

        `FaultKind` says what each kind does. `times`: how many requests meet it, None for all; the first
        `skip` that match pass unharmed. `status`, `headers` and `body` or `json_body` are the answer's.
        `{api_key}` in a header or the body becomes the key of the request. Wrong values: ValueError.
        """
        given = dict(headers or {})
        if json_body is not None:
            body = json.dumps(json_body)
            given = {"content-type": "application/json", **given}
        text = "" if body is None else body
        fault = Fault(method, kind, times, skip, path_contains, status, given, text, seconds, after)
        with self._state.lock:
            self._state.faults.append(fault)

    def faults(self) -> list[dict[str, Any]]:
        """The faults that are still to happen, with what is left of `times` and `skip`."""
        with self._state.lock:
            return [asdict(fault) for fault in self._state.faults if fault.times != 0]

    def clear_faults(self) -> None:
        """No more faults. A request that hangs goes on hanging."""
        with self._state.lock:
            self._state.faults.clear()


def _route(method: str, path: str) -> str:
    parent, _, name = path.rpartition("/")
    return f"{method} {f'{COLLECTION}/{{id}}' if parent == COLLECTION and name else path}"


def _fits(name: str, value: object) -> bool:
    if name in ("description", "metadata", "private_key_type"):
        return _is_text(value)
    if name in ("ns_targets", "region_domains"):
        return isinstance(value, list) and all(_is_text(each) for each in cast("list[object]", value))
    if name == "certificate_management_policy":
        return value is None or (
            isinstance(value, Mapping)
            and all(isinstance(each, str) for each in cast("Mapping[str, object]", value).values())
        )
    return False


def _is_text(value: object) -> bool:
    return isinstance(value, str) and is_sendable(value)
