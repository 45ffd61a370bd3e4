"""Sessions of users in a browser: a signed cookie that names the account, and nothing on the server."""

from __future__ import annotations

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.web.links import LinkError, Ticket, Tickets

COOKIE = "solaris_session"
SESSION_SECONDS = 30 * 60
"""How long a session lives without a visit; each visit writes a new cookie."""


@dataclass(frozen=True, slots=True)
class Sessions:
    """Begins, finds and ends sessions.

    Attributes:
        secure: whether the cookie travels over https alone.
    """

    tickets: Tickets
    secure: bool

    def begin(self, response: Response, account: AccountId, member: MemberId | None = None, *, path: str) -> None:
        """Let the browser be the account's, or a member's of a team, from now on, or for longer, below a path."""
        response.set_cookie(
            COOKIE,
            self.tickets.write(account, member),
            max_age=self.tickets.lifetime_seconds,
            path=path,
            secure=self.secure,
            httponly=True,
            samesite="strict",
        )

    def find(self, request: Request) -> Ticket | None:
        """Whose browser asks; None where it is nobody's."""
        try:
            return self.tickets.read(request.cookies.get(COOKIE, ""))
        except LinkError:
            return None

    def end(self, response: Response, *, path: str) -> None:
        """Let the browser be nobody's."""
        response.delete_cookie(COOKIE, path=path, secure=self.secure, httponly=True, samesite="strict")
