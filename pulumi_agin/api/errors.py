"""Failures of a call to ngrok. Each message is a complete sentence for the user.

    NgrokError
    ├── InvalidInputsError      invalid values; nothing was sent
    ├── UnreachableError        no response, or only an incomplete one
    │   └── NotConnectedError       no connection could be made; nothing was sent
    ├── RedirectError           the response was a redirect, which is never followed
    ├── BadResponseError        a response that ngrok's API does not document
    │   └── UnreadableIngressError  one Agent Ingress in it has an invalid value
    ├── WrongBaseUrlError       a 404 that does not come from ngrok's Agent Ingress API
    ├── CreateUnsettledError    it is unknown whether the Agent Ingress was made
    ├── CreatedUnreadError      it was made, but could not be read
    ├── UpdateUnsettledError    a response was lost, and the values differ or could not be read
    ├── DeleteUnsettledError    a response was lost, and the Agent Ingress still existed or could not be read
    └── ApiError                ngrok, or a gateway before it, rejected the request: status, error_code, operation_id
        ├── AuthenticationError     401 or 403: the key
        ├── NotFoundError           404: ngrok has no Agent Ingress with this ID
        ├── DomainExistsError       ERR_NGROK_6706: the domain already has an Agent Ingress
        └── RateLimitedError        429: more than 120 requests in a minute

No message contains the API key: it is removed from all quoted strings.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pulumi_agin.base.facts import TRANSIENT_STATUSES

if TYPE_CHECKING:
    from .models import IngressModel


class NgrokError(Exception):
    """Any failure of the API client. Its message can be shown to the user as it is."""


class InvalidInputsError(NgrokError):
    """A value is invalid. Nothing was sent."""


class UnreachableError(NgrokError):
    """No complete response came, although the request was repeated."""


class NotConnectedError(UnreachableError):
    """No connection could be made. Nothing was sent."""


class RedirectError(NgrokError):
    """The response was a redirect. It is not followed, because that would send the API key to another host."""


class BadResponseError(NgrokError):
    """The response is not JSON, has the wrong shape, or is about another Agent Ingress."""


class UnreadableIngressError(BadResponseError):
    """A response is valid, but one Agent Ingress in it has an invalid value: `problem` is a clause about it.

    `id` and `domain` are "" if they can't be read, either.
    """

    def __init__(self, message: str, *, id_: str, domain: str, problem: str) -> None:
        super().__init__(message)
        self.id = id_
        self.domain = domain
        self.problem = problem


class WrongBaseUrlError(NgrokError):
    """A 404 that is not from the Agent Ingress API. It does not prove that an ingress is gone."""


class CreateUnsettledError(NgrokError):
    """The response to a create was lost, and it could not be determined whether the create succeeded.

    `existing` is the ingress that the domain has now; None if none was found.
    """

    def __init__(self, message: str, *, existing: IngressModel | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class CreatedUnreadError(NgrokError):
    """An Agent Ingress was made, but its values could not be read. `id` is its ID."""

    def __init__(self, message: str, *, id_: str) -> None:
        super().__init__(message)
        self.id = id_


class UpdateUnsettledError(NgrokError):
    """The response to an update was lost, and the Agent Ingress then did not have the new values.

    `existing` is the ingress with the values it then had; None if it could not be read.
    """

    def __init__(self, message: str, *, existing: IngressModel | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class DeleteUnsettledError(NgrokError):
    """The response to a delete was lost, and the Agent Ingress then still existed, or could not be read."""


class ApiError(NgrokError):
    """The request was rejected, or not sent because it would have been. All strings are free of the API key.

    `error_code`, such as "ERR_NGROK_6706", and `operation_id` may be missing. `is_from_ngrok` is whether an ngrok error
    was received: a gateway may have rejected the request.
    """

    def __init__(
        self, message: str, *, status: int, error_code: str = "", operation_id: str = "", is_from_ngrok: bool
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.operation_id = operation_id
        self.is_from_ngrok = is_from_ngrok

    @property
    def is_transient(self) -> bool:
        """Whether the same request may succeed later."""
        return self.status in TRANSIENT_STATUSES


class AuthenticationError(ApiError):
    """The key is missing, wrong, or not allowed to do this. ngrok responds 403 where other APIs respond 401."""


class NotFoundError(ApiError):
    """ngrok has no Agent Ingress with this ID in the account of this key.

    That proves nothing about another account. Whether an ingress in a state is gone, only `lifecycle.existence` judges.
    """


class DomainExistsError(ApiError):
    """ERR_NGROK_6706: the domain already has an Agent Ingress, in this account or another."""


class RateLimitedError(ApiError):
    """The account sent more than 120 requests in a rolling minute, from this process or others."""
