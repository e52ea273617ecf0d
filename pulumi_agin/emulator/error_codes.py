"""The errors of the API.

The codes and messages are the ones that ngrok documents, without the advice and the links that some of them end with.
It does not document the HTTP status of most of them. Here it is 403 for a wrong key, and 400 for other wrong inputs.
"""

from __future__ import annotations

from typing import Any

# By the number after ERR_NGROK_.
_MESSAGES = {
    200: "The ngrok API requires that you set the Authorization header for authentication.",
    201: "The ngrok API requires that you use Basic or Bearer authentication via the Authorization header. It could "
    "not parse the header in this request. Authorization Header: {header}.",
    202: "The API authentication you specified does not look like a valid credential. Your credential: '{key}'.",
    210: "The content type you specified `{content_type}` is not supported by the API.",
    211: "The `{method}` request you made does not expect a body, but you provided one.",
    213: "The `application/json` request body could not be parsed.",
    214: "The request parameter `{name}` is unknown and not expected. The supported fields are: `{supported}`.",
    215: "The value provided for the request parameter `{name}` is invalid.",
    216: "You did not provide a Content-Type with your request.",
    217: "The provided API version `{version}` is invalid or unsupported. Supported versions: `2`.",
    218: "Your request has not specified an API version. Please include the version you wish to use in the "
    "Ngrok-Version header. Supported versions: `2`.",
    222: "The ID `{id}` is not a valid Agent Ingress ID.",
    226: "Your account is rate limited to {limit} API requests per minute.",
    227: "The ID `{id}` is invalid. Expected an ID with a prefix of `agin`.",
    231: "The query part of the requested URI includes unknown parameters: `{unknown}`. "
    "The supported parameters are: `{supported}`.",
    232: "The request must specify only a single value for the `{name}` parameter but got {count}: `{values}`.",
    233: "The page size limit must be between 1 and {maximum} but {value} was provided.",
    244: "The page size limit must be a number between 1 and {maximum} but `{value}` was provided.",
    250: "Invalid CEL query: {detail}",
    # The first two are about characters, but ngrok counts bytes.
    6700: "The description is limited to {maximum} characters, but the provided value had {length} characters.",
    6701: "Metadata is limited to {maximum} characters, but the provided value had {length} characters.",
    6704: 'The specified domain "{domain}" is not a valid domain name. Enter a valid DNS name.',
    6705: 'The agent ingress domain "{domain}" must be a third party domain, you may not enter a domain controlled by '
    "ngrok.",
    6706: 'The agent ingress domain "{domain}" already exists, choose another domain.',
}
_STATUSES = {200: 403, 201: 403, 202: 403, 222: 404, 226: 429}


class RejectedRequestError(Exception):
    """An error that the API responds with. Some of ngrok's have no code."""

    def __init__(self, status: int, msg: str, *, code: int | None = None, **details: str) -> None:
        super().__init__(msg)
        self.status = status
        self._code = {} if code is None else {"error_code": f"ERR_NGROK_{code}"}
        self._details = details

    def content(self, operation_id: str) -> dict[str, Any]:
        details = {**self._details, "operation_id": operation_id}
        return {**self._code, "status_code": self.status, "msg": str(self), "details": details}


def coded(code: int, **values: object) -> RejectedRequestError:
    """Returns the error ERR_NGROK_`code`, with values for its message."""
    return RejectedRequestError(_STATUSES.get(code, 400), _MESSAGES[code].format(**values), code=code)


def require(condition: object, code: int, **values: object) -> None:
    """Raises ERR_NGROK_`code` unless the condition is true."""
    if not condition:
        raise coded(code, **values)
