"""What is answered on addresses that are not metered, and that nothing lets pass."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from uuid import UUID

from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send

from solaris_hooks.hooks.attempt import Attempt
from solaris_hooks.hooks.refusals import REFUSAL_ID_HEADER, one_line
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.messages import sentence

if TYPE_CHECKING:
    from solaris_hooks.hooks.commands.endpoint import Asker
    from solaris_hooks.hooks.refusal_log import RefusalLog

_STATUS = 403


class ClosedRoutes:
    """Refuses a request, whatever it is."""

    def __init__(
        self,
        *,
        locale: str = "en",
        log: RefusalLog | None = None,
        payer: Callable[[Scope], Awaitable[Asker | None]] | None = None,
    ) -> None:
        """Keep what the answer needs.

        Args:
            locale: language of the message.
            log: takes refusals in; without it nothing is kept of them.
            payer: whose key a request carries; None where nobody knows.
        """
        self._locale = locale
        self._log = log
        self._payer = payer

    async def __call__(self, scope: Scope, receive: Receive, send: Send, *, path: str, name: str) -> None:
        """Refuse one request.

        Args:
            scope: the request.
            receive: its body.
            send: takes the answer.
            path: that was asked for.
            name: of LiteLLM's function that would have served it.
        """
        message = one_line(sentence(self._locale, "refusal.route", path=path))
        refusal_id = await self._note(scope, path, name, message)
        if scope["type"] == "http" or "websocket.http.response" in scope.get("extensions", {}):
            error = {"message": message, "type": "route_not_metered", "param": None, "code": str(_STATUS)}
            headers = {"x-should-retry": "false"}
            if refusal_id is not None:
                headers[REFUSAL_ID_HEADER] = str(refusal_id)
            await JSONResponse({"error": error}, _STATUS, headers)(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008, "reason": "not metered"})

    async def _note(self, scope: Scope, path: str, name: str, message: str) -> UUID | None:
        if self._log is None:
            return None
        attempt = Attempt(call_type=name or str(scope["type"]), path=path)
        whose = await self._payer(scope) if self._payer is not None else None
        if whose is not None:
            attempt.account_id, attempt.member_id = whose.account_id, whose.member_id
        return self._log.note(attempt, RefusalReason.ROUTE, status=_STATUS, message=message)
