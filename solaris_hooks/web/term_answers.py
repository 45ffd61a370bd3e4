"""What the API answers about plans and terms, and the CLI with ``--json``."""

from __future__ import annotations

from decimal import Decimal
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.ledger.records import Account, Plan
from solaris_hooks.quota.terms import Field as TermsField
from solaris_hooks.quota.terms import Override, ScheduledPlan
from solaris_hooks.web.fields import Instant


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class TermsAnswer(_Answer):
    """What the account may do: by its plan, or by overrides of its own."""

    overdraft: int = Field(description="Tokens that may be used beyond what was granted.")
    max_in_flight: int | None = Field(description="Requests at once; null: any number.")
    allowed_models: list[str] | None = Field(description="Patterns of models' names; null: all.")
    notices: bool = Field(description="Whether the chat tells thresholds, credits and renewals.")

    @classmethod
    def of(cls, account: Account) -> Self:
        """The terms of an account."""
        terms = account.balance.terms
        return cls(
            overdraft=terms.overdraft,
            max_in_flight=terms.max_in_flight,
            allowed_models=None if terms.allowed_models is None else list(terms.allowed_models),
            notices=account.notices,
        )


class OverrideAnswer(_Answer):
    """What holds for an account in place of what its plan says."""

    field: TermsField
    value: int | bool | list[int] | list[str] | None
    until: Instant | None = Field(description="First moment at which the plan's holds again; null: for good.")
    at: Instant
    reason: str | None = Field(description="Why; null in your own account.")
    actor: str | None = Field(description="Who said so; null in your own account.")

    @classmethod
    def of(cls, override: Override, *, own: bool = False) -> Self:
        """An override; ``own`` leaves out who said so, and why."""
        value = override.value
        return cls(
            field=override.field,
            value=[*value] if isinstance(value, tuple) else value,
            until=override.until,
            at=override.at,
            reason=None if own else override.reason,
            actor=None if own else override.actor,
        )


class ScheduledPlanAnswer(_Answer):
    """A change of plan that waits for the renewal."""

    plan: str
    at: Instant = Field(description="When it was asked for.")
    reason: str | None = Field(description="Why; null in your own account.")
    actor: str | None = Field(description="Who asked for it; null in your own account.")

    @classmethod
    def of(cls, change: ScheduledPlan | None, *, own: bool = False) -> Self | None:
        """The change, if one waits; ``own`` leaves out who asked for it, and why."""
        if change is None:
            return None
        return cls(
            plan=change.plan_id,
            at=change.at,
            reason=None if own else change.reason,
            actor=None if own else change.actor,
        )


class WeightsAnswer(_Answer):
    """Booked tokens for each token of the provider: exact decimals, as text."""

    input: Decimal
    cached_input: Decimal
    output: Decimal


class PlanAnswer(_Answer):
    """A plan."""

    id: str
    monthly_tokens: int
    thresholds: list[int] = Field(description="Percentages of use at which people are told.")
    allowed_models: list[str] | None = Field(description="Patterns of models' names; null: all.")
    max_in_flight: int | None = Field(description="Requests at once; null: any number.")
    overdraft: int = Field(description="Tokens that may be used beyond what was granted.")
    time_zone: str | None = Field(description="Of new accounts of the plan; null: the settings'.")
    anchor_day: int | None = Field(description="Of new accounts of the plan; null: the settings'.")
    weights: dict[str, WeightsAnswer] | None = Field(description="By pattern of model; null: the settings'.")
    notices: bool = Field(description="Whether the chat tells thresholds, credits and renewals.")
    trial_days: int | None = Field(description="Days after which an account leaves the plan; null: never.")
    trial_then: str | None = Field(description="The plan that follows a trial; null: the account is suspended.")

    @classmethod
    def of(cls, plan: Plan) -> Self:
        """A plan."""
        weights = plan.weights
        return cls(
            id=plan.plan_id,
            monthly_tokens=plan.monthly_tokens,
            thresholds=list(plan.thresholds),
            allowed_models=None if plan.allowed_models is None else list(plan.allowed_models),
            max_in_flight=plan.max_in_flight,
            overdraft=plan.overdraft,
            time_zone=plan.time_zone,
            anchor_day=plan.anchor_day,
            weights=None
            if weights is None
            else {
                pattern: WeightsAnswer(input=each.input, cached_input=each.cached_input, output=each.output)
                for pattern, each in weights.patterns.items()
            },
            notices=plan.notices,
            trial_days=plan.trial_days,
            trial_then=plan.trial_then,
        )


class PlansAnswer(_Answer):
    """All plans, in order of id."""

    data: list[PlanAnswer]
