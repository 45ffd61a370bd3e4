"""A look over all accounts for use far above their own pattern."""

from __future__ import annotations

import datetime as dt
import logging
from typing import Protocol
from zoneinfo import ZoneInfo

from solaris_hooks.anomaly_settings import AnomalyAction, AnomalySettings
from solaris_hooks.ledger.account_terms import AccountTerms, OverrideChange
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.overview import BusyDay, Overview
from solaris_hooks.ledger.records import Account, AccountChange
from solaris_hooks.quota.anomaly import Anomaly
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.terms import Field

_LOG = logging.getLogger(__name__)

ACTOR = "system:anomaly"
REASON = "uso fora do padrão / unusual use"
"""What a user reads whose account was suspended: nobody knows here in which language."""

SLOW_REQUESTS = 1
"""Requests at once of an account that is slowed down: its owner can go on, a program that runs wild cannot."""

_PAGE = 500


class Profiles(Protocol):
    """The part of the ledger that slows accounts down and suspends them."""

    @property
    def terms(self) -> AccountTerms:
        """Terms of single accounts."""
        ...

    async def account(self, account_id: AccountId) -> Account | None:
        """One account as of now."""
        ...

    async def put_account(
        self, account_id: AccountId, change: AccountChange, *, actor: str, reason: str | None = None
    ) -> Account:
        """Change an account."""
        ...


async def look_for_anomalies(overview: Overview, books: Profiles, settings: AnomalySettings) -> int:
    """Judge the day so far of each account that has used much today; each is told of once a day.

    Where the settings want it, the account is slowed down or suspended before that is told: whoever dies in between
    leaves an account so that the next look tells of. Once told, one that an administrator lets go again is left alone
    for the day.

    Args:
        overview: reads the accounts, and writes the events.
        books: slows down and suspends.
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
    elif action is AnomalyAction.SLOW_DOWN and not (busy.active and await _slowed_down(books, busy)):
        action = AnomalyAction.NONE
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


async def _slowed_down(books: Profiles, busy: BusyDay) -> bool:
    """Let an account run one request at once for the rest of its local day.

    False where an administrator has given it a limit of its own, which stays; or where the day has ended meanwhile.
    """
    account = await books.account(busy.account_id)
    if account is None:
        return False
    own = account.standing.override(Field.MAX_IN_FLIGHT)
    if own is not None:
        return own.actor == ACTOR  # of a look that died before it told
    tomorrow = dt.datetime.combine(
        busy.today + dt.timedelta(days=1), dt.time.min, ZoneInfo(account.balance.time_zone)
    ).astimezone(dt.UTC)
    change = OverrideChange(busy.account_id, ACTOR, "anomaly", {Field.MAX_IN_FLIGHT: SLOW_REQUESTS}, until=tomorrow)
    try:
        await books.terms.override(change)
    except InvalidRequestError:
        return False
    return True
