"""Accounts of the in-memory ledger, as people look at them and change them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace

from solaris_hooks.ledger.audit_trail import AuditRecord, differing
from solaris_hooks.ledger.memory.account import MemoryAccount
from solaris_hooks.ledger.memory.facts import asked, seconds_text, set_to
from solaris_hooks.ledger.memory.store import MemoryStore
from solaris_hooks.ledger.records import (
    NOTHING,
    Account,
    AccountChange,
    AccountPage,
    CreditOrigin,
    DailyUsage,
    Entry,
    Grant,
    GrantResult,
    Hold,
    NewAccount,
)
from solaris_hooks.quota import cycle, rules
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.checks import checked_anchor_day, checked_grant, checked_time_zone
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId


class MemoryAccounts(MemoryStore):
    """The part of :class:`~solaris_hooks.ledger.port.Books` that is about accounts."""

    async def account(self, account_id: AccountId) -> Account | None:
        """One account as of now."""
        account = self.current(account_id, self.now())
        return None if account is None else self._read(account)

    async def accounts(self, *, query: str = "", limit: int = 50, after: AccountId | None = None) -> AccountPage:
        """Accounts in order of id, as of now."""
        now = self.now()
        wanted = query.lower()
        found = [
            account_id
            for account_id, account in sorted(self._accounts.items())
            if (after is None or account_id > after)
            and any(wanted in (text or "").lower() for text in (account_id, account.email, account.name))
        ]
        # One more than the page is looked at, as in PostgreSQL: what is due for it happens.
        looked_at = [account for account_id in found[: limit + 1] if (account := self.current(account_id, now))]
        page, more = looked_at[:limit], len(found) > limit
        return AccountPage(tuple(map(self._read, page)), page[-1].account_id if more and page else None)

    async def put_account(
        self, account_id: AccountId, change: AccountChange, *, actor: str, reason: str | None = None
    ) -> Account:
        """Change an account, making it if it is missing."""
        if change.time_zone is not None:
            checked_time_zone(change.time_zone)
        if change.anchor_day is not None:
            checked_anchor_day(change.anchor_day)
        plan = self.existing_plan(change.plan_id) if change.plan_id is not None else None
        checked_status(self._accounts.get(account_id), change, reason)
        now = self.now()
        known = self.current(account_id, now)
        email = None if change.email is NOTHING else change.email
        account = known or self._open(account_id, self._opening(change), now, email=email)
        before = account.profile
        if plan and plan.plan_id != account.figures.plan_id:
            monthly = cycle.monthly_tokens(account.figures.standing, plan)
            step = rules.plan_changed(account.figures, plan_id=plan.plan_id, monthly_tokens=monthly)
            account.take(step, at=now, actor=actor)
            account.alerts = account.alerts.rearmed(self.thresholds(account), account.balance.use_percent)
        account.figures = rules.rescheduled(
            account.figures,
            time_zone=change.time_zone or account.figures.time_zone,
            anchor_day=change.anchor_day or account.figures.anchor_day,
        )
        account.change(change)
        account = self._as_of(account, now)  # what the plan says beside its tokens
        status_before = Status(str(before["status"]))
        said = None if change.status_reason is NOTHING else change.status_reason
        if known is None:
            draft = AuditRecord(0, now, actor, "account.create", account_id, account_id, None, account.profile, reason)
        else:
            was, became = differing(before, account.profile)
            why = said if reason is None else reason
            draft = AuditRecord(0, now, actor, "account.change", account_id, account_id, was, became, why)
        number = self.trail.write(draft) if draft.after else 0
        account.tell_status(status_before, number, now)
        return self._read(account)

    async def grant_credits(self, grant: Grant) -> GrantResult:
        """Grant credits, once for each idempotency key."""
        checked_grant(grant.tokens)
        known = self._accounts.get(grant.account_id)
        if known is None:
            raise NotFoundError(f'There is no account "{grant.account_id}".', param="account_id")
        now = self.now()
        first = known.grants.get(grant.idempotency_key)
        if first and asked(first) != asked(grant):
            raise ConflictError(
                f'The idempotency key "{grant.idempotency_key}" was used for another grant; use a new one.'
            )
        if not first and grant.expires_at is not None and grant.expires_at <= now:
            raise InvalidRequestError("Credits must expire in the future.", param="expires_at")
        account = self._as_of(known, now)
        if not first:
            asked_for = grant.origin is CreditOrigin.REQUEST  # that is told with the answer to the request
            lot_id = account.credit(grant, now, self.thresholds(account), in_chat=not asked_for)
            after = {
                "tokens": grant.tokens,
                "origin": grant.origin.value,
                "key": grant.idempotency_key,
                "expires_at": grant.expires_at and seconds_text(grant.expires_at),
            }
            self.trail.write(
                AuditRecord(
                    0, now, grant.actor, "credits.grant", grant.account_id, str(lot_id), None, after, grant.reason
                )
            )
        return GrantResult(self._read(account), replayed=first is not None)

    async def entries(self, account_id: AccountId, *, limit: int = 50, before: int | None = None) -> Sequence[Entry]:
        """Entries of an account, newest first."""
        account = self._accounts.get(account_id)
        entries = account.entries if account else []
        older = [entry for entry in reversed(entries) if before is None or entry.number < before]
        return older[:limit]

    async def daily_usage(self, account_id: AccountId, *, since: dt.date, until: dt.date) -> Sequence[DailyUsage]:
        """Totals per local day and model, oldest first, models of a day by name."""
        account = self._accounts.get(account_id)
        daily = account.daily if account else {}
        return [total for (day, _), total in sorted(daily.items()) if since <= day <= until]

    async def holds(self, account_id: AccountId | None = None, *, limit: int = 100) -> Sequence[Hold]:
        """Tokens held now, oldest first."""
        mine = [hold for hold in self._all_holds() if account_id in {None, hold.account_id}]
        return sorted(mine, key=lambda hold: (hold.held_at, hold.hold_id))[:limit]

    def _opening(self, change: AccountChange) -> NewAccount:
        """What an account that an administrator makes starts with."""
        usual = self._planned(replace(self._defaults, plan_id=change.plan_id or self._defaults.plan_id))
        return NewAccount(
            plan_id=usual.plan_id,
            locale=usual.locale if change.locale is None else change.locale,
            time_zone=change.time_zone or usual.time_zone,
            anchor_day=change.anchor_day or usual.anchor_day,
        )


def checked_status(account: MemoryAccount | None, change: AccountChange, reason: str | None) -> None:
    """Return if an account may get the status that a change gives it.

    Raises:
        InvalidRequestError: it is taken out of use, and nobody says why.
    """
    before = account.status if account is not None else Status.ACTIVE
    if change.status in {None, before, Status.ACTIVE}:
        return
    said = set_to(account.status_reason if account is not None else None, change.status_reason)
    if not any((text or "").strip(" ") for text in (said, reason)):
        raise InvalidRequestError(f"Say why the account becomes {change.status}: give a reason.")
