"""Which accounts an address asks for, and in which order: all of it stands there, so that a list is kept as a link."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from solaris_hooks.ledger.account_list import AccountFilter
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.web.account_queries import AccountOrder
from solaris_hooks.web.admin.forms import Fields, Problem

LONGEST_QUERY = 300
MOST_DAYS = 3650

READY_MADE: Mapping[str, Mapping[str, str]] = {
    "all": {},
    "exhausted": {"state": State.EXHAUSTED.value, "sort": AccountOrder.USE_PERCENT_DESCENDING.value},
    "critical": {"state": State.CRITICAL.value, "sort": AccountOrder.USE_PERCENT_DESCENDING.value},
    "unseen": {"unseen": "30", "sort": AccountOrder.LAST_USED.value},
    "suspended": {"status": Status.SUSPENDED.value},
}
"""Lists that are asked for often, by their keys in ``_accounts.html``."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for.

    Attributes:
        wanted: the same for the ledger.
        order: of the accounts.
        said: the filter as parameters of an address, without its order; nothing that is empty.
        seen_before: the day that ``unseen`` days reach back to.
    """

    wanted: AccountFilter
    order: AccountOrder
    said: Mapping[str, str]
    seen_before: dt.date | None = None

    @property
    def pinned(self) -> Mapping[str, str]:
        """``said``, so that it still means the same tomorrow."""
        if self.seen_before is None:
            return self.said
        rest = {name: value for name, value in self.said.items() if name != "unseen"}
        return {**rest, "seen_before": self.seen_before.isoformat()}

    @property
    def key(self) -> str:
        """Which of :data:`READY_MADE` it is; "" for none."""
        parameters = self._parameters()
        return next((name for name, each in READY_MADE.items() if each == parameters), "")

    def query(self, **changed: str) -> str:
        """The query of an address of this list, with its question mark; "" where it asks for all.

        Args:
            changed: parameters that become others.
        """
        return query_of({**self._parameters(), **changed})

    def turned(self, sort: str, *, descending: bool) -> str:
        """The query of this list in order of a column, or the other way round where it is in that order.

        Args:
            sort: what the column is put in order by.
            descending: whether its largest come first, at first.
        """
        first, other = (f"-{sort}", sort) if descending else (sort, f"-{sort}")
        return self.query(sort=other if self.order.value == first else first)

    def _parameters(self) -> dict[str, str]:
        by_id = self.order is AccountOrder.ID
        return {**self.said, **({} if by_id else {"sort": self.order.value})}


def query_of(parameters: Mapping[str, str]) -> str:
    """Parameters as the end of an address, with its question mark; "" where none says anything."""
    said = {name: value for name, value in parameters.items() if value}
    return f"?{urlencode(said)}" if said else ""


def asked_for(fields: Fields, plans: Collection[str]) -> Asked:
    """What the fields of a filter ask for; what cannot be is noted in ``fields``, and asks for nothing.

    Args:
        fields: of the form or the address: ``q``, ``status``, ``plan``, ``state``, ``seen_after``, ``seen_before``,
            ``unseen`` (days), ``sort``.
        plans: ids of plans that are.
    """
    query = fields.text("q", longest=LONGEST_QUERY, required=False)
    status = fields.choice("status", set(Status), required=False)
    plan = fields.choice("plan", plans, required=False)
    state = fields.choice("state", set(State), required=False)
    order = fields.choice("sort", set(AccountOrder), required=False)
    after, before = _day(fields, "seen_after"), _day(fields, "seen_before")
    unseen = fields.whole("unseen", least=1, most=MOST_DAYS, required=False)
    names = ("q", "status", "plan", "state", "seen_after", "seen_before", "unseen")
    said = {name: fields.visit.text(name, longest=LONGEST_QUERY) for name in names if name not in fields.problems}
    since = None
    if unseen is not None and "unseen" in said:
        since = _today(fields) - dt.timedelta(days=unseen)
        before = since if before is None else min(before, since)
    wanted = AccountFilter(
        query=query if "q" in said else "",
        status=Status(status) if status in set(Status) else None,
        plan_id=plan if plan in plans else None,
        state=State(state) if state in set(State) else None,
        used_after=_midnight(fields, after),
        used_before=_midnight(fields, before),
    )
    return Asked(
        wanted,
        AccountOrder(order) if order in set(AccountOrder) else AccountOrder.ID,
        {name: value for name, value in said.items() if value},
        None if since is None else before,
    )


def _day(fields: Fields, name: str) -> dt.date | None:
    """A local day of the visitor, as ``<input type="date">`` sends it."""
    said = fields.visit.text(name)
    if not said:
        return None
    try:
        day = dt.date.fromisoformat(said)
        _midnight(fields, day)
    except (ValueError, OverflowError):
        fields.problems[name] = Problem.NO_DAY
        return None
    return day


def _midnight(fields: Fields, day: dt.date | None) -> dt.datetime | None:
    """The first instant of a local day of the visitor, UTC."""
    if day is None:
        return None
    return dt.datetime.combine(day, dt.time(), ZoneInfo(fields.visit.look.time_zone)).astimezone(dt.UTC)


def _today(fields: Fields) -> dt.date:
    return dt.datetime.now(ZoneInfo(fields.visit.look.time_zone)).date()
