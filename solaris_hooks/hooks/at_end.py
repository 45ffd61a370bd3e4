"""Answers of which LiteLLM tells no hook in time: settled on their way out."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from solaris_hooks.hooks import refusals

if TYPE_CHECKING:
    from solaris_hooks.hooks.in_flight import InFlight, Request
    from solaris_hooks.hooks.settlement import Settler

_LOG = logging.getLogger(__name__)
_LEAST_ERROR = 400


class SettledAtEnd:
    """Keeps a whole answer until it is complete, settles what it cost, and only then lets it go.

    LiteLLM's success event tells of it too, but late, and may get lost.
    """

    def __init__(self, app: ASGIApp, *, in_flight: InFlight, settler: Settler) -> None:
        """Wrap LiteLLM's router."""
        self._app = app
        self._in_flight = in_flight
        self._settler = settler

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        start: Message | None = None
        pieces: list[bytes] = []

        async def keep(message: Message) -> None:
            """Pass nothing on before the last piece is there."""
            nonlocal start
            if message["type"] == "http.response.start":
                start = message
                return
            pieces.append(message.get("body", b""))
            if message.get("more_body", False) or start is None:
                return
            body = b"".join(pieces)
            request = self._in_flight.superseded()
            if request is not None and start["status"] < _LEAST_ERROR:
                await self._settle(request, body)
                MutableHeaders(scope=start).update(refusals.quota_headers(request.balance))
            await send(start)
            await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, keep)

    async def _settle(self, request: Request, body: bytes) -> None:
        try:
            answer = json.loads(body)
        except ValueError:
            answer = None
        try:
            await self._settler.settle(request, request.route.usage_of(answer), model=request.model, text="")
        except Exception:  # noqa: BLE001 - the answer was made, and must not become the client's 500
            _LOG.exception("hold %s could not be settled inline; its lease will end it", request.hold_id)
