"""The API's own description: OpenAPI, with the errors that every route can answer."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from solaris_hooks.web.problems import ErrorAnswer

Responses = dict[int | str, dict[str, Any]]

_EVERYWHERE = {
    "400": "The request is not as described; `param` names what is wrong.",
    "401": "The key is missing, unknown, expired or blocked.",
    "403": "The key is valid, but may not do this.",
    "503": "The books, or LiteLLM's keys, cannot be read now; try again.",
}
_OPEN = "/health"
_ANSWER = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorAnswer"}}}


def error_answers(status: int, description: str) -> Responses:
    """What a route's description says of an error."""
    return {status: {"model": ErrorAnswer, "description": description}}


NOT_FOUND = error_answers(404, "There is no such account, plan, lot or request.")
CONFLICT = error_answers(409, "The idempotency key was used for other credits.")
REQUEST_DECIDED = error_answers(409, "The request was decided otherwise before.")
TOO_MANY_REQUESTS = error_answers(429, "As many requests wait, or were made within 24 hours, as may.")
UNAVAILABLE = error_answers(503, "The books cannot be read now.")

ABOUT = """\
Exact tokens per user for the LiteLLM proxy. All token figures are booked (weighted) whole tokens; all times are UTC.

* Administrators use LiteLLM's master key or the key of a user whose role is `proxy_admin`;
  the key of a `proxy_admin_viewer` may read everything and change nothing. A key's `allowed_routes` are respected.
* `me` takes any virtual key.
* Every error reads `{"error": {"type", "message", "param", "code"}}`, and its message says what to do.
"""


def describe(api: FastAPI) -> None:
    """Give an application a description that says what it really does."""

    def openapi() -> dict[str, Any]:
        if api.openapi_schema is None:
            api.openapi_schema = _described(api)
        return api.openapi_schema

    api.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way


def _described(api: FastAPI) -> dict[str, Any]:
    schema = get_openapi(
        title="Solaris Hooks",
        version=api.version,
        description=ABOUT,
        routes=api.routes,
        servers=[{"url": "/solaris"}],
    )
    components = schema["components"]
    components["securitySchemes"] = {
        "key": {
            "type": "http",
            "scheme": "bearer",
            "description": "LiteLLM's master key, or a virtual key. LiteLLM's other headers work too, "
            "such as `x-litellm-api-key: Bearer <key>`.",
        }
    }
    # FastAPI's own shape for what cannot be validated is none of ours.
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    for path, operations in schema["paths"].items():
        for operation in operations.values():
            operation["responses"].pop("422", None)
            if path == _OPEN:
                continue
            operation["security"] = [{"key": []}]
            for status, description in _EVERYWHERE.items():
                operation["responses"].setdefault(status, {"description": description, "content": _ANSWER})
    return schema
