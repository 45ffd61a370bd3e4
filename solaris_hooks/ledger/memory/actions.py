"""Resets, messages and preferences in the in-memory ledger. Tests and demos only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import asdict
from typing import Protocol

from solaris_hooks.ledger.account_actions import (
    MOST_MESSAGES_A_DAY,
    Message,
    MessageOutcome,
    MessageResult,
    PreferenceChange,
    Preferences,
    Reset,
    ResetResult,
)
from solaris_hooks.ledger.audit_trail import AuditRecord, MemoryAuditTrail, differing
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.memory.account import MemoryAccount
from solaris_hooks.ledger.memory.deliveries import MemoryDeliveries
from solaris_hooks.quota import resets
from solaris_hooks.quota.errors import ConflictError, NotFoundError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.thresholds import AlertState

_DAY = dt.timedelta(hours=24)


class Accounts(Protocol):
    """What is needed of the in-memory ledger."""

    trail: MemoryAuditTrail
    deliveries: MemoryDeliveries

    def now(self) -> dt.datetime:
        """The time."""
        ...

    def current(self, account_id: AccountId, now: dt.datetime) -> MemoryAccount | None:
        """One account as of now, or None."""
        ...

    def notices(self, account: MemoryAccount) -> bool:
        """Whether the chat tells an account's user anything."""
        ...


class MemoryAccountActions:
    """Keeps the contract of :class:`~solaris_hooks.ledger.account_actions.AccountActions`."""

    def __init__(self, accounts: Accounts) -> None:
        """Keep the accounts."""
        self._accounts = accounts

    async def reset(self, reset: Reset) -> ResetResult:
        """Set the use of this period back to zero."""
        now = self._accounts.now()
        account = self._existing(reset.account_id, now)
        key = f"reset:{reset.idempotency_key}"
        first = next((entry for entry in account.entries if entry.idempotency_key == key), None)
        if first is not None:
            return ResetResult(first.tokens, replayed=True)
        figures = account.figures
        step = resets.reset(figures, key=reset.idempotency_key)
        if not step.postings:
            return ResetResult(0, replayed=False)
        account.take(step, at=now, actor=reset.actor, reason=reset.reason)
        tokens = step.postings[0].tokens
        if account.alerts.level:
            account.alerts = AlertState(0, account.alerts.round + 1)
        old = {EventKind.THRESHOLD_CROSSED, EventKind.QUOTA_EXHAUSTED}
        account.untold = [each for each in account.untold if account.events[each].kind not in old]
        account.emit(EventKind.PERIOD_RESET, key, now, in_chat=True, tokens=tokens, reason=reset.reason)
        before = {
            "allowance_used": figures.allowance_used,
            "credits_used": figures.credits_used,
            "overage": figures.overage,
        }
        after = dict.fromkeys(before, 0)
        self._record("account.reset", reset.account_id, (before, after), reset.reason, reset.actor, now)
        return ResetResult(tokens, replayed=False)

    async def send(self, message: Message) -> MessageResult:
        """Send a message, as an event."""
        now = self._accounts.now()
        account = self._existing(message.account_id, now)
        key = f"message:{message.idempotency_key}"
        first = account.events.get(key)
        if first is not None:
            if first.details["text"] != message.text:
                raise ConflictError(f'The idempotency key "{message.idempotency_key}" was used for another message.')
            return MessageResult(
                MessageOutcome.REPLAYED, chat=bool(first.details["chat"]), mail=bool(first.details["mail"])
            )
        gets_mails = message.account_id not in self._accounts.deliveries.without_mails
        chat = message.in_chat and self._accounts.notices(account)
        mail = message.by_mail and gets_mails and bool(account.email)
        if not (chat or mail):
            return MessageResult(MessageOutcome.UNREACHABLE, chat=False, mail=False)
        sent = [each for each in account.events.values() if each.kind is EventKind.MESSAGE_SENT]
        if sum(each.at > now - _DAY for each in sent) >= MOST_MESSAGES_A_DAY:
            return MessageResult(MessageOutcome.LIMITED, chat=False, mail=False)
        said = {"text": message.text, "chat": chat, "mail": mail}
        account.emit(EventKind.MESSAGE_SENT, key, now, in_chat=chat, **said)
        self._record("message.send", message.account_id, (None, said), message.reason, message.actor, now)
        return MessageResult(MessageOutcome.SENT, chat=chat, mail=mail)

    async def preferences(self, account_id: AccountId) -> Preferences:
        """What a user has set for himself."""
        return self._preferences(self._existing(account_id, self._accounts.now()))

    async def set_preferences(self, change: PreferenceChange) -> Preferences:
        """Set preferences."""
        now = self._accounts.now()
        account = self._existing(change.account_id, now)
        before = self._preferences(account)
        account.locale = account.locale if change.locale is None else change.locale
        account.chat_notices = account.chat_notices if change.chat_notices is None else change.chat_notices
        if change.mails is not None:
            await self._accounts.deliveries.set_mails(
                change.account_id, mails=change.mails, actor=change.actor, reason=change.reason
            )
        after = self._preferences(account)
        if before != after:
            changed = differing(asdict(before), asdict(after))
            self._record("account.preferences", change.account_id, changed, change.reason, change.actor, now)
        return after

    def _preferences(self, account: MemoryAccount) -> Preferences:
        mails = account.account_id not in self._accounts.deliveries.without_mails
        return Preferences(account.locale, mails, account.chat_notices)

    def _existing(self, account_id: AccountId, now: dt.datetime) -> MemoryAccount:
        account = self._accounts.current(account_id, now)
        if account is None:
            raise NotFoundError(f'There is no account "{account_id}".', param="account_id")
        return account

    def _record(
        self,
        action: str,
        account_id: AccountId,
        changed: tuple[Mapping[str, object] | None, Mapping[str, object]],
        reason: str | None,
        actor: str,
        now: dt.datetime,
    ) -> None:
        self._accounts.trail.write(AuditRecord(0, now, actor, action, account_id, account_id, *changed, reason))
