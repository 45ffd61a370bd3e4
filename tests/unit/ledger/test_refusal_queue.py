"""Refusals that wait: folded, bounded, and none forgotten that there is room for."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, replace

import pytest

from solaris_hooks.ledger import refusal_queue
from solaris_hooks.ledger.refusal_queue import MOST_OF_ACCOUNT, MOST_WAITING, RefusalQueue
from solaris_hooks.ledger.refusal_records import FOLD_SECONDS, RefusalReason
from solaris_hooks.quota.ids import AccountId, MemberId
from tests.refused import ANA, AT, holders, refusal


@dataclass
class Ticks:
    """A clock that tests move."""

    now: float = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def ticks() -> Ticks:
    return Ticks()


@pytest.fixture
def queue(ticks: Ticks) -> RefusalQueue:
    return RefusalQueue(clock=ticks)


def later(seconds: float) -> dt.datetime:
    return AT + dt.timedelta(seconds=seconds)


def test_a_flood_of_one_kind_is_one_row_with_the_figures_of_the_first(queue: RefusalQueue) -> None:
    first = refusal()
    ids = {queue.add(first)} | {queue.add(refusal(later(number / 100), figures=None)) for number in range(1, 6000)}
    assert ids == {first.refusal_id}, "every client is told the id under which his refusal is found"
    (row,) = queue.take(10)
    assert (row.count, row.at, row.last_at) == (6000, AT, later(59.99))
    assert row.figures == first.figures


def test_what_differs_in_account_reason_or_model_is_a_row_of_its_own(queue: RefusalQueue) -> None:
    kinds = (
        refusal(),
        refusal(account_id=AccountId("user:bia")),
        refusal(reason=RefusalReason.EXHAUSTED),
        refusal(model="other"),
    )
    for each in kinds * 2:
        queue.add(each)
    assert [each.count for each in queue.take(10)] == [2, 2, 2, 2]


def test_a_row_is_counted_on_for_a_minute_although_it_was_written(queue: RefusalQueue, ticks: Ticks) -> None:
    queue.add(refusal())
    (written,) = queue.take(10)
    ticks.now = FOLD_SECONDS - 1
    queue.add(refusal(later(59)))
    (again,) = queue.take(10)
    assert (again.refusal_id, again.count) == (written.refusal_id, 2)
    ticks.now = FOLD_SECONDS
    queue.add(refusal(later(60)))
    (new,) = queue.take(10)
    assert new.refusal_id != written.refusal_id
    assert new.count == 1


def test_a_client_that_makes_up_models_gets_few_rows(queue: RefusalQueue) -> None:
    for number in range(500):
        queue.add(refusal(model=f"made-up-{number}"))
    rows = queue.take(1000)
    assert len(rows) == MOST_OF_ACCOUNT + 1
    assert sum(each.count for each in rows) == 500
    assert rows[-1].model is None
    queue.add(refusal(account_id=AccountId("user:bia"), model="made-up"))
    assert [each.model for each in queue.take(10)] == ["made-up"], "others are not bounded by it"


def test_no_more_rows_wait_than_may_and_what_is_lost_is_counted(queue: RefusalQueue) -> None:
    for number in range(MOST_WAITING + 5):
        queue.add(refusal(account_id=AccountId(f"user:{number}")))
    assert (len(queue), queue.lost) == (MOST_WAITING, 5)
    queue.add(refusal(account_id=AccountId("user:0")))
    assert queue.lost == 5, "what is counted in a row that waits is not lost"
    assert queue.take(1)[0].count == 2


def test_the_oldest_folds_end_where_there_are_too_many(queue: RefusalQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusal_queue, "MOST_FOLDS", 2)
    for name in ("a", "b", "c", "a"):
        queue.add(refusal(account_id=AccountId(f"user:{name}")))
    assert [each.account_id for each in queue.take(10)] == ["user:a", "user:b", "user:c", "user:a"]


def test_what_could_not_be_written_waits_on_with_what_came_since(queue: RefusalQueue) -> None:
    queue.add(refusal())
    queue.add(refusal(model="other"))
    taken = queue.take(10)
    queue.add(refusal(later(1)))
    queue.give_back(taken)
    assert {each.model: each.count for each in queue.take(10)} == {"demo": 2, "other": 1}


def test_what_is_given_back_beyond_the_bound_is_lost(queue: RefusalQueue, monkeypatch: pytest.MonkeyPatch) -> None:
    queue.add(refusal())
    queue.add(refusal(model="other"))
    taken = queue.take(10)
    monkeypatch.setattr(refusal_queue, "MOST_WAITING", 1)
    queue.give_back(taken)
    assert (len(queue), queue.lost) == (1, 1)


def test_each_row_is_looked_after_once(queue: RefusalQueue) -> None:
    queue.add(refusal())
    assert queue.unlooked() == [ANA]
    found = holders(400, 300)
    queue.looked([ANA], {ANA: found})
    assert queue.unlooked() == []
    assert [each.holders for each in queue.take(10)] == [found]
    queue.add(refusal(later(1)))
    assert queue.unlooked() == [], "the row stands for the moment of its first"


def test_where_nothing_was_held_nobody_looks(queue: RefusalQueue) -> None:
    figures = refusal().figures
    assert figures is not None
    queue.add(refusal(figures=replace(figures, held=0)))
    queue.add(refusal(figures=None, reason=RefusalReason.UNAVAILABLE))
    assert queue.unlooked() == []


def test_what_nobody_could_tell_is_not_asked_again(queue: RefusalQueue) -> None:
    queue.add(refusal())
    queue.looked([ANA], {})
    assert queue.unlooked() == []
    assert queue.take(1)[0].holders is None


def test_members_of_a_team_share_no_row_and_do_not_bound_each_other(queue: RefusalQueue) -> None:
    team, rui, eva = AccountId("team:red"), MemberId("user:rui"), MemberId("user:eva")
    ruis = {queue.add(refusal(account_id=team, member_id=rui)) for _ in range(3)}
    evas = {queue.add(refusal(account_id=team, member_id=eva)) for _ in range(2)}
    assert (len(ruis), len(evas), ruis & evas) == (1, 1, set())
    for number in range(100):
        queue.add(refusal(account_id=team, member_id=rui, model=f"made-up-{number}"))
    queue.add(refusal(account_id=team, member_id=eva, model="made-up"))
    rows = queue.take(1000)
    assert [(each.model, each.count) for each in rows if each.member_id == eva] == [("demo", 2), ("made-up", 1)]
    assert {each.member_id for each in rows if each.model is None} == {rui}
