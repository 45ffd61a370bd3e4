"""The provider's HTTP side: chat completions, models, health and the books."""

import re
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from . import strict_json
from .answer import plan_answer
from .books import KEPT_REQUESTS, Books
from .directive import read_directive
from .errors import RequestError, error_body
from .exchange import Caller, Exchange, JsonResponse
from .request import read_request

_LIMIT = re.compile(r"[1-9][0-9]{0,8}")


class ChatCompletions:
    """``POST /v1/chat/completions``, as an ASGI application: it must be able to break off."""

    def __init__(self, books: Books) -> None:
        """Answer, and write to these books."""
        self._books = books

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = None
        try:
            raw = await Request(scope, receive).body()
        except ClientDisconnect:
            return  # it left before it had asked
        try:
            body = _read_json(raw)
            request = read_request(body)
            directive, message = read_directive(request.last_user_text)
            answer = plan_answer(request, directive, message)
        except RequestError:
            self._books.refuse(body)
            raise
        with self._books.visit(body, directive.label) as visit:
            status = self._books.failure_of(directive)
            async with Caller(receive) as caller:
                exchange = Exchange(answer, directive, caller, visit, send)
                if not await caller.stays(directive.delay_ms):
                    visit.broke_off(stream=bool(request.stream))
                elif status is not None:
                    await exchange.refuse(status)
                elif request.stream:
                    await exchange.stream(usage_chunk=request.wants_usage_chunk)
                else:
                    await exchange.whole()


class BooksEndpoints:
    """The paths under ``/sim``: what tests read."""

    def __init__(self, books: Books) -> None:
        """Show these books."""
        self._books = books

    async def served(self, _request: Request) -> Response:
        """Give the totals."""
        return JsonResponse(self._books.totals())

    async def requests(self, request: Request) -> Response:
        """Give the last bodies received: ``limit`` of them, of one ``label``."""
        asked = request.query_params.get("limit", str(KEPT_REQUESTS))
        if _LIMIT.fullmatch(asked) is None:
            message = "limit must be a whole number from 1 up."
            raise RequestError(message, param="limit")
        label = request.query_params.get("label")
        return JsonResponse({"requests": self._books.last_bodies(int(asked), label)})

    async def reset(self, _request: Request) -> Response:
        """Empty the books."""
        self._books.reset()
        return JsonResponse({"status": "ok"})


def build_app(models: tuple[str, ...]) -> Starlette:
    """Build the application, with empty books.

    Args:
        models: the names that ``/v1/models`` lists; any other is answered too.
    """
    books = Books()
    sim = BooksEndpoints(books)
    listed = [{"id": name, "object": "model", "created": 0, "owned_by": "sim"} for name in models]

    async def list_models(_request: Request) -> Response:
        """Answer the models it pretends to have."""
        return JsonResponse({"object": "list", "data": listed})

    async def healthz(_request: Request) -> Response:
        """Answer that it is there."""
        return JsonResponse({"status": "ok"})

    return Starlette(
        routes=[
            Route("/v1/chat/completions", ChatCompletions(books), methods=["POST"]),
            Route("/v1/models", list_models),
            Route("/healthz", healthz),
            Route("/sim/served", sim.served),
            Route("/sim/requests", sim.requests),
            Route("/sim/reset", sim.reset, methods=["POST"]),
        ],
        exception_handlers={RequestError: _bad_request, HTTPException: _http_error},
    )


def _read_json(raw: bytes) -> Any:
    try:
        return strict_json.read(raw)
    except ValueError as broken:
        message = f"The body is not JSON: {broken}"
        raise RequestError(message) from broken


def _bad_request(_request: Request, error: Exception) -> Response:
    param = error.param if isinstance(error, RequestError) else None
    return JsonResponse(error_body(400, str(error), param), 400)


def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = error.detail if isinstance(error, HTTPException) else str(error)
    return JsonResponse(error_body(status, message), status)
