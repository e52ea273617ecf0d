"""What the API answers to a request that it refuses.

Codes and texts are ngrok's documented ones. The HTTP status of most is not documented: here every refused
input is 400, whatever concerns the key is 403.
"""

from __future__ import annotations

from collections.abc import Collection

_KEYS = "API keys and instructions are available on your dashboard: https://dashboard.ngrok.com/api-keys"
_REVIEW = "Please check your API client implementation and review the API documentation: https://ngrok.com/docs/api."
NO_CHANGE = "Nothing was changed."
"""Said of a request that failed as the file cannot be written."""


class ApiError(Exception):
    """An answer other than 2xx. `code` is without its prefix ERR_NGROK_; some answers of ngrok's have none."""

    def __init__(self, status: int, code: int | None, msg: str, details: dict[str, str] | None = None) -> None:
        super().__init__(msg)
        self.status = status
        self.code = code
        self.msg = msg
        self.details = details or {}


def no_authorization() -> ApiError:
    msg = "The ngrok API requires that you set the Authorization header for authentication. Your " + _KEYS
    return ApiError(403, 200, msg)


def unparsable_authorization(header: str) -> ApiError:
    """The text repeats the header, as ngrok's does."""
    return ApiError(
        403,
        201,
        "The ngrok API requires that you use Basic or Bearer authentication via the Authorization header. It "
        f"could not parse the header in this request. Authorization Header: {header}. {_KEYS}",
    )


def not_a_credential(key: str) -> ApiError:
    """The text repeats the key, as ngrok's does."""
    return ApiError(
        403,
        202,
        "The API authentication you specified does not look like a valid credential. "
        f"Your credential: '{key}'. {_KEYS}",
    )


def unsupported_content_type(content_type: str) -> ApiError:
    msg = f"The content type you specified `{content_type}` is not supported by the API. {_REVIEW}"
    return ApiError(400, 210, msg)


def body_not_expected(method: str) -> ApiError:
    msg = f"The `{method}` request you made does not expect a body, but you provided one. {_REVIEW}"
    return ApiError(400, 211, msg)


def unparsable_body() -> ApiError:
    return ApiError(400, 213, f"The `application/json` request body could not be parsed. {_REVIEW}")


def unknown_parameter(name: str, supported: Collection[str]) -> ApiError:
    return ApiError(
        400,
        214,
        f"The request parameter `{name}` is unknown and not expected. "
        f"The supported fields are: `{', '.join(supported)}`. {_REVIEW}",
    )


def invalid_value(name: str) -> ApiError:
    msg = f"The value provided for the request parameter `{name}` is invalid. {_REVIEW}"
    return ApiError(400, 215, msg)


def no_content_type() -> ApiError:
    return ApiError(400, 216, f"You did not provide a Content-Type with your request. {_REVIEW}")


def unsupported_version(version: str) -> ApiError:
    msg = f"The provided API version `{version}` is invalid or unsupported. Supported versions: `2`."
    return ApiError(400, 217, msg)


def no_version() -> ApiError:
    return ApiError(
        400,
        218,
        "Your request has not specified an API version. Please include the version you wish to use in the "
        "Ngrok-Version header. Supported versions: `2`.",
    )


def malformed_id(value: str) -> ApiError:
    return ApiError(404, 222, f"The ID `{value}` is not a valid Agent Ingress ID.")


def rate_limited(limit: int) -> ApiError:
    return ApiError(429, 226, f"Your account is rate limited to {limit} API requests per minute.")


def wrong_id_prefix(value: str) -> ApiError:
    return ApiError(400, 227, f"The ID `{value}` is invalid. Expected an ID with a prefix of `agin`.")


def unknown_query_parameters(unknown: Collection[str], supported: Collection[str]) -> ApiError:
    return ApiError(
        400,
        231,
        f"The query part of the requested URI includes unknown parameters: `{', '.join(unknown)}`. "
        f"The supported parameters are: `{', '.join(supported)}`. {_REVIEW}",
    )


def repeated_query_parameter(name: str, values: Collection[str]) -> ApiError:
    return ApiError(
        400,
        232,
        f"The request must specify only a single value for the `{name}` parameter but got {len(values)}: "
        f"`{', '.join(values)}`. {_REVIEW}",
    )


def limit_out_of_range(value: str, maximum: int) -> ApiError:
    return ApiError(400, 233, f"The page size limit must be between 1 and {maximum} but {value} was provided.")


def limit_not_a_number(value: str, maximum: int) -> ApiError:
    return ApiError(
        400, 244, f"The page size limit must be a number between 1 and {maximum} but `{value}` was provided."
    )


def invalid_filter(detail: str) -> ApiError:
    return ApiError(400, 250, f"Invalid CEL query: {detail}")


def too_long(field: str, maximum: int, length: int) -> ApiError:
    """`field` is description or metadata; ngrok's text says characters and counts bytes."""
    code, subject = (6700, "The description") if field == "description" else (6701, "Metadata")
    msg = f"{subject} is limited to {maximum} characters, but the provided value had {length} characters."
    return ApiError(400, code, msg)


def invalid_domain(domain: str) -> ApiError:
    msg = f'The specified domain "{domain}" is not a valid domain name. Enter a valid DNS name.'
    return ApiError(400, 6704, msg)


def domain_of_ngrok(domain: str) -> ApiError:
    return ApiError(
        400,
        6705,
        f'The agent ingress domain "{domain}" must be a third party domain, '
        "you may not enter a domain controlled by ngrok.",
    )


def domain_exists(domain: str) -> ApiError:
    msg = f'The agent ingress domain "{domain}" already exists, choose another domain.'
    return ApiError(400, 6706, msg)


def unknown_id() -> ApiError:
    """Without an error code, as recorded."""
    return ApiError(404, None, "Resource not found")


def wrong_path(path: str) -> ApiError:
    """Also a 404, told from an unknown id by `details.path`."""
    return ApiError(404, None, "Not Found", {"path": path})


def wrong_method() -> ApiError:
    return ApiError(405, None, "Method Not Allowed")


def not_saved(sentence: str) -> ApiError:
    """`sentence` says what is wrong with the emulator's file."""
    return ApiError(500, None, f"This is the emulator, not ngrok: it could not save the change. {sentence} {NO_CHANGE}")
