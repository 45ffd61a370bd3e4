"""``solaris requests``: list, approve and reject."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, Limit, with_ledger
from solaris_hooks.cli.output import show_fields, show_json, show_table
from solaris_hooks.credits.requests import CreditRequests
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.settings import CreditRequestLimits
from solaris_hooks.web.credit_answers import RequestAnswer, RequestsAnswer
from solaris_hooks.web.credit_bodies import ApprovalBody, RejectionBody, RequestsQuery

app = typer.Typer(help="Requests for credits: what users asked for.", no_args_is_help=True)

ARequest = Annotated[UUID, typer.Argument(metavar="REQUEST", help="Its id.", show_default=False)]


@app.command("list")
def list_requests(
    context: typer.Context,
    state: Annotated[str | None, typer.Option(help="requested, approved, rejected or cancelled.")] = None,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only requests with a lower number.")] = None,
    as_json: Json = False,
) -> None:
    """List requests, newest first; with --state requested those that wait for a decision."""
    query = RequestsQuery.model_validate({"account": account, "state": state, "before": before})
    wanted = query.wanted_account
    found = with_ledger(
        context,
        lambda ledger: ledger.requests.find(
            account_id=wanted, state=query.wanted_state, limit=limit + 1, before=query.before
        ),
    )
    answer = RequestsAnswer.of(found, limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["no.", "request", "account", "tokens", "package", "state", "at", "reason"],
        [
            [
                each.number,
                str(each.id),
                each.account_id,
                each.tokens,
                each.package,
                each.state,
                each.requested_at,
                each.reason,
            ]
            for each in answer.data
        ],
        empty="There are no such requests.",
    )
    if answer.next_before:
        typer.echo(f"There are more: add --before {answer.next_before}", err=True)


@app.command("approve")
def approve_request(
    context: typer.Context,
    request: ARequest,
    tokens: Annotated[int | None, typer.Option(help="Another number than was asked for.")] = None,
    reason: Annotated[str | None, typer.Option(help="The user reads it.")] = None,
    expires_at: Annotated[str | None, typer.Option(help="When the credits end, such as 2027-01-31T23:59:59Z.")] = None,
    as_json: Json = False,
) -> None:
    """Grant what was asked for. Approving again in the same way grants nothing more."""
    given = {"tokens": tokens, "reason": reason, "expires_at": expires_at}
    body = ApprovalBody.model_validate({name: value for name, value in given.items() if value is not None})
    decided = with_ledger(
        context,
        lambda ledger: _requests(ledger).approve(
            request, actor=runtime.actor(), tokens=body.tokens, reason=body.reason, expires_at=body.expires_at
        ),
    )
    _show(RequestAnswer.of(decided), as_json=as_json)


@app.command("reject")
def reject_request(
    context: typer.Context,
    request: ARequest,
    reason: Annotated[str, typer.Option(help="The user reads it.", show_default=False)],
    as_json: Json = False,
) -> None:
    """Say no to a request."""
    body = RejectionBody.model_validate({"reason": reason})
    decided = with_ledger(
        context, lambda ledger: _requests(ledger).reject(request, actor=runtime.actor(), reason=body.reason)
    )
    _show(RequestAnswer.of(decided), as_json=as_json)


def _requests(ledger: Ledger) -> CreditRequests:
    """Requests to decide about; the limits are for those who ask."""
    return CreditRequests(ledger.requests, limits=CreditRequestLimits())


def _show(answer: RequestAnswer, *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    show_fields(
        [
            ("request", str(answer.id)),
            ("account", answer.account_id),
            ("asked for", answer.tokens),
            ("reason", answer.reason),
            ("state", answer.state),
            ("granted", answer.granted_tokens),
            ("decided by", answer.decided_by),
            ("decision", answer.decision_reason),
        ]
    )
