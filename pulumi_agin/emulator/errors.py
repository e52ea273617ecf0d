"""The errors of the API.

Codes and messages are those that ngrok documents. It does not document the HTTP status of most of them. Here it is 403
if the key is wrong, and 400 if another input is.
"""

from __future__ import annotations

from collections.abc import Collection

_KEYS = "API keys and instructions are available on your dashboard: https://dashboard.ngrok.com/api-keys"
_REVIEW = "Please check your API client implementation and review the API documentation: https://ngrok.com/docs/api."
NO_CHANGE = "Nothing was changed."
"""Part of the message of a request that failed because the file cannot be written."""


class ApiError(Exception):
    """An error that the API answers with."""

    def __init__(self, status: int, code: int | None, msg: str, details: dict[str, str] | None = None) -> None:
        """Keeps the parts of the answer.

        Args:
            status: The HTTP status.
            code: The number after ERR_NGROK_; None because some of ngrok's answers have no code.
            msg: The message.
            details: The details, without the operation ID.
        """
        super().__init__(msg)
        self.status = status
        self.code = code
        self.msg = msg
        self.details = details or {}


def no_authorization() -> ApiError:
    """Returns ERR_NGROK_200: the request has no Authorization header."""
    msg = "The ngrok API requires that you set the Authorization header for authentication. Your " + _KEYS
    return ApiError(403, 200, msg)


def unparsable_authorization(header: str) -> ApiError:
    """Returns ERR_NGROK_201: the credentials have another form than Bearer.

    Args:
        header: The value of the header. The message repeats it, as ngrok's does.
    """
    return ApiError(
        403,
        201,
        "The ngrok API requires that you use Basic or Bearer authentication via the Authorization header. It "
        f"could not parse the header in this request. Authorization Header: {header}. {_KEYS}",
    )


def not_a_credential(key: str) -> ApiError:
    """Returns ERR_NGROK_202: the key is unknown.

    Args:
        key: The key. The message repeats it, as ngrok's does.
    """
    return ApiError(
        403,
        202,
        "The API authentication you specified does not look like a valid credential. "
        f"Your credential: '{key}'. {_KEYS}",
    )


def unsupported_content_type(content_type: str) -> ApiError:
    """Returns ERR_NGROK_210: the body is not JSON.

    Args:
        content_type: The value of the header.
    """
    msg = f"The content type you specified `{content_type}` is not supported by the API. {_REVIEW}"
    return ApiError(400, 210, msg)


def unexpected_body(method: str) -> ApiError:
    """Returns ERR_NGROK_211: the request must not have a body.

    Args:
        method: The HTTP method.
    """
    msg = f"The `{method}` request you made does not expect a body, but you provided one. {_REVIEW}"
    return ApiError(400, 211, msg)


def unparsable_body() -> ApiError:
    """Returns ERR_NGROK_213: the body cannot be parsed."""
    return ApiError(400, 213, f"The `application/json` request body could not be parsed. {_REVIEW}")


def unknown_parameter(name: str, supported: Collection[str]) -> ApiError:
    """Returns ERR_NGROK_214: the body has an unknown parameter.

    Args:
        name: The parameter.
        supported: The parameters that are known.
    """
    return ApiError(
        400,
        214,
        f"The request parameter `{name}` is unknown and not expected. "
        f"The supported fields are: `{', '.join(supported)}`. {_REVIEW}",
    )


def invalid_value(name: str) -> ApiError:
    """Returns ERR_NGROK_215: a parameter of the body has an invalid value.

    Args:
        name: The parameter.
    """
    msg = f"The value provided for the request parameter `{name}` is invalid. {_REVIEW}"
    return ApiError(400, 215, msg)


def no_content_type() -> ApiError:
    """Returns ERR_NGROK_216: there is a body, and no Content-Type header."""
    return ApiError(400, 216, f"You did not provide a Content-Type with your request. {_REVIEW}")


def unsupported_version(version: str) -> ApiError:
    """Returns ERR_NGROK_217: the API version is not 2.

    Args:
        version: The version that the request names.
    """
    msg = f"The provided API version `{version}` is invalid or unsupported. Supported versions: `2`."
    return ApiError(400, 217, msg)


def no_version() -> ApiError:
    """Returns ERR_NGROK_218: the request has no Ngrok-Version header."""
    return ApiError(
        400,
        218,
        "Your request has not specified an API version. Please include the version you wish to use in the "
        "Ngrok-Version header. Supported versions: `2`.",
    )


def malformed_id(value: str) -> ApiError:
    """Returns ERR_NGROK_222: the ID has another form.

    Args:
        value: The ID.
    """
    return ApiError(404, 222, f"The ID `{value}` is not a valid Agent Ingress ID.")


