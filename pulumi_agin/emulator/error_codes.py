"""The errors of the API.

The codes and messages are the ones that ngrok documents. It does not document the HTTP status of most
of them. Here it is 403 for a wrong key, and 400 for other wrong inputs.
"""

from __future__ import annotations

from typing import Any

_KEYS = "API keys and instructions are available on your dashboard: https://dashboard.ngrok.com/api-keys"
_REVIEW = "Please check your API client implementation and review the API documentation: https://ngrok.com/docs/api."
NO_CHANGE = "Nothing was changed."
"""Part of the message of a request that failed because the file can't be written."""

# The status and the message of each number after ERR_NGROK_.
_ERRORS = {
    # The key
    200: (403, f"The ngrok API requires that you set the Authorization header for authentication. Your {_KEYS}"),
    201: (
        403,
        "The ngrok API requires that you use Basic or Bearer authentication via the Authorization header. It could not "
        f"parse the header in this request. Authorization Header: {{header}}. {_KEYS}",
    ),
    202: (
        403,
        "The API authentication you specified does not look like a valid credential. "
        f"Your credential: '{{key}}'. {_KEYS}",
    ),
    # The body
    210: (400, f"The content type you specified `{{content_type}}` is not supported by the API. {_REVIEW}"),
    211: (400, f"The `{{method}}` request you made does not expect a body, but you provided one. {_REVIEW}"),
    213: (400, f"The `application/json` request body could not be parsed. {_REVIEW}"),
    214: (
        400,
        "The request parameter `{name}` is unknown and not expected. "
        f"The supported fields are: `{{supported}}`. {_REVIEW}",
    ),
    215: (400, f"The value provided for the request parameter `{{name}}` is invalid. {_REVIEW}"),
    216: (400, f"You did not provide a Content-Type with your request. {_REVIEW}"),
    # The version
    217: (400, "The provided API version `{version}` is invalid or unsupported. Supported versions: `2`."),
    218: (
        400,
        "Your request has not specified an API version. Please include the version you wish to use in the "
        "Ngrok-Version header. Supported versions: `2`.",
    ),
    # The ID and the limit
    222: (404, "The ID `{id}` is not a valid Agent Ingress ID."),
    226: (429, "Your account is rate limited to {limit} API requests per minute."),
    227: (400, "The ID `{id}` is invalid. Expected an ID with a prefix of `agin`."),
    # The query
    231: (
        400,
        "The query part of the requested URI includes unknown parameters: `{unknown}`. "
        f"The supported parameters are: `{{supported}}`. {_REVIEW}",
    ),
    232: (
        400,
        "The request must specify only a single value for the `{name}` parameter but got {count}: "
        f"`{{values}}`. {_REVIEW}",
    ),
    233: (400, "The page size limit must be between 1 and {maximum} but {value} was provided."),
    244: (400, "The page size limit must be a number between 1 and {maximum} but `{value}` was provided."),
    250: (400, "Invalid CEL query: {detail}"),
    # Agent Ingresses. The messages of the first two are about characters, but ngrok counts bytes.
    6700: (400, "The description is limited to {maximum} characters, but the provided value had {length} characters."),
    6701: (400, "Metadata is limited to {maximum} characters, but the provided value had {length} characters."),
    6704: (400, 'The specified domain "{domain}" is not a valid domain name. Enter a valid DNS name.'),
    6705: (
        400,
        'The agent ingress domain "{domain}" must be a third party domain, '
        "you may not enter a domain controlled by ngrok.",
    ),
    6706: (400, 'The agent ingress domain "{domain}" already exists, choose another domain.'),
}


class RejectedRequestError(Exception):
    """An error that the API responds with. Some of ngrok's have no code."""

    def __init__(self, status: int, msg: str, *, code: int | None = None, **details: str) -> None:
        super().__init__(msg)
        self.status = status
        self.code = code
        self.details = details

    def content(self, operation_id: str) -> dict[str, Any]:
        code = {} if self.code is None else {"error_code": f"ERR_NGROK_{self.code}"}
        details = {**self.details, "operation_id": operation_id}
        return {**code, "status_code": self.status, "msg": str(self), "details": details}


def coded(code: int, **values: object) -> RejectedRequestError:
    """Returns the error ERR_NGROK_`code`."""
    status, template = _ERRORS[code]
    return RejectedRequestError(status, template.format(**values), code=code)
