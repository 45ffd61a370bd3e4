"""What ends while the books are away is kept, in either mode, and booked once."""

from __future__ import annotations

import pytest

from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.journal.facts import facts
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import (
    AccountChange,
    HoldOutcome,
    SettleOutcome,
)
from solaris_hooks.quota.errors import JournalError, LedgerUnavailableError
from tests.unit.ledger.journal.scene import ANA, Scene, settlement


async def test_while_the_books_are_there_no_journal_is_made(scene: Scene) -> None:
    hold_id, result = await scene.hold()
    assert result.outcome is HoldOutcome.HELD
    assert (await scene.settle(hold_id)).outcome is SettleOutcome.SETTLED
    await scene.ledger.catch_up()
    assert await scene.figures() == (30, 0)
    assert not scene.folder.exists()


async def test_failing_closed_refuses_and_leaves_nothing(closed: Scene) -> None:
    closed.away()
    with pytest.raises(LedgerUnavailableError):
        await closed.hold()
    await closed.back()
    assert await closed.figures() is None
    assert journals(closed.folder) == []


async def test_a_settlement_is_kept_in_either_mode(closed: Scene) -> None:
    hold_id, _ = await closed.hold()
    closed.away()
    result = await closed.settle(hold_id)
    assert (result.outcome, result.charge) == (SettleOutcome.SETTLED, 30)
    assert await closed.figures() == (0, 100)
    await closed.back()
    assert await closed.figures() == (30, 0)
    assert journals(closed.folder) == []


async def test_a_release_is_kept_in_either_mode(closed: Scene) -> None:
    hold_id, _ = await closed.hold()
    closed.away()
    assert await closed.ledger.release(ANA, hold_id)
    await closed.back()
    assert await closed.figures() == (0, 0)


async def test_a_hold_whose_answer_was_lost_is_given_back_when_its_request_is_refused(closed: Scene) -> None:
    closed.books.answer_is_lost = True
    with pytest.raises(LedgerUnavailableError):
        await closed.hold()
    assert await closed.figures() == (0, 100)
    closed.books.answer_is_lost = False
    await closed.back()
    assert await closed.figures() == (0, 0)


async def test_a_settlement_whose_answer_was_lost_is_booked_once(scene: Scene) -> None:
    hold_id, _ = await scene.hold()
    scene.books.answer_is_lost = True
    await scene.settle(hold_id)
    assert await scene.figures() == (30, 0)
    scene.books.answer_is_lost = False
    await scene.back()
    assert await scene.figures() == (30, 0)
    assert scene.ledger.counts.known == 1


async def test_a_settlement_that_neither_takes_is_told_and_can_be_tried_again(scene: Scene) -> None:
    hold_id, _ = await scene.hold()
    scene.disk_is_full = True
    scene.away()
    with pytest.raises(JournalError):
        await scene.settle(hold_id)
    scene.disk_is_full = False
    await scene.settle(hold_id)
    await scene.back()
    assert await scene.figures() == (30, 0)


async def test_exact_figures_that_come_after_a_sweepers_estimate_are_counted_and_change_nothing(scene: Scene) -> None:
    hold_id, _ = await scene.hold()
    scene.away()
    await scene.settle(hold_id, 30)
    await MemoryLedger.settle(scene.books, settlement(hold_id, 44))
    await scene.back()
    assert await scene.figures() == (44, 0)
    assert scene.ledger.counts.conflicts == 1


async def test_what_the_books_refuse_for_good_is_kept_and_holds_up_nothing_else(scene: Scene) -> None:
    scene.away()
    bad, _ = await scene.hold()
    await scene.settle(bad, -1)
    good, _ = await scene.hold()
    await scene.settle(good)
    scene.books.error = None
    await scene.books.put_account(ANA, AccountChange(), actor="admin")
    await scene.back()
    assert await scene.figures() == (30, 0)
    assert scene.ledger.counts.refused == 1
    assert [each.state for each in facts(scene.folder)] == ["kept"]


async def test_nothing_is_swept_until_those_who_know_have_had_their_turn(scene: Scene) -> None:
    assert scene.ledger.recovering(0)
    await scene.ledger.catch_up()
    assert not scene.ledger.recovering(30)
    hold_id, _ = await scene.hold()
    scene.away()
    await scene.settle(hold_id)
    assert scene.ledger.recovering(30)
    await scene.back()
    assert scene.ledger.recovering(30)
    assert not scene.ledger.recovering(0)


async def test_after_the_first_failure_nobody_waits_for_the_books(scene: Scene) -> None:
    scene.away()
    await scene.hold()
    asked = scene.books.asked
    for _ in range(5):
        hold_id, _ = await scene.hold()
        await scene.settle(hold_id)
    with pytest.raises(LedgerUnavailableError):
        await scene.ledger.renew_leases([], lease_seconds=60)
    assert scene.books.asked == asked
