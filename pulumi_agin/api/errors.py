"""Failures of a call to ngrok. Each message is one whole sentence for the user.

    NgrokError
    ├── InvalidInputsError      the values are not valid; nothing was sent
    ├── UnreachableError        no response, or only an incomplete one
    │   └── NotConnectedError       no connection could be made; nothing was sent
    ├── RedirectError           the response was a redirect, which is never followed
    ├── BadResponseError        a response that ngrok's API would not give
    ├── WrongBaseUrlError       a 404 that does not come from ngrok's Agent Ingress API
    ├── CreateUnsettledError    it is unknown whether the Agent Ingress was made
    ├── CreatedUnreadError      it was made, and only its id is known
    ├── UpdateUnsettledError    a response was lost, and the Agent Ingress has other values, or can't be read
    └── ApiError                ngrok rejected the request: status, error_code, operation_id
        ├── AuthenticationError     401 or 403: the key
        ├── NotFoundError           404: ngrok has no Agent Ingress with this id
        ├── DomainExistsError       ERR_NGROK_6706: the domain already has an Agent Ingress
        └── RateLimitedError        429: more than 120 requests in a minute

No message contains the API key: it is removed from everything that a message quotes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import IngressModel


class NgrokError(Exception):
    """Any failure of the API client. Its message can be shown to the user as it is."""


class InvalidInputsError(NgrokError):
    """A value is not valid. Nothing was sent."""


class UnreachableError(NgrokError):
    """No response came, or it was cut short, although the request was repeated."""


class NotConnectedError(UnreachableError):
    """No connection could be made, although that was tried for a while. Nothing was sent."""


class RedirectError(NgrokError):
    """The response was a redirect. Following it would give the API key to any host that the response names."""


class BadResponseError(NgrokError):
    """The response is not JSON, has the wrong shape, or is about another Agent Ingress."""


class WrongBaseUrlError(NgrokError):
    """A 404 from something other than the Agent Ingress API. It shows nothing about any ingress."""


class CreateUnsettledError(NgrokError):
    """The response to a create was lost, and what ngrok has now does not show whether it succeeded.

    `existing_id` is the id of the ingress that the domain has now, or "" if it seems to have none.
    """

    def __init__(self, message: str, *, existing_id: str = "") -> None:
        super().__init__(message)
        self.existing_id = existing_id


class CreatedUnreadError(NgrokError):
    """An Agent Ingress was made, but no usable response has its values. `id` is its id."""

    def __init__(self, message: str, *, id_: str) -> None:
        super().__init__(message)
        self.id = id_


class UpdateUnsettledError(NgrokError):
    """The response to an update was lost, and the Agent Ingress then did not have the new values.

    `existing` is the ingress as it was then, or None if it could not be read.
    """

    def __init__(self, message: str, *, existing: IngressModel | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class ApiError(NgrokError):
    """ngrok rejected the request. Some responses have no code, such as "ERR_NGROK_6706", or no operation id."""

    def __init__(self, message: str, *, status: int, error_code: str = "", operation_id: str = "") -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.operation_id = operation_id


class AuthenticationError(ApiError):
    """The key is missing, wrong, or not allowed to do this. ngrok responds 403 where other services respond 401."""


class NotFoundError(ApiError):
    """ngrok has no Agent Ingress with this id in the account of this key."""


class DomainExistsError(ApiError):
    """ERR_NGROK_6706: the domain already has an Agent Ingress, in this account or another."""


class RateLimitedError(ApiError):
    """The account sent more than 120 requests in a rolling minute, from here or elsewhere."""
