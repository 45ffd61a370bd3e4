"""One request and its answer: waiting, failing, sending, breaking off."""

import asyncio
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from starlette.responses import Response
from starlette.types import Receive, Send

from . import strict_json
from .books import Visit
from .directive import Directive
from .formats import sse
from .formats.format import StreamWire, Wire


class JsonResponse(Response):
    """JSON as this provider writes it."""

    media_type = "application/json"

    def render(self, content: object) -> bytes:
        """Write the content."""
        return strict_json.write(content)


class Caller:
    """The client of one request, for as long as it stays."""

    def __init__(self, receive: Receive) -> None:
        """Take a connection whose request has been read to its end."""
        self._receive = receive

    async def __aenter__(self) -> Self:
        """Begin to watch it."""
        self._leaving = asyncio.ensure_future(self._until_gone())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop watching."""
        self._leaving.cancel()

    async def stays(self, milliseconds: float = 0) -> bool:
        """Let the time pass, less if the client leaves, and tell whether it is there."""
        if milliseconds:
            await asyncio.wait({self._leaving}, timeout=milliseconds / 1000)
        else:
            await asyncio.sleep(0)
        return not self._leaving.done()

    async def _until_gone(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass


@dataclass(frozen=True, slots=True)
class Exchange:
    """The sending of one answer, and its booking.

    Attributes:
        wire: what is sent.
        directive: how it is sent.
        caller: who reads it.
        visit: where it is booked. Always before the last byte leaves, so that no client
            ever knows more than the books.
        send: the way to the client.
    """

    wire: Wire
    directive: Directive
    caller: Caller
    visit: Visit
    send: Send

    async def refuse(self, status: int, error: dict[str, Any]) -> None:
        """Answer an error."""
        self.visit.add(errors=1)
        await self._start("application/json", status)
        await self._write(strict_json.write(error), last=True)

    async def whole(self) -> None:
        """Answer in one piece, or break off in the middle of it."""
        body = self.wire.whole()
        await self._start(self.wire.media_type, length=len(body))
        if self.directive.die_after_chunks is not None:
            self.visit.broke_off(stream=False)
            await self._write(body[: len(body) // 2])
            return
        self.visit.served(self.wire.report.receipt, self.wire.units)
        await self._write(body, last=True)

    async def stream(self, wire: StreamWire) -> None:
        """Answer piece by piece, for as long as the client stays."""
        await self._start(sse.MEDIA_TYPE)
        await self._write(wire.opening())
        sent = await self._send_pieces(wire)
        complete = sent == len(wire.answer.pieces) * wire.answer.choices
        dies = self.directive.die_after_chunks is not None
        if dies or not complete or not await self.caller.stays():
            self.visit.broke_off(stream=True, pieces=sent)
            return
        self.visit.served(wire.report.receipt, wire.units)
        await self._write(wire.ending(), last=True)

    async def _send_pieces(self, wire: StreamWire) -> int:
        """Send the pieces, each choice's in turn, and tell how many went out."""
        sent = 0
        for piece in wire.answer.pieces:
            for choice in range(wire.answer.choices):
                if sent == self.directive.die_after_chunks:
                    return sent
                if not await self.caller.stays(self.directive.chunk_delay_ms):
                    return sent
                await self._write(wire.chunk(choice, piece))
                sent += 1
        return sent

    async def _start(self, media_type: str, status: int = 200, length: int | None = None) -> None:
        headers = [(b"content-type", media_type.encode())]
        if length is not None:
            headers.append((b"content-length", str(length).encode()))
        await self.send({"type": "http.response.start", "status": status, "headers": headers})

    async def _write(self, body: bytes, *, last: bool = False) -> None:
        await self.send({"type": "http.response.body", "body": body, "more_body": not last})
