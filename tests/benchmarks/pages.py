"""What administrators' pages ask for, over books of many accounts and calls: each against 100 ms."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import psycopg
import uvloop

from deploy.local.checkout import say
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.account_list import AccountFilter, AccountSort, Place
from solaris_hooks.ledger.front_page import FrontPage, TrendUnit
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.usage_reports import ReportGrouping, ReportQuery, ReportUnit
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.costs import Costs, CostTable
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.weights import ONE

from . import filling
from .machine import Neighbours
from .page_books import Further, Landmarks, fill_further
from .rendered import Page, browser, pages_of

ZONE = "America/Sao_Paulo"
GOAL_MS = 100.0
MODELS = 8
TEAMS = 100
DAYS = 60
_COSTS = CostTable({"*": Costs(ONE, ONE, ONE)}, currency="USD")

_CALLS = """
    INSERT INTO solaris.usage (
        account_id, hold_id, status, model, source, charge, overage, input_tokens, cached_input_tokens,
        output_tokens, reasoning_tokens, held, held_at, ended_at, team_id)
    SELECT
        'user:bench-' || n, gen_random_uuid(), 'settled', 'model-' || (n + i) %% %(models)s, 'provider', 640, 0, 600, 0,
        40, 0, 5000, at, at, 'team-' || n %% %(teams)s
    FROM generate_series(%(first)s::integer, %(last)s::integer) AS i, generate_series(1, %(accounts)s) AS n,
        LATERAL (SELECT now() - (i + n / %(accounts)s::float8) * interval '1 day' * %(days)s / %(calls)s AS at) AS t
"""
_DAILY = """
    INSERT INTO solaris.usage_daily (
        account_id, day, model, requests, estimated_requests, input_tokens, cached_input_tokens, output_tokens, charge)
    SELECT u.account_id, (u.ended_at AT TIME ZONE 'America/Sao_Paulo')::date, u.model, count(*), 0,
        sum(u.input_tokens), 0, sum(u.output_tokens), sum(u.charge)
    FROM solaris.usage AS u WHERE u.model LIKE 'model-%'
    GROUP BY 1, 2, 3
"""
_FIGURES = """
    UPDATE solaris.accounts SET
        allowance_used = (hashtext(account_id) & 65535)::bigint * 1000000 / 65535,
        last_used_at = now() - (hashtext(account_id) & 4095) * interval '10 minutes',
        created_at = now() - (hashtext(account_id) & 1048575) * interval '1 second',
        status = CASE WHEN hashtext(account_id) %% 500 = 0 THEN 'suspended' ELSE 'active' END
