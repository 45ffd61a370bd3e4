"""Terms of accounts between the JSON that PostgreSQL keeps and the rules' own types."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping
from dataclasses import fields
from decimal import Decimal
from functools import lru_cache
from typing import Any

from solaris_hooks.quota.plan import Plan
from solaris_hooks.quota.terms import Field, Override, OverrideValue, ScheduledPlan, Standing, Terms
from solaris_hooks.quota.weights import Weights, WeightTable

KINDS_OF_TERMS = 1024
"""Different terms that a process keeps parsed: there are about as many as there are plans."""


@lru_cache(maxsize=KINDS_OF_TERMS)
def terms(overdraft: int, max_in_flight: int | None, others: str | None) -> Terms:
    """Terms from the columns of an account.

    Args:
        overdraft: tokens.
        max_in_flight: requests.
        others: ``{"allowed_models": [...], "weights": {...}}``, each or all of it null.
    """
    said = json.loads(others) if others is not None else {}
    models, weights = said.get("allowed_models"), said.get("weights")
    return Terms(
        allowed_models=None if models is None else tuple(models),
        max_in_flight=max_in_flight,
        overdraft=overdraft,
        weights=None if weights is None else weights_of(weights),
    )


def plan_json(plan: Plan) -> Mapping[str, object]:
    """A plan's terms as the audit trail has them."""
    facts = {each.name: getattr(plan, each.name) for each in fields(plan) if each.name != "plan_id"}
    return facts | {
        "thresholds": list(plan.thresholds),
        "allowed_models": None if plan.allowed_models is None else list(plan.allowed_models),
        "weights": None if plan.weights is None else weights_json(plan.weights),
    }


def weights_json(table: WeightTable) -> Mapping[str, Mapping[str, str]]:
    """Weights by pattern, in order, each as exact decimal text."""
    return {
        pattern: {"input": str(each.input), "cached_input": str(each.cached_input), "output": str(each.output)}
        for pattern, each in table.patterns.items()
    }


def weights_of(said: Mapping[str, Mapping[str, str]]) -> WeightTable:
    """The table that :func:`weights_json` wrote."""
    return WeightTable(
        {pattern: Weights(**{name: Decimal(text) for name, text in each.items()}) for pattern, each in said.items()}
    )


def standing(row: Mapping[str, Any]) -> Standing:
    """What an account's terms follow from, of the columns of ``solaris.accounts``."""
    planned = row["scheduled"]
    overrides = [
        Override(
            field=Field(name),
            value=_value(own["value"]),
            until=None if own["until"] is None else _instant(own["until"]),
            reason=own["reason"],
            actor=own["actor"],
            at=_instant(own["at"]),
        )
        for name, own in row["overrides"].items()
    ]
    trial_ends_at = row["trial_ends_at"]
    return Standing(
        plan_id=row["adopted_plan_id"],
        overrides=tuple(sorted(overrides, key=lambda each: each.field)),
        scheduled=None
        if planned is None
        else ScheduledPlan(planned["plan"], planned["reason"], planned["actor"], _instant(planned["at"])),
        trial_ends_at=None if trial_ends_at is None else trial_ends_at.astimezone(dt.UTC),
    )


def jsonable(value: OverrideValue) -> object:
    """The value of an override as JSON has it."""
    return list(value) if isinstance(value, tuple) else value


def instant_text(instant: dt.datetime) -> str:
    """A time as the JSON of the schema has it."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _value(value: Any) -> OverrideValue:
    return tuple(value) if isinstance(value, list) else value


def _instant(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).astimezone(dt.UTC)
