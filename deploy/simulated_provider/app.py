"""The provider's HTTP side: every format's route, models, health and the books."""

import re
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from .body import read_body
from .books import KEPT_REQUESTS, Books
from .errors import RequestError, error_body
from .exchange import Caller, Exchange, JsonResponse
from .formats import FORMATS
from .formats.format import Format, StreamWire

_LIMIT = re.compile(r"[1-9][0-9]{0,8}")


class Endpoint:
    """One route of the provider, as an ASGI application: it must be able to break off."""

    def __init__(self, format_: Format[Any], books: Books) -> None:
        """Answer in this format, and write to these books."""
        self._format = format_
        self._books = books

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        body = None
        request = Request(scope, receive)
        try:
            await request.body()
        except ClientDisconnect:
            return  # it left before it had asked
        try:
            body = await read_body(request)
            directive, wire, stream = self._format.read(body, request.path_params)
        except RequestError as wrong:
            self._books.refuse(self._format.path, body)
            refusal = self._format.refusal(400, wrong.message, wrong.param)
            await JsonResponse(refusal, 400)(scope, receive, send)
            return
        with self._books.visit(self._format.path, body, directive.label) as visit:
            status = self._books.failure_of(directive)
            async with Caller(receive) as caller:
                exchange = Exchange(wire, directive, caller, visit, send)
                if not await caller.stays(directive.delay_ms):
                    visit.broke_off(stream=stream)
                elif status is not None:
                    message = f"The simulated provider was told to answer {status}."
                    await exchange.refuse(status, self._format.refusal(status, message, None))
                elif stream and isinstance(wire, StreamWire):
                    await exchange.stream(wire)
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
            *(Route(each.path, Endpoint(each, books), methods=["POST"]) for each in FORMATS),
            Route("/v1/models", list_models),
            Route("/healthz", healthz),
            Route("/sim/served", sim.served),
            Route("/sim/requests", sim.requests),
            Route("/sim/reset", sim.reset, methods=["POST"]),
        ],
        exception_handlers={RequestError: _bad_request, HTTPException: _http_error},
    )


def _bad_request(_request: Request, error: Exception) -> Response:
    param = error.param if isinstance(error, RequestError) else None
    return JsonResponse(error_body(400, str(error), param), 400)


def _http_error(_request: Request, error: Exception) -> Response:
    status = error.status_code if isinstance(error, HTTPException) else 500
    message = error.detail if isinstance(error, HTTPException) else str(error)
    return JsonResponse(error_body(status, message), status)
