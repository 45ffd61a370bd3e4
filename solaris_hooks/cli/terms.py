"""``solaris accounts``: plan, cancel-plan, override, end-override."""

from __future__ import annotations

from typing import Annotated

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.accounts import show
from solaris_hooks.cli.invocation import AnAccount, Json, existing, with_ledger
from solaris_hooks.cli.plans import percentages
from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.ids import account_id
from solaris_hooks.quota.terms import Field
from solaris_hooks.web.answers import AccountAnswer
from solaris_hooks.web.term_bodies import OverridesBody, PlanChangeBody

Why = Annotated[str, typer.Option(help="Why; it stays in the audit trail.", show_default=False)]


def change_plan(
    context: typer.Context,
    account: AnAccount,
    plan: Annotated[str, typer.Argument(metavar="PLAN", help="Id of the plan.", show_default=False)],
    reason: Why,
    when: Annotated[str, typer.Option(help="now or renewal.")] = "now",
    pro_rata: Annotated[bool, typer.Option("--pro-rata", help="Share this period's allowance by time.")] = False,
    as_json: Json = False,
) -> None:
    """Change an account's plan, now or at its renewal."""
    body = PlanChangeBody.model_validate({"plan": plan, "when": when, "pro_rata": pro_rata, "reason": reason})
    _change_plan(context, body.change(account_id(account), runtime.actor()), as_json=as_json)


def cancel_plan(context: typer.Context, account: AnAccount, reason: Why, as_json: Json = False) -> None:
    """Cancel the change of plan that waits for the renewal, if one does."""
    present = with_ledger(context, lambda ledger: existing(ledger, account)).balance
    change = PlanChange(present.account_id, present.plan_id, runtime.actor(), at_renewal=True, reason=reason)
    _change_plan(context, change, as_json=as_json)


def override(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    account: AnAccount,
    reason: Why,
    monthly_tokens: Annotated[int | None, typer.Option(help="Allowance of every month.")] = None,
    overdraft: Annotated[int | None, typer.Option(help="Tokens that may be used beyond what was granted.")] = None,
    max_in_flight: Annotated[int | None, typer.Option(help="Requests at once.")] = None,
    allowed_models: Annotated[str | None, typer.Option(help="Patterns with commas, such as gpt-4o*,claude-*.")] = None,
    thresholds: Annotated[str | None, typer.Option(help="Percentages with commas, such as 50,100.")] = None,
    notices: Annotated[bool | None, typer.Option(help="Whether the chat tells thresholds and renewals.")] = None,
    no_limit: Annotated[
        list[str] | None, typer.Option(help="max_in_flight or allowed_models: none of it; may be repeated.")
    ] = None,
    until: Annotated[str | None, typer.Option(help="When it ends, such as 2027-01-31T23:59:59Z.")] = None,
    as_json: Json = False,
) -> None:
    """Give an account terms of its own, until a time or for good."""
    given = {
        "monthly_tokens": monthly_tokens,
        "overdraft": overdraft,
        "max_in_flight": max_in_flight,
        "allowed_models": None if allowed_models is None else allowed_models.split(","),
        "thresholds": None if thresholds is None else percentages(thresholds),
        "notices": notices,
        "until": until,
        "reason": reason,
    }
    fields = {name: value for name, value in given.items() if value is not None} | dict.fromkeys(no_limit or ())
    body = OverridesBody.model_validate(fields)
    _override(context, body.change(account_id(account), runtime.actor()), as_json=as_json)


def end_override(
    context: typer.Context,
    account: AnAccount,
    field: Annotated[Field, typer.Argument(metavar="TERM", help="Such as monthly_tokens.", show_default=False)],
    reason: Why,
    as_json: Json = False,
) -> None:
    """Let what the plan says hold again."""
    change = OverrideChange(account_id(account), runtime.actor(), reason, clear=[field])
    _override(context, change, as_json=as_json)


def _change_plan(context: typer.Context, change: PlanChange, *, as_json: bool) -> None:
    async def work(ledger: Ledger) -> Account:
        """Write to the ledger."""
        await ledger.terms.change_plan(change)
        return await existing(ledger, change.account_id)

    show(AccountAnswer.of(with_ledger(context, work)), as_json=as_json)


def _override(context: typer.Context, change: OverrideChange, *, as_json: bool) -> None:
    async def work(ledger: Ledger) -> Account:
        """Write to the ledger."""
        await ledger.terms.override(change)
        return await existing(ledger, change.account_id)

    show(AccountAnswer.of(with_ledger(context, work)), as_json=as_json)


def add_to(accounts: typer.Typer) -> None:
    """Add the commands to those of ``solaris accounts``."""
    accounts.command("plan")(change_plan)
    accounts.command("cancel-plan")(cancel_plan)
    accounts.command("override")(override)
    accounts.command("end-override")(end_override)
