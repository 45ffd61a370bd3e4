"""Accounts: made, changed, found."""

from __future__ import annotations

import datetime as dt

import pytest

from solaris_hooks.ledger.records import NOTHING, AccountChange, EntryKind
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.period import Period

from .world import ANA, BIA, World, utc

ROOT = "admin:root"


async def test_an_account_that_was_never_seen_is_none(world: World) -> None:
    assert await world.ledger.account(ANA) is None
    assert list(await world.ledger.entries(ANA)) == []


async def test_an_administrator_makes_what_is_missing(world: World) -> None:
    await world.plan(7_000, "team")
    change = AccountChange(
        plan_id="team",
        email="ana@example.com",
        name="Ana",
        locale="en",
        time_zone="Europe/Lisbon",
        anchor_day=10,
    )

    account = await world.ledger.put_account(ANA, change, actor=ROOT)

    assert account == await world.account()
    assert (account.email, account.name, account.anchor_day) == ("ana@example.com", "Ana", 10)
    assert (account.balance.locale, account.balance.time_zone) == ("en", "Europe/Lisbon")
    assert account.balance.period == Period(utc("2026-01-10"), utc("2026-02-10"))
    assert (account.created_at, account.last_used_at) == (world.clock.now, None)
    assert await world.story() == [("opening", 7_000, 7_000, 0, 0)]


async def test_an_account_made_without_a_word_is_as_the_defaults_say(world: World) -> None:
    balance = (await world.ledger.put_account(ANA, AccountChange(), actor=ROOT)).balance
    assert (balance.plan_id, balance.locale, balance.time_zone) == ("default", "pt_BR", "America/Sao_Paulo")
    assert (balance.status, balance.status_reason) == (Status.ACTIVE, None)


async def test_none_leaves_a_field_as_it_is(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(email="a@example.com", name="Ana", locale="en"), actor=ROOT)
    before = await world.account()
    assert await world.ledger.put_account(ANA, AccountChange(), actor=ROOT) == before


async def test_an_account_cannot_be_made_on_a_plan_that_is_not_there(world: World) -> None:
    with pytest.raises(NotFoundError):
        await world.ledger.put_account(ANA, AccountChange(plan_id="gone"), actor=ROOT)
    assert await world.ledger.account(ANA) is None


@pytest.mark.parametrize(
    "change",
    [
        AccountChange(time_zone="Mars/Olympus"),
        AccountChange(time_zone=""),
        AccountChange(time_zone="../etc/passwd"),
        AccountChange(time_zone="America"),
        AccountChange(time_zone="XYZ3"),
        AccountChange(time_zone="america/sao_paulo"),
        AccountChange(anchor_day=0),
        AccountChange(anchor_day=32),
        AccountChange(anchor_day=-1),
    ],
)
async def test_months_that_cannot_be_are_refused(world: World, change: AccountChange) -> None:
    before = await world.ledger.put_account(ANA, AccountChange(), actor=ROOT)
    with pytest.raises(InvalidRequestError):
        await world.ledger.put_account(ANA, change, actor=ROOT)
    assert await world.account() == before


async def test_a_suspension_keeps_its_reason_until_the_account_is_active(world: World) -> None:
    async def put(change: AccountChange, reason: str | None = None) -> tuple[Status, str | None]:
        balance = (await world.ledger.put_account(ANA, change, actor=ROOT, reason=reason)).balance
        return balance.status, balance.status_reason

    suspended = AccountChange(status=Status.SUSPENDED, status_reason="unpaid")
    assert await put(suspended) == (Status.SUSPENDED, "unpaid")
    assert await put(AccountChange(name="Ana")) == (Status.SUSPENDED, "unpaid")
    assert await put(AccountChange(status=Status.BLOCKED)) == (Status.BLOCKED, "unpaid")
    assert await put(AccountChange(status_reason="fraud")) == (Status.BLOCKED, "fraud")
    assert await put(AccountChange(status=Status.ACTIVE)) == (Status.ACTIVE, None)
    assert await put(AccountChange(status=Status.SUSPENDED), "internal") == (Status.SUSPENDED, None)


