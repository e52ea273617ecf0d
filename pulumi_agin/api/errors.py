"""What can go wrong when ngrok is asked, each with a message that is one whole sentence for the user.

    NgrokError
    ├── InvalidInputsError      the values given can't be an Agent Ingress; nothing was sent
    ├── UnreachableError        no answer, or none that came whole
    ├── RedirectError           the answer was a redirect, which is never followed
    ├── BadAnswerError          an answer that is not what ngrok's API gives
    ├── WrongBaseUrlError       a 404 that does not come from ngrok's Agent Ingress API
    ├── CreateUnsettledError    nobody can tell whether the Agent Ingress was made
    ├── CreatedUnreadError      it was made, and what is known of it is its id
    ├── UpdateUnsettledError    an answer was lost, and the Agent Ingress is not as it was to be, or can't be read
    └── ApiError                ngrok refused: status, error_code, operation_id
        ├── AuthenticationError     401 or 403: the key
        ├── NotFoundError           404: ngrok knows no Agent Ingress with this id
        ├── DomainExistsError       ERR_NGROK_6706: the domain has an Agent Ingress
        └── RateLimitedError        429: over 120 requests in a minute

No message holds the API key: the client takes it out before it makes one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .models import AgentIngress


class NgrokError(Exception):
    """Any failure of this package's API client. Its text is ready to be shown to a user."""


class InvalidInputsError(NgrokError):
    """A value can't be right whatever ngrok says. Nothing was sent."""


class UnreachableError(NgrokError):
    """No answer came, or it broke off, for as long as the request was repeated."""


class RedirectError(NgrokError):
    """The answer sent us elsewhere. Following it would hand the API key to whoever the answer names."""


class BadAnswerError(NgrokError):
    """The answer is not JSON, has the wrong shape, or is about another Agent Ingress than asked."""


class WrongBaseUrlError(NgrokError):
    """A 404 of something other than the Agent Ingress API: it says nothing about any ingress."""


class CreateUnsettledError(NgrokError):
    """A create was sent, its answer was lost, and what ngrok holds now does not tell whether it was ours.

    existing_id: the ingress that the domain has now, or "" where none was seen.
    """

    def __init__(self, message: str, *, existing_id: str = "") -> None:
        super().__init__(message)
        self.existing_id = existing_id


class CreatedUnreadError(NgrokError):
    """An Agent Ingress was made, and no answer about it makes sense.

    id: that of the ingress.
    """

    def __init__(self, message: str, *, id_: str) -> None:
        super().__init__(message)
        self.id = id_


class UpdateUnsettledError(NgrokError):
    """An update was sent, its answer was lost, and a look did not find the Agent Ingress as it was to be.

    existing: the ingress as the look found it, or None where it could not be read.
    """

    def __init__(self, message: str, *, existing: AgentIngress | None = None) -> None:
        super().__init__(message)
        self.existing = existing


class ApiError(NgrokError):
    """ngrok answered that it won't.

    status: the HTTP status. error_code: such as "ERR_NGROK_6706", or "" (ngrok leaves it out of some answers).
    operation_id: what ngrok's support asks for, such as "op_2k5…", or "".
    """

    def __init__(self, message: str, *, status: int, error_code: str, operation_id: str) -> None:
        super().__init__(message)
        self.status = status
        self.error_code = error_code
        self.operation_id = operation_id


class AuthenticationError(ApiError):
    """The key is missing, wrong, or not allowed to do this. ngrok says so with 403, where others have 401."""


class NotFoundError(ApiError):
    """ngrok knows no Agent Ingress with this id in the account of this key."""


class DomainExistsError(ApiError):
    """ERR_NGROK_6706: a domain has at most one Agent Ingress, over all accounts."""


class RateLimitedError(ApiError):
    """More than 120 requests in a rolling minute, by this account, whoever made them."""
