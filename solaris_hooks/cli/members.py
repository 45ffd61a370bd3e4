"""``solaris members``: list and set."""

from __future__ import annotations

from typing import Annotated

import typer

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import Json, Limit, existing, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table, shown
from solaris_hooks.ledger.members import LimitChange, MemberPage
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.ids import account_id, member_id
from solaris_hooks.web.member_answers import MembersAnswer
from solaris_hooks.web.member_bodies import DefaultLimitBody, MemberLimitBody, MembersQuery

app = typer.Typer(help="Members of teams that share an account.", no_args_is_help=True)

Team = Annotated[str, typer.Argument(metavar="TEAM", help="team:<team_id>.", show_default=False)]


@app.command("list")
def list_members(
    context: typer.Context,
    team: Team,
    limit: Limit = 50,
    cursor: Annotated[str | None, typer.Option(help="Where the page before ended: its next_cursor.")] = None,
    as_json: Json = False,
) -> None:
    """List a team's members with what each may use, has used and holds."""
    after = MembersQuery(cursor=cursor).after

    async def work(ledger: Ledger) -> tuple[Account, MemberPage]:
        """Read the account and a page of its members."""
        account = await existing(ledger, team)
        return account, await ledger.members.page(account.balance.account_id, limit=limit, after=after)

    account, page = with_ledger(context, work)
    answer = MembersAnswer.of(page, account.balance, account.member_limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["member", "limit", "own", "used", "held", "remaining", "e-mail"],
        [
            [each.member_id, _limit(each.limit), each.limit_is_own, each.used, each.held, each.remaining, each.email]
            for each in answer.data
        ],
        empty="Nobody has drawn from this account yet.",
    )
    typer.echo(f"Without a limit of one's own: {_limit(answer.default_limit)}", err=True)
    if answer.next_cursor:
        typer.echo(f"There are more: add --cursor {answer.next_cursor}", err=True)


@app.command("set")
def set_limit(
    context: typer.Context,
    team: Team,
    limit: Annotated[
        str, typer.Option(help="Tokens of a period; none for no limit; default for the team's.", show_default=False)
    ],
    reason: Annotated[str, typer.Option(help="Why; it stays in the audit trail.", show_default=False)],
    member: Annotated[
        str | None, typer.Argument(metavar="[MEMBER]", help="user:<user_id> or key:<hash>.", show_default=False)
    ] = None,
) -> None:
    """Limit one member, or, without MEMBER, all who have no limit of their own."""
    change = _change(team, member, {"limit": _tokens(limit), "reason": reason})
    with_ledger(context, lambda ledger: ledger.members.put_limit(change))
    show_line(f"{change.member_id or change.team}: {limit}")


def _change(team: str, member: str | None, given: dict[str, object]) -> LimitChange:
    """What the arguments ask for."""
    if member is None:
        return DefaultLimitBody.model_validate(given).change(account_id(team), runtime.actor())
    return MemberLimitBody.model_validate(given).change(account_id(team), member_id(member), runtime.actor())


def _tokens(limit: str) -> int | str | None:
    """A limit as bodies take it; what is no number is left to them to refuse."""
    if limit == "none":
        return None
    return int(limit) if limit.isascii() and limit.isdigit() else limit


def _limit(limit: int | None) -> str:
    return "none" if limit is None else shown(limit)
