"""``solaris reconcile``: LiteLLM's own logs against the books."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from typing import Annotated, Self

import typer
from pydantic import BaseModel, Field

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import ExitCode, Json
from solaris_hooks.cli.output import counted, show_json, show_line, show_table
from solaris_hooks.ledger.reconcile import EARLIEST, Cause, Question, Reconciled
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.settings import Settings

_DATE = ["%Y-%m-%d"]

LOGGED = frozenset(Cause) - {Cause.NOT_LOGGED, Cause.NOT_LOGGED_YET, Cause.ESTIMATED_ALONE}
"""Causes of calls that LiteLLM has a row of."""


class ReconciledAnswer(BaseModel):
    """Calls of one account that began on one day and have one cause; tokens before weights."""

    account_id: str
    day: dt.date
    cause: Cause
    explained: bool
    meaning: str
    calls: int
    logged_input_tokens: int
    logged_output_tokens: int
    booked_input_tokens: int
    booked_output_tokens: int
    difference: int = Field(description="Tokens booked beyond those logged.")

    @classmethod
    def of(cls, row: Reconciled) -> Self:
        """One sum."""
        return cls(
            account_id=row.account_id,
            day=row.day,
            cause=row.cause,
            explained=row.cause.explained,
            meaning=row.cause.words,
            calls=row.calls,
            logged_input_tokens=row.logged_input,
            logged_output_tokens=row.logged_output,
            booked_input_tokens=row.booked_input,
            booked_output_tokens=row.booked_output,
            difference=row.booked - row.logged,
        )


class ReconciliationAnswer(BaseModel):
    """What LiteLLM logged against what was booked."""

    ok: bool = Field(description="Whether every call is explained.")
    since: dt.date
    until: dt.date
    calls: int
    logged_tokens: int
    booked_tokens: int
    unexplained_calls: int
    calls_by_cause: dict[Cause, int]
    data: list[ReconciledAnswer] = Field(description="By account, day and cause; equal ones only where asked for.")
    more: int = Field(description="How many were left out by --limit.")


def reconcile(
    context: typer.Context,
    since: Annotated[dt.datetime, typer.Option(formats=_DATE, help="First day, in each account's time zone.")],
    until: Annotated[dt.datetime | None, typer.Option(formats=_DATE, help="Last day. Default: today.")] = None,
    account: Annotated[str | None, typer.Option(metavar="ACCOUNT", help="Of one account alone.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="List also what is equal.")] = False,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help="Lines at the most; all are counted.")] = 1000,
    as_json: Json = False,
) -> None:
    """Compare LiteLLM's own logs with the books; exit code 1 where a difference has no explanation."""
    using = runtime.settings(context.obj)
    last = (until or dt.datetime.now(dt.UTC) + EARLIEST).date()
    if last < since.date():
        raise InvalidRequestError("The last day is before the first; give --since and --until in order.", param="until")
    question = Question(
        since=since.date(),
        until=last,
        account_id=None if account is None else account_id(account),
        time_zone=using.default_time_zone,
        meter_master_key=using.meter_master_key,
        unmetered_call_types=using.unmetered_call_types,
        longest_call=dt.timedelta(seconds=using.hold_max_seconds),
    )
    answer = asyncio.run(_answered(using, question, everything=everything, limit=limit))
    if as_json:
        show_json(answer)
    else:
        _show(answer)
    if not answer.ok:
        raise typer.Exit(ExitCode.FINDING)


async def _answered(using: Settings, question: Question, *, everything: bool, limit: int) -> ReconciliationAnswer:
    calls = Counter[Cause]()
    logged = booked = left_out = 0
    data: list[ReconciledAnswer] = []
    async for row in runtime.reconciled(using, question):
        calls[row.cause] += row.calls
        logged += row.logged
        booked += row.booked
        if row.cause is Cause.EQUAL and not everything:
            continue
        if len(data) < limit:
            data.append(ReconciledAnswer.of(row))
        else:
            left_out += 1
    unexplained = sum(number for cause, number in calls.items() if not cause.explained)
    return ReconciliationAnswer(
        ok=unexplained == 0,
        since=question.since,
        until=question.until,
        calls=calls.total(),
        logged_tokens=logged,
        booked_tokens=booked,
        unexplained_calls=unexplained,
        calls_by_cause={cause: calls[cause] for cause in Cause if calls[cause]},
        data=data,
        more=left_out,
    )


def _show(answer: ReconciliationAnswer) -> None:
    if answer.data:
        show_table(
            ["account", "day", "cause", "calls", "logged", "booked", "difference", "explained"],
            [
                [
                    each.account_id,
                    each.day,
                    each.cause.value,
                    each.calls,
                    each.logged_input_tokens + each.logged_output_tokens,
                    each.booked_input_tokens + each.booked_output_tokens,
                    each.difference,
                    each.explained,
                ]
                for each in answer.data
            ],
            empty="",
        )
        show_line("")
    if answer.more:
        show_line(f"{counted(answer.more, 'line')} more: raise --limit, or name an account.")
    for cause, number in answer.calls_by_cause.items():
        mark = "" if cause.explained else "UNEXPLAINED "
        show_line(f"{counted(number, 'call')} {mark}{cause.value}: {cause.words}.")
    if answer.calls and not LOGGED & set(answer.calls_by_cause):
        show_line(
            "LiteLLM logged nothing at all in this time: see general_settings.disable_spend_logs, "
            "and the setting litellm_database_url."
        )
    tokens = f"{answer.logged_tokens:,} tokens logged, {answer.booked_tokens:,} booked"
    if answer.ok:
        show_line(f"{counted(answer.calls, 'call')}, {tokens}: every difference is explained.")
    else:
        show_line(f"{counted(answer.calls, 'call')}, {tokens}: {answer.unexplained_calls:,} without an explanation.")
