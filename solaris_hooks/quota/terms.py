"""What holds for an account beside its tokens: by its plan, unless it has an override of its own for a while."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase

from solaris_hooks.quota.weights import WeightTable


@dataclass(frozen=True, slots=True)
class Terms:
    """What an account may do, as of one moment.

    Attributes:
        allowed_models: glob patterns of models' public names; None for all.
        max_in_flight: requests at once; None for any number.
        overdraft: tokens that may be used beyond what was granted.
        weights: of models; None for the settings'.
    """

    allowed_models: tuple[str, ...] | None = None
    max_in_flight: int | None = None
    overdraft: int = 0
    weights: WeightTable | None = None

    def allows(self, model: str) -> bool:
        """Whether requests may name a model."""
        return self.allowed_models is None or any(fnmatchcase(model, each) for each in self.allowed_models)


NO_TERMS = Terms()
"""Every model, any number of requests, no overdraft."""


class Field(StrEnum):
    """What can be another for one account than for its plan."""

    MONTHLY_TOKENS = "monthly_tokens"
    OVERDRAFT = "overdraft"
    MAX_IN_FLIGHT = "max_in_flight"
    ALLOWED_MODELS = "allowed_models"
    THRESHOLDS = "thresholds"
    NOTICES = "notices"


OverrideValue = int | bool | tuple[int, ...] | tuple[str, ...] | None
"""Tokens, requests, patterns of models, percentages, yes or no; None for no limit, or all models."""


@dataclass(frozen=True, slots=True)
class Override:
    """What holds for one account in place of what its plan says.

    Attributes:
        until: first instant at which it no longer does, UTC; None for good.
        reason: why, for administrators.
        actor: who said so.
        at: when, UTC.
    """

    field: Field
    value: OverrideValue
    until: dt.datetime | None
    reason: str
    actor: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class ScheduledPlan:
    """A change of plan that waits for the renewal.

    Attributes:
        reason: why, if anybody said so.
        actor: who asked for it.
        at: when, UTC.
    """

    plan_id: str
    reason: str | None
    actor: str
    at: dt.datetime


@dataclass(frozen=True, slots=True)
class Standing:
    """What an account's terms follow from, and how they will change by themselves.

    Attributes:
        plan_id: the plan whose terms the account took over last; None for none yet.
        overrides: one for each field at the most, in order of field.
        scheduled: the change of plan at the next renewal.
        trial_ends_at: when the trial that the plan is ends, UTC; None where it is none.
    """

    plan_id: str | None = None
    overrides: tuple[Override, ...] = ()
    scheduled: ScheduledPlan | None = None
    trial_ends_at: dt.datetime | None = None

    @property
    def until(self) -> dt.datetime | None:
        """The earliest moment at which the terms change by themselves, except by a renewal."""
        ends = [each.until for each in self.overrides if each.until is not None]
        if self.trial_ends_at is not None:
            ends.append(self.trial_ends_at)
        return min(ends, default=None)

    def override(self, field: Field) -> Override | None:
        """The account's own value, if it has one."""
        return next((each for each in self.overrides if each.field is field), None)


NO_STANDING = Standing()
"""No plan taken over yet, and nothing of the account's own."""
