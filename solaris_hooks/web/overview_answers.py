"""The overview and its trends, as the API and the CLI show them."""

from __future__ import annotations

import datetime as dt
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from solaris_hooks.ledger.front_page import MOST_POINTS, CostedSpan, FrontPageFigures, TrendUnit
from solaris_hooks.ledger.totals import ModelUse, TopAccounts
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.checks import checked_time_zone
from solaris_hooks.quota.costs import Money
from solaris_hooks.web.bodies import _Query
from solaris_hooks.web.fields import Day, Instant

_TOPS = 100


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class CostAnswer(_Answer):
    """An estimate in money, from the setting `costs`."""

    amount: str | None = Field(
        description="A decimal number; null where nothing that was used has a cost.", examples=["12.34"]
    )
    complete: bool = Field(description="Whether everything that was used has a cost.")

    @classmethod
    def of(cls, money: Money) -> Self:
        """An amount."""
        return cls(amount=None if money.amount is None else format(money.amount, "f"), complete=money.complete)


class ModelUseAnswer(_Answer):
    """What was used of one model."""

    model: str
    requests: int
    estimated_requests: int
    tokens: int = Field(description="Booked tokens.")
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int

    @classmethod
    def of(cls, use: ModelUse) -> Self:
        """The use of a model."""
        return cls(
            model=use.model,
            requests=use.requests,
            estimated_requests=use.estimated_requests,
            tokens=use.tokens,
            input_tokens=use.usage.input_tokens,
            cached_input_tokens=use.usage.cached_input_tokens,
            output_tokens=use.usage.output_tokens,
        )


class SpanAnswer(_Answer):
    """What was used in some time."""

    start: Instant
    end: Instant = Field(description="First instant that no longer belongs to it.")
    requests: int
    estimated_requests: int = Field(description="Those whose use no provider reported.")
    tokens: int = Field(description="Booked tokens.")
    cost: CostAnswer

    @classmethod
    def of(cls, costed: CostedSpan) -> Self:
        """A span."""
        return cls(**cls._fields(costed))

    @staticmethod
    def _fields(costed: CostedSpan) -> dict[str, object]:
        span = costed.span
        return {
            "start": span.start,
            "end": costed.end,
            "requests": span.requests,
            "estimated_requests": span.estimated_requests,
            "tokens": span.tokens,
            "cost": CostAnswer.of(costed.cost),
        }


class UseAnswer(SpanAnswer):
    """What was used in some time, by model."""

    models: list[ModelUseAnswer] = Field(description="Most booked tokens first.")

    @classmethod
    def of(cls, costed: CostedSpan) -> Self:
        """A span with its models."""
        models = [ModelUseAnswer.of(each) for each in costed.span.models]
        return cls(**cls._fields(costed), models=models)


class AccountsCountAnswer(_Answer):
    """How many accounts there are."""

    as_of: Instant | None = Field(description="When they were counted; null for never.")
    total: int
    by_status: dict[Status, int]
    by_state: dict[State, int] = Field(description="Active accounts by how much they have used.")
    granted: int = Field(description="Booked tokens granted to active accounts in the periods that run.")
    used: int = Field(description="What of that they have used.")
    active_today: int = Field(description="Accounts that had a request today.")


class OverviewAnswer(_Answer):
    """What an administrator sees first."""

    as_of: Instant | None = Field(description="Up to when calls are in these figures; null where none are yet.")
    time_zone: str
    accounts: AccountsCountAnswer
    today: UseAnswer
    month: UseAnswer
    projected_month_tokens: int = Field(description="Of the whole month, if use goes on as in the last seven days.")
    currency: str | None = Field(description="Of all costs; null where no costs are set.")

    @classmethod
    def of(cls, figures: FrontPageFigures) -> Self:
        """The figures."""
        counts = figures.counts
        return cls(
            as_of=figures.as_of,
            time_zone=figures.time_zone,
            accounts=AccountsCountAnswer(
                as_of=counts.as_of,
                total=counts.accounts,
                by_status=dict(counts.by_status),
                by_state=dict(counts.by_state),
                granted=counts.granted,
                used=counts.used,
                active_today=figures.active_today,
            ),
            today=UseAnswer.of(figures.today),
            month=UseAnswer.of(figures.month),
            projected_month_tokens=figures.projected_month,
            currency=figures.currency,
        )


class TrendAnswer(_Answer):
    """Use hour by hour, day by day or month by month."""

    unit: TrendUnit
    time_zone: str
    data: list[SpanAnswer] = Field(description="In order of time, none left out; the last one still runs.")


class TopAccountAnswer(_Answer):
    """An account that used much."""

    account_id: str
    name: str | None
    email: str | None
    plan: str
    requests: int
    tokens: int


class TopAccountsAnswer(_Answer):
    """Who used most on some days."""

    as_of: Instant | None = Field(description="When that was looked up; null where these days are not kept.")
    first_day: dt.date
    last_day: dt.date
    data: list[TopAccountAnswer]

    @classmethod
    def of(cls, first_day: dt.date, last_day: dt.date, top: TopAccounts) -> Self:
        """Those who used most."""
        data = [
            TopAccountAnswer(
                account_id=each.account_id,
                name=each.name or None,
                email=each.email or None,
                plan=each.plan_id,
                requests=each.requests,
                tokens=each.tokens,
            )
            for each in top.accounts
        ]
        return cls(as_of=top.as_of, first_day=first_day, last_day=last_day, data=data)


class ZoneQuery(_Query):
    """Whose days."""

    time_zone: str | None = Field(None, description="IANA name. Default: the setting default_time_zone.")

    def zone(self, default: str) -> str:
        """The zone that is meant.

        Raises:
            InvalidRequestError: there is no such zone.
        """
        return checked_time_zone(self.time_zone or default)


class TrendQuery(ZoneQuery):
    """Which trend."""

    unit: TrendUnit = Field(TrendUnit.DAY, description="What there is a point for.")
    points: int = Field(30, ge=1, description="How many, the one that still runs included.")

    @model_validator(mode="after")
    def _not_too_many(self) -> Self:
        if self.points > MOST_POINTS[self.unit]:
            raise ValueError(f"at most {MOST_POINTS[self.unit]} points are kept of unit {self.unit.value}")
        return self


class DaysQuery(ZoneQuery):
    """Which days."""

    since: Day | None = Field(None, description="First local day. Default: the first of this month.")
    until: Day | None = Field(None, description="Last local day. Default: today.")


class TopQuery(DaysQuery):
    """Who used most on which days."""

    limit: int = Field(10, ge=1, le=_TOPS, description="Accounts at the most.")
