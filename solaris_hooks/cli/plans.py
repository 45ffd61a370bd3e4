"""``solaris plans``: list, show and set."""

from __future__ import annotations

from typing import Annotated

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, with_ledger
from solaris_hooks.cli.output import show_json, show_table
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Plan
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.web.answers import PlanAnswer, PlansAnswer
from solaris_hooks.web.bodies import PlanBody

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
def set_plan(
    context: typer.Context,
    plan: APlan,
    monthly_tokens: Annotated[int | None, typer.Option(help="Allowance of every month.", show_default=False)] = None,
    thresholds: Annotated[
        str | None, typer.Option(help="Percentages of use at which people are told, such as 80,95,100.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Change a plan, and make it if it is missing. Its accounts get the new allowance at once."""
    percentages = None if thresholds is None else _percentages(thresholds)

    async def put(ledger: Ledger) -> Plan:
        """Write to the ledger."""
        known = await ledger.plan(plan)
        tokens = known.monthly_tokens if known and monthly_tokens is None else monthly_tokens
        if tokens is None:
            raise InvalidRequestError("A new plan needs --monthly-tokens.", param="monthly_tokens")
        body = PlanBody.model_validate(
            {"monthly_tokens": tokens} | ({} if percentages is None else {"thresholds": percentages})
        )
        kept = known.thresholds if known else Plan(plan, 0).thresholds
        wanted = Plan(plan, body.monthly_tokens, tuple(kept if body.thresholds is None else body.thresholds))
        return await ledger.put_plan(wanted, actor=runtime.actor())

    _show_one(PlanAnswer.of(with_ledger(context, put)), as_json=as_json)


def _percentages(text: str) -> list[int]:
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
        ["plan", "monthly tokens", "thresholds"],
        [[each.id, each.monthly_tokens, ", ".join(f"{percent} %" for percent in each.thresholds)] for each in plans],
        empty="There are no plans.",
    )
