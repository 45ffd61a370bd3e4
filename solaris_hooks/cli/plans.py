"""``solaris plans``: list, show and set."""

from __future__ import annotations

import json
from typing import Annotated

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, with_ledger
from solaris_hooks.cli.output import counted, show_json, show_table
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Plan
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.web.bodies import PlanBody
from solaris_hooks.web.term_answers import PlanAnswer, PlansAnswer

app = typer.Typer(help="Plans: the allowance of every month.", no_args_is_help=True)
APlan = Annotated[str, typer.Argument(metavar="PLAN", help="Id of the plan.", show_default=False)]


@app.command("list")
def list_plans(context: typer.Context, as_json: Json = False) -> None:
    """List all plans."""
    answer = PlansAnswer(data=[PlanAnswer.of(plan) for plan in with_ledger(context, lambda ledger: ledger.plans())])
    if as_json:
        show_json(answer)
    else:
        _show(answer.data)


@app.command("show")
def show_plan(context: typer.Context, plan: APlan, as_json: Json = False) -> None:
    """Show one plan."""

    async def read(ledger: Ledger) -> Plan:
        """Read from the ledger."""
        found = await ledger.plan(plan)
        if found is None:
            raise NotFoundError(f'There is no plan "{plan}"; `solaris plans list` shows all.', param="plan_id")
        return found

    _show_one(PlanAnswer.of(with_ledger(context, read)), as_json=as_json)


@app.command("set")
def set_plan(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    plan: APlan,
    monthly_tokens: Annotated[int | None, typer.Option(help="Allowance of every month.", show_default=False)] = None,
    thresholds: Annotated[
        str | None, typer.Option(help="Percentages of use at which people are told, such as 80,95,100.")
    ] = None,
    allowed_models: Annotated[str | None, typer.Option(help="Patterns with commas, such as gpt-4o*,claude-*.")] = None,
    max_in_flight: Annotated[int | None, typer.Option(help="Requests at once.")] = None,
    overdraft: Annotated[int | None, typer.Option(help="Tokens that may be used beyond what was granted.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="Of new accounts of the plan: an IANA name.")] = None,
    anchor_day: Annotated[int | None, typer.Option(help="Of new accounts of the plan: 1 to 31.")] = None,
    weights: Annotated[str | None, typer.Option(help='JSON, such as {"gpt-4o*": {"input": "0.376"}}.')] = None,
    notices: Annotated[bool | None, typer.Option(help="Whether the chat tells thresholds and renewals.")] = None,
    trial_days: Annotated[int | None, typer.Option(help="Days after which an account leaves the plan.")] = None,
    trial_then: Annotated[str | None, typer.Option(help="The plan that follows a trial.")] = None,
    clear: Annotated[
        list[str] | None, typer.Option(help="A term to take away, such as max_in_flight; may be repeated.")
    ] = None,
    reason: Annotated[str | None, typer.Option(help="Why; it stays in the audit trail.")] = None,
    as_json: Json = False,
) -> None:
    """Change a plan, and make it if it is missing. Its accounts get the new allowance at once."""
    given = {
        "monthly_tokens": monthly_tokens,
        "thresholds": None if thresholds is None else percentages(thresholds),
        "allowed_models": None if allowed_models is None else allowed_models.split(","),
        "max_in_flight": max_in_flight,
        "overdraft": overdraft,
        "time_zone": time_zone,
        "anchor_day": anchor_day,
        "weights": None if weights is None else _object(weights),
        "notices": notices,
        "trial_days": trial_days,
        "trial_then": trial_then,
        "reason": reason,
    }
    fields = {name: value for name, value in given.items() if value is not None} | dict.fromkeys(clear or ())

    async def put(ledger: Ledger) -> Plan:
        """Write to the ledger."""
        known = await ledger.plan(plan)
        if known is None and monthly_tokens is None:
            raise InvalidRequestError("A new plan needs --monthly-tokens.", param="monthly_tokens")
        kept = {} if known is None else {"monthly_tokens": known.monthly_tokens}
        body = PlanBody.model_validate(kept | fields)
        return await ledger.put_plan(body.over(plan, known), actor=runtime.actor(), reason=body.reason)

    _show_one(PlanAnswer.of(with_ledger(context, put)), as_json=as_json)


def _object(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError as exc:
        raise InvalidRequestError(
            'Write weights as JSON, such as {"gpt-4o*": {"input": "0.376", "output": "1.5"}}.', param="weights"
        ) from exc


def percentages(text: str) -> list[int]:
    """Thresholds as they are written: 80,95,100.

    Raises:
        InvalidRequestError: they are not.
    """
    try:
        return [int(each) for each in text.split(",")]
    except ValueError as exc:
        raise InvalidRequestError(
            "Write thresholds as whole percentages with commas, such as 80,95,100.", param="thresholds"
        ) from exc


def _show_one(plan: PlanAnswer, *, as_json: bool) -> None:
    if as_json:
        show_json(plan)
    else:
        _show([plan])


def _show(plans: list[PlanAnswer]) -> None:
    show_table(
        ["plan", "monthly tokens", "thresholds", "overdraft", "at once", "models", "trial"],
        [
            [
                each.id,
                each.monthly_tokens,
                ", ".join(f"{percent} %" for percent in each.thresholds),
                each.overdraft,
                each.max_in_flight,
                "all" if each.allowed_models is None else ", ".join(each.allowed_models),
                _trial(each),
            ]
            for each in plans
        ],
        empty="There are no plans.",
    )


def _trial(plan: PlanAnswer) -> str | None:
    """How a plan ends, if it does."""
    if plan.trial_days is None:
        return None
    return f"{counted(plan.trial_days, 'day')}, then {plan.trial_then or 'suspended'}"
