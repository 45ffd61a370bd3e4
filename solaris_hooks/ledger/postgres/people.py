"""Whose account it is."""

from __future__ import annotations

from solaris_hooks.ledger.postgres.part import PostgresPart
from solaris_hooks.ledger.records import EndUser
from solaris_hooks.quota.ids import AccountId


class PostgresPeople(PostgresPart):
    """Keeps the contracts of :class:`~solaris_hooks.ledger.port.EndUsers` and of ``Teams``."""

    async def account_of_end_user(self, end_user: EndUser, *, create: bool) -> AccountId:
        """See :meth:`EndUsers.account_of_end_user`."""
        row = await self._statements.one(
            "account_of_end_user",
            {"alias": end_user.account_id, "by_email": end_user.by_email, "create": create, "now": self._clock()},
        )
        return AccountId(row["account_id"])

    async def knows_team(self, team: AccountId) -> bool:
        """See :meth:`Teams.knows_team`."""
        row = await self._statements.one("team_known", {"account_id": team})
        return bool(row["known"])

    async def note_team(self, team_id: str, alias: str) -> None:
        """See :meth:`Teams.note_team`."""
        await self._statements.one("note_team", {"team_id": team_id, "alias": alias, "now": self._clock()})

    async def merged_into(self, account_id: AccountId) -> AccountId | None:
        """See :meth:`EndUsers.merged_into`."""
        row = await self._statements.one("merged_into", {"account_id": account_id})
        return None if row["account_id"] is None else AccountId(row["account_id"])