def too_many_requests(limit: int) -> ApiError:
    """Returns ERR_NGROK_226: the account is over its limit.

    Args:
        limit: How many requests the account may send in a minute.
    """
    return ApiError(429, 226, f"Your account is rate limited to {limit} API requests per minute.")


def wrong_id_prefix(value: str) -> ApiError:
    """Returns ERR_NGROK_227: the ID is that of something else.

    Args:
        value: The ID.
    """
    return ApiError(400, 227, f"The ID `{value}` is invalid. Expected an ID with a prefix of `agin`.")


def unknown_query_parameters(unknown: Collection[str], supported: Collection[str]) -> ApiError:
    """Returns ERR_NGROK_231: the query has unknown parameters.

    Args:
        unknown: These parameters.
        supported: The parameters that are known.
    """
    return ApiError(
        400,
        231,
        f"The query part of the requested URI includes unknown parameters: `{', '.join(unknown)}`. "
        f"The supported parameters are: `{', '.join(supported)}`. {_REVIEW}",
    )


def repeated_query_parameter(name: str, values: Collection[str]) -> ApiError:
    """Returns ERR_NGROK_232: a parameter of the query is repeated.

    Args:
        name: The parameter.
        values: Its values.
    """
    return ApiError(
        400,
        232,
        f"The request must specify only a single value for the `{name}` parameter but got {len(values)}: "
        f"`{', '.join(values)}`. {_REVIEW}",
    )


def limit_out_of_range(value: str, maximum: int) -> ApiError:
    """Returns ERR_NGROK_233: the page size is too small or too large.

    Args:
        value: The page size that the request names.
        maximum: The largest page size.
    """
    return ApiError(400, 233, f"The page size limit must be between 1 and {maximum} but {value} was provided.")


def limit_not_a_number(value: str, maximum: int) -> ApiError:
    """Returns ERR_NGROK_244: the page size is not a number.

    Args:
        value: The page size that the request names.
        maximum: The largest page size.
    """
    return ApiError(
        400, 244, f"The page size limit must be a number between 1 and {maximum} but `{value}` was provided."
    )


def invalid_filter(detail: str) -> ApiError:
    """Returns ERR_NGROK_250: the filter cannot be used.

    Args:
        detail: What is wrong with it.
    """
    return ApiError(400, 250, f"Invalid CEL query: {detail}")


def too_long(field: str, maximum: int, length: int) -> ApiError:
    """Returns ERR_NGROK_6700 or 6701: the description or metadata is too long.

    ngrok's message says characters, but it counts bytes.

    Args:
        field: "description" or "metadata".
        maximum: The limit in bytes of UTF-8.
        length: The length in bytes of UTF-8.
    """
    code, subject = (6700, "The description") if field == "description" else (6701, "Metadata")
    msg = f"{subject} is limited to {maximum} characters, but the provided value had {length} characters."
    return ApiError(400, code, msg)


def invalid_domain(domain: str) -> ApiError:
    """Returns ERR_NGROK_6704: the domain is not a DNS name.

    Args:
        domain: The domain as the request has it.
    """
    msg = f'The specified domain "{domain}" is not a valid domain name. Enter a valid DNS name.'
    return ApiError(400, 6704, msg)


def domain_of_ngrok(domain: str) -> ApiError:
    """Returns ERR_NGROK_6705: the domain is one of ngrok's own.

    Args:
        domain: The domain.
    """
    return ApiError(
        400,
        6705,
        f'The agent ingress domain "{domain}" must be a third party domain, '
        "you may not enter a domain controlled by ngrok.",
    )


def domain_exists(domain: str) -> ApiError:
    """Returns ERR_NGROK_6706: the domain already has an ingress.

    Args:
        domain: The domain.
    """
    msg = f'The agent ingress domain "{domain}" already exists, choose another domain.'
    return ApiError(400, 6706, msg)


def unknown_id() -> ApiError:
    """Returns the error of an unknown ID. It has no error code, like the answer that was recorded."""
    return ApiError(404, None, "Resource not found")


def wrong_path(path: str) -> ApiError:
    """Returns the error of an unknown path.

    Only `details.path` distinguishes it from the error of an unknown ID.

    Args:
        path: The path.
    """
    return ApiError(404, None, "Not Found", {"path": path})


def wrong_method() -> ApiError:
    """Returns the error of a method that the path does not have."""
    return ApiError(405, None, "Method Not Allowed")


def failed_save(sentence: str) -> ApiError:
    """Returns the error of a request whose change could not be saved.

    Args:
        sentence: What is wrong with the file.
    """
    return ApiError(500, None, f"This is the emulator, not ngrok: it could not save the change. {sentence} {NO_CHANGE}")