"""


@dataclass(frozen=True, slots=True)
class Effort:
    """How large the books are, and how often each page is asked for.

    Attributes:
        calls: of each account.
    """

    accounts: int
    calls: int
    times: int
    further: Further


FULL = Effort(accounts=100_000, calls=100, times=20, further=Further(100_000, 100_000, 20_000, 5_000))
QUICK = Effort(accounts=10_000, calls=20, times=5, further=Further(10_000, 10_000, 2_000, 500))


@dataclass(frozen=True, slots=True)
class Outcome:
    """Milliseconds, in order of what was asked.

    Attributes:
        took: of what pages read from the books.
        rendered: of whole pages.
        seconds_to_fill: how long making the books took.
        calls_a_second: how fast the job adds what was settled to the totals.
        round_ms: a round of the job where nothing is new.
    """

    took: Mapping[str, Sequence[float]]
    rendered: Mapping[Page, Sequence[float]]
    seconds_to_fill: float
    calls_a_second: float
    round_ms: float
    neighbours: Sequence[float]


def measure(server: EmbeddedPostgres, effort: Effort) -> Outcome:
    """Make the books, bring the totals up to now, and ask for each page."""
    say(f"making {effort.accounts:,} accounts with {effort.accounts * effort.calls:,} calls")
    began = time.monotonic()
    url = fresh_database(server)
    migrate(url)
    filling.fill(url, effort.accounts)
    _fill(url, effort)
    marks = asyncio.run(fill_further(url, effort.accounts, effort.further))
    seconds = time.monotonic() - began
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_asked(url, effort, marks, seconds))


def _fill(url: str, effort: Effort) -> None:
    figures = {"models": MODELS, "teams": TEAMS, "accounts": effort.accounts, "calls": effort.calls, "days": DAYS}
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET synchronous_commit = off")
        connection.execute("SET work_mem = '256MB'")
        connection.execute(_FIGURES, {})
        for first in range(1, effort.calls + 1, 10):
            connection.execute(_CALLS, figures | {"first": first, "last": min(first + 9, effort.calls)})
        connection.execute(_DAILY)
        connection.execute(
            "UPDATE solaris.account_summaries AS s SET use_percent = f.use_percent, used = f.used, "
            "remaining = f.remaining, last_used_at = f.last_used_at, created_at = f.created_at "
            "FROM solaris.accounts AS a CROSS JOIN LATERAL solaris.summary_v1(a) AS f WHERE s.account_id = a.account_id"
        )
        for table in ("accounts", "account_summaries", "usage", "usage_daily"):
            connection.execute(f"VACUUM (ANALYZE) solaris.{table}".encode())


async def _asked(url: str, effort: Effort, marks: Landmarks, seconds: float) -> Outcome:
    ledger = PostgresLedger(url)
    try:
        began = time.monotonic()
        for _ in range(2):  # the first one sets the moment up to which the second one goes
            while await ledger.rollup.roll_up():
                pass
        calls_a_second = effort.accounts * effort.calls / (time.monotonic() - began)
        await ledger.rollup.round(time_zone=ZONE)
        began = time.perf_counter()
        await ledger.rollup.round(time_zone=ZONE)
        round_ms = (time.perf_counter() - began) * 1000
        took: dict[str, list[float]] = {}
        neighbours = []
        for number in range(-1, effort.times):  # the first one warms up
            look = Neighbours.now()
            for what, ask in _questions(ledger).items():
                began = time.perf_counter()
                await ask()
                if number >= 0:
                    took.setdefault(what, []).append((time.perf_counter() - began) * 1000)
            neighbours.append(Neighbours.now().share_since(look))
        rendered = await _rendered(ledger, url, pages_of(marks), effort.times, neighbours)
        return Outcome(took, rendered, seconds, calls_a_second, round_ms, neighbours)
    finally:
        await ledger.close()


async def _rendered(
    ledger: PostgresLedger, url: str, pages: Sequence[Page], times: int, neighbours: list[float]
) -> Mapping[Page, Sequence[float]]:
    took: dict[Page, list[float]] = {}
    async with browser(ledger, url) as somebody:
        for number in range(-1, times):  # the first one warms up: templates are compiled
            look = Neighbours.now()
            for page in pages:
                milliseconds = await somebody.ask(page)
                if number >= 0:
                    took.setdefault(page, []).append(milliseconds)
            neighbours.append(Neighbours.now().share_since(look))
    return took


def _questions(ledger: PostgresLedger) -> Mapping[str, Callable[[], Awaitable[object]]]:
    page = FrontPage(ledger.totals, _COSTS)
    today = dt.datetime.now(dt.UTC).date()
    month = today.replace(day=1)
    return {
        "overview": lambda: page.figures(ZONE),
        "trend, 48 hours": lambda: page.trend(TrendUnit.HOUR, 48, ZONE),
        "trend, 90 days": lambda: page.trend(TrendUnit.DAY, 90, ZONE),
        "trend, 12 months": lambda: page.trend(TrendUnit.MONTH, 12, ZONE),
        "models of this month": lambda: page.use(month, today, ZONE),
        "who used most, 30 days": lambda: page.top_accounts(today - dt.timedelta(days=29), today),
        **_lists(ledger),
        **_reports(ledger, today),
    }


def _lists(ledger: PostgresLedger) -> Mapping[str, Callable[[], Awaitable[object]]]:
    lists = ledger.account_list
    middle = {
        AccountSort.ID: "",
        AccountSort.USE_PERCENT: "50",
        AccountSort.USED: "500000",
        AccountSort.REMAINING: "500000",
        AccountSort.LAST_USED: (dt.datetime.now(dt.UTC) - dt.timedelta(days=14)).isoformat(),
        AccountSort.CREATED: (dt.datetime.now(dt.UTC) - dt.timedelta(days=6)).isoformat(),
    }
    asked: dict[str, Callable[[], Awaitable[object]]] = {}
    for sort, value in middle.items():
        place = Place(value, account("5"))
        asked[f"list by {sort.value}, last first"] = lambda sort=sort: lists.page(  # type: ignore[misc]
            AccountFilter(), sort=sort, descending=True
        )
        asked[f"list by {sort.value}, from the middle"] = lambda sort=sort, place=place: lists.page(  # type: ignore[misc]
            AccountFilter(), sort=sort, after=place
        )
    filters = {
        "suspended": AccountFilter(status=Status.SUSPENDED),
        "critical": AccountFilter(state=State.CRITICAL),
        "of a plan": AccountFilter(plan_id="default"),
        "of no plan": AccountFilter(plan_id="nobody-has-it"),
        "unused for two weeks": AccountFilter(used_before=dt.datetime.now(dt.UTC) - dt.timedelta(days=14)),
        "search: ten have it": AccountFilter(query=filling.RARE),
        "search: nobody has it": AccountFilter(query="qqwxz"),
        "search: every account has it": AccountFilter(query="@EXAMPLE"),
        "search: a few thousand have it": AccountFilter(query="bench-77"),
    }
    for name, wanted in filters.items():
        for sort in (AccountSort.USE_PERCENT, AccountSort.LAST_USED):
            asked[f"list by {sort.value}, {name}"] = lambda sort=sort, wanted=wanted: lists.page(  # type: ignore[misc]
                wanted, sort=sort, descending=True
            )
    return asked


def account(number: str) -> AccountId:
    """One of the accounts."""
    return AccountId(f"user:bench-{number}")


def _reports(ledger: PostgresLedger, today: dt.date) -> Mapping[str, Callable[[], Awaitable[object]]]:
    reports = ledger.usage_reports(_COSTS)

    async def first_rows(query: ReportQuery) -> None:
        """What a page shows of a report: a hundred rows."""
        rows = reports.rows(query)
        for _ in range(100):
            if await anext(rows, None) is None:
                break

    first = today - dt.timedelta(days=29)
    asked: dict[str, Callable[[], Awaitable[object]]] = {}
    for by in ReportGrouping:
        for unit in (ReportUnit.WHOLE, ReportUnit.DAY):
            query = ReportQuery(by, first, today, unit)
            asked[f"report by {by.value}, 30 days, {unit.value}: first rows"] = lambda query=query: first_rows(query)  # type: ignore[misc]
    return asked
