"""Helpers for the emulated ngrok outside of Pulumi: ingresses that are in no state, and the requests."""

from __future__ import annotations

from typing import Any

from pulumi_agin.api import settling
from pulumi_agin.api.budget import Budget
from pulumi_agin.api.client import Client
from pulumi_agin.api.redaction import Secret
from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY


def create(emulator: Emulator, domain: str, key: str = API_KEY, **inputs: Any) -> str:
    """Creates an ingress that is in no state, and returns its ID."""
    return settling.create(Client(Secret(key), emulator.url), {"domain": domain, **inputs}, Budget(30)).id


def requests(emulator: Emulator) -> list[tuple[str, Any]]:
    """Returns the methods and bodies of all requests since the last call."""
    seen = [(request["method"], request["body"]) for request in emulator.requests()]
    emulator.clear_requests()
    return seen


def ns_targets(emulator: Emulator, domain: str) -> list[str]:
    """Returns the name servers of an ingress as NS records have them: with trailing dots, sorted."""
    [ingress] = [each for each in emulator.ingresses() if each["domain"] == domain]
    return sorted(f"{target.rstrip('.')}." for target in ingress["ns_targets"])