async def test_a_change_of_status_moves_no_tokens(world: World) -> None:
    await world.held(100)
    await world.ledger.put_account(ANA, AccountChange(status=Status.SUSPENDED), actor=ROOT, reason="asked")
    assert (await world.account()).balance.held == 100
    assert [kind for kind, *_ in await world.story()] == ["opening"]


@pytest.mark.parametrize(
    ("zone", "anchor_day", "end"),
    [
        ("UTC", 1, "2026-02-01 03:00"),  # the new month begins three hours before
        ("Asia/Tokyo", 1, "2026-02-01 03:00"),
        ("America/Los_Angeles", 1, "2026-02-01 08:00"),  # five hours after: or two renewals within these
        ("America/Sao_Paulo", 20, "2026-02-01 03:00"),
        ("America/Sao_Paulo", 10, "2026-02-10 03:00"),
        ("America/Sao_Paulo", 2, "2026-02-02 03:00"),
        ("America/Sao_Paulo", 31, "2026-02-01 03:00"),
    ],
)
async def test_other_months_never_bring_the_renewal_forward_and_grant_nothing(
    world: World, zone: str, anchor_day: int, end: str
) -> None:
    await world.use(10)
    change = AccountChange(time_zone=zone, anchor_day=anchor_day)

    account = await world.ledger.put_account(ANA, change, actor=ROOT)

    assert account.balance.period == Period(utc("2026-01-01 03:00"), utc(end))
    assert (account.balance.allowance_used, account.anchor_day) == (10, anchor_day)
    assert [kind for kind, *_ in await world.story()] == ["opening", "usage"]


async def test_a_zone_that_is_set_back_in_the_first_hours_grants_no_second_month(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(time_zone="UTC"), actor=ROOT)
    world.clock.set("2026-02-01 03:30")
    assert (await world.account()).balance.period == Period(utc("2026-02-01"), utc("2026-03-01"))
    world.clock.set("2026-03-01 01:00")
    await world.account()
    await world.ledger.put_account(ANA, AccountChange(time_zone="America/Sao_Paulo"), actor=ROOT)
    for day in range(1, 32):
        world.clock.set(f"2026-03-{day:02} 04:00")
        await world.account()
    assert [kind for kind, *_ in await world.story()].count("renewal") == 2, "of February and March"
    world.clock.set("2026-04-01 03:00")
    assert (await world.account()).balance.period == Period(utc("2026-04-01 03:00"), utc("2026-05-01 03:00"))


async def test_an_anchor_day_that_goes_to_and_fro_grants_one_month_at_a_time(world: World) -> None:
    await world.use(10)
    for day in range(16, 60):
        world.clock.now = utc("2026-01-01 12:00") + dt.timedelta(days=day - 1)
        anchor = AccountChange(anchor_day=day % 31 + 1)
        await world.ledger.put_account(ANA, anchor, actor=ROOT)
    renewals = [entry.at for entry in await world.entries() if entry.kind is EntryKind.RENEWAL]
    assert len(renewals) <= 1
    assert (await world.account()).balance.period.end <= utc("2026-04-16")


async def test_a_change_of_months_comes_after_the_renewal_that_was_due(world: World) -> None:
    await world.use(10)
    world.clock.set("2026-02-05")
    account = await world.ledger.put_account(ANA, AccountChange(anchor_day=10), actor=ROOT)
    assert account.balance.period == Period(utc("2026-02-01 03:00"), utc("2026-03-10 03:00"))
    assert account.balance.allowance_used == 0


async def test_nobody_is_taken_out_of_use_without_a_word_why(world: World) -> None:
    for change in (AccountChange(status=Status.SUSPENDED), AccountChange(status=Status.BLOCKED, status_reason=" ")):
        for reason in (None, "", "  "):
            with pytest.raises(InvalidRequestError, match="reason"):
                await world.ledger.put_account(ANA, change, actor=ROOT, reason=reason)
    assert await world.ledger.account(ANA) is None


async def test_nothing_empties_a_field(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(email="a@example.com", name="Ana"), actor=ROOT)
    blocked = AccountChange(status=Status.BLOCKED, status_reason="unpaid")
    await world.ledger.put_account(ANA, blocked, actor=ROOT)
    emptied = AccountChange(email=NOTHING, name=NOTHING, status_reason=NOTHING)
    account = await world.ledger.put_account(ANA, emptied, actor=ROOT)
    assert (account.email, account.name, account.balance.status_reason) == (None, None, None)
    assert account.balance.status is Status.BLOCKED


