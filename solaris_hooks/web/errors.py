"""The one shape of every error, and what turns exceptions into it."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.web.problems import ErrorAnswer, ErrorBody, explained

_LOG = logging.getLogger(__name__)
_SERVER_ERROR = 500
_TYPES = {
    400: "invalid_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "invalid_request",
}


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
