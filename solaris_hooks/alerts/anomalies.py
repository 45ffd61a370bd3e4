"""A look over all accounts for use far above their own pattern."""

from __future__ import annotations

import logging
from typing import Protocol

from solaris_hooks.anomaly_settings import AnomalyAction, AnomalySettings
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.overview import BusyDay, Overview
from solaris_hooks.ledger.records import Account, AccountChange
from solaris_hooks.quota.anomaly import Anomaly
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId

_LOG = logging.getLogger(__name__)

ACTOR = "system:anomaly"
REASON = "uso fora do padrão / unusual use"
"""What a user reads whose account was suspended: nobody knows here in which language."""

_PAGE = 500


class Profiles(Protocol):
    """The part of the ledger that suspends."""

    async def put_account(
        self, account_id: AccountId, change: AccountChange, *, actor: str, reason: str | None = None
    ) -> Account:
        """Change an account."""
        ...


async def look_for_anomalies(overview: Overview, books: Profiles, settings: AnomalySettings) -> int:
    """Judge the day so far of each account that has used much today; each is told of once a day.

    Where the settings want it, the account is suspended before that is told: whoever dies in between leaves an account
    suspended that the next look tells of. Once told, one that an administrator reactivates is left alone for the day.

    Args:
        overview: reads the accounts, and writes the events.
        books: suspends.
        settings: the rule, and what follows.

    Returns:
        How many accounts are newly told of.
    """
    if not settings.enabled:
        return 0
    told, after = 0, None
    while True:
        page = await overview.busy_today(
            minimum_percent=settings.minimum_percent, history_days=settings.history_days, after=after, limit=_PAGE
        )
        for busy in page:
            anomaly = settings.rule.judge(busy.tokens, busy.before, granted=busy.granted)
            if anomaly is not None:
                told += await _tell(overview, books, settings.action, busy, anomaly)
        if len(page) < _PAGE:
            return told
        after = page[-1].account_id


async def _tell(overview: Overview, books: Profiles, action: AnomalyAction, busy: BusyDay, anomaly: Anomaly) -> bool:
    key = f"anomaly:{busy.today}"
    if await overview.known(key, busy.account_id):
        return False
    if action is AnomalyAction.SUSPEND and busy.active:
        change = AccountChange(status=Status.SUSPENDED, status_reason=REASON)
        await books.put_account(busy.account_id, change, actor=ACTOR, reason="anomaly")
    _LOG.warning("account %s used %d tokens today, usually %d", busy.account_id, anomaly.today, anomaly.usual)
    return await overview.emit(
        EventKind.ANOMALY_DETECTED,
        key,
        {
            "day": busy.today.isoformat(),
            "today": anomaly.today,
            "usual": anomaly.usual,
            "action": action.value,
        },
        busy.account_id,
    )
