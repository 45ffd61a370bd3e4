"""Looks over all accounts: reports and alarms, each told once."""

from __future__ import annotations

import asyncio
import datetime as dt

import pytest

from solaris_hooks.alerts.anomalies import ACTOR, look_for_anomalies
from solaris_hooks.alerts.delivery import Audience, ChannelName, Delivery
from solaris_hooks.alerts.mail.mails import Mails
from solaris_hooks.alerts.mail.templates import Templates
from solaris_hooks.alerts.reports import monthly_report, send_digest
from solaris_hooks.anomaly_settings import AnomalyAction, AnomalySettings
from solaris_hooks.ledger.account_terms import OverrideChange
from solaris_hooks.ledger.audit_trail import AuditFilter
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.terms import Field

from .world import ANA, BIA, Clock, World

CID = AccountId("user:cid")
ZONE = "America/Sao_Paulo"


@pytest.fixture
def books(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    """PostgreSQL's ledger, empty, with short words for it."""
    return World(postgres_ledger, clock)


async def told(ledger: PostgresLedger, kind: EventKind) -> list[Event]:
    return [event for event in await ledger.events() if event.kind is kind]


def mailed(event: Event) -> str:
    """The text of the mail that an administrator gets of it."""
    delivery = Delivery(
        event.event_id, ChannelName.MAIL, "root@example.org", Audience.ADMINISTRATOR, event, "pt_BR", ZONE
    )
    return Mails(Templates(), brand="x", public_url="", usage=None).render_with(delivery, projection=None).text


async def test_the_digest_names_who_is_near_the_limit_once_a_day(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.plan(1000)
    for account_id, charge in ((ANA, 850), (BIA, 990), (CID, 799)):
        await books.use(charge, account_id=account_id)
    assert await send_digest(postgres_ledger.overview, now=clock.now, time_zone=ZONE)
    assert not await send_digest(postgres_ledger.overview, now=clock.now, time_zone=ZONE)
    (event,) = await told(postgres_ledger, EventKind.REPORT_DIGEST)
    assert event.account_id is None
    assert (event.details["day"], event.details["more"]) == ("2026-01-15", 0)
    assert event.details["accounts"] == [
        {"account": BIA, "name": None, "percent": 99, "remaining": 10, "period_end": "2026-02-01T03:00:00Z"},
        {"account": ANA, "name": None, "percent": 85, "remaining": 150, "period_end": "2026-02-01T03:00:00Z"},
    ]
    assert "user:bia | 99% | 10 | 1 de fevereiro de 2026" in mailed(event)
    clock.wait(days=1)
    assert await send_digest(postgres_ledger.overview, now=clock.now, time_zone=ZONE)


async def test_a_digest_made_at_once_by_many_processes_is_one(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.plan(1000)
    await books.use(900)
    made = await asyncio.gather(
        *(send_digest(postgres_ledger.overview, now=clock.now, time_zone=ZONE) for _ in range(5))
    )
    assert sum(made) == 1


async def test_nobody_near_the_limit_makes_no_digest(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.use(1)
    assert not await send_digest(postgres_ledger.overview, now=clock.now, time_zone=ZONE)


async def test_accounts_that_renew_at_their_next_look_are_not_near_the_limit(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.plan(1000)
    await books.use(990)
    clock.set("2026-02-03 12:00")
    assert not await send_digest(postgres_ledger.overview, now=clock.now, time_zone=ZONE)


async def test_the_digest_names_a_limited_number(books: World, postgres_ledger: PostgresLedger) -> None:
    await books.plan(1000)
    for number in range(4):
        await books.use(900 + number, account_id=AccountId(f"user:{number}"))
    named, found = await postgres_ledger.overview.near_limit(from_percent=80, limit=3)
    assert ([each.account_id for each in named], found) == (["user:3", "user:2", "user:1"], 4)


async def test_the_monthly_report_adds_up_the_last_month(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await books.plan(5000, "pro")
    clock.set("2026-01-01 02:59")  # still December in São Paulo
    await books.use(7)
    clock.set("2026-01-15 12:00")
    await books.ledger.put_account(BIA, AccountChange(plan_id="pro", name="Bia"), actor="admin:root")
    await books.use(100)
    await books.use(300, account_id=BIA)
    clock.set("2026-02-01 02:59")
    await books.use(50)
    clock.set("2026-02-01 12:00")
    await books.use(1)
    assert await monthly_report(postgres_ledger.overview, now=clock.now, time_zone=ZONE)
    assert not await monthly_report(postgres_ledger.overview, now=clock.now, time_zone=ZONE)
    (event,) = await told(postgres_ledger, EventKind.REPORT_MONTHLY)
    assert event.details == {
        "month": "2026-01",
        "tokens": 450,
        "requests": 3,
        "estimated_requests": 0,
        "active_accounts": 2,
        "plans": [
            {"plan": "pro", "accounts": 1, "requests": 1, "tokens": 300, "estimated_requests": 0},
            {"plan": "default", "accounts": 1, "requests": 2, "tokens": 150, "estimated_requests": 0},
        ],
        "users": [
            {"account": BIA, "name": "Bia", "plan": "pro", "requests": 1, "tokens": 300},
            {"account": ANA, "name": None, "plan": "default", "requests": 2, "tokens": 150},
        ],
        "models": [{"model": "gpt-4o", "requests": 3, "tokens": 450}],
    }
    assert "Consumo de janeiro de 2026: 450 tokens" in mailed(event)


async def wild_day(books: World, clock: Clock) -> None:
    """Three weeks of even use, then ten times as much in a day."""
    for _ in range(20):
        await books.use(10_000)
        await books.use(10_000, account_id=BIA)
        clock.wait(days=1)
    await books.use(100_000)
    await books.use(39_000, account_id=BIA)


async def test_use_far_above_the_pattern_is_told_once_a_day(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await wild_day(books, clock)
    settings = AnomalySettings()
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 1
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 0
    (event,) = await told(postgres_ledger, EventKind.ANOMALY_DETECTED)
    assert event.account_id == ANA
    details = event.details
    assert (details["today"], details["usual"], details["action"]) == (100_000, 10_000, "none")
    assert details["plan"] == "default"
    assert "muito mais que o maior dia que lhe é habitual, de 10.000." in mailed(event)
    account = await postgres_ledger.account(ANA)
    assert account is not None
    assert account.balance.status is Status.ACTIVE


async def test_an_account_may_be_suspended_for_it_and_is_left_alone_once_reactivated(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await wild_day(books, clock)
    settings = AnomalySettings(action=AnomalyAction.SUSPEND)
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 1
    account = await postgres_ledger.account(ANA)
    assert account is not None
    assert account.balance.status is Status.SUSPENDED
    await postgres_ledger.put_account(ANA, AccountChange(status=Status.ACTIVE), actor="admin:root")
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 0
    account = await postgres_ledger.account(ANA)
    assert account is not None
    assert account.balance.status is Status.ACTIVE


async def test_what_was_suspended_by_a_look_that_died_is_told_by_the_next(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await wild_day(books, clock)
    change = AccountChange(status=Status.SUSPENDED, status_reason="x")
    await postgres_ledger.put_account(ANA, change, actor=ACTOR)
    settings = AnomalySettings(action=AnomalyAction.SUSPEND)
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 1
    account = await postgres_ledger.account(ANA)
    assert account is not None
    assert account.balance.status_reason == "x"


async def limit_at_once(ledger: PostgresLedger, account_id: AccountId = ANA) -> int | None:
    """How many requests the account may run at once."""
    account = await ledger.account(account_id)
    assert account is not None
    return account.balance.terms.max_in_flight


async def test_an_account_may_be_slowed_down_for_the_rest_of_its_day(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await wild_day(books, clock)
    settings = AnomalySettings(action=AnomalyAction.SLOW_DOWN)
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 1
    assert (await limit_at_once(postgres_ledger), await limit_at_once(postgres_ledger, BIA)) == (1, None)
    (record, *_) = await postgres_ledger.trail.records(AuditFilter(account_id=ANA))
    assert (record.action, record.actor) == ("account.overrides", ACTOR)
    (event,) = await told(postgres_ledger, EventKind.ANOMALY_DETECTED)
    assert event.details["action"] == "slow_down"
    assert "end-override user:ana max_in_flight" in mailed(event)
    clock.set("2026-02-05 02:59")
    assert await limit_at_once(postgres_ledger) == 1, "it is still the fourth in São Paulo"
    clock.set("2026-02-05 03:00")
    assert await limit_at_once(postgres_ledger) is None


async def test_an_account_that_was_let_go_is_not_slowed_down_again(
    books: World, postgres_ledger: PostgresLedger, clock: Clock
) -> None:
    await wild_day(books, clock)
    settings = AnomalySettings(action=AnomalyAction.SLOW_DOWN)
    await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings)
    let_go = OverrideChange(ANA, "admin:root", "it is hers", clear=[Field.MAX_IN_FLIGHT])
    await postgres_ledger.terms.override(let_go)
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 0
    assert await limit_at_once(postgres_ledger) is None


async def test_a_limit_of_an_administrators_stays(books: World, postgres_ledger: PostgresLedger, clock: Clock) -> None:
    await wild_day(books, clock)
    await postgres_ledger.terms.override(OverrideChange(ANA, "admin:root", "r", {Field.MAX_IN_FLIGHT: 7}))
    settings = AnomalySettings(action=AnomalyAction.SLOW_DOWN)
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 1
    assert await limit_at_once(postgres_ledger) == 7
    (event,) = await told(postgres_ledger, EventKind.ANOMALY_DETECTED)
    assert event.details["action"] == "none"


async def test_days_are_the_accounts_own(books: World, postgres_ledger: PostgresLedger, clock: Clock) -> None:
    await wild_day(books, clock)
    overview = postgres_ledger.overview
    (busy,) = [each for each in await overview.busy_today(minimum_percent=5, history_days=5) if each.account_id == ANA]
    assert (busy.today, busy.tokens, list(busy.before)) == (dt.date(2026, 2, 4), 100_000, [10_000] * 5)
    clock.set("2026-02-05 02:00")
    assert [each.today for each in await overview.busy_today(minimum_percent=5, history_days=5)] == [busy.today]
    clock.set("2026-02-05 04:00")
    assert list(await overview.busy_today(minimum_percent=5, history_days=5)) == []


async def test_pages_of_busy_accounts_follow_each_other(books: World, postgres_ledger: PostgresLedger) -> None:
    names = ["user:A", "user:a", "user:b", "user:Z"]
    for name in names:
        await books.use(60_000, account_id=AccountId(name))
    found: list[AccountId] = []
    while page := await postgres_ledger.overview.busy_today(
        minimum_percent=5, history_days=1, after=found[-1] if found else None, limit=1
    ):
        found += [each.account_id for each in page]
    assert found == sorted(names)


async def test_switched_off_it_looks_for_nothing(books: World, postgres_ledger: PostgresLedger, clock: Clock) -> None:
    await wild_day(books, clock)
    settings = AnomalySettings(enabled=False)
    assert await look_for_anomalies(postgres_ledger.overview, postgres_ledger, settings) == 0
