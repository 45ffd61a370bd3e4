"""Reports on use over some local days: by user, team, model, plan or time, in rows that are read batch by batch."""

from __future__ import annotations

import datetime as dt
from calendar import monthrange
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import StrEnum
from itertools import groupby
from typing import Protocol

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.unit_use import units_of
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.costs import CostTable, Used
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.usage import Usage

FIRST_ACCOUNTS = 25
MOST_ACCOUNTS = 800
"""Accounts whose use is read at a time: few at first, for whoever wants a page, and twice as many each time."""

MORE_BY_WHOLE = 5
"""So many times as many where each has one row at the most: a page of a hundred rows is read at one go."""


class ReportGrouping(StrEnum):
    """What a report has rows for, beside its periods."""

    USER = "user"
    TEAM = "team"
    """LiteLLM's, by the keys that asked; use of keys without a team is in none of its rows."""
    MODEL = "model"
    PLAN = "plan"
    PERIOD = "period"
    """Periods alone."""


class ReportUnit(StrEnum):
    """The periods of a report."""

    WHOLE = "whole"
    """One, from its first day to its last."""
    DAY = "day"
    WEEK = "week"
    """From Monday on (ISO 8601)."""
    MONTH = "month"


@dataclass(frozen=True, slots=True)
class ReportQuery:
    """What to report.

    Attributes:
        first_day: as each account's zone has it.
        last_day: likewise; part of the report.
    """

    by: ReportGrouping
    first_day: dt.date
    last_day: dt.date
    unit: ReportUnit = ReportUnit.WHOLE


@dataclass(frozen=True, slots=True)
class UsageRow:
    """What was used in one period. Tokens are booked ones; input and output are the provider's.

    Attributes:
        period: its first day that is part of the report.
        account_id: in reports by user; in those by team the account that it shares, if it does.
        name: of the account or team, where it is known.
        plan_id: in reports by plan: what the account had when it was used; in those by user: what it has now.
        team_id: LiteLLM's, in reports by team.
        model: in reports by model.
        cost: an estimate in money, of what has a cost; None where nothing of it has.
    """

    period: dt.date
    account_id: AccountId | None
    name: str | None
    email: str | None
    plan_id: str | None
    model: str | None
    requests: int
    estimated_requests: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    tokens: int
    cost: Decimal | None
    team_id: str | None = None


class UsageReports(Protocol):
    """Makes reports on use."""

    @property
    def currency(self) -> str | None:
        """Of costs; None where no costs are set."""
        ...

    def rows(self, query: ReportQuery) -> AsyncIterator[UsageRow]:
        """Rows of a report: in order of account and then time where it is by user, else of time first.

        They are read in batches, and no connection is kept between two: what is booked meanwhile may be in the later
        ones.

        Raises:
            LedgerError: the books cannot be reached.
        """
        ...


