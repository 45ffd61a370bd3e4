"""Use and holds, as the API answers them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Self
from uuid import UUID

from pydantic import Field

from solaris_hooks.ledger.records import DailyUsage, Hold
from solaris_hooks.web.answers.answer import Answer
from solaris_hooks.web.fields import Instant


class TotalsAnswer(Answer):
    """Tokens of a number of requests: as the provider reported them, and as they were booked."""

    requests: int
    estimated_requests: int = Field(description="Of these, how many were booked by an estimate of ours.")
    input_tokens: int = Field(description="Whole prompts, cached part included.")
    cached_input_tokens: int
    output_tokens: int
    charge: int = Field(description="Booked (weighted) tokens.")


class DayAnswer(TotalsAnswer):
    """Totals of one local day and one model."""

    day: date
    model: str


class UsageAnswer(Answer):
    """Use of an account over some days."""

    since: date
    until: date
    totals: TotalsAnswer
    data: list[DayAnswer] = Field(description="By day and model, oldest first.")

    @classmethod
    def of(cls, since: date, until: date, days: Sequence[DailyUsage]) -> Self:
        """Days and their sum."""
        fields = list(TotalsAnswer.model_fields)
        return cls(
            since=since,
            until=until,
            totals=TotalsAnswer(**{name: sum(getattr(each, name) for each in days) for name in fields}),
            data=[
                DayAnswer(day=each.day, model=each.model, **{name: getattr(each, name) for name in fields})
                for each in days
            ],
        )


class HoldAnswer(Answer):
    """Tokens held by one request in flight."""

    account_id: str
    hold_id: UUID
    model: str
    amount: int
    prompt: int
    held_at: Instant
    lease_until: Instant

    @classmethod
    def of(cls, hold: Hold) -> Self:
        """A hold."""
        return cls.model_validate(hold, from_attributes=True)
