"""What is learned of the lengths of answers, and how processes share it."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from solaris_hooks.hooks.answer_lengths import (
    COMPARED_LATER_ONE_IN,
    COMPARED_ONE_IN,
    ENOUGH_RATIOS,
    LEAST_ANSWERS,
    AnswerLengths,
)
from solaris_hooks.ledger.lengths import LengthCount, LengthKind
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.quota.errors import LedgerUnavailableError


def taught(lengths: AnswerLengths, kind: LengthKind = LengthKind.STREAM, amount: int = 300) -> None:
    for _ in range(LEAST_ANSWERS):
        lengths.learn("m", kind, amount)


def test_few_answers_say_nothing() -> None:
    lengths = AnswerLengths(MemoryLedger(), margin_percent=10)
    lengths.learn("m", LengthKind.STREAM, 300)
    assert lengths.usual("m", stream=True) is None


def test_streams_and_whole_answers_are_learned_apart_and_whole_ones_get_twice_the_room() -> None:
    lengths = AnswerLengths(MemoryLedger(), margin_percent=10)
    taught(lengths, LengthKind.STREAM, 300)
    taught(lengths, LengthKind.WHOLE, 300)
    usual = lengths.usual("m", stream=True)
    assert usual is not None
    assert 300 <= usual <= 360
    assert lengths.usual("m", stream=False) == 2 * usual
    assert lengths.usual("another", stream=True) is None


async def test_what_one_process_learns_another_one_knows_after_both_spoke_to_the_books() -> None:
    book = MemoryLedger()
    one, other = AnswerLengths(book, margin_percent=10), AnswerLengths(book, margin_percent=10)
    taught(one)
    await one.exchange()
    await other.exchange()
    assert other.usual("m", stream=True) == one.usual("m", stream=True) is not None


async def test_nothing_is_counted_twice_or_lost_when_the_books_are_away() -> None:
    class Away(MemoryLedger):
        away = True

        async def exchange_lengths(self, fresh: Sequence[LengthCount]) -> Sequence[LengthCount]:
            if self.away:
                raise LedgerUnavailableError
            return await super().exchange_lengths(fresh)

    book = Away()
    lengths = AnswerLengths(book, margin_percent=10)
    taught(lengths)
    with pytest.raises(LedgerUnavailableError):
        await lengths.exchange()
    book.away = False
    await lengths.exchange()
    await lengths.exchange()
    assert sum(each.count for each in await book.exchange_lengths([])) == LEAST_ANSWERS


def test_our_count_gets_a_margin_until_it_is_known_how_good_it_is() -> None:
    lengths = AnswerLengths(MemoryLedger(), margin_percent=10)
    assert lengths.percent("m") == 110
    for reported in (90, 101, 103):
        for _ in range(LEAST_ANSWERS):
            lengths.learn_ratio("m", counted=100, reported=reported)
    assert lengths.percent("m") == 103, "the worst of them count"


def test_our_count_is_never_taken_as_too_high() -> None:
    lengths = AnswerLengths(MemoryLedger(), margin_percent=10)
    for _ in range(LEAST_ANSWERS):
        lengths.learn_ratio("m", counted=100, reported=60)
    assert lengths.percent("m") == 100


def test_a_model_whose_answers_are_longer_than_allowed_obeys_no_cap() -> None:
    lengths = AnswerLengths(MemoryLedger(), margin_percent=10)
    for slips, obeys in ((1, True), (2, True), (3, False)):
        lengths.learn("m", LengthKind.BEYOND_CAP, 900)
        assert lengths.obeys_caps("m") is obeys, slips
    assert lengths.obeys_caps("another")


def test_rare_slips_are_forgiven() -> None:
    lengths = AnswerLengths(MemoryLedger(), margin_percent=10)
    for _ in range(3):
        lengths.learn("m", LengthKind.BEYOND_CAP, 900)
    for _ in range(301):
        lengths.learn("m", LengthKind.STREAM, 50)
    assert lengths.obeys_caps("m")


async def test_names_that_clients_make_up_cannot_fill_the_memory() -> None:
    book = MemoryLedger()
    lengths = AnswerLengths(book, margin_percent=10)
    for number in range(5000):
        lengths.learn(f"m-{number}", LengthKind.STREAM, 1)
    await lengths.exchange()
    assert len(await book.exchange_lengths([])) == 1000


async def test_whoever_wants_sizes_by_limits_alone_gets_them() -> None:
    book = MemoryLedger()
    lengths = AnswerLengths(book, margin_percent=10, learns=False)
    taught(lengths)
    for _ in range(LEAST_ANSWERS):
        lengths.learn_ratio("m", counted=100, reported=300)
    await lengths.exchange()
    assert lengths.usual("m", stream=True) is None
    assert lengths.percent("m") == 110
    assert await book.exchange_lengths([]) == []
    assert not lengths.wants_to_compare("m", 0)


def test_fewer_prompts_are_counted_for_comparison_once_the_ratio_is_known() -> None:
    lengths = AnswerLengths(MemoryLedger(), margin_percent=10)
    assert lengths.wants_to_compare("m", COMPARED_ONE_IN)
    assert not lengths.wants_to_compare("m", COMPARED_ONE_IN + 1)
    for _ in range(ENOUGH_RATIOS):
        lengths.learn_ratio("m", counted=100, reported=104)
    assert not lengths.wants_to_compare("m", COMPARED_ONE_IN)
    assert lengths.wants_to_compare("m", COMPARED_LATER_ONE_IN)
