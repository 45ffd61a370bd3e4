"""Members of teams: one account, a limit for each, and sums that are always those of holds and entries."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import replace

import psycopg
import pytest

from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.members import LimitChange, Member, account_as_seen_by, daily_usage_of
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import (
    EntryKind,
    Extension,
    HoldOutcome,
    HoldResult,
    NewAccount,
    Settlement,
    SettleOutcome,
    SettleResult,
)
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId, new_hold_id
from solaris_hooks.quota.share import Share
from solaris_hooks.quota.usage import UsageSource

from .conftest import empty
from .world import ANA, EVA, LEASE_SECONDS, RUI, TEAM, USE, Clock, World, facts, past_triggers


async def limit(world: World, tokens: int | None, member: MemberId | None = None, *, is_own: bool = True) -> None:
    """Limit a member, or all; the team's account is made by a request of nobody's."""
    if await world.ledger.account(TEAM) is None:
        await world.hold(0, 0, account_id=TEAM)
        for hold in await world.ledger.holds(TEAM):
            await world.ledger.release(TEAM, hold.hold_id)
    await world.ledger.members.put_limit(LimitChange(TEAM, "admin:root", member, tokens, is_own=is_own, reason="r"))


async def ask(world: World, member: MemberId, want: int = 100, minimum: int = 1, **more: int | None) -> HoldResult:
    return await world.hold(want, minimum, account_id=TEAM, member_id=member, **more)  # type: ignore[arg-type]


async def held(world: World, member: MemberId, want: int) -> HoldId:
    hold_id = new_hold_id()
    result = await world.hold(want, want, account_id=TEAM, member_id=member, hold_id=hold_id)
    assert result.amount == want
    return hold_id


async def settle(world: World, hold_id: HoldId, charge: int, member: MemberId | None = None) -> SettleResult:
    settlement = Settlement(TEAM, hold_id, "gpt-4o", charge, USE, UsageSource.PROVIDER, member_id=member)
    return await world.ledger.settle(settlement)


async def share(world: World, member: MemberId) -> Share:
    found = await world.ledger.members.get(TEAM, member)
    assert found is not None
    return found.share


async def test_members_draw_from_one_allowance_and_each_from_his_limit(world: World) -> None:
    await world.plan(1_000)
    await limit(world, 300)
    result = await ask(world, RUI, 200)
    assert result.outcome is HoldOutcome.HELD
    assert result.balance is not None
    assert result.balance.share == Share(RUI, limit=300, used=0, held=200)
    assert (result.balance.held, result.balance.available, result.balance.available_to_all) == (200, 100, 800)
    tight = await ask(world, RUI, 200)
    assert (tight.outcome, tight.amount) == (HoldOutcome.HELD, 100), "capped by what his limit leaves"
    refused = await ask(world, RUI, 200)
    assert refused.outcome is HoldOutcome.CONTENDED
    other = await ask(world, EVA, 200)
    assert (other.outcome, other.amount) == (HoldOutcome.HELD, 200), "his limit is no other's"


async def test_the_team_bounds_members_whose_limits_are_more_than_it_has(world: World) -> None:
    await world.plan(150)
    await limit(world, 100)
    await held(world, RUI, 100)
    result = await ask(world, EVA, 100)
    assert (result.outcome, result.amount) == (HoldOutcome.HELD, 50)
    refused = await ask(world, EVA, 100)
    assert refused.outcome is HoldOutcome.CONTENDED
    assert refused.balance is not None
    assert refused.balance.available_to_all == 0


async def test_a_limit_that_is_used_up_refuses_though_the_team_has_plenty(world: World) -> None:
    await world.plan(1_000)
    await limit(world, 100)
    await settle(world, await held(world, RUI, 100), 100)
    refused = await ask(world, RUI, 10)
    assert refused.outcome is HoldOutcome.TIGHT
    assert refused.balance is not None
    assert (refused.balance.left, refused.balance.spendable_by_all) == (0, 900)
    assert [event.kind for event in await world.ledger.events(TEAM)] == [EventKind.ACCOUNT_CREATED], (
        "the team is not used up, so nobody is told that it is"
    )


@pytest.mark.parametrize("spare", [1, 0])
async def test_a_fair_part_is_taken_of_what_the_limit_leaves(world: World, spare: int) -> None:
    await world.plan(1_000_000)
    await limit(world, 1_000 - spare)
    result = await ask(world, RUI, 500, ample=1_000, fair=400, step=10)
    assert result.amount == (49 if spare else 500), "ample is what his limit leaves, not what the team has"


async def test_a_growing_stream_stops_at_its_members_limit(world: World) -> None:
    await world.plan(10_000)
    await limit(world, 300)
    mine, other = await held(world, RUI, 100), await held(world, RUI, 50)
    await held(world, EVA, 100)
    grown = await world.ledger.extend(Extension(TEAM, mine, 1_000, 1_000, "gpt-4o", 10, LEASE_SECONDS, RUI))
    assert (grown.amount, grown.contended) == (250, True), "another request of his holds the rest"
    await world.ledger.release(TEAM, other)
    grown = await world.ledger.extend(Extension(TEAM, mine, 1_000, 1_000, "gpt-4o", 10, LEASE_SECONDS, RUI))
    assert (grown.amount, grown.contended) == (300, False), "no end of another's request would give him more"
    assert (await share(world, RUI)).held == 300


async def test_a_stream_whose_hold_was_lost_holds_anew_for_its_member(world: World) -> None:
    await world.plan(1_000)
    await limit(world, 100)
    lost = Extension(TEAM, new_hold_id(), 500, 500, "gpt-4o", 10, LEASE_SECONDS, RUI)
    assert (await world.ledger.extend(lost)).amount == 100
    (hold,) = await world.ledger.holds(TEAM)
    assert (hold.member_id, (await share(world, RUI)).held) == (RUI, 100)


async def test_the_hold_knows_whose_it_is_whoever_ends_it(world: World) -> None:
    await world.plan(1_000)
    hold_id = await held(world, RUI, 100)
    world.clock.wait(seconds=LEASE_SECONDS + 1)
    (claimed,) = await world.ledger.claim_expired(limit=10, claim_seconds=60)
    assert claimed.member_id == RUI
    await settle(world, hold_id, 80)
    assert await share(world, RUI) == Share(RUI, used=80)
    usage = await world.last(EntryKind.USAGE, TEAM)
    assert facts(usage)["member"] == RUI


async def test_a_use_whose_hold_is_gone_is_booked_to_the_member_that_it_names(world: World) -> None:
    await world.plan(1_000)
    await limit(world, None)
    result = await settle(world, new_hold_id(), 70, RUI)
    assert result.balance is not None
    assert result.balance.share == Share(RUI, used=70)


async def test_a_use_that_comes_after_its_release_is_its_members(world: World) -> None:
    await world.plan(1_000)
    hold_id = await held(world, RUI, 100)
    assert await world.ledger.release(TEAM, hold_id)
    assert await share(world, RUI) == Share(RUI)
    assert (await settle(world, hold_id, 60)).outcome is SettleOutcome.SETTLED
    assert (await settle(world, hold_id, 60)).outcome is SettleOutcome.REPLAYED
    assert await share(world, RUI) == Share(RUI, used=60), "once"


async def test_use_beyond_everything_counts_for_the_member_and_is_owed_by_the_team(world: World) -> None:
    await world.plan(100)
    result = await settle(world, await held(world, RUI, 100), 130)
    assert result.overage == 30
    assert (await share(world, RUI)).used == 130
    assert facts(await world.last(EntryKind.OVERAGE, TEAM))["member"] == RUI


async def test_a_share_begins_anew_with_the_teams_period_and_holds_go_on(world: World) -> None:
    await world.plan(1_000)
    await limit(world, 100)
    await settle(world, await held(world, RUI, 60), 60)
    running = await held(world, RUI, 40)
    world.clock.set("2026-02-03 12:00")
    assert await share(world, RUI) == Share(RUI, limit=100, held=40), "as of now, before anybody asks"
    assert (await ask(world, RUI, 60)).amount == 60
    await settle(world, running, 40)
    assert await share(world, RUI) == Share(RUI, limit=100, used=40, held=60), "booked where it ended"


async def test_limits_apply_at_once_and_are_audited(world: World) -> None:
    await world.plan(1_000)
    await limit(world, 300)
    await limit(world, 300)
    await limit(world, 50, RUI)
    await limit(world, None, EVA)
    await limit(world, None, RUI, is_own=False)
    assert [(each.share.member_id, each.share.limit, each.limit_is_own) for each in await listed(world)] == [
        (EVA, None, True),
        (RUI, 300, False),
    ]
    trail = [
        (each.action, each.subject, each.before, each.after)
        for each in await world.ledger.trail.records(limit=10)
        if each.action.startswith("member.")
    ]
    assert trail == [
        ("member.limit", RUI, {"limit": 50}, {"limit": "default"}),
        ("member.limit", EVA, {"limit": "default"}, {"limit": None}),
        ("member.limit", RUI, {"limit": "default"}, {"limit": 50}),
        ("member.default_limit", TEAM, {"limit": None}, {"limit": 300}),
    ]
    assert (await world.account(TEAM)).member_limit == 300


async def listed(world: World, count: int = 10, after: MemberId | None = None) -> list[Member]:
    return list((await world.ledger.members.page(TEAM, limit=count, after=after)).members)


async def test_a_limit_below_what_is_used_takes_nothing_back(world: World) -> None:
    await world.plan(1_000)
    await settle(world, await held(world, RUI, 100), 100)
    running = await held(world, RUI, 100)
    await limit(world, 50, RUI)
    assert (await ask(world, RUI, 1)).outcome is HoldOutcome.TIGHT
    assert (await settle(world, running, 100)).outcome is SettleOutcome.SETTLED
    assert (await share(world, RUI)).used == 200


async def test_only_teams_have_members_and_limits_are_tokens(world: World) -> None:
    await world.hold()
    for team, error in ((ANA, InvalidRequestError), (AccountId("team:none"), NotFoundError)):
        with pytest.raises(error):
            await world.ledger.members.put_limit(LimitChange(team, "root", RUI, 1))
    with pytest.raises(InvalidRequestError):
        await world.ledger.members.put_limit(LimitChange(TEAM, "root", RUI, -1))


async def test_members_are_listed_a_page_at_a_time(world: World) -> None:
    ids = [MemberId(f"user:{name}") for name in "abc"]
    for member in ids:
        await ask(world, member)
    page = await world.ledger.members.page(TEAM, limit=2)
    assert ([each.share.member_id for each in page.members], page.next_after) == (ids[:2], ids[1])
    page = await world.ledger.members.page(TEAM, limit=2, after=page.next_after)
    assert ([each.share.member_id for each in page.members], page.next_after) == (ids[2:], None)


async def test_a_members_address_is_his_and_not_the_teams(world: World) -> None:
    await world.hold(account_id=TEAM, member_id=RUI, email="rui@example.org")
    await world.hold(account_id=TEAM, member_id=RUI, email="rui@new.example.org")
    assert (await world.account(TEAM)).email is None
    assert [each.email for each in await listed(world)] == ["rui@new.example.org"]
    (created,) = await world.ledger.events(TEAM)
    assert created.details["email"] is None


async def test_a_member_sees_his_own_use_beside_the_teams_figures(world: World) -> None:
    await world.plan(1_000)
    await limit(world, 500)
    await settle(world, await held(world, RUI, 100), 100)
    await settle(world, await held(world, EVA, 40), 40)
    seen = await account_as_seen_by(world.ledger, TEAM, EVA)
    assert seen is not None
    assert (seen.balance.used, seen.balance.share) == (140, Share(EVA, limit=500, used=40))
    today = dt.date(2026, 1, 15)
    days = await daily_usage_of(world.ledger, seen, since=today, until=today)
    assert [(each.charge, each.requests) for each in days] == [(40, 1)]
    nobody = await account_as_seen_by(world.ledger, TEAM, MemberId("user:new"))
    assert nobody is not None
    assert nobody.balance.share == Share(MemberId("user:new"), limit=500), "looking makes no member"
    assert len(await listed(world)) == 2


async def test_a_mark_is_told_once_until_the_limit_or_the_period_is_another(world: World) -> None:
    await world.plan(1_000)
    await limit(world, 100)
    result = await settle(world, await held(world, RUI, 85), 85, RUI)
    own = result.balance.share if result.balance else None
    assert own is not None
    assert (own.untold, own.told_percent) == (80, 0)
    members = world.ledger.members
    assert await members.tell(TEAM, RUI, before=0, percent=80)
    assert not await members.tell(TEAM, RUI, before=0, percent=80), "another answer was faster"
    assert (await share(world, RUI)).untold is None
    await limit(world, 90, RUI)
    assert (await share(world, RUI)).untold == 80
    await members.tell(TEAM, RUI, before=0, percent=80)
    world.clock.set("2026-02-03 12:00")
    assert (await share(world, RUI)).told_percent == 0


async def test_where_the_account_has_no_notices_no_mark_waits_to_be_told(world: World) -> None:
    await world.ledger.put_plan(replace(await world.plan(1_000), notices=False), actor="root")
    await limit(world, 100)
    result = await settle(world, await held(world, RUI, 100), 100, RUI)
    assert result.balance is not None
    assert result.balance.share is not None
    assert result.balance.share.untold is None


async def test_only_accounts_that_are_there_make_a_team_share(world: World) -> None:
    assert not await world.ledger.knows_team(TEAM)
    refused = await world.hold(account_id=TEAM, member_id=RUI, new_account=NewAccount(create=False))
    assert refused.outcome is HoldOutcome.UNKNOWN
    await ask(world, RUI)
    assert await world.ledger.knows_team(TEAM)


# ---------------------------------------------------------------------- PostgreSQL alone


@pytest.fixture
async def worlds(ledger_url: str, superuser_url: str, clock: Clock) -> AsyncIterator[tuple[World, World]]:
    """Two ledgers with pools of their own over one database, like two proxies."""
    empty(superuser_url)
    async with (
        PostgresLedger.connect(ledger_url, now=clock) as first,
        PostgresLedger.connect(ledger_url, now=clock) as second,
    ):
        yield World(first, clock), World(second, clock)
        assert (await first.verify()).flaws == ()


async def test_many_at_once_never_hold_more_than_a_limit_or_the_team(worlds: tuple[World, World]) -> None:
    await worlds[0].plan(2_000)
    await limit(worlds[0], 700)
    names = [RUI, RUI, EVA, MemberId("user:lia")]
    granted, used = Counter[MemberId](), Counter[MemberId]()

    async def chat(n: int) -> None:
        world, member, hold_id = worlds[n % 2], names[n % 4], new_hold_id()
        result = await world.hold(40 + n % 30, 20, account_id=TEAM, member_id=member, hold_id=hold_id)
        own = result.balance.share if result.balance else None
        assert own is not None
        assert own.used + own.held <= 700
        if result.outcome is HoldOutcome.HELD:
            granted[member] += 1
            used[member] += result.amount - n % 5
            await settle(world, hold_id, result.amount - n % 5)

    await asyncio.gather(*(chat(n) for n in range(200)))
    for member in granted:
        assert await share(worlds[0], member) == Share(member, limit=700, used=used[member])
        assert used[member] <= 700
    assert sum(used.values()) == (await worlds[0].account(TEAM)).balance.used <= 2_000
    assert sum(granted.values()) < 200, "somebody was refused"


async def test_verification_names_a_member_whose_figures_were_changed(
    postgres_ledger: PostgresLedger, superuser_url: str, clock: Clock
) -> None:
    world = World(postgres_ledger, clock)
    await settle(world, await held(world, RUI, 100), 100)
    await held(world, RUI, 50)
    changes = ("used = used - 1", "held = held + 1", "member_id = 'user:else'")
    for change in changes:
        async with await psycopg.AsyncConnection.connect(superuser_url) as connection:
            await connection.execute(f"UPDATE solaris.members SET {change}".encode())
            await connection.commit()
            found = [flaw.message for flaw in (await postgres_ledger.verify()).flaws]
            assert found
            assert all("user:rui" in each or "user:else" in each for each in found), found
            await connection.execute("UPDATE solaris.members SET member_id = 'user:rui', used = 100, held = 50")
    assert (await postgres_ledger.verify()).ok


async def test_a_proxy_of_the_version_before_ends_a_members_hold_rightly(
    postgres_ledger: PostgresLedger, superuser_url: str, clock: Clock
) -> None:
    world = World(postgres_ledger, clock)
    hold_id = await held(world, RUI, 100)
    async with await psycopg.AsyncConnection.connect(superuser_url) as connection:
        await connection.execute(
            "SELECT solaris.settle_v4(%s, %s, 'gpt-4o', 60, 60, 0, 0, 0, 'sweep', '{}', %s)",
            (TEAM, hold_id, clock.now),
        )
    assert await share(world, RUI) == Share(RUI, used=60)
    assert (await postgres_ledger.verify()).ok


async def test_an_entry_that_hides_its_member_is_a_flaw(
    postgres_ledger: PostgresLedger, superuser_url: str, clock: Clock
) -> None:
    world = World(postgres_ledger, clock)
    await settle(world, await held(world, RUI, 100), 100)
    with past_triggers(superuser_url) as connection:
        connection.execute("UPDATE solaris.entries SET details = '{}' WHERE kind = 'usage'")
    found = [flaw.message for flaw in (await postgres_ledger.verify(TEAM)).flaws]
    assert any("was changed" in each for each in found)
    assert any("by entries" in each for each in found)


async def test_each_member_reads_the_calls_that_were_booked_to_him(world: World) -> None:
    await limit(world, None)
    ruis = [await held(world, RUI, 10) for _ in range(3)]
    evas = await held(world, EVA, 10)
    for number, hold_id in enumerate((*ruis[:2], evas)):
        await settle(world, hold_id, 5 + number)
    calls = await world.ledger.members.calls(TEAM, RUI)
    assert [(each.call_id, each.tokens, each.model, each.estimated) for each in calls] == [
        (ruis[1], 6, "gpt-4o", False),
        (ruis[0], 5, "gpt-4o", False),
    ]
    assert calls[0].at == world.clock.now
    assert [each.call_id for each in await world.ledger.members.calls(TEAM, RUI, before=ruis[1])] == [ruis[0]]
    assert [each.call_id for each in await world.ledger.members.calls(TEAM, RUI, limit=1)] == [ruis[1]]
    assert [each.call_id for each in await world.ledger.members.calls(TEAM, EVA)] == [evas]
    assert list(await world.ledger.members.calls(ANA, RUI)) == []
