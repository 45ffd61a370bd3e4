"""Who passes while the books are away, and by what is known of them."""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path

import pytest

from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.ledger.records import (
    AccountChange,
    ExtendResult,
    Extension,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    NewAccount,
    Plan,
)
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import JournalError, LedgerBusyError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId, new_hold_id
from tests.unit.ledger.journal.scene import ANA, Scene, settlement


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


TEAM = AccountId("team:red")
RUI, EVA = MemberId("user:rui"), MemberId("user:eva")


async def asks(scene: Scene, member: MemberId, want: int, hold_id: HoldId | None = None) -> HoldResult:
    """Hold tokens of the team for one of its members."""
    request = HoldRequest(TEAM, hold_id or new_hold_id(), "m", want, want, 40, 60, member_id=member)
    return await scene.ledger.hold(request)


async def of_team(scene: Scene, limit: int = 300) -> None:
    """A team of which this process knows Rui, whose limit it is."""
    await scene.books.put_account(TEAM, AccountChange(), actor="admin:a")
    await scene.books.members.put_limit(LimitChange(TEAM, "admin:a", RUI, limit))
    hold_id = new_hold_id()
    await asks(scene, RUI, 50, hold_id)
    await scene.ledger.settle(replace(settlement(hold_id, 50, TEAM), member_id=RUI))


async def test_a_member_keeps_within_the_limit_that_was_last_known(scene: Scene) -> None:
    await of_team(scene)
    scene.away()
    first = new_hold_id()
    assert (await asks(scene, RUI, 200, first)).outcome is HoldOutcome.HELD
    assert (await asks(scene, RUI, 200)).outcome is HoldOutcome.CONTENDED
    await scene.ledger.release(TEAM, first)
    second = new_hold_id()
    held = await asks(scene, RUI, 200, second)
    assert held.balance is not None
    assert held.balance.share is not None
    assert (held.balance.share.used, held.balance.share.held) == (50, 200)
    await scene.ledger.settle(replace(settlement(second, 180, TEAM), member_id=RUI))
    assert (await asks(scene, RUI, 100)).outcome is HoldOutcome.TIGHT
    assert (await asks(scene, EVA, 5000)).outcome is HoldOutcome.HELD, "of her no limit is known"


async def test_a_stream_of_a_member_grows_within_his_limit(scene: Scene) -> None:
    await of_team(scene)
    scene.away()
    hold_id = new_hold_id()
    await asks(scene, RUI, 100, hold_id)
    grown = await scene.ledger.extend(Extension(TEAM, hold_id, 5000, 5000, "m", 40, 60, RUI))
    assert grown == ExtendResult(250, contended=False)


async def test_what_members_used_is_booked_to_them_when_the_books_are_back(scene: Scene) -> None:
    await of_team(scene)
    scene.away()
    hold_id = new_hold_id()
    await asks(scene, RUI, 100, hold_id)
    await scene.ledger.settle(replace(settlement(hold_id, 90, TEAM), member_id=RUI))
    lost = new_hold_id()
    await asks(scene, RUI, 60, lost)
    await scene.ledger.give_up(lost)
    await scene.back()
    member = await scene.books.members.get(TEAM, RUI)
    assert member is not None
    assert (member.share.used, member.share.held) == (50 + 90 + 40, 0)
    assert (await scene.books.verify()).ok


async def test_which_teams_share_is_asked_of_the_books_alone(scene: Scene) -> None:
    await scene.books.put_account(TEAM, AccountChange(), actor="admin:a")
    assert await scene.ledger.knows_team(TEAM)
    scene.away()
    await scene.hold()
    with pytest.raises(LedgerUnavailableError):
        await scene.ledger.knows_team(TEAM)
