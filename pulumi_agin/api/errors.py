"""Failures of a call to ngrok. Each message is a complete clause for the user, without the API key.

NgrokError
├── InvalidArgumentError    a value can't be sent; nothing was sent
├── UnreachableError        no response, or only an incomplete one
├── InterruptedCallError    the call was cancelled during a wait
├── BadResponseError        a response that is not from ngrok's Agent Ingress API, or not as documented
├── UnsettledError          a write in doubt, and no read has shown that ngrok carried it out
└── ApiError                ngrok, or a gateway in front of ngrok, rejected the request: status, code
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
    """A value can't be sent, such as a string that is not an ID. Nothing was sent."""


class UnreachableError(NgrokError):
    """No complete response came. A transient failure was retried first."""


class InterruptedCallError(NgrokError):
    """The engine ended, or the user pressed Ctrl-C, during a wait of the call."""


class BadResponseError(NgrokError):
    """The response is not from ngrok's Agent Ingress API, or not as documented.

    Examples are a redirect, a 404 from another server, a body that is not JSON, and another ingress.
    """


class UnsettledError(NgrokError):
    """The response to a write was lost or unusable, and no read has shown that ngrok carried out the write."""


class ApiError(NgrokError):
    """The request was rejected. `code` is ngrok's error code, such as "ERR_NGROK_6706"; "" without an error code."""

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

    This error proves nothing about other accounts. `Account.require_gone` decides whether an ingress is gone.
    """


class DomainExistsError(ApiError):
    """ERR_NGROK_6706: the domain already has an Agent Ingress, in this account or another."""


class AuthenticationError(ApiError):
    """The key is missing, wrong, or lacks a permission. ngrok responds 403 where other APIs respond 401."""
