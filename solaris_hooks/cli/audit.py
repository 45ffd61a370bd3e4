"""``solaris audit``: what was changed by whom."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Annotated, Any

import typer

from solaris_hooks.cli.invocation import Json, Limit, with_ledger
from solaris_hooks.cli.output import show_json, show_table
from solaris_hooks.web.answers import AuditPageAnswer
from solaris_hooks.web.bodies import AuditQuery


def audit(  # noqa: PLR0913, PLR0917 - one for each option
    context: typer.Context,
    account: Annotated[str | None, typer.Option(help="Only of this account.")] = None,
    action: Annotated[
        str | None, typer.Option(help="Only of this kind, such as account.change or credits.grant.")
    ] = None,
    actor: Annotated[str | None, typer.Option(help="Only by this person, such as admin:maria.")] = None,
    since: Annotated[str | None, typer.Option(help="None earlier, such as 2027-01-31T00:00:00Z.")] = None,
    limit: Limit = 50,
    before: Annotated[int | None, typer.Option(min=1, help="Only changes with a lower number.")] = None,
    as_json: Json = False,
) -> None:
    """Show what people changed, newest first."""
    query = AuditQuery.model_validate(
        {"account": account, "action": action, "actor": actor, "since": since, "before": before}
    )
    wanted = query.wanted
    found = with_ledger(context, lambda ledger: ledger.trail.records(wanted, limit=limit + 1))
    answer = AuditPageAnswer.of(found, limit)
    if as_json:
        show_json(answer)
        return
    show_table(
        ["no.", "at", "by", "action", "account", "what", "reason"],
        [
            [
                each.number,
                each.at,
                each.actor,
                each.action,
                each.account_id,
                _shown(each.before, each.after),
                each.reason,
            ]
            for each in answer.data
        ],
        empty="Nothing was changed.",
    )
    if answer.next_before:
        typer.echo(f"There are more: add --before {answer.next_before}", err=True)


def _shown(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> str:
    """The fields that changed: `name: old -> new`."""
    was, became = before or {}, after or {}
    return ", ".join(
        f"{name}: {json.dumps(was[name], ensure_ascii=False)} -> {json.dumps(value, ensure_ascii=False)}"
        if name in was
        else f"{name}: {json.dumps(value, ensure_ascii=False)}"
        for name, value in became.items()
    )
