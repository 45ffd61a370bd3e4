"""Lists of accounts on PostgreSQL."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.account_list import AccountFilter, AccountListing, AccountSort, Place
from solaris_hooks.ledger.records import CreditLot
from solaris_hooks.ledger.statements import Statements


class PostgresAccountList:
    """Keeps the contract of :class:`AccountList` on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def page(
        self,
        wanted: AccountFilter,
        *,
        sort: AccountSort = AccountSort.ID,
        descending: bool = False,
        limit: int = 50,
        after: Place | None = None,
    ) -> AccountListing:
        """See :meth:`AccountList.page`."""
        percent_from, percent_below = wanted.percents
        found = await self._statements.all(
            "list_accounts",
            {
                "query": wanted.query,
                "status": None if wanted.status is None else wanted.status.value,
                "plan_id": wanted.plan_id,
                "percent_from": percent_from,
                "percent_below": percent_below,
                "used_after": wanted.used_after,
                "used_before": wanted.used_before,
                "sort": sort.value,
                "descending": descending,
                "after_value": None if after is None else after.value,
                "after_id": None if after is None else after.account_id,
                "limit": limit + 1,
                "now": self._clock(),
            },
        )
        page = found[:limit]
        lots = await self._lots([row["account_id"] for row in page])
        accounts = [rows.account(row, lots.get(row["account_id"], ())) for row in page]
        more = len(found) > limit
        return AccountListing(
            accounts, Place(page[-1]["place"], accounts[-1].balance.account_id) if more and accounts else None
        )

    async def _lots(self, account_ids: Sequence[str]) -> Mapping[str, Sequence[CreditLot]]:
        lots: dict[str, list[CreditLot]] = {}
        for row in await self._statements.all("lots", {"account_ids": list(account_ids)}):
            lots.setdefault(row["account_id"], []).append(rows.lot(row))
        return lots
