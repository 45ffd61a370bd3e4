"""In front of LiteLLM's chat routes: a command is answered here, and everything else passes.

LiteLLM never hears of a command: its logs, spend, budgets and rate limits count nothing, and neither do the books.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from solaris_hooks.hooks.attempt import Attempt
from solaris_hooks.hooks.commands.messages import Wire, last_user_text
from solaris_hooks.hooks.commands.parsing import LONGEST_MENTION, Command, mentioned, read_command
from solaris_hooks.hooks.commands.titles import TitleRequest, read_title_request
from solaris_hooks.hooks.commands.written import Answer, write
from solaris_hooks.hooks.guard import SERVED_BY
from solaris_hooks.hooks.refusals import REFUSAL_ID_HEADER
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.quota.errors import SolarisError

if TYPE_CHECKING:
    from solaris_hooks.hooks.commands.desk import Desk
    from solaris_hooks.hooks.refusal_log import RefusalLog
    from solaris_hooks.quota.ids import AccountId, MemberId

_LOG = logging.getLogger(__name__)

MOST_BYTES = 32 * 1024 * 1024
"""A longer request is read by LiteLLM alone: no chat that people write is as long."""

SEARCHED_BYTES = 512 * 1024
"""A command is the last message, so it stands near the end: before it there may be megabytes of images."""

SLICE_BYTES = 64 * 1024
"""Searched at once; other requests have their turn before the next ones."""

WIRES = {wire.value: wire for wire in Wire}
"""By the name of the function that serves a request."""

_OK = 200

ANSWERED_HEADER = "x-solaris-answer"
"""On answers of ours; its value says of what kind they are."""


@dataclass(frozen=True, slots=True)
class Asker:
    """Whose key a request carries."""

    account_id: AccountId
    email: str | None
    member_id: MemberId | None = None


class AnsweredHere:
    """Wraps LiteLLM's router, for the routes on which people chat."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        desk: Desk,
        asker: Callable[[Scope], Awaitable[Asker]],
        log: RefusalLog | None = None,
    ) -> None:
        """Keep what answers.

        Args:
            app: LiteLLM's router.
            desk: knows what to say.
            asker: tells whose key it is; raises our errors where it is nobody's.
            log: is told of commands that could not be answered.
        """
        self.app = app
        self._desk = desk
        self._asker = asker
        self._log = log

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        wire = WIRES.get(scope.get(SERVED_BY, ""))
        if wire is None:
            await self.app(scope, receive, send)
            return
        received = await _read(receive)
        asked = self._asked(wire, received) if await _mentioned(_end_of(received)) else None
        answer = await self._answer(scope, wire, *asked) if asked is not None else None
        if answer is not None:
            await answer(scope, receive, send)
            return
        waiting = iter(received)

        async def replay() -> Message:
            return next(waiting, None) or await receive()

        await self.app(scope, replay, send)

    def _asked(
        self, wire: Wire, received: Sequence[Message]
    ) -> tuple[dict[str, object], Command | TitleRequest] | None:
        """The request and what it asks of us, if anything."""
        try:
            read = json.loads(b"".join(message.get("body", b"") for message in received))
        except ValueError:
            return None
        if not isinstance(read, dict):
            return None
        text = last_user_text(wire, read)
        command = read_command(text) if text is not None else None
        asked = command or read_title_request(wire, read, headings=self._desk.headings)
        return (read, asked) if asked is not None else None

    async def _answer(
        self, scope: Scope, wire: Wire, body: dict[str, object], asked: Command | TitleRequest
    ) -> Response | None:
        """Our answer; None where LiteLLM has to say why there is none, such as a key that it does not know."""
        try:
            asker = await self._asker(scope)
        except SolarisError:
            return None
        try:
            if isinstance(asked, TitleRequest):
                answer, kind = await self._desk.title(asker, asked), "title"
                headers: dict[str, str] = {}
            else:
                text, headers = await self._desk.answer(asker, asked)
                answer, kind = Answer(text), "command"
        except SolarisError as exc:
            _LOG.error("a command of %s cannot be answered: %s", asker.account_id, exc.message)
            answer, kind = Answer(self._desk.unavailable()), "command"
            headers = self._noted(scope, asker, answer.text)
        name = asked.command if isinstance(asked, TitleRequest) else asked.name
        _LOG.info("%s %s of %s is answered without a provider", kind, name.value, asker.account_id)
        written = write(wire, body, answer)
        return Response(
            written.content,
            headers={**headers, ANSWERED_HEADER: kind, "cache-control": "no-store"},
            media_type=written.media_type,
        )

    def _noted(self, scope: Scope, asker: Asker, message: str) -> dict[str, str]:
        """Let it be written down that a command had no answer. Returns the header that names it."""
        if self._log is None:
            return {}
        attempt = Attempt("command", path=str(scope["path"]), account_id=asker.account_id, member_id=asker.member_id)
        refusal_id = self._log.note(attempt, RefusalReason.UNAVAILABLE, status=_OK, message=message)
        return {REFUSAL_ID_HEADER: str(refusal_id)} if refusal_id is not None else {}


async def _mentioned(data: bytes) -> bool:
    """Whether a command stands in the bytes; the event loop is not blocked for longer than a millisecond."""
    for start in range(0, len(data), SLICE_BYTES):
        if start:
            await asyncio.sleep(0)
        if mentioned(data[start : start + SLICE_BYTES + LONGEST_MENTION]):
            return True
    return False


def _end_of(received: Sequence[Message]) -> bytes:
    """The last bytes of a body."""
    pieces: list[bytes] = []
    size = 0
    for message in reversed(received):
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size >= SEARCHED_BYTES:
            break
    return b"".join(reversed(pieces))[-SEARCHED_BYTES:]


async def _read(receive: Receive) -> list[Message]:
    """The request's messages, until the body is whole, the client has left, or it is too long for a chat."""
    received: list[Message] = []
    size = 0
    while True:
        message = await receive()
        received.append(message)
        size += len(message.get("body", b""))
        if message["type"] != "http.request" or not message.get("more_body", False) or size > MOST_BYTES:
            return received
