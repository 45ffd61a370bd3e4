"""``solaris accounts``: list, show and set."""

from __future__ import annotations

from typing import Annotated

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import AnAccount, Json, Limit, existing, with_ledger
from solaris_hooks.cli.output import show_fields, show_json, show_table, shown
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.account_queries import AccountOrder, AccountsQuery
from solaris_hooks.web.answers import AccountAnswer, AccountsAnswer
from solaris_hooks.web.bodies import MAX_PAGE, AccountBody
from solaris_hooks.web.term_answers import OverrideAnswer

app = typer.Typer(help="Accounts: who may use how many tokens.", no_args_is_help=True)


@app.command("list")
def list_accounts(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    query: Annotated[str, typer.Option(help="Part of an id, e-mail or name.")] = "",
    status: Annotated[Status | None, typer.Option(help="Only those of this status.")] = None,
    plan: Annotated[str | None, typer.Option(help="Only those on this plan.")] = None,
    state: Annotated[State | None, typer.Option(help="Only those in this state of use.")] = None,
    used_after: Annotated[str | None, typer.Option(help="Last used then or later; RFC 3339.")] = None,
    used_before: Annotated[str | None, typer.Option(help="Last used before, or never; RFC 3339.")] = None,
    sort: Annotated[AccountOrder, typer.Option(help="Their order; with a minus, the other way round.")] = (
        AccountOrder.ID
    ),
    limit: Limit = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended: its next_cursor.")] = None,
    as_json: Json = False,
) -> None:
    """List accounts. The use that they are chosen and sorted by may be ten seconds old."""
    given = {
        "query": query,
        "status": status,
        "plan": plan,
        "state": state,
        "used_after": used_after,
        "used_before": used_before,
        "sort": sort,
        "limit": min(limit, MAX_PAGE),
        "cursor": cursor,
    }
    asked = AccountsQuery.model_validate({name: value for name, value in given.items() if value is not None})
    after = asked.after
    page = with_ledger(
        context,
        lambda ledger: ledger.account_list.page(
            asked.wanted, sort=sort.sort, descending=sort.descending, limit=limit, after=after
        ),
    )
    answer = AccountsAnswer(
        data=[AccountAnswer.of(each) for each in page.accounts], next_cursor=asked.next_cursor(page.next_after)
    )
    if as_json:
        show_json(answer)
        return
    show_table(
        ["account", "status", "state", "plan", "used %", "available", "held", "e-mail"],
        [
            [each.id, each.status, each.state, each.plan, each.use_percent, each.available, each.held, each.email]
            for each in answer.data
        ],
        empty="There are no such accounts.",
    )
    if answer.next_cursor:
        typer.echo(f"There are more: add --cursor {answer.next_cursor}", err=True)


@app.command("show")
def show_account(context: typer.Context, account: AnAccount, as_json: Json = False) -> None:
    """Show one account as of now."""
    show(AccountAnswer.of(with_ledger(context, lambda ledger: existing(ledger, account))), as_json=as_json)


@app.command("set")
def set_account(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    account: AnAccount,
    plan: Annotated[str | None, typer.Option(help="Its allowance applies at once.")] = None,
    status: Annotated[str | None, typer.Option(help="active, suspended, blocked or pending.")] = None,
    reason: Annotated[str | None, typer.Option(help="Why it is not active; shown to the user.")] = None,
    note: Annotated[str | None, typer.Option(help="Why it is changed; for the audit trail alone.")] = None,
    email: Annotated[str | None, typer.Option(help='"" clears it.')] = None,
    name: Annotated[str | None, typer.Option(help='"" clears it.')] = None,
    locale: Annotated[str | None, typer.Option(help="pt_BR or en.")] = None,
    time_zone: Annotated[str | None, typer.Option(help="IANA name, such as America/Sao_Paulo.")] = None,
    anchor_day: Annotated[int | None, typer.Option(help="Day of the month of the renewal, 1 to 31.")] = None,
    as_json: Json = False,
) -> None:
    """Change an account, and make it if it is missing. What is not given stays as it is."""
    given = {
        "plan": plan,
        "status": status,
        "status_reason": reason,
        "email": email,
        "name": name,
        "locale": locale,
        "time_zone": time_zone,
        "anchor_day": anchor_day,
        "reason": note,
    }
    body = AccountBody.model_validate({name: value for name, value in given.items() if value is not None})
    wanted = account_id(account)
    changed = with_ledger(
        context, lambda ledger: ledger.put_account(wanted, body.change, actor=runtime.actor(), reason=body.reason)
    )
    show(AccountAnswer.of(changed), as_json=as_json)


def show_figures(answer: AccountAnswer) -> None:
    """Write an account for people."""
    status = f"{answer.status}: {answer.status_reason}" if answer.status_reason else answer.status
    show_fields(
        [
            ("account", answer.id),
            ("name", answer.name),
            ("e-mail", answer.email),
            ("status", status),
            ("state", f"{answer.state} ({answer.use_percent} % used)"),
            ("plan", answer.plan),
            ("period", f"{answer.period.start:%Y-%m-%d %H:%MZ} to {answer.period.end:%Y-%m-%d %H:%MZ}"),
            ("time zone", answer.time_zone),
            ("language", answer.locale),
            ("allowance granted", answer.allowance.granted),
            ("allowance used", answer.allowance.used),
            ("credits", answer.credits.remaining),
            ("held", answer.held),
            ("available", answer.available),
            ("overage", answer.overage),
            ("overdraft", answer.terms.overdraft),
            ("requests at once", answer.terms.max_in_flight),
            ("models", "all" if answer.terms.allowed_models is None else ", ".join(answer.terms.allowed_models)),
            ("notices in the chat", answer.terms.notices),
            ("trial ends", answer.trial_ends_at),
            *([] if answer.member_limit is None else [("limit of members", answer.member_limit)]),
            ("plan at renewal", None if answer.scheduled_plan is None else answer.scheduled_plan.plan),
            *(_override(each) for each in answer.overrides),
        ]
    )


def _override(override: OverrideAnswer) -> tuple[str, str]:
    """A line for what is the account's own."""
    until = "for good" if override.until is None else f"until {shown(override.until)}"
    value = "no limit" if override.value is None else override.value
    return f"own {override.field.replace('_', ' ')}", f"{value}, {until}: {override.reason}"


def show(answer: AccountAnswer, *, as_json: bool) -> None:
    """Write an account, for people or for programs."""
    if as_json:
        show_json(answer)
    else:
        show_figures(answer)