class PostgresUsageReports:
    """Keeps the contract of :class:`UsageReports` on PostgreSQL."""

    def __init__(self, statements: Statements, costs: CostTable) -> None:
        """Keep what runs statements, and the costs of models."""
        self._statements = statements
        self._costs = costs

    @property
    def currency(self) -> str | None:
        """See :meth:`UsageReports.currency`."""
        return self._costs.currency if self._costs else None

    async def rows(self, query: ReportQuery) -> AsyncGenerator[UsageRow, None]:
        """See :meth:`UsageReports.rows`."""
        if query.by is ReportGrouping.USER:
            async for batch in self._batches(query):
                for row in self._folded(batch, _of_user):
                    yield row
            return
        if query.by is ReportGrouping.TEAM:
            for first_day, last_day in _periods(query):
                period = replace(query, first_day=first_day, last_day=last_day)
                for row in self._folded(await self._of_teams(period, by_team=True), _of_team):
                    yield row
            return
        found = await self._statements.all("report_of_plans", _days(query))
        keys: dict[ReportGrouping, Callable[[Row], tuple[object, ...]]] = {
            ReportGrouping.MODEL: _of_model,
            ReportGrouping.PLAN: _of_plan,
            ReportGrouping.PERIOD: _of_period,
        }
        key = keys[query.by]
        for row in self._folded(sorted(found, key=key), key):
            yield row

    async def periods_of_teams(self, query: ReportQuery) -> Sequence[UsageRow]:
        """What all teams used together, period by period.

        Raises:
            LedgerError: the books cannot be reached.
        """
        return list(self._folded(await self._of_teams(query, by_team=False), _of_period))

    async def _of_teams(self, query: ReportQuery, *, by_team: bool) -> Sequence[Row]:
        return await self._statements.all("report_of_teams", {**_days(query), "by_team": by_team})

    async def _batches(self, query: ReportQuery) -> AsyncIterator[Sequence[Row]]:
        after = ""
        size = FIRST_ACCOUNTS * (MORE_BY_WHOLE if query.unit is ReportUnit.WHOLE else 1)
        while True:
            found = await self._statements.all("report_accounts", {"after": after, "limit": size})
            account_ids = [row["account_id"] for row in found]
            if account_ids:
                yield await self._statements.all(
                    "report_of_accounts",
                    {"account_ids": account_ids, **_days(query)},
                )
                after = account_ids[-1]
            if len(account_ids) < size:
                return
            size = min(2 * size, MOST_ACCOUNTS)

    def _folded(self, found: Iterable[Row], key: Callable[[Row], tuple[object, ...]]) -> Iterator[UsageRow]:
        """One row for each key, over all models of it."""
        for _, group in groupby(found, key):
            yield self._row(list(group), key)

    def _row(self, group: Sequence[Row], key: Callable[[Row], tuple[object, ...]]) -> UsageRow:
        first = group[0]
        of_user, of_team = key is _of_user, key is _of_team

        def total(column: str) -> int:
            """Over all models."""
            return sum(row[column] for row in group)

        return UsageRow(
            period=first["period"],
            account_id=AccountId(first["account_id"]) if (of_user or of_team) and first["account_id"] else None,
            name=first["name"] if of_user or of_team else None,
            email=first["email"] if of_user else None,
            plan_id=first["plan_id"] if key in {_of_user, _of_plan} else None,
            model=first["model"] if key is _of_model else None,
            requests=total("requests"),
            estimated_requests=total("estimated_requests"),
            input_tokens=total("input_tokens"),
            cached_input_tokens=total("cached_input_tokens"),
            output_tokens=total("output_tokens"),
            tokens=total("tokens"),
            team_id=first["team_id"] if of_team else None,
            cost=self._costs.total(Used(row["model"], _usage(row), units_of(row)) for row in group).amount,
        )


def _days(query: ReportQuery) -> dict[str, object]:
    return {"unit": query.unit.value, "first_day": query.first_day, "last_day": query.last_day}


def _periods(query: ReportQuery) -> Iterator[tuple[dt.date, dt.date]]:
    """First and last days of the periods of a report; of the first and the last what is part of it."""
    first_day = query.first_day
    while first_day <= query.last_day:
        last_day = min(_last_day(first_day, query.unit), query.last_day)
        yield first_day, last_day
        first_day = last_day + dt.timedelta(days=1)


def _last_day(day: dt.date, unit: ReportUnit) -> dt.date:
    """The last day of the period that a day is in."""
    match unit:
        case ReportUnit.DAY:
            return day
        case ReportUnit.WEEK:
            return day + dt.timedelta(days=6 - day.weekday())
        case ReportUnit.MONTH:
            return day.replace(day=monthrange(day.year, day.month)[1])
        case ReportUnit.WHOLE:
            return dt.date.max


def _of_user(row: Row) -> tuple[object, ...]:
    return row["account_id"], row["period"]


def _of_team(row: Row) -> tuple[object, ...]:
    return row["period"], row["team_id"]


def _of_model(row: Row) -> tuple[object, ...]:
    return row["period"], row["model"]


def _of_plan(row: Row) -> tuple[object, ...]:
    return row["period"], row["plan_id"]


def _of_period(row: Row) -> tuple[object, ...]:
    return (row["period"],)


def _usage(row: Row) -> Usage:
    return Usage(
        input_tokens=row["input_tokens"],
        cached_input_tokens=row["cached_input_tokens"],
        output_tokens=row["output_tokens"],
    )
