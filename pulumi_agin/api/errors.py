"""What can go wrong in a call to ngrok. Each message is one whole sentence for the user.

    NgrokError
    ├── InvalidInputsError      the values are not valid; nothing was sent
    ├── UnreachableError        no answer, or only an incomplete one
    │   └── NotConnectedError       no connection could be made; nothing was sent
    ├── RedirectError           the answer was a redirect, which is never followed
    ├── BadAnswerError          an answer that ngrok's API would not give
    ├── WrongBaseUrlError       a 404 that does not come from ngrok's Agent Ingress API
    ├── CreateUnsettledError    it is unknown whether the Agent Ingress was made
    ├── CreatedUnreadError      it was made, and only its id is known
    ├── UpdateUnsettledError    an answer was lost, and the Agent Ingress has other values, or can't be read
    └── ApiError                ngrok refused: status, error_code, operation_id
        ├── AuthenticationError     401 or 403: the key
        ├── NotFoundError           404: ngrok knows no Agent Ingress with this id
        ├── DomainExistsError       ERR_NGROK_6706: the domain already has an Agent Ingress
        └── RateLimitedError        429: more than 120 requests in a minute

No message contains the API key: it is removed from everything that a message quotes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import AgentIngress


class NgrokError(Exception):
    """Any failure of the API client. Its text can be shown to the user as it is."""


class InvalidInputsError(NgrokError):
    """A value is not valid. Nothing was sent."""


class UnreachableError(NgrokError):
    """No answer came, or it was cut short, although the request was repeated."""


class NotConnectedError(UnreachableError):
    """No connection could be made, although that was tried for a while. Nothing was sent."""


class RedirectError(NgrokError):
    """The answer was a redirect. Following it would give the API key to any host that the answer names."""


class BadResponseError(NgrokError):
    """The answer is not JSON, has the wrong shape, or is about another Agent Ingress."""


class WrongBaseUrlError(NgrokError):
    """A 404 from something other than the Agent Ingress API. It says nothing about any ingress."""


class CreateUnsettledError(NgrokError):
    """A create was sent, its answer was lost, and what ngrok has now does not tell whether the create succeeded.

    Attributes:
        existing_id: The id of the ingress that the domain has now, or "" if it seems to have none.
    """

    def __init__(self, message: str, *, existing_id: str = "") -> None:
        """Keeps what is known of the failure.

        Args:
            message: The text for the user.
            existing_id: The id of the ingress that the domain has now, or "" if it seems to have none.
        """
        super().__init__(message)
        self.existing_id = existing_id


class CreatedUnreadError(NgrokError):
    """An Agent Ingress was made, but no answer about it makes sense.

    Attributes:
        id: The id of the ingress.
    """

    def __init__(self, message: str, *, id_: str) -> None:
        """Keeps what is known of the failure.

        Args:
            message: The text for the user.
            id_: The id of the ingress.
        """
        super().__init__(message)
        self.id = id_


class UpdateUnsettledError(NgrokError):
    """An update was sent, its answer was lost, and the Agent Ingress then did not have the new values.

    Attributes:
        existing: The ingress as it was then, or None if it could not be read.
    """

    def __init__(self, message: str, *, existing: AgentIngress | None = None) -> None:
        """Keeps what is known of the failure.

        Args:
            message: The text for the user.
            existing: The ingress as it was then, or None if it could not be read.
        """
        super().__init__(message)
        self.existing = existing


class ApiError(NgrokError):
    """ngrok refused.

    Attributes:
        status: The HTTP status.
        error_code: ngrok's code, such as "ERR_NGROK_6706", or "": some answers have none.
        operation_id: What ngrok's support asks for, such as "op_2k5…", or "".
    """

    def __init__(self, message: str, *, status: int, error_code: str, operation_id: str) -> None:
        """Keeps what ngrok answered.

        Args:
            message: The text for the user.
            status: The HTTP status.
            error_code: ngrok's code, or "" if the answer has none.
            operation_id: The operation id, or "" if the answer has none.
        """
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.operation_id = operation_id


class AuthenticationError(ApiError):
    """The key is missing, wrong, or not allowed to do this. ngrok answers 403 when other services answer 401."""


class NotFoundError(ApiError):
    """ngrok knows no Agent Ingress with this id in the account of this key."""


class DomainExistsError(ApiError):
    """ERR_NGROK_6706: the domain already has an Agent Ingress, in this account or another."""


class RateLimitedError(ApiError):
    """The account sent more than 120 requests in a rolling minute, from here or elsewhere."""
