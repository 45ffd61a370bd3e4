"""An account as time goes by: periods renew, plans change, trials and overrides end, each at its time.

Nothing of it needs a job: whatever looks at an account brings it up to now first, in order of time.
The SQL functions of ``0040.terms.sql`` do exactly the same.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from solaris_hooks.quota import rules
from solaris_hooks.quota.figures import Figures, Step
from solaris_hooks.quota.period import Period
from solaris_hooks.quota.plan import Plan
from solaris_hooks.quota.terms import Field, OverrideValue, ScheduledPlan, Standing, Terms


@dataclass(frozen=True, slots=True)
class Turn:
    """What time made of an account.

    Attributes:
        trial_ended: a trial ended that no plan follows: the account is to be suspended.
    """

    step: Step
    trial_ended: bool = False


def as_of(figures: Figures, *, plans: Mapping[str, Plan], now: dt.datetime) -> Turn:
    """The account as of now. Every operation on an account starts with this.

    Months without a call are skipped, but not those in which the terms changed.

    Args:
        figures: the account as it was left.
        plans: all plans by id, as they are now.
        now: the moment of the operation, aware.
    """
    step, trial_ended = Step(figures), False
    while True:
        until = step.figures.standing.until
        end = step.figures.period.end
        if until is not None and until < end and until <= now:
            step, ended = _terms_ended(step, plans, until)
            trial_ended = trial_ended or ended
        elif end <= now:
            step = _renewed(step, plans, now if until is None else min(until, now))
        else:
            break
    plan = plans[step.figures.plan_id]
    step = adopted(step, plan, now)
    return Turn(rules.expired(step, now), trial_ended)


def adopted(step: Step, plan: Plan, now: dt.datetime) -> Step:
    """The account with what its plan and its overrides say now; tokens included."""
    figures = _on_terms(step.figures, plan, now)
    return rules.regranted(replace(step, figures=figures), monthly_tokens(figures.standing, plan))


def moved(figures: Figures, plan: Plan, now: dt.datetime, *, pro_rata: bool) -> Step:
    """The account on another plan, at once.

    Args:
        figures: the account as of now.
        plan: another than it has.
        now: the moment of the change.
        pro_rata: the allowance of this period is the old plan's by time elapsed and the new plan's by time left.
    """
    step = Step(_on_terms(replace(figures, plan_id=plan.plan_id), plan, now))
    after = monthly_tokens(step.figures.standing, plan)
    before = figures.monthly_tokens
    if not pro_rata or before is None:
        return rules.regranted(step, after)
    tokens = shared(figures.allowance_granted, before=before, after=after, period=figures.period, now=now)
    return rules.allowance_granted(replace(step, figures=replace(step.figures, monthly_tokens=after)), tokens=tokens)


def scheduled(figures: Figures, change: ScheduledPlan | None) -> Figures:
    """The account with another change of plan at its renewal, or with none."""
    return replace(figures, standing=replace(figures.standing, scheduled=change))


def shared(granted: int, *, before: int, after: int, period: Period, now: dt.datetime) -> int:
    """The allowance of a period in which the plan changes: the old part by time elapsed, the new by time left.

    Both parts of the time that is left are rounded down to whole tokens; so the sum is at most one token off.

    Args:
        granted: the allowance of the period before the change.
        before: monthly tokens before it.
        after: monthly tokens after it.
        period: the period.
        now: the moment of the change, within the period.
    """
    microsecond = dt.timedelta(microseconds=1)
    length = (period.end - period.start) // microsecond
    left = max(0, (period.end - now) // microsecond)
    return max(0, granted - before * left // length + after * left // length)


def monthly_tokens(standing: Standing, plan: Plan) -> int:
    """What an account is granted a month: its own figure while it has one, else its plan's."""
    own = _own(standing, Field.MONTHLY_TOKENS, plan.monthly_tokens)
    assert isinstance(own, int)
    return own


def thresholds(standing: Standing, plan: Plan) -> Sequence[int]:
    """Percentages of use at which the account's user is told."""
    own = standing.override(Field.THRESHOLDS)
    if own is None:
        return plan.thresholds
    assert isinstance(own.value, tuple)
    return [each for each in own.value if isinstance(each, int)]


def notices(standing: Standing, plan: Plan) -> bool:
    """Whether the chat tells the account's user anything."""
    return bool(_own(standing, Field.NOTICES, plan.notices))


def _own(standing: Standing, field: Field, plans: OverrideValue) -> OverrideValue:
    override = standing.override(field)
    return plans if override is None else override.value


def _terms(standing: Standing, plan: Plan) -> Terms:
    models = _own(standing, Field.ALLOWED_MODELS, plan.allowed_models)
    most = _own(standing, Field.MAX_IN_FLIGHT, plan.max_in_flight)
    overdraft = _own(standing, Field.OVERDRAFT, plan.overdraft)
    assert isinstance(overdraft, int)
    return Terms(
        allowed_models=tuple(map(str, models)) if isinstance(models, tuple) else None,
        max_in_flight=most if isinstance(most, int) else None,
        overdraft=overdraft,
        weights=plan.weights,
    )


def _on_terms(figures: Figures, plan: Plan, now: dt.datetime) -> Figures:
    """Take over what plan and overrides say, tokens excepted. A trial begins when the account comes to its plan."""
    standing = figures.standing
    if standing.plan_id != plan.plan_id:
        ends = None if plan.trial_days is None else now + dt.timedelta(days=plan.trial_days)
        standing = Standing(plan.plan_id, standing.overrides, None, ends)
    return replace(figures, standing=standing, terms=_terms(standing, plan))


def _renewed(step: Step, plans: Mapping[str, Plan], now: dt.datetime) -> Step:
    """The period of now begins; a change of plan that waited for it applies from the end of the one before."""
    figures = step.figures
    change = figures.standing.scheduled
    if change is not None:
        figures = scheduled(replace(figures, plan_id=change.plan_id), None)
    plan = plans[figures.plan_id]
    figures = _on_terms(figures, plan, figures.period.end)
    monthly = monthly_tokens(figures.standing, plan)
    return rules.renewed(replace(step, figures=figures), monthly, now, moved=change is not None)


def _terms_ended(step: Step, plans: Mapping[str, Plan], now: dt.datetime) -> tuple[Step, bool]:
    """Overrides whose time is up end, and so does a trial. Also says whether no plan follows it."""
    figures = step.figures
    standing, plan = figures.standing, plans[figures.plan_id]
    kept = tuple(each for each in standing.overrides if each.until is None or each.until > now)
    ends, suspended = standing.trial_ends_at, False
    if ends is not None and ends <= now:
        ends = None
        suspended = plan.trial_then is None and plan.trial_days is not None
        plan = plan if plan.trial_then is None else plans[plan.trial_then]
    left = replace(figures, plan_id=plan.plan_id, standing=replace(standing, overrides=kept, trial_ends_at=ends))
    return adopted(replace(step, figures=left), plan, now), suspended
