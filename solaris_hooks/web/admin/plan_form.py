"""The terms of a plan as fields of a form, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pydantic import ValidationError

from solaris_hooks.ledger.terms_json import plan_json
from solaris_hooks.quota.checks import MAX_IN_FLIGHT, MAX_PATTERNS, MAX_TRIAL_DAYS, checked_terms
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.plan import Plan
from solaris_hooks.quota.weights import WeightTable
from solaris_hooks.settings import ModelWeights, weight_table
from solaris_hooks.web.admin.forms import Fields, Problem

EMPTY_LINES = 3
"""Lines for further weights; more appear once these are saved."""

PLAIN = ("plan_id", "monthly_tokens", "max_in_flight", "overdraft", "time_zone", "anchor_day", "trial_days")
_WEIGHTS = ("weight_pattern", "weight_input", "weight_cached", "weight_output")
_PROBLEMS = {
    "plan_id": Problem.PLAN_ID,
    "thresholds": Problem.THRESHOLDS,
    "allowed_models": Problem.PATTERNS,
    "time_zone": Problem.TIME_ZONE,
    "trial_days": Problem.TRIAL_DAYS,
    "trial_then": Problem.TRIAL_THEN,
}
_MOST_THRESHOLDS = 21
"""One more than there may be, so that too many are refused, not cut."""


@dataclass(frozen=True, slots=True)
class WeightLine:
    """Weights of one pattern, as text."""

    pattern: str = ""
    input: str = ""
    cached: str = ""
    output: str = ""


def values_of(plan: Plan) -> Mapping[str, object]:
    """What stands in the fields of a plan as it is."""
    return {
        **{name: getattr(plan, name) for name in PLAIN},
        "thresholds": ", ".join(map(str, plan.thresholds)),
        "allowed_models": "\n".join(plan.allowed_models or ()),
        "notices": plan.notices,
        "trial_then": plan.trial_then or "",
    }


def lines_of(fields: Fields, plan: Plan | None) -> Sequence[WeightLine]:
    """The lines of weights: what was typed, else those of the plan; and empty ones to write in."""
    if fields.visit.form:
        lines = _typed_lines(fields)
    else:
        patterns = plan.weights.patterns if plan is not None and plan.weights is not None else {}
        lines = [
            WeightLine(pattern, *(format(number.normalize(), "f") for number in (w.input, w.cached_input, w.output)))
            for pattern, w in patterns.items()
        ]
    return [*lines, *[WeightLine()] * EMPTY_LINES]


def _typed_lines(fields: Fields) -> list[WeightLine]:
    columns = [[each.strip() for each in fields.visit.texts(name)] for name in _WEIGHTS]
    lines = [WeightLine(*line) for line in zip_longest(*columns, fillvalue="")]
    return [line for line in lines if line != WeightLine()]


def read_plan(fields: Fields) -> Plan | None:
    """The plan that a form describes; None where something in it cannot be, which the form then says."""
    monthly = fields.whole("monthly_tokens")
    plan = Plan(
        plan_id=fields.typed("plan_id"),
        monthly_tokens=monthly or 0,
        thresholds=_thresholds(fields),
        allowed_models=_models(fields),
        max_in_flight=fields.whole("max_in_flight", least=1, most=MAX_IN_FLIGHT, required=False),
        overdraft=fields.whole("overdraft", required=False) or 0,
        time_zone=fields.text("time_zone", required=False) or None,
        anchor_day=fields.whole("anchor_day", least=1, most=31, required=False),
        weights=_weights(fields),
        notices=fields.ticked("notices"),
        trial_days=fields.whole("trial_days", least=1, most=MAX_TRIAL_DAYS, required=False),
        trial_then=fields.text("trial_then", required=False) or None,
    )
    try:
        checked_terms(plan)
    except InvalidRequestError as exc:
        name = exc.param or "plan_id"
        fields.problems.setdefault(name, _PROBLEMS.get(name, Problem.UNKNOWN))
    return plan if fields.ok else None


def _thresholds(fields: Fields) -> tuple[int, ...]:
    parts = fields.typed("thresholds").replace("%", " ").replace(",", " ").replace(";", " ").split()
    if len(parts) > _MOST_THRESHOLDS or not all(each.isascii() and each.isdigit() and len(each) < 4 for each in parts):  # noqa: PLR2004 - 100 has three digits
        fields.problems["thresholds"] = Problem.THRESHOLDS
        return ()
    return tuple(map(int, parts))


def _models(fields: Fields) -> tuple[str, ...] | None:
    patterns = [each.strip() for each in fields.typed("allowed_models").splitlines()]
    return tuple(each for each in patterns if each) or None


def _weights(fields: Fields) -> WeightTable | None:
    lines = _typed_lines(fields)
    if not lines:
        return None
    patterns = [line.pattern for line in lines]
    if not all(patterns) or len(set(patterns)) < len(patterns) or len(patterns) > MAX_PATTERNS:
        fields.problems["weights"] = Problem.WEIGHTS
        return None
    try:
        return weight_table({line.pattern: _model_weights(line) for line in lines})
    except ValidationError:
        fields.problems["weights"] = Problem.WEIGHTS
        return None


def _model_weights(line: WeightLine) -> ModelWeights:
    said = {"input": line.input, "cached_input": line.cached, "output": line.output}
    return ModelWeights.model_validate({name: text.replace(",", ".") for name, text in said.items() if text})


def digest_of(plan: Plan | None) -> str:
    """What a plan is, in short: whoever saves a form says from what he began."""
    if plan is None:
        return "new"
    return hashlib.sha256(json.dumps(plan_json(plan), sort_keys=True).encode()).hexdigest()[:32]


def changes(before: Plan | None, after: Plan) -> Sequence[tuple[str, object, object]]:
    """The terms that are not the same: name, as it was (None where there was no plan), as it becomes."""
    known = plan_json(before) if before is not None else {}
    return [
        (name, known.get(name), value)
        for name, value in plan_json(after).items()
        if before is None or value != known[name]
    ]
