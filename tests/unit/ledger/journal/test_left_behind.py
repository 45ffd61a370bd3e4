"""What passed without the books and did not end with them, or with its process."""

from __future__ import annotations

import json

from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.records import (
    HoldOutcome,
)
from solaris_hooks.quota.ids import new_hold_id
from tests.unit.ledger.journal.scene import ANA, Scene, until


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
