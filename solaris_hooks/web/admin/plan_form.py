"""The terms of a plan as fields of a form, and back."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest

from pydantic import ValidationError

from solaris_hooks.ledger.terms_json import plan_json
from solaris_hooks.quota.checks import MAX_IN_FLIGHT, MAX_PATTERNS, MAX_TOKENS, MAX_TRIAL_DAYS, checked_terms
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.plan import Plan
from solaris_hooks.quota.weights import WeightTable
from solaris_hooks.settings import ModelWeights, weight_table
from solaris_hooks.web.admin.forms import Form

EMPTY_LINES = 3
"""Lines for further weights; more appear once these are saved."""

PLAIN = ("plan_id", "monthly_tokens", "max_in_flight", "overdraft", "time_zone", "anchor_day", "trial_days")
_WEIGHTS = ("weight_pattern", "weight_input", "weight_cached", "weight_output")
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


def lines_of(form: Form, plan: Plan | None) -> Sequence[WeightLine]:
    """The lines of weights: what was typed, else those of the plan; and empty ones to write in."""
    if form.visit.form:
        lines = _typed_lines(form)
    else:
        patterns = plan.weights.patterns if plan is not None and plan.weights is not None else {}
        lines = [
            WeightLine(pattern, *(format(number.normalize(), "f") for number in (w.input, w.cached_input, w.output)))
            for pattern, w in patterns.items()
        ]
    return [*lines, *[WeightLine()] * EMPTY_LINES]


def _typed_lines(form: Form) -> list[WeightLine]:
    columns = [[each.strip() for each in form.visit.texts(name)] for name in _WEIGHTS]
    lines = [WeightLine(*line) for line in zip_longest(*columns, fillvalue="")]
    return [line for line in lines if line != WeightLine()]


def read_plan(form: Form) -> Plan | None:
    """The plan that a form describes; None where something in it cannot be, which the form then says."""
    monthly = form.whole("monthly_tokens", least=0, most=MAX_TOKENS, required=True)
    plan = Plan(
        plan_id=form.typed("plan_id").strip(),
        monthly_tokens=monthly or 0,
        thresholds=_thresholds(form),
        allowed_models=_models(form),
        max_in_flight=form.whole("max_in_flight", least=1, most=MAX_IN_FLIGHT),
        overdraft=form.whole("overdraft", least=0, most=MAX_TOKENS) or 0,
        time_zone=form.text("time_zone"),
        anchor_day=form.whole("anchor_day", least=1, most=31),
        weights=_weights(form),
        notices=form.chosen("notices"),
        trial_days=form.whole("trial_days", least=1, most=MAX_TRIAL_DAYS),
        trial_then=form.text("trial_then"),
    )
    try:
        checked_terms(plan)
    except InvalidRequestError as exc:
        form.wrong(exc.param or "plan_id", exc.param or exc.message)
    return plan if form.good else None


def _thresholds(form: Form) -> tuple[int, ...]:
    parts = form.typed("thresholds").replace("%", " ").replace(",", " ").replace(";", " ").split()
    if len(parts) > _MOST_THRESHOLDS or not all(each.isascii() and each.isdigit() and len(each) < 4 for each in parts):  # noqa: PLR2004 - 100 has three digits
        form.wrong("thresholds", "thresholds")
        return ()
    return tuple(map(int, parts))


def _models(form: Form) -> tuple[str, ...] | None:
    patterns = [each.strip() for each in form.typed("allowed_models").splitlines()]
    return tuple(each for each in patterns if each) or None


def _weights(form: Form) -> WeightTable | None:
    lines = _typed_lines(form)
    if not lines:
        return None
    patterns = [line.pattern for line in lines]
    if not all(patterns) or len(set(patterns)) < len(patterns) or len(patterns) > MAX_PATTERNS:
        form.wrong("weights", "weights")
        return None
    try:
        return weight_table({line.pattern: _model_weights(line) for line in lines})
    except ValidationError:
        form.wrong("weights", "weights")
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
