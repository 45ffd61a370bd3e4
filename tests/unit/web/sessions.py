"""Sessions and links in memory, as long as a test lasts."""

from __future__ import annotations

import datetime as dt
from uuid import UUID

from solaris_hooks.ledger.sessions import LONGEST, LiveSession
from solaris_hooks.quota.ids import AccountId


class MemorySessions:
    """Sessions that neither age nor rotate; those of the books do, see ``tests/integration/web``."""

    def __init__(self) -> None:
        self.live: dict[bytes, LiveSession] = {}
        self.failed_from: dict[str, int] = {}

    async def begin(self, session_id: UUID, actor: str, digest: bytes) -> None:
        self.live[digest] = LiveSession(session_id, actor, rotated=False)

    async def visit(self, digest: bytes, following: bytes, *, longest: dt.timedelta = LONGEST) -> LiveSession | None:
        return self.live.get(digest)

    async def end(self, session_id: UUID) -> None:
        self.live = {digest: each for digest, each in self.live.items() if each.session_id != session_id}

    async def end_all(self, actor: str) -> int:
        before = len(self.live)
        self.live = {digest: each for digest, each in self.live.items() if each.actor != actor}
        return before - len(self.live)

    async def failed(self, source: str) -> int:
        self.failed_from[source] = await self.failures(source) + 1
        return self.failed_from[source]

    async def failures(self, source: str) -> int:
        return self.failed_from.get(source, 0)


class MemoryLinks:
    """Links that were used."""

    def __init__(self) -> None:
        self.seen: set[tuple[AccountId, UUID]] = set()

    async def use(self, account_id: AccountId, link_id: UUID, *, expires_at: dt.datetime) -> bool:
        assert expires_at > dt.datetime.now(dt.UTC)
        fresh = (account_id, link_id) not in self.seen
        self.seen.add((account_id, link_id))
        return fresh
