"""Sessions of people in a browser, and failed attempts to begin one: what all processes know of them.

An administrator's session has his actor (``admin:marta``), a user's the id of his account (``user:ana``): by that all
sessions of somebody end at once.

The table is ``solaris.admin_sessions``, from when only administrators had sessions. It keeps that name, with its
functions: renamed under a proxy of the release before, it would end every session there until that one is replaced.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.statements import Statements

IDLE = dt.timedelta(minutes=30)
"""A session that nobody uses ends after so long."""

LONGEST = dt.timedelta(hours=12)
"""A session ends after so long, used or not."""

ROTATE_AFTER = dt.timedelta(minutes=10)
"""How old a session's token may get."""

GRACE = dt.timedelta(seconds=60)
"""How long the token before is still good: a browser asks for several things at once."""

WINDOW = dt.timedelta(minutes=15)
"""The time over which failed attempts to sign in are counted."""


@dataclass(frozen=True, slots=True)
class LiveSession:
    """A session that lives.

    Attributes:
        actor: who began it.
        rotated: the token was exchanged for the next one.
    """

    session_id: UUID
    actor: str
    rotated: bool


class Sessions(Protocol):
    """Begins, finds and ends sessions. Raises LedgerError where the books cannot be reached."""

    async def begin(self, session_id: UUID, actor: str, digest: bytes) -> None:
        """Begin a session.

        Args:
            session_id: new.
            actor: whose.
            digest: SHA-256 of the token that the browser will show.
        """
        ...

    async def visit(self, digest: bytes, following: bytes, *, longest: dt.timedelta = LONGEST) -> LiveSession | None:
        """The session of a token; None where it has ended.

        Args:
            digest: SHA-256 of the token that the browser shows.
            following: that of the token it gets if this one is too old.
            longest: a session ends after so long, used or not.
        """
        ...

    async def end(self, session_id: UUID) -> None:
        """End a session."""
        ...

    async def end_all(self, actor: str) -> int:
        """End all sessions of somebody. Returns how many there were."""
        ...

    async def failed(self, source: str) -> int:
        """Count a failed attempt to sign in. Returns how many there were from this source in this window."""
        ...

    async def failures(self, source: str) -> int:
        """Failed attempts from this source in this window."""
        ...


class PostgresSessions:
    """See :class:`Sessions`."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def begin(self, session_id: UUID, actor: str, digest: bytes) -> None:
        """See :meth:`Sessions.begin`."""
        await self._statements.one(
            "begin_session",
            {"session_id": session_id, "actor": actor, "digest": digest, "longest": LONGEST, "now": self._clock()},
        )

    async def visit(self, digest: bytes, following: bytes, *, longest: dt.timedelta = LONGEST) -> LiveSession | None:
        """See :meth:`Sessions.visit`."""
        row = await self._statements.one(
            "visit_session",
            {
                "digest": digest,
                "next": following,
                "idle": IDLE,
                "longest": longest,
                "rotate_after": ROTATE_AFTER,
                "grace": GRACE,
                "now": self._clock(),
            },
        )
        if row["session_id"] is None:
            return None
        return LiveSession(row["session_id"], row["actor"], row["rotated"])

    async def end(self, session_id: UUID) -> None:
        """See :meth:`Sessions.end`."""
        await self._statements.all("end_session", {"session_id": session_id})

    async def end_all(self, actor: str) -> int:
        """See :meth:`Sessions.end_all`."""
        return len(await self._statements.all("end_sessions_of", {"actor": actor}))

    async def failed(self, source: str) -> int:
        """See :meth:`Sessions.failed`."""
        row = await self._statements.one("sign_in_failed", {"source": source, "span": WINDOW, "now": self._clock()})
        return int(row["failures"])

    async def failures(self, source: str) -> int:
        """See :meth:`Sessions.failures`."""
        row = await self._statements.one("sign_in_failures", {"source": source, "span": WINDOW, "now": self._clock()})
        return int(row["failures"])
