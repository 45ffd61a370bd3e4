"""The one shape of every error, and what turns exceptions into it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from solaris_hooks.quota.errors import SolarisError

_LOG = logging.getLogger(__name__)
_SERVER_ERROR = 500
_SHOWN_PROBLEMS = 5
_TYPES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "invalid_request",
}


class ErrorBody(BaseModel):
    """What is wrong and what to do."""

    model_config = ConfigDict(frozen=True)

    type: str = Field(description="Stable name of the error, for programs.", examples=["not_found"])
    message: str = Field(description="One sentence that says what to do, for people.")
    param: str | None = Field(description="The field or parameter at fault, if one is.")
    code: str = Field(description="The HTTP status, as text.", examples=["404"])


class ErrorAnswer(BaseModel):
    """Every error of this API."""

    model_config = ConfigDict(frozen=True)

    error: ErrorBody


def error_response(
    status: int,
    error_type: str,
    message: str,
    *,
    param: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """An answer of the one shape."""
    body = ErrorBody(type=error_type, message=message, param=param, code=str(status))
    return JSONResponse(ErrorAnswer(error=body).model_dump(), status, dict(headers or {}))


def explained(problems: Sequence[Any]) -> tuple[str, str | None]:
    """Say what a failed validation means.

    Args:
        problems: ``errors()`` of pydantic's ``ValidationError`` or FastAPI's ``RequestValidationError``.

    Returns:
        One line for people, and the first field at fault.
    """
    found = [_problem(each) for each in problems]
    shown = list(dict.fromkeys(sentence for _, sentence in found))[:_SHOWN_PROBLEMS]
    return " ".join(shown), found[0][0] if found else None


def _problem(problem: Mapping[str, Any]) -> tuple[str | None, str]:
    where = problem["loc"][0] if problem["loc"] and problem["loc"][0] in {"body", "query", "path"} else None
    names = problem["loc"][1:] if where else problem["loc"]
    kind: str = problem["type"]
    if kind == "json_invalid":
        return None, "The body is not JSON; send a JSON object."
    said = str(problem["msg"]).removeprefix("Value error, ").removeprefix("Input ").rstrip(".")
    if not names and kind == "value_error":
        return None, f"{said}."
    if not names:
        return None, "Send a JSON object as the body, with Content-Type: application/json."
    # Names of unknown fields are whatever the caller sent.
    name = re.sub(r"[^\w.\-]", "?", ".".join(str(each) for each in names))[:80]
    if kind == "extra_forbidden":
        return (
            name,
            f'There is no {"parameter" if where == "query" else "field"} "{name}" here; leave it out.',
        )
    if kind == "missing":
        return name, f'"{name}" is missing.'
    return name, f'"{name}" {said[:1].lower()}{said[1:]}.'


def _allowed_methods(request: Request) -> list[str]:
    """Methods of the address, from the API's own description; Starlette names those of one route only."""
    path = str(request.scope["path"]).removeprefix(str(request.scope.get("root_path", "")))
    described: Mapping[str, Mapping[str, object]] = request.app.openapi()["paths"]
    allowed: set[str] = set()
    for template, operations in described.items():
        if re.fullmatch(re.sub(r"\\{[^/]*?\\}", "[^/]+", re.escape(template)), path):
            allowed.update(method.upper() for method in operations)
    return sorted(allowed)


async def _own(request: Request, error: Exception) -> Response:
    if not isinstance(error, SolarisError):  # pragma: no cover - Starlette calls it for nothing else
        raise error
    headers = {"WWW-Authenticate": "Bearer"} if error.status == 401 else {}  # noqa: PLR2004 - HTTP
    if error.status >= _SERVER_ERROR:
        _LOG.warning("%s %r: %s", request.method, request.url.path, error, exc_info=error)
        headers["Retry-After"] = "5"
    return error_response(error.status, error.code, error.message, param=error.param, headers=headers)


async def _validation(_: Request, error: Exception) -> Response:
    if not isinstance(error, RequestValidationError):  # pragma: no cover - as above
        raise error
    message, param = explained(error.errors())
    return error_response(400, "invalid_request", message, param=param)


async def _http(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):  # pragma: no cover - as above
        raise error
    status, headers, message = error.status_code, dict(error.headers or {}), str(error.detail)
    if status == 404:  # noqa: PLR2004 - HTTP
        message = "There is no such address; see /solaris/api/v1/openapi.json. Write a slash in an id as %2F."
    elif status == 405:  # noqa: PLR2004 - HTTP
        allowed = _allowed_methods(request)
        headers["Allow"] = ", ".join(allowed)
        message = f"{request.method[:20]} cannot be used here; use {' or '.join(allowed)}."
    elif status == 400:  # noqa: PLR2004 - HTTP
        message = "The body cannot be read; send a JSON object, in UTF-8."
    return error_response(status, _TYPES.get(status, "invalid_request"), message, headers=headers)


def answer_errors(api: FastAPI) -> None:
    """Give every error of an application the one shape."""
    api.add_exception_handler(SolarisError, _own)
    api.add_exception_handler(RequestValidationError, _validation)
    api.add_exception_handler(HTTPException, _http)
