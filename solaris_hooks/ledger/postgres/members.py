"""Members of teams on PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.member_calls import MemberCall
from solaris_hooks.ledger.members import LimitChange, Member, MemberPage
from solaris_hooks.ledger.records import DailyUsage
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.checks import checked_limit
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.usage import UsageSource


class PostgresMembers:
    """Keeps the contract of :class:`~solaris_hooks.ledger.members.MemberBook` on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock for tests."""
        self._statements = statements
        self._clock = clock

    async def page(self, team: AccountId, *, limit: int = 50, after: MemberId | None = None) -> MemberPage:
        """See :meth:`MemberBook.page`."""
        found = await self._find(team, None, limit=limit + 1, after=after)
        page = found[:limit]
        return MemberPage(page, page[-1].share.member_id if len(found) > limit else None)

    async def get(self, team: AccountId, member_id: MemberId) -> Member | None:
        """See :meth:`MemberBook.get`."""
        found = await self._find(team, member_id, limit=1)
        return found[0] if found else None

    async def put_limit(self, change: LimitChange) -> None:
        """See :meth:`MemberBook.put_limit`."""
        checked_limit(change.limit)
        await self._statements.one(
            "put_member_limit",
            {
                "account_id": change.team,
                "member_id": change.member_id,
                "is_own": change.is_own,
                "limit": change.limit,
                "reason": change.reason,
                "actor": change.actor,
                "now": self._clock(),
            },
        )

    async def daily_usage(
        self, team: AccountId, member_id: MemberId, *, since: dt.date, until: dt.date
    ) -> Sequence[DailyUsage]:
        """See :meth:`MemberBook.daily_usage`."""
        parameters = {"account_id": team, "member_id": member_id, "since": since, "until": until}
        return [rows.daily(row) for row in await self._statements.all("member_daily", parameters)]

    async def calls(
        self, team: AccountId, member_id: MemberId, *, limit: int = 50, before: HoldId | None = None
    ) -> Sequence[MemberCall]:
        """See :meth:`MemberBook.calls`."""
        parameters = {"account_id": team, "member_id": member_id, "before": before, "limit": limit}
        return [
            MemberCall(
                HoldId(row["hold_id"]),
                row["ended_at"],
                row["model"],
                row["charge"],
                row["input_tokens"],
                row["cached_input_tokens"],
                row["output_tokens"],
                UsageSource(row["source"]).estimated,
            )
            for row in await self._statements.all("calls_of_member", parameters)
        ]

    async def tell(self, team: AccountId, member_id: MemberId, *, before: int, percent: int) -> bool:
        """See :meth:`MemberBook.tell`."""
        row = await self._statements.one(
            "tell_member", {"account_id": team, "member_id": member_id, "before": before, "percent": percent}
        )
        return bool(row["told"])

    async def _find(
        self, team: AccountId, member_id: MemberId | None, *, limit: int, after: MemberId | None = None
    ) -> Sequence[Member]:
        parameters = {"account_id": team, "member_id": member_id, "after": after, "limit": limit, "now": self._clock()}
        return [
            Member(team, rows.share(row["member_id"], row), row["limit_is_own"], row["email"])
            for row in await self._statements.all("members", parameters)
        ]
