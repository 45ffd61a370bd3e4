"""Refusals in memory, for tests and demos."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING
from uuid import UUID
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.refusal_book import RefusalFilter, RefusalTotal
from solaris_hooks.ledger.refusal_records import MOST_HOLDERS, Holder, Holders, Refusal, RefusalReason
from solaris_hooks.quota.ids import AccountId

if TYPE_CHECKING:
    from solaris_hooks.ledger.port import Books


class MemoryRefusals:
    """Keeps the contract of :class:`~solaris_hooks.ledger.refusal_records.RefusalStore`."""

    def __init__(self, books: Books, now: Callable[[], dt.datetime]) -> None:
        """Begin with none; the books tell who holds, and accounts' time zones."""
        self.records: dict[UUID, Refusal] = {}
        self._books = books
        self._now = now
        self._daily: Counter[tuple[AccountId | None, dt.date, RefusalReason]] = Counter()

    async def get(self, refusal_id: UUID) -> Refusal | None:
        """See :meth:`RefusalBook.get`."""
        return self.records.get(refusal_id)

    async def find(self, wanted: RefusalFilter, *, limit: int = 50) -> Sequence[Refusal]:
        """See :meth:`RefusalBook.find`."""
        newest = sorted(self.records.values(), key=lambda each: each.refusal_id, reverse=True)
        return [each for each in newest if wanted.takes(each)][:limit]

    async def totals(
        self, *, since: dt.date, until: dt.date, account_id: AccountId | None = None
    ) -> Sequence[RefusalTotal]:
        """See :meth:`RefusalBook.totals`."""
        counts: Counter[tuple[dt.date, RefusalReason]] = Counter()
        accounts: Counter[tuple[dt.date, RefusalReason]] = Counter()
        for (whose, day, reason), count in self._daily.items():
            if since <= day <= until and account_id in {None, whose}:
                counts[day, reason] += count
                accounts[day, reason] += 1
        return [
            RefusalTotal(day, reason, count, accounts[day, reason]) for (day, reason), count in sorted(counts.items())
        ]

    async def holders(self, account_ids: Sequence[AccountId]) -> dict[AccountId, Holders]:
        """See :meth:`RefusalStore.holders`."""
        found: dict[AccountId, Holders] = {}
        for account_id in account_ids:
            holds = sorted(
                await self._books.holds(account_id, limit=2**31), key=lambda each: (-each.amount, each.hold_id)
            )
            if not holds:
                continue
            largest = tuple(
                Holder(each.hold_id, each.model, each.amount, each.held_at) for each in holds[:MOST_HOLDERS]
            )
            found[account_id] = Holders(largest, len(holds), sum(each.amount for each in holds), self._now())
        return found

    async def write(self, refusals: Sequence[Refusal]) -> None:
        """See :meth:`RefusalStore.write`."""
        for new in refusals:
            old = self.records.get(new.refusal_id)
            counted = old.count if old is not None else 0
            self.records[new.refusal_id] = (
                new
                if old is None
                else replace(
                    old,
                    count=max(old.count, new.count),
                    last_at=max(old.last_at, new.last_at),
                    holders=old.holders or new.holders,
                )
            )
            account = await self._books.account(new.account_id) if new.account_id is not None else None
            zone = ZoneInfo(account.balance.time_zone if account is not None else "UTC")
            if new.count > counted:
                self._daily[new.account_id, new.last_at.astimezone(zone).date(), new.reason] += new.count - counted

    async def purge(self, *, older_than: dt.timedelta, limit: int) -> int:
        """See :meth:`RefusalStore.purge`."""
        old = sorted(each.refusal_id for each in self.records.values() if each.at < self._now() - older_than)[:limit]
        for refusal_id in old:
            del self.records[refusal_id]
        return len(old)
