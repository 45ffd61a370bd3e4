"""What is told of one account of the in-memory ledger, each happening once."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import count

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.memory.account_books import BookedAccount
from solaris_hooks.ledger.memory.facts import event_figures
from solaris_hooks.quota import rules
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.thresholds import AlertState

_NUMBERS = count(1)


@dataclass(slots=True)
class ToldAccount(BookedAccount):
    """An account that tells what happens to it."""

    def emit(self, kind: EventKind, key: str, now: dt.datetime, *, in_chat: bool = False, **details: object) -> None:
        """Let an event happen, once for each key."""
        if key in self.events:
            return
        self.events[key] = Event(
            number=next(_NUMBERS),
            event_id=uuid7(),
            kind=kind,
            account_id=self.account_id,
            at=now,
            details={**event_figures(self.balance), **details},
        )
        if in_chat:
            self.untold.append(key)

    def announce(self, thresholds: Sequence[int], now: dt.datetime) -> None:
        """Announce the thresholds that use has crossed: one event, for the highest."""
        self._announce(self.alerts.crossed(thresholds, self.balance.use_percent), now)

    def _announce(self, crossed: Sequence[int], now: dt.datetime) -> None:
        if not crossed:
            return
        highest = crossed[-1]
        self.alerts = replace(self.alerts, level=highest)
        self.emit(
            EventKind.QUOTA_EXHAUSTED if highest == 100 else EventKind.THRESHOLD_CROSSED,  # noqa: PLR2004 - percent
            f"threshold:{int(self.figures.period.start.timestamp())}:{self.alerts.round}:{highest}",
            now,
            in_chat=True,
            threshold=highest,
            crossed=list(crossed),
        )

    def announce_full(self, thresholds: Sequence[int], now: dt.datetime) -> None:
        """Announce that everything is used, though a few tokens are left that no request can use."""
        if rules.FULL in thresholds:
            self._announce(self.alerts.crossed(thresholds, rules.FULL), now)

    def trial_ended(self, now: dt.datetime) -> None:
        """Suspend the account, since its trial has ended; unless it is out of use already."""
        if self.status is not Status.ACTIVE:
            return
        self.status = Status.SUSPENDED
        self.status_reason = "The trial has ended." if self.locale == "en" else "O período de teste terminou."
        self.emit(
            EventKind.ACCOUNT_SUSPENDED,
            f"trial:{int(now.timestamp())}",
            now,
            status=self.status.value,
            reason=self.status_reason,
        )

    def renewed(self, used_before: int, now: dt.datetime) -> None:
        """A new period began: everything can be announced again, and old news is told no longer."""
        self.alerts = AlertState()
        old = {EventKind.THRESHOLD_CROSSED, EventKind.QUOTA_EXHAUSTED, EventKind.PERIOD_RENEWED}
        self.untold = [key for key in self.untold if self.events[key].kind not in old]
        self.emit(
            EventKind.PERIOD_RENEWED,
            f"renewal:{int(self.figures.period.start.timestamp())}",
            now,
            in_chat=True,
            used_before=used_before,
            overage_repaid=self.figures.allowance_used,
        )

    def tell_status(self, before: Status, number: int, now: dt.datetime) -> None:
        """Let an event happen where an account was taken out of use, or into use again.

        Args:
            before: its status before the change.
            number: of the change in the audit trail.
            now: when it happened.
        """
        if self.status in {before, Status.PENDING}:
            return
        active = self.status is Status.ACTIVE
        self.emit(
            EventKind.ACCOUNT_REACTIVATED if active else EventKind.ACCOUNT_SUSPENDED,
            f"status:{number}",
            now,
            status=self.status.value,
            reason=self.status_reason,
        )
