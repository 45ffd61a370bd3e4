"""Refusals are written behind everybody's back, and nothing that goes wrong there reaches a client."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
from collections.abc import Callable, Sequence

import pytest

from solaris_hooks.hooks import refusal_log
from solaris_hooks.hooks.attempt import Attempt
from solaris_hooks.hooks.refusal_log import RefusalLog
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.memory.refusals import MemoryRefusals
from solaris_hooks.ledger.records import HoldRequest
from solaris_hooks.ledger.refusal_queue import RefusalQueue
from solaris_hooks.ledger.refusal_records import Holders, Refusal, RefusalReason
from solaris_hooks.quota.balance import Balance
from solaris_hooks.quota.errors import LedgerError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, new_hold_id
from tests.refused import ANA, AT, refusal


class Store(MemoryRefusals):
    """A store that fails when it is told to."""

    def __init__(self, books: MemoryLedger) -> None:
        super().__init__(books, lambda: AT)
        self.error: Exception | None = None
        self.writes = 0
        self.hangs = False

    async def holders(self, account_ids: Sequence[AccountId]) -> dict[AccountId, Holders]:
        if self.error is not None:
            raise self.error
        return await super().holders(account_ids)

    async def write(self, refusals: Sequence[Refusal]) -> None:
        self.writes += 1
        if self.hangs:
            await asyncio.Event().wait()
        if self.error is not None:
            raise self.error
        await super().write(refusals)


class Scene:
    """A log over books in memory."""

    def __init__(self) -> None:
        self.books = MemoryLedger()
        self.store = Store(self.books)
        self.queue = RefusalQueue()
        self.log = RefusalLog(self.store, keep=dt.timedelta(days=90), locale="en", queue=self.queue, now=lambda: AT)

    def note(self, name: str = "ana", balance: Balance | None = None, **fields: str) -> None:
        attempt = Attempt("acompletion", model="demo", account_id=AccountId(f"user:{name}"))
        for field, value in fields.items():
            setattr(attempt, field, value)
        noted = self.log.note(attempt, RefusalReason.CONTENDED, status=429, message="held", balance=balance)
        assert noted is not None

    @property
    def written(self) -> list[Refusal]:
        return list(self.store.records.values())


@pytest.fixture
def scene(monkeypatch: pytest.MonkeyPatch) -> Scene:
    monkeypatch.setattr(refusal_log, "WRITE_AFTER_SECONDS", 0.01)
    monkeypatch.setattr(refusal_log, "RETRY_SECONDS", 0.01)
    return Scene()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not condition():  # noqa: ASYNC110 - what is waited for has no event
            await asyncio.sleep(0.001)


async def test_a_refusal_is_written_soon_with_who_held_the_tokens(scene: Scene) -> None:
    held = await scene.books.hold(HoldRequest(ANA, new_hold_id(), "demo", 70, 1, 1, 60))
    scene.note(balance=held.balance)
    await until(lambda: bool(scene.written))
    (row,) = scene.written
    assert (row.account_id, row.reason, row.status, row.message) == (ANA, RefusalReason.CONTENDED, 429, "held")
    assert row.figures is not None
    assert row.figures.held == 70
    assert row.holders is not None
    assert [each.amount for each in row.holders.largest] == [70]


async def test_what_comes_within_a_moment_is_written_together(scene: Scene) -> None:
    for name in ("ana", "bia", "ana"):
        scene.note(name)
    await until(lambda: len(scene.written) == 2)
    assert scene.store.writes == 1
    assert [each.count for each in scene.written] == [2, 1]


async def test_while_the_books_are_away_refusals_wait(scene: Scene) -> None:
    scene.store.error = LedgerUnavailableError()
    scene.note()
    await until(lambda: scene.store.writes >= 2)
    scene.note()
    assert scene.written == []
    scene.store.error = None
    await until(lambda: bool(scene.written))
    assert [each.count for each in scene.written] == [2]
    assert scene.queue.lost == 0


@pytest.mark.parametrize("error", [LedgerError("no"), RuntimeError("defect")])
async def test_what_cannot_be_written_is_not_tried_for_ever(
    scene: Scene, caplog: pytest.LogCaptureFixture, error: Exception
) -> None:
    scene.store.error = error
    scene.note()
    await until(lambda: scene.queue.lost == 1)
    assert "1 refusals could not be written down" in caplog.text
    scene.store.error = None
    scene.note("bia")
    await until(lambda: bool(scene.written))
    assert "1 refusals were not written down" in caplog.text


async def test_the_log_outlives_a_defect(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    held = await scene.books.hold(HoldRequest(ANA, new_hold_id(), "demo", 70, 1, 1, 60))
    scene.store.error = RuntimeError("defect")
    scene.note(balance=held.balance)
    await until(lambda: "no longer written" in caplog.text)
    scene.store.error = None
    await scene.log.keep_running()
    await until(lambda: bool(scene.written))


async def test_a_defect_in_noting_reaches_nobody(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    broken = Attempt("acompletion", account_id=ANA, waited_seconds=float("nan"))
    assert scene.log.note(broken, RefusalReason.CONTENDED, status=429, message="held") is None
    assert "could not be noted" in caplog.text


async def test_the_end_of_the_process_writes_what_waits(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_log, "WRITE_AFTER_SECONDS", 3600)
    scene.note()
    task = scene.log._task
    assert task is not None
    noted = scene.log._noted
    assert noted is not None
    await until(lambda: not noted.is_set())
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert len(scene.written) == 1


async def test_the_end_of_the_process_is_heard_while_a_refusal_comes_in(scene: Scene) -> None:
    scene.note()
    task, noted = scene.log._task, scene.log._noted
    assert task is not None
    assert noted is not None
    await until(lambda: not noted.is_set())
    scene.note()
    await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert [each.count for each in scene.written] == [2]


async def test_the_end_of_the_process_waits_for_nobody_who_hangs(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_log, "LAST_WRITE_SECONDS", 0.01)
    scene.store.hangs = True
    scene.note()
    await until(lambda: scene.store.writes == 1)
    task = scene.log._task
    assert task is not None
    task.cancel()
    async with asyncio.timeout(5):
        with pytest.raises(asyncio.CancelledError):
            await task


async def test_text_of_clients_is_cut_and_made_printable(scene: Scene) -> None:
    scene.note(model="m\x00\n" + "x" * 500, path="/a\ud800")
    await until(lambda: bool(scene.written))
    (row,) = scene.written
    assert row.model is not None
    assert row.model.startswith("m??xxx")
    assert len(row.model) == 300
    assert row.path == "/a?"


async def test_a_flood_is_logged_once(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(50):
            scene.note()
    assert caplog.text.count("contended (429) of user:ana") == 1


async def test_old_refusals_are_purged_batch_by_batch(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_log, "PURGE_BATCH", 2)
    old = AT - dt.timedelta(days=91)
    await scene.store.write([refusal(old), refusal(old, model="a"), refusal(old, model="b"), refusal()])
    assert await scene.log.purge() == 3
    monkeypatch.setattr(refusal_log, "PURGE_ROUNDS", 1)
    await scene.store.write([refusal(old), refusal(old, model="a"), refusal(old, model="b")])
    assert await scene.log.purge() == 2, "one purge does not take for ever"
