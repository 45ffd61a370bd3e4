"""The books are away for a while: nothing that was used is lost, and nothing is booked twice."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from uuid import UUID

import pytest

from solaris_hooks.ledger.journal import circuit as circuit_module
from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.journal.facts import facts
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.ledger import JournalledLedger
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import (
    AccountChange,
    ExtendResult,
    Extension,
    HoldOutcome,
    HoldRequest,
    HoldResult,
    NewAccount,
    Plan,
    Settlement,
    SettleOutcome,
    SettleResult,
)
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.errors import JournalError, LedgerBusyError, LedgerError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, HoldId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

ANA = AccountId("user:ana")
BOOKS = UUID(int=7)


class MortalLedger(MemoryLedger):
    """Books that can be away, busy, or lose their answers."""

    def __init__(self) -> None:
        super().__init__()
        self.error: LedgerError | None = None
        self.answer_is_lost = False
        self.asked = 0

    async def _meet(self) -> None:
        self.asked += 1
        if self.error is not None:
            raise self.error

    async def hold(self, request: HoldRequest) -> HoldResult:
        await self._meet()
        result = await super().hold(request)
        if self.answer_is_lost:
            raise LedgerUnavailableError
        return result

    async def extend(self, extension: Extension) -> ExtendResult:
        await self._meet()
        return await super().extend(extension)

    async def settle(self, settlement: Settlement) -> SettleResult:
        await self._meet()
        result = await super().settle(settlement)
        if self.answer_is_lost:
            raise LedgerUnavailableError
        return result

    async def release(self, account_id: AccountId, hold_id: HoldId) -> bool:
        await self._meet()
        return await super().release(account_id, hold_id)

    async def ping(self) -> None:
        if self.error is not None:
            raise self.error


class Scene:
    """A process with its journal, on books that can be away."""

    def __init__(self, folder: Path, *, fail_open: bool = True, new: NewAccount | None = None) -> None:
        self.books = MortalLedger()
        self.folder = folder
        self.fail_open = fail_open
        self.new = new or NewAccount()
        self.disk_is_full = False
        self.ledger = self.process()

    def process(self) -> JournalledLedger:
        """A process that starts now."""
        self.journal = Journal(self.folder, BOOKS, write=self._write)
        return JournalledLedger(
            self.books, self.journal, fail_open=self.fail_open, new_account=self.new, sweep_policy="prompt"
        )

    def _write(self, descriptor: int, data: bytes) -> int:
        if self.disk_is_full:
            raise OSError(errno.ENOSPC, "No space left on device")
        return _really_write(descriptor, data)

    def away(self) -> None:
        self.books.error = LedgerUnavailableError()

    async def back(self) -> None:
        """The books are back, and the process has noticed."""
        self.books.error = None
        await until(lambda: not self.ledger.recovering(0))
        await self.ledger.catch_up()

    async def hold(
        self, want: int = 100, *, account_id: AccountId = ANA, hold_id: HoldId | None = None, minimum: int | None = None
    ) -> tuple[HoldId, HoldResult]:
        hold_id = hold_id or new_hold_id()
        least = want if minimum is None else minimum
        request = HoldRequest(account_id, hold_id, "m", want, least, 40, 60, new_account=self.new)
        return hold_id, await self.ledger.hold(request)

    async def settle(self, hold_id: HoldId, charge: int = 30, account_id: AccountId = ANA) -> SettleResult:
        return await self.ledger.settle(settlement(hold_id, charge, account_id))

    async def figures(self, account_id: AccountId = ANA) -> tuple[int, int] | None:
        account = await self.books.account(account_id)
        return None if account is None else (account.balance.used, account.balance.held)


def settlement(hold_id: HoldId, charge: int, account_id: AccountId = ANA) -> Settlement:
    return Settlement(account_id, hold_id, "m", charge, Usage(charge, 0), UsageSource.PROVIDER, {"asked": "m"})


def _really_write(descriptor: int, data: bytes) -> int:
    import os  # noqa: PLC0415 - the real one, whatever a test makes of the module's

    return os.write(descriptor, data)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - nothing tells when a task of the ledger's own is done
            await asyncio.sleep(0.002)


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(circuit_module, "PROBE_SECONDS", 0.005)


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "journal")
    yield made
    made.ledger.close()


@pytest.fixture
async def closed(tmp_path: Path) -> AsyncIterator[Scene]:
    made = Scene(tmp_path / "journal", fail_open=False)
    yield made
    made.ledger.close()


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


async def test_a_settlement_whose_answer_was_lost_is_booked_once(scene: Scene) -> None:
    hold_id, _ = await scene.hold()
    scene.books.answer_is_lost = True
    await scene.settle(hold_id)
    assert await scene.figures() == (30, 0)
    scene.books.answer_is_lost = False
    await scene.back()
    assert await scene.figures() == (30, 0)
    assert scene.ledger.counts.known == 1


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


async def test_what_a_dead_process_left_is_booked_by_the_next_one_and_once(scene: Scene) -> None:
    scene.away()
    done, _ = await scene.hold()
    await scene.settle(done)
    await scene.hold()
    unused, _ = await scene.hold()
    await scene.ledger.release(ANA, unused)
    (path,) = journals(scene.folder)
    left = path.read_bytes()
    scene.ledger.close()
    scene.books.error = None
    for _ in range(2):
        path.write_bytes(left)
        heir = scene.process()
        await heir.catch_up()
        heir.close()
        assert journals(scene.folder) == []
        # What the first used, and the estimate of the prompt of the one that died with its process.
        assert await scene.figures() == (30 + 40, 0)


async def test_one_that_died_with_its_process_is_booked_by_policy(scene: Scene) -> None:
    await scene.ledger.tend()
    scene.away()
    _, result = await scene.hold(100)
    assert result.outcome is HoldOutcome.HELD
    scene.ledger.close()
    scene.books.error = None
    heir = scene.process()
    await heir.catch_up()
    heir.close()
    assert await scene.figures() == (40, 0)
    assert heir.counts.lost == 1
    (entry, *_) = await scene.books.entries(ANA)
    assert json.loads(entry.details)["source"] == "sweep"


async def test_one_that_passed_and_ends_with_the_books_is_not_lost_later(scene: Scene) -> None:
    scene.away()
    booked, _ = await scene.hold()
    given_back, _ = await scene.hold()
    await scene.back()
    assert len(journals(scene.folder)) == 1
    await scene.settle(booked)
    assert await scene.ledger.release(ANA, given_back)
    await until(lambda: not scene.ledger.recovering(0))
    await scene.ledger.catch_up()
    assert await scene.figures() == (30, 0)
    assert journals(scene.folder) == []


async def test_one_without_an_end_in_sight_is_booked_by_policy(scene: Scene) -> None:
    await scene.ledger.tend()
    scene.away()
    hold_id, _ = await scene.hold(100)
    await scene.back()
    await scene.ledger.give_up(hold_id)
    await scene.ledger.give_up(new_hold_id())
    assert await scene.figures() == (40, 0)
    await scene.ledger.catch_up()
    assert journals(scene.folder) == []


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
