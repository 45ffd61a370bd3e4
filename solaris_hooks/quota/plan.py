"""Plans: what accounts get every month, and on which terms."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from solaris_hooks.quota.weights import WeightTable


@dataclass(frozen=True, slots=True)
class Plan:
    """A plan.

    Attributes:
        monthly_tokens: the allowance of every month, in booked tokens.
        thresholds: percentages of use at which people are told, ascending.
        allowed_models: glob patterns of models' public names; None for all.
        max_in_flight: requests of an account at once; None for any number.
        overdraft: tokens that may be used beyond what was granted; taken from the next grant.
        time_zone: of new accounts of the plan, an IANA name; None for the settings'.
        anchor_day: of new accounts of the plan, 1 to 31; None for the settings'.
        weights: of models, in place of the settings'; None for these.
        notices: whether the chat tells thresholds, credits and renewals.
        trial_days: days of 24 hours after which an account leaves the plan; None for never.
        trial_then: the plan that follows a trial; None: the account is suspended.
    """

    plan_id: str
    monthly_tokens: int
    thresholds: Sequence[int] = (80, 95, 100)
    allowed_models: tuple[str, ...] | None = None
    max_in_flight: int | None = None
    overdraft: int = 0
    time_zone: str | None = None
    anchor_day: int | None = None
    weights: WeightTable | None = None
    notices: bool = True
    trial_days: int | None = None
    trial_then: str | None = None
