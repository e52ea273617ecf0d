"""Failures of a call to ngrok. Each message is a complete clause for the user, without the API key.

NgrokError
├── InvalidArgumentError    a value can't be sent; nothing was sent
├── UnreachableError        no response, or only an incomplete one
├── InterruptedCallError    the engine ended the call while it waited
├── BadResponseError        a response that is not from ngrok's Agent Ingress API, or not as documented
├── UnsettledError          a write whose response was lost, and no read has shown that it was carried out
└── ApiError                ngrok, or a gateway before it, rejected the request: status, code
    ├── NotFoundError           404 of ngrok for an ID
    ├── DomainExistsError       ERR_NGROK_6706: the domain already has an Agent Ingress
    └── AuthenticationError     401 or 403: the key
"""

from __future__ import annotations

# Too many requests, maintenance, and failures of the service or of a gateway in front of it.
TRANSIENT_STATUSES = (429, 500, 502, 503, 504)


class NgrokError(Exception):
    """Any failure of the API client."""


class InvalidArgumentError(NgrokError):
    """A value can't be sent, such as an ID that is none. Nothing was sent."""


class UnreachableError(NgrokError):
    """No complete response came, although the request was retried."""


class InterruptedCallError(NgrokError):
    """The engine is gone, or the user pressed Ctrl-C, while the call waited."""


class BadResponseError(NgrokError):
    """The response is a redirect, a 404 of something else than ngrok's API, no JSON, or about another ingress."""


class UnsettledError(NgrokError):
    """The response to a write was lost, and no read has shown that ngrok carried it out."""


class ApiError(NgrokError):
    """The request was rejected. `code` is ngrok's, such as "ERR_NGROK_6706", or "" without one."""

    def __init__(self, message: str, *, status: int, code: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.code = code

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in TRANSIENT_STATUSES


class NotFoundError(ApiError):
    """ngrok has no Agent Ingress with this ID in the account of this key.

    It proves nothing about another account: `lifecycle` decides whether the ingress of a state is gone.
    """


class DomainExistsError(ApiError):
    """ERR_NGROK_6706: the domain already has an Agent Ingress, in this account or another."""


class AuthenticationError(ApiError):
    """The key is missing, wrong, or not allowed to do this. ngrok responds 403 where other APIs respond 401."""
