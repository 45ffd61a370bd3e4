"""What wraps the API: exact paths, bounded bodies, and no unexpected error without an answer.

All three are plain ASGI, so that they work the same under any version of FastAPI.
"""

from __future__ import annotations

import logging
from urllib.parse import unquote_to_bytes
from uuid import uuid4

from fastapi import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from solaris_hooks.web.errors import error_response

_LOG = logging.getLogger(__name__)

MOUNT_PATH = "/solaris"
DECODED_PATH = "solaris.decoded_path"
"""Key of the scope under which the path as the server decoded it is kept; LiteLLM checks that one."""

MAX_BODY_BYTES = 64 * 1024
MAX_BATCH_BYTES = 512 * 1024
"""A thousand ids of accounts, which are of 300 characters at the most."""

_NOT_SNIFFED = (b"x-content-type-options", b"nosniff")
_BATCHES = ("/api/v1/batches", "/api/v1/batches/preview")
_KEPT_ENCODED = {b"%2f": b"%2F", b"%25": b"%25"}


def _with_encoded_slashes(raw_path: bytes) -> str:
    """Decode a path, but leave ``%2F`` and ``%25`` as they are."""
    parts = raw_path.split(b"%")
    decoded = [parts[0]]
    for part in parts[1:]:
        escape = b"%" + part[:2]
        decoded.append(_KEPT_ENCODED.get(escape.lower(), unquote_to_bytes(escape)) + part[2:])
    return b"".join(decoded).decode("utf-8", "replace")


class SegmentPaths:
    """Let ids hold slashes: ``user:a%2Fb`` is one segment of the path, not two.

    Servers decode ``%2F`` before routing, which makes ``accounts/user:x%2Fentries`` (an account)
    the same as ``accounts/user:x/entries`` (the entries of another). Here the path is decoded
    again from its raw form; ``paths.segment`` undoes what is left.
    """

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Rewrite the path of one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        path: str = scope["path"]
        raw_path = scope.get("raw_path") or b""
        child = {**scope, DECODED_PATH: path}
        if raw_path and unquote_to_bytes(raw_path).decode("utf-8", "replace") == path:
            child["path"] = _with_encoded_slashes(raw_path)
        # Behind a proxy that strips LiteLLM's SERVER_ROOT_PATH, Starlette's Mount names a root that the
        # path does not begin with, and nothing would match.
        root_path: str = scope.get("root_path", "")
        if root_path.endswith(MOUNT_PATH) and not path.startswith(root_path) and path.startswith(MOUNT_PATH):
            child["root_path"] = MOUNT_PATH
        await self._app(child, receive, send)


class BoundedBodies:
    """Refuse bodies that no request of this API needs."""

    def __init__(self, app: ASGIApp, max_bytes: int = MAX_BODY_BYTES, max_batch_bytes: int = MAX_BATCH_BYTES) -> None:
        """Wrap an application."""
        self._app = app
        self._max_bytes = max_bytes
        self._max_batch_bytes = max_batch_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Count the body's bytes as they arrive; 413 where they are too many."""
        received = 0
        batch = str(scope.get("path", "")).endswith(_BATCHES)
        most = self._max_batch_bytes if batch else self._max_bytes

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > most:
                raise HTTPException(413, f"Send at most {most} bytes.")
            return message

        await self._app(scope, counted, send)


class Answered:
    """Answer unexpected exceptions with a 500 of the one shape, log them, let nothing be cached or taken for a page."""

    def __init__(self, app: ASGIApp) -> None:
        """Wrap an application."""
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        started = False

        async def noting(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
                said = [each for each in message["headers"] if each[0] != b"cache-control"]
                headers = [*said, (b"cache-control", b"no-store")]
                message = {**message, "headers": headers if _NOT_SNIFFED in headers else [*headers, _NOT_SNIFFED]}
            await send(message)

        try:
            await self._app(scope, receive, noting)
        except Exception:
            if scope["type"] != "http" or started:
                raise
            incident = uuid4().hex[:12]
            _LOG.exception("incident %s: %s %r", incident, scope["method"], scope["path"])
            answer = error_response(
                500,
                "internal_error",
                f"Something went wrong here; try again, then look for incident {incident} in the proxy's log.",
            )
            await answer(scope, receive, noting)