async def test_a_change_of_everything_at_once(world: World) -> None:
    await world.plan(50, "small")
    await world.use(10)
    change = AccountChange(plan_id="small", status=Status.PENDING, status_reason="new", time_zone="UTC", anchor_day=31)
    account = await world.ledger.put_account(ANA, change, actor=ROOT)
    assert account == await world.account()
    assert account.balance.period == Period(utc("2026-01-01 03:00"), utc("2026-02-01 03:00"))
    assert (account.balance.allowance_granted, account.anchor_day) == (50, 31)


async def _found(world: World, query: str) -> list[str]:
    return [a.balance.account_id for a in (await world.ledger.accounts(query=query)).accounts]


async def test_accounts_are_found_by_id_address_or_name_whatever_the_case(world: World) -> None:
    await world.ledger.put_account(ANA, AccountChange(email="Ana.Silva@Example.com", name="Ana Conceição"), actor=ROOT)
    await world.ledger.put_account(BIA, AccountChange(), actor=ROOT)

    for query in ("ANA", "silva@", "conceição", "CONCEIÇÃO", "user:an"):
        assert await _found(world, query) == [ANA], query
    assert await _found(world, "user:") == [ANA, BIA]
    assert await _found(world, "") == [ANA, BIA]
    assert await _found(world, "nobody") == []


@pytest.mark.parametrize("query", ["%", "_", "\\", "'", "a%a", "us_r", ".*"])
async def test_a_search_has_no_wildcards(world: World, query: str) -> None:
    odd = AccountId(f"end_user:1{query}2")
    await world.ledger.put_account(ANA, AccountChange(), actor=ROOT)
    await world.ledger.put_account(odd, AccountChange(), actor=ROOT)
    assert await _found(world, query) == [odd]


async def test_accounts_are_in_order_of_their_code_points(world: World) -> None:
    ids = ["end_user:Z", "end_user:a", "end_user:a-b", "end_user:a_b", "end_user:ab", "key:1", "user:É"]
    for text in reversed(ids):
        await world.ledger.put_account(AccountId(text), AccountChange(), actor=ROOT)
    assert await _found(world, "") == ids


async def test_accounts_come_in_pages(world: World) -> None:
    ids = [AccountId(f"user:{letter}") for letter in "abcde"]
    for account_id in ids:
        await world.ledger.put_account(account_id, AccountChange(), actor=ROOT)

    first = await world.ledger.accounts(limit=2)
    second = await world.ledger.accounts(limit=2, after=first.next_after)
    third = await world.ledger.accounts(limit=2, after=second.next_after)

    assert [[a.balance.account_id for a in page.accounts] for page in (first, second, third)] == [
        ids[:2],
        ids[2:4],
        ids[4:],
    ]
    assert (first.next_after, second.next_after, third.next_after) == (ids[1], ids[3], None)


async def test_a_page_that_ends_with_the_last_account_has_no_next(world: World) -> None:
    for account_id in (ANA, BIA):
        await world.ledger.put_account(account_id, AccountChange(), actor=ROOT)
    assert (await world.ledger.accounts(limit=2)).next_after is None


async def test_what_is_due_happens_for_a_page_and_one_account_more(world: World) -> None:
    for account_id in (ANA, BIA, AccountId("user:cid")):
        await world.ledger.put_account(account_id, AccountChange(), actor=ROOT)
    world.clock.set("2026-02-02")
    await world.ledger.accounts(limit=1)
    world.clock.set("2026-02-03")
    for account_id, day in ((ANA, 2), (BIA, 2), (AccountId("user:cid"), 3)):
        await world.account(account_id)
        assert (await world.entries(account_id))[-1].at.day == day


async def test_a_page_shows_accounts_whole(world: World) -> None:
    await world.hold(0, 0)
    await world.grant(50)
    (listed,) = (await world.ledger.accounts()).accounts
    assert listed == await world.account()


async def test_the_books_can_be_pinged(world: World) -> None:
    await world.ledger.ping()
