"""History: entries are numbered, chained and append-only, and whoever changes one byte is found."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace

import psycopg
import pytest

from solaris_hooks.ledger.chain import GENESIS, entry_digest
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import Verification

from .world import ANA, BIA, Clock, World, past_triggers, utc


async def _busy(world: World) -> None:
    """A life with every kind of entry in it, and a hold and a lot at its end."""
    await world.plan(1_000)
    await world.plan(2_000, "big")
    await world.use(300)
    await world.grant(50, expires_at=utc("2026-01-20"))
    world.clock.set("2026-02-10")
    await world.use(1_200)
    await world.plan(1_100)
    await world.account()
    await world.grant(500)
    await world.held(40)
    await world.use(30, account_id=BIA)


async def test_entries_are_numbered_without_gaps_and_chained(world: World) -> None:
    await _busy(world)
    entries = await world.entries()

    assert {entry.kind.value for entry in entries} == {
        "opening",
        "usage",
        "credit",
        "credit_expiry",
        "lapse",
        "renewal",
        "overage",
        "plan_change",
    }
    assert [entry.number for entry in entries] == list(range(1, len(entries) + 1))
    previous = GENESIS
    for entry in entries:
        assert entry.previous_hash == previous
        assert entry.hash == entry_digest(previous, entry)
        previous = entry.hash


async def test_every_entry_leads_from_the_balance_before_to_the_balance_after(world: World) -> None:
    await _busy(world)
    worth = 0
    for entry in await world.entries():
        worth += entry.tokens
        assert worth == entry.allowance_after + entry.credits_after - entry.overage_after
    balance = (await world.account()).balance
    assert worth == balance.remaining - balance.overage


async def test_entries_come_newest_first_in_pages(world: World) -> None:
    await _busy(world)
    whole = [entry.number for entry in await world.entries()]
    pages, before = [], None
    while page := await world.ledger.entries(ANA, limit=3, before=before):
        pages += [entry.number for entry in page]
        before = page[-1].number
    assert pages == whole[::-1]


async def test_entries_carry_any_text_unchanged(world: World) -> None:
    """Netstrings count octets, not characters, and nothing in a text can end one."""
    hold_id = await world.held()
    odd = {"say": 'São "5:abc,-" \\ 日本 \u2028 \n\t', "n": 1.5, "none": None}
    await world.settle(hold_id, 5, details=odd)
    assert (await world.ledger.verify()).ok


async def test_books_in_order_verify(world: World) -> None:
    await _busy(world)
    entries = [len(await world.entries(account_id)) for account_id in (ANA, BIA)]
    assert await world.ledger.verify() == Verification(2, sum(entries), ())
    assert await world.ledger.verify(BIA) == Verification(1, entries[1], ())


async def test_nothing_verifies_as_nothing(world: World) -> None:
    assert await world.ledger.verify() == Verification(0, 0, ())
    assert await world.ledger.verify(ANA) == Verification(0, 0, ())


async def test_memory_s_books_are_verified_too(clock: Clock) -> None:
    ledger = MemoryLedger(now=clock)
    world = World(ledger, clock)
    await _busy(world)
    entries = ledger._accounts[ANA].entries
    entries[2] = replace(entries[2], reason="forged")
    (flaw,) = (await ledger.verify()).flaws
    assert (flaw.account_id, flaw.entry) == (ANA, 3)


# ---------------------------------------------------------------- PostgreSQL's tables under attack

Execute = Callable[[str], None]


@pytest.fixture
async def attacked(postgres_ledger: PostgresLedger, clock: Clock) -> World:
    """Busy books on PostgreSQL, which verify."""
    world = World(postgres_ledger, clock)
    await _busy(world)
    assert (await postgres_ledger.verify()).ok
    return world


@pytest.fixture
def forge(superuser_url: str) -> Execute:
    """Runs a statement as a superuser past the triggers."""

    def execute(statement: str) -> None:
        with past_triggers(superuser_url) as connection:
            assert connection.execute(statement).rowcount > 0

    return execute


ENTRY = "WHERE account_id = 'user:ana' AND number"


@pytest.mark.parametrize(
    "change",
    [
        "tokens = tokens - 1",
        "kind = 'lapse'",
        "allowance_after = allowance_after + 1",
        "credits_after = credits_after + 1",
        "overage_after = overage_after + 1",
        "at = at + interval '1 microsecond'",
        "actor = 'prox_'",
        "reason = ''",
        "idempotency_key = idempotency_key || ' '",
        "details = (overlay(details::text placing 'x' from position('gpt' in details::text)))::json",
        "details = (details::text || ' ')::json",
        "previous_hash = set_byte(previous_hash, 31, get_byte(previous_hash, 31) # 1)",
        "hash = set_byte(hash, 0, get_byte(hash, 0) # 128)",
    ],
)
async def test_a_changed_byte_of_an_entry_is_found_and_named(attacked: World, forge: Execute, change: str) -> None:
    forge(f"UPDATE solaris.entries SET {change} {ENTRY} = 2")

    found = await attacked.ledger.verify()

    assert not found.ok
    assert {flaw.account_id for flaw in found.flaws} == {ANA}
    assert 2 in {flaw.entry for flaw in found.flaws}
    assert (await attacked.ledger.verify(BIA)).ok


async def test_one_changed_byte_is_told_once(attacked: World, forge: Execute) -> None:
    forge(f"UPDATE solaris.entries SET actor = 'Proxy' {ENTRY} = 2")
    (flaw,) = (await attacked.ledger.verify()).flaws
    assert (flaw.entry, "digest" in flaw.message) == (2, True)


async def test_a_removed_entry_is_found_and_named(attacked: World, forge: Execute) -> None:
    forge(f"DELETE FROM solaris.entries {ENTRY} = 4")
    (flaw,) = (await attacked.ledger.verify()).flaws
    assert (flaw.entry, flaw.message) == (4, "entry 4 is missing")


async def test_a_removed_first_entry_is_found(attacked: World, forge: Execute) -> None:
    forge(f"DELETE FROM solaris.entries {ENTRY} = 1")
    (flaw,) = (await attacked.ledger.verify()).flaws
    assert flaw.entry == 1


async def test_a_removed_tail_is_found(attacked: World, forge: Execute) -> None:
    forge(f"DELETE FROM solaris.entries {ENTRY} > 5")
    messages = [flaw.message for flaw in (await attacked.ledger.verify()).flaws]
    assert any("its ledger ends with entry 5" in message for message in messages)


async def test_entries_in_another_order_are_found(attacked: World, forge: Execute) -> None:
    forge(f"UPDATE solaris.entries SET number = 99 {ENTRY} = 3")
    assert {flaw.entry for flaw in (await attacked.ledger.verify()).flaws} >= {3, 99}


async def test_an_entry_rewritten_with_a_fitting_digest_is_found(
    attacked: World, forge: Execute, superuser_url: str
) -> None:
    entry = (await attacked.entries())[1]
    forged = replace(entry, actor="admin:nobody")
    with past_triggers(superuser_url) as connection:
        connection.execute(
            f"UPDATE solaris.entries SET actor = 'admin:nobody', hash = %s {ENTRY} = 2",
            [entry_digest(forged.previous_hash, forged)],
        )
    (flaw,) = (await attacked.ledger.verify()).flaws
    assert flaw.entry == 3, "the entry after it names the digest that was"


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ("chain = set_byte(chain, 5, get_byte(chain, 5) # 1)", "digest"),
        ("entries = entries + 1", "counts"),
        ("allowance_granted = allowance_granted + 1", "allowance"),
        ("credits_remaining = credits_remaining + 1", "credits"),
        ("held = held + 1", "held"),
    ],
)
async def test_a_changed_figure_of_an_account_is_found(attacked: World, forge: Execute, change: str, word: str) -> None:
    forge(f"UPDATE solaris.accounts SET {change} WHERE account_id = 'user:ana'")
    found = await attacked.ledger.verify()
    assert {(flaw.account_id, flaw.entry) for flaw in found.flaws} == {(ANA, None)}
    assert word in found.flaws[0].message


async def test_changed_overage_is_found(attacked: World, forge: Execute) -> None:
    await attacked.use(5_000)
    forge("UPDATE solaris.accounts SET overage = overage - 1 WHERE account_id = 'user:ana'")
    (flaw,) = (await attacked.ledger.verify()).flaws
    assert "overage" in flaw.message


@pytest.mark.parametrize(
    ("statement", "word"),
    [
        ("UPDATE solaris.holds SET amount = amount - 1 WHERE amount > 0", "holds"),
        ("DELETE FROM solaris.holds", "holds"),
        ("UPDATE solaris.credit_lots SET remaining = remaining - 1 WHERE remaining > 0", "lots"),
        ("DELETE FROM solaris.credit_lots WHERE remaining > 0", "lots"),
    ],
)
async def test_changed_holds_and_lots_are_found(attacked: World, forge: Execute, statement: str, word: str) -> None:
    forge(statement)
    (flaw,) = (await attacked.ledger.verify()).flaws
    assert (flaw.account_id, word in flaw.message) == (ANA, True)


async def test_a_removed_account_is_found(attacked: World, forge: Execute) -> None:
    forge("DELETE FROM solaris.accounts WHERE account_id = 'user:bia'")
    (flaw,) = (await attacked.ledger.verify()).flaws
    assert (flaw.account_id, "no account" in flaw.message) == (BIA, True)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE solaris.entries SET tokens = 0",
        "UPDATE solaris.entries SET tokens = tokens",
        "DELETE FROM solaris.entries",
        "TRUNCATE solaris.entries",
        "TRUNCATE solaris.entries, solaris.accounts CASCADE",
    ],
)
@pytest.mark.parametrize("role", ["ledger_url", "superuser_url"])
async def test_history_refuses_to_be_changed(
    attacked: World, request: pytest.FixtureRequest, role: str, statement: str
) -> None:
    story = await attacked.story()
    with psycopg.connect(request.getfixturevalue(role)) as connection, pytest.raises(psycopg.Error) as refused:
        connection.execute(statement)
    assert refused.value.sqlstate == "SH006"
    assert await attacked.story() == story


async def test_verification_of_one_snapshot_disturbs_nobody(attacked: World) -> None:
    before = await attacked.account()
    await attacked.ledger.verify()
    assert await attacked.account() == before
    result = await attacked.use(5)
    assert result.charge == 5
    assert before.created_at < attacked.clock.now + dt.timedelta(seconds=1)
