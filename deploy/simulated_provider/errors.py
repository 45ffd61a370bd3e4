"""Errors in OpenAI's shape."""

from typing import Any

from pydantic import ValidationError

_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    429: "rate_limit_error",
}
FIRST_SERVER_STATUS = 500
"""Errors from here on are the provider's, not the client's."""


class RequestError(Exception):
    """The request cannot be answered: HTTP 400, with what to write instead."""

    def __init__(self, message: str, param: str | None = None) -> None:
        """Keep the sentence for the client and the name of the wrong parameter."""
        super().__init__(message)
        self.message = message
        self.param = param


def error_body(status: int, message: str, param: str | None = None) -> dict[str, Any]:
    """Build the body of an error answer.

    Args:
        status: its HTTP status, which decides the type.
        message: a sentence for whoever reads it.
        param: the wrong parameter, if one is to blame.
    """
    fallback = "server_error" if status >= FIRST_SERVER_STATUS else "invalid_request_error"
    kind = _TYPES.get(status, fallback)
    return {"error": {"message": message, "type": kind, "param": param, "code": str(status)}}


def first_complaint(wrong: ValidationError) -> tuple[str, str]:
    """Give the first wrong field's path, and a sentence that names it."""
    complaint = wrong.errors(include_url=False, include_context=False)[0]
    path = ".".join(str(step) for step in complaint["loc"])
    said = complaint["msg"].removeprefix("Value error, ")
    return path, f"{path}: {said}" if path else said
