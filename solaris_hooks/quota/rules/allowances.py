"""The allowance of a period: opened, changed with the plan, renewed."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace

from solaris_hooks.quota.figures import Figures, Step
from solaris_hooks.quota.period import period_containing
from solaris_hooks.quota.rules.posting import posted


def opened(*, plan_id: str, monthly_tokens: int, time_zone: str, anchor_day: int, now: dt.datetime) -> Step:
    """A new account, with the whole allowance of the period that it starts in."""
    figures = Figures(
        plan_id=plan_id,
        time_zone=time_zone,
        anchor_day=anchor_day,
        period=period_containing(now, time_zone=time_zone, anchor_day=anchor_day),
        allowance_granted=monthly_tokens,
        monthly_tokens=monthly_tokens,
    )
    return posted(
        Step(figures),
        figures,
        kind="opening",
        tokens=monthly_tokens,
        key="opening",
        details={"plan": plan_id},
    )


def plan_changed(figures: Figures, *, plan_id: str, monthly_tokens: int) -> Step:
    """The account on another plan, at once: never less allowance than is used already."""
    return regranted(Step(replace(figures, plan_id=plan_id)), monthly_tokens)


def rescheduled(figures: Figures, *, time_zone: str, anchor_day: int) -> Figures:
    """The account with other months, which begin when this period ends: never earlier than it would have.

    Where the present end lies in the later half of a new month, the period lasts until the next one begins: or the
    account would be granted two allowances in a short time.
    """
    end = figures.period.end
    month = period_containing(end, time_zone=time_zone, anchor_day=anchor_day)
    if end - month.start > month.end - end:
        end = month.end
    return replace(
        figures,
        time_zone=time_zone,
        anchor_day=anchor_day,
        period=replace(figures.period, end=end),
    )


def renewed(step: Step, monthly_tokens: int, now: dt.datetime, *, moved: bool = False) -> Step:
    """Let what is left lapse and grant the allowance of the period of now; months without a call are skipped.

    Args:
        step: what led here, with a period that is over.
        monthly_tokens: what the account is granted a month.
        now: a moment of the period that begins.
        moved: whether the account came to its plan by this renewal.
    """
    figures = step.figures
    period = period_containing(now, time_zone=figures.time_zone, anchor_day=figures.anchor_day)
    start = int(period.start.timestamp())
    if figures.allowance_left:
        lapsed = replace(figures, allowance_granted=figures.allowance_used)
        step = posted(step, lapsed, kind="lapse", tokens=-figures.allowance_left, key=f"lapse:{start}", details={})
    repaid = min(figures.overage, monthly_tokens)
    fresh = replace(
        step.figures,
        period=period,
        allowance_granted=monthly_tokens,
        allowance_used=repaid,
        credits_used=0,
        overage=figures.overage - repaid,
        monthly_tokens=monthly_tokens,
    )
    details = {"granted": monthly_tokens, "overage_repaid": repaid} | ({"plan": figures.plan_id} if moved else {})
    return posted(step, fresh, kind="renewal", tokens=monthly_tokens, key=f"renewal:{start}", details=details)


def regranted(step: Step, monthly_tokens: int) -> Step:
    """Grant what is granted a month now, if that is not what it was: at once."""
    if monthly_tokens == step.figures.monthly_tokens:
        return step
    return allowance_granted(
        replace(step, figures=replace(step.figures, monthly_tokens=monthly_tokens)), tokens=monthly_tokens
    )


def allowance_granted(step: Step, *, tokens: int) -> Step:
    """Let the allowance of this period be another one, but not less than is used; new room repays overage."""
    figures = step.figures
    granted = max(tokens, figures.allowance_used)
    delta = granted - figures.allowance_granted
    if not delta:
        return step
    repaid = min(figures.overage, granted - figures.allowance_used)
    changed = replace(
        figures,
        allowance_granted=granted,
        allowance_used=figures.allowance_used + repaid,
        overage=figures.overage - repaid,
    )
    details = {"plan": figures.plan_id, "granted": granted, "overage_repaid": repaid}
    key = f"plan:{figures.entries + 1}"
    return posted(step, changed, kind="plan_change", tokens=delta, key=key, details=details)
