"""Who passes while the books are away, and by what is known of them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.records import (
    AccountChange,
    ExtendResult,
    Extension,
    HoldOutcome,
    NewAccount,
    Plan,
)
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import JournalError, LedgerBusyError, LedgerUnavailableError
from tests.unit.ledger.journal.scene import ANA, Scene


async def test_failing_open_lets_pass_and_books_once(scene: Scene) -> None:
    scene.away()
    for _ in range(3):
        hold_id, result = await scene.hold()
        assert result.outcome is HoldOutcome.HELD
        await scene.settle(hold_id)
    await scene.back()
    assert await scene.figures() == (90, 0)
    assert scene.ledger.counts.booked == 3
    assert journals(scene.folder) == []
    (entry, *_) = await scene.books.entries(ANA)
    assert set(json.loads(entry.details)["more"]) == {"asked", "used_at"}


async def test_a_newcomer_gets_what_the_books_would_give(scene: Scene) -> None:
    await scene.books.put_plan(Plan("default", 500), actor="admin")
    await scene.ledger.tend()
    scene.away()
    _, first = await scene.hold(400)
    assert first.balance is not None
    assert (first.outcome, first.balance.allowance_granted, first.balance.held) == (HoldOutcome.HELD, 500, 400)
    _, second = await scene.hold(200)
    assert second.outcome is HoldOutcome.CONTENDED
    _, third = await scene.hold(600)
    assert third.outcome is HoldOutcome.TIGHT
    _, capped = await scene.hold(600, minimum=10)
    assert (capped.outcome, capped.amount) == (HoldOutcome.HELD, 100)


async def test_where_nobody_may_be_made_a_stranger_is_refused(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "journal", new=NewAccount(create=False))
    scene.away()
    with pytest.raises(LedgerUnavailableError):
        await scene.hold()
    scene.ledger.close()


async def test_a_stranger_who_must_be_approved_is_refused(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "journal", new=NewAccount(status=Status.PENDING))
    scene.away()
    assert (await scene.hold())[1].outcome is HoldOutcome.INACTIVE
    scene.ledger.close()


async def test_an_overdraft_that_is_known_can_be_used(scene: Scene) -> None:
    await scene.books.put_plan(Plan("default", 500, overdraft=300), actor="admin")
    await scene.hold()
    scene.away()
    _, held = await scene.hold(650)
    assert (held.outcome, held.amount) == (HoldOutcome.HELD, 650)
    assert (await scene.hold(60))[1].outcome is HoldOutcome.CONTENDED


async def test_one_who_is_known_to_be_suspended_stays_so(scene: Scene) -> None:
    await scene.books.put_account(ANA, AccountChange(status=Status.SUSPENDED), actor="admin", reason="asked")
    await scene.hold()
    scene.away()
    assert (await scene.hold())[1].outcome is HoldOutcome.INACTIVE


async def test_one_who_is_known_to_have_spent_it_all_stays_refused(scene: Scene) -> None:
    await scene.books.put_plan(Plan("default", 100), actor="admin")
    hold_id, _ = await scene.hold(100)
    await scene.settle(hold_id, 95)
    scene.away()
    _, result = await scene.hold(50, minimum=10)
    assert result.outcome is HoldOutcome.TIGHT
    assert result.balance is not None
    assert result.balance.used == 95


async def test_a_new_period_is_seen_without_the_books(tmp_path: Path) -> None:
    scene = Scene(tmp_path / "journal")
    await scene.books.put_plan(Plan("default", 100), actor="admin")
    hold_id, first = await scene.hold(100)
    await scene.settle(hold_id, 120)
    assert first.balance is not None
    later = first.balance.period.end + dt.timedelta(hours=1)
    scene.ledger._now = lambda: later
    scene.away()
    _, result = await scene.hold(50)
    assert result.outcome is HoldOutcome.HELD
    assert result.balance is not None
    assert later in result.balance.period
    assert (result.balance.used, result.balance.overage) == (20, 0)
    scene.ledger.close()


async def test_books_that_are_only_busy_let_nobody_pass(scene: Scene) -> None:
    scene.books.error = LedgerBusyError()
    with pytest.raises(LedgerBusyError):
        await scene.hold()
    assert not scene.ledger._circuit.open
    scene.books.error = None
    hold_id, _ = await scene.hold()
    scene.books.error = LedgerBusyError()
    await scene.settle(hold_id)
    await scene.back()
    assert await scene.figures() == (30, 0)


async def test_without_a_journal_nobody_passes(scene: Scene) -> None:
    scene.disk_is_full = True
    scene.away()
    with pytest.raises(JournalError):
        await scene.hold()
    scene.disk_is_full = False
    _, result = await scene.hold()
    assert result.outcome is HoldOutcome.HELD


async def test_a_stream_that_passed_grows_by_what_is_known(scene: Scene) -> None:
    await scene.books.put_plan(Plan("default", 500), actor="admin")
    await scene.ledger.tend()
    scene.away()
    hold_id, _ = await scene.hold(100)
    more = Extension(ANA, hold_id, 300, 300, "m", 10, 60)
    assert await scene.ledger.extend(more) == ExtendResult(300, contended=False)
    assert await scene.ledger.extend(replace(more, amount=900, step=900)) == ExtendResult(500, contended=False)
    await scene.back()
    # The books do not know the account yet: what this process knows goes on counting.
    assert (await scene.ledger.extend(more)).amount == 500
    await scene.settle(hold_id, 450)
    assert await scene.figures() == (450, 0)


async def test_failing_closed_grows_nothing_without_the_books(closed: Scene) -> None:
    hold_id, _ = await closed.hold(100)
    closed.away()
    with pytest.raises(LedgerUnavailableError):
        await closed.ledger.extend(Extension(ANA, hold_id, 300, 300, "m", 10, 60))
