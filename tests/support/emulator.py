"""The emulator's API over HTTP, and the clock that tests give to the emulator."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import requests

from pulumi_agin.emulator import Emulator
from tests.support.keys import API_KEY

POLICY = {"authority": "letsencrypt", "private_key_type": "ecdsa"}


class EmulatorClock:
    """The time of an emulator. It stands still until it is advanced."""

    def __init__(self) -> None:
        self.now = datetime(2026, 3, 1, 12, 0, 0, 250_000, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


class Api:
    """Sends requests to an emulator over one connection."""

    def __init__(self, emulator: Emulator, key: str = API_KEY) -> None:
        self._emulator = emulator
        self._key = key
        self._session = requests.Session()
        self._session.trust_env = False

    def __call__(self, method: str, path: str, *, key: str | None = None, **options: Any) -> requests.Response:
        """Sends a request with ngrok's headers. Other arguments are those of requests; `headers` override ngrok's."""
        headers = {"Authorization": f"Bearer {key or self._key}", "Ngrok-Version": "2", **options.pop("headers", {})}
        url = self._emulator.url + path
        return self._session.request(method, url, headers=headers, timeout=20, allow_redirects=False, **options)

    def create(self, domain: str = "connect.acme.com", *, key: str | None = None, **inputs: Any) -> dict[str, Any]:
        """Creates an ingress, and returns the response."""
        response = self("POST", "/agent_ingresses", key=key, json={"domain": domain, **inputs})
        assert response.status_code == 201, response.text
        created: dict[str, Any] = response.json()
        return created

    def read(self, ingress: dict[str, Any]) -> dict[str, Any]:
        """Reads an ingress that `create` returned."""
        found: dict[str, Any] = self("GET", ingress["uri"]).json()
        return found

    def certificate(self, ingress: dict[str, Any]) -> Any:
        """Reads the status of the certificate."""
        return self.read(ingress)["certificate_management_status"]

    def job(self, ingress: dict[str, Any]) -> tuple[str | None, str]:
        """Reads the error code and the message of the certificate's job."""
        job = self.certificate(ingress)["provisioning_job"]
        return job["error_code"], job["msg"]
