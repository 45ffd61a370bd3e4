"""Accounts, as people look at them and change them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping, Sequence

from uuid_utils.compat import uuid7

from solaris_hooks.ledger import rows
from solaris_hooks.ledger.postgres.part import PostgresPart
from solaris_hooks.ledger.records import (
    NOTHING,
    Account,
    AccountChange,
    AccountPage,
    CreditLot,
    DailyUsage,
    Entry,
    Grant,
    GrantResult,
    Hold,
    NewAccount,
)
from solaris_hooks.quota.checks import checked_anchor_day, checked_grant, checked_time_zone
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId


class PostgresAccounts(PostgresPart):
    """The part of :class:`~solaris_hooks.ledger.port.Books` that is about accounts."""

    _defaults: NewAccount

    async def account(self, account_id: AccountId) -> Account | None:
        """See :meth:`Books.account`."""
        row = await self._statements.one("account", {"account_id": account_id, "now": self._clock()})
        if row["account_id"] is None:
            return None
        return rows.account(row, (await self._lots([account_id])).get(account_id, ()))

    async def accounts(self, *, query: str = "", limit: int = 50, after: AccountId | None = None) -> AccountPage:
        """See :meth:`Books.accounts`."""
        parameters = {"query": query, "limit": limit + 1, "after": after, "now": self._clock()}
        found = (await self._statements.all("accounts", parameters))[: limit + 1]
        page, more = found[:limit], len(found) > limit
        lots = await self._lots([AccountId(row["account_id"]) for row in page])
        accounts = [rows.account(row, lots.get(row["account_id"], ())) for row in page]
        return AccountPage(accounts, accounts[-1].balance.account_id if more else None)

    async def accounts_named(self, account_ids: Iterable[AccountId]) -> Mapping[AccountId, Account]:
        """Some accounts as of now, without their lots; those that there are none of are left out."""
        parameters = {"account_ids": sorted(set(account_ids)), "now": self._clock()}
        found = await self._statements.all("accounts_named", parameters) if parameters["account_ids"] else ()
        return {AccountId(row["account_id"]): rows.account(row, ()) for row in found}

    async def put_account(
        self, account_id: AccountId, change: AccountChange, *, actor: str, reason: str | None = None
    ) -> Account:
        """See :meth:`Books.put_account`."""
        if change.time_zone is not None:
            checked_time_zone(change.time_zone)
        if change.anchor_day is not None:
            checked_anchor_day(change.anchor_day)
        texts = {"status_reason": change.status_reason, "email": change.email, "name": change.name}
        await self._statements.one(
            "put_account",
            {
                "account_id": account_id,
                "plan_id": change.plan_id,
                "status": change.status.value if change.status is not None else None,
                **{name: None if text is NOTHING else text for name, text in texts.items()},
                "locale": change.locale,
                "time_zone": change.time_zone,
                "anchor_day": change.anchor_day,
                "clear": [name for name, text in texts.items() if text is NOTHING],
                "reason": reason,
                "actor": actor,
                "default_plan_id": self._defaults.plan_id,
                "default_locale": self._defaults.locale,
                "default_time_zone": self._defaults.time_zone,
                "default_anchor_day": self._defaults.anchor_day,
                "now": self._clock(),
            },
        )
        return await self._existing(account_id)

    async def grant_credits(self, grant: Grant) -> GrantResult:
        """See :meth:`Books.grant_credits`."""
        checked_grant(grant.tokens)
        row = await self._statements.one(
            "grant_credits",
            {
                "account_id": grant.account_id,
                "lot_id": uuid7(),
                "tokens": grant.tokens,
                "origin": grant.origin.value,
                "reason": grant.reason,
                "actor": grant.actor,
                "key": grant.idempotency_key,
                "expires_at": grant.expires_at,
                "now": self._clock(),
            },
        )
        return GrantResult(await self._existing(grant.account_id), replayed=row["replayed"])

    async def entries(self, account_id: AccountId, *, limit: int = 50, before: int | None = None) -> Sequence[Entry]:
        """See :meth:`Books.entries`."""
        found = await self._statements.all("entries", {"account_id": account_id, "limit": limit, "before": before})
        return [rows.entry(row) for row in found]

    async def daily_usage(self, account_id: AccountId, *, since: dt.date, until: dt.date) -> Sequence[DailyUsage]:
        """See :meth:`Books.daily_usage`."""
        found = await self._statements.all("daily_usage", {"account_id": account_id, "since": since, "until": until})
        return [rows.daily(row) for row in found]

    async def holds(self, account_id: AccountId | None = None, *, limit: int = 100) -> Sequence[Hold]:
        """See :meth:`Books.holds`."""
        found = await self._statements.all("holds", {"account_id": account_id, "limit": limit})
        return [rows.hold(row) for row in found]

    async def _existing(self, account_id: AccountId) -> Account:
        account = await self.account(account_id)
        if account is None:  # pragma: no cover - accounts are never deleted
            raise NotFoundError(f"There is no account {account_id!r}.")
        return account

    async def _lots(self, account_ids: Sequence[AccountId]) -> Mapping[str, Sequence[CreditLot]]:
        lots: dict[str, list[CreditLot]] = {}
        for row in await self._statements.all("lots", {"account_ids": list(account_ids)}):
            lots.setdefault(row["account_id"], []).append(rows.lot(row))
        return lots
