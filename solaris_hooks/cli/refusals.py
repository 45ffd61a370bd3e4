"""``solaris refusals``: what was refused, and why."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from solaris_hooks.cli.invocation import Json, Limit, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.web.refusal_answers import RefusalAnswer, RefusalsAnswer
from solaris_hooks.web.refusal_queries import LocaleQuery, RefusalsQuery

app = typer.Typer(help="Requests that were refused, and why.", no_args_is_help=True)

ARefusal = Annotated[
    UUID,
    typer.Argument(metavar="REFUSAL", help="Its id: header x-solaris-refusal-id of the answer.", show_default=False),
]


@app.command("list")
def list_refusals(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    reason: Annotated[RefusalReason | None, typer.Option(help="Only for this reason.")] = None,
    model: Annotated[str | None, typer.Option(help="Only of this model.")] = None,
    since: Annotated[str | None, typer.Option(help="At or after this time, such as 2027-01-31T12:00:00Z.")] = None,
    until: Annotated[str | None, typer.Option(help="Before this time.")] = None,
    limit: Limit = 50,
    before: Annotated[str | None, typer.Option(help="Only those older than this one.")] = None,
    as_json: Json = False,
) -> None:
    """Show refusals, newest first."""
    given = {
        "account": account,
        "reason": reason,
        "model": model,
        "since": since,
        "until": until,
        "before": before,
    }
    wanted = RefusalsQuery.model_validate({name: value for name, value in given.items() if value is not None}).wanted
    answer = RefusalsAnswer.of(
        with_ledger(context, lambda ledger: ledger.refusals.find(wanted, limit=limit + 1)), limit, "en"
    )
    if as_json:
        show_json(answer)
        return
    show_table(
        ["refusal", "at", "account", "reason", "status", "times", "model", "wanted", "left", "held"],
        [
            [
                str(each.id),
                each.at,
                each.account_id,
                each.reason.value,
                each.status,
                each.count,
                each.model,
                each.asked.want if each.asked is not None else None,
                each.figures.left if each.figures is not None else None,
                each.figures.held if each.figures is not None else None,
            ]
            for each in answer.data
        ],
        empty="There are no such refusals.",
    )
    if answer.next_before:
        typer.echo(f"There are more: add --before {answer.next_before}", err=True)


@app.command("why")
def explain_refusal(
    context: typer.Context,
    refusal: ARefusal,
    locale: Annotated[str, typer.Option(help="Language of the explanation: en or pt_BR.")] = "en",
    as_json: Json = False,
) -> None:
    """Explain one refusal in plain sentences."""
    query = LocaleQuery.model_validate({"locale": locale})
    record = with_ledger(context, lambda ledger: ledger.refusals.get(refusal))
    if record is None:
        raise NotFoundError(f"There is no refusal {refusal}; it may be forgotten.", param="refusal")
    answer = RefusalAnswer.of(record, query.locale)
    if as_json:
        show_json(answer)
        return
    for each in answer.explanation:
        show_line(each)
