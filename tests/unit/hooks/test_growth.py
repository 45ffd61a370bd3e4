"""A stream's hold follows it, and the stream ends where nothing is left."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices, Usage

from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.growth import Growth, room_for
from solaris_hooks.hooks.in_flight import InFlight, Request
from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.hooks.stream import settled_at_end
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import ExtendResult, Extension, Hold, HoldRequest, Plan
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.sizing import Sizing
from solaris_hooks.quota.weights import Weights, WeightTable

ANA = AccountId("user:ana")
PROMPT = 20
WORD = "word "


def chunk(text: str | None = None, usage: Usage | None = None) -> ModelResponseStream:
    return ModelResponseStream(
        id="chatcmpl-1", choices=[StreamingChoices(index=0, delta=Delta(content=text))], usage=usage
    )


class Scene:
    """Books with a small balance, and streams that use it."""

    def __init__(self) -> None:
        self.ledger = MemoryLedger()
        self.in_flight = InFlight()
        self.settler = Settler(
            ledger=self.ledger,
            in_flight=self.in_flight,
            weights=WeightTable({}),
            lengths=AnswerLengths(self.ledger, margin_percent=0),
        )
        self.closed = False

    async def request(self, *, first_tokens: int, bound: int = PROMPT) -> Request:
        """A request whose hold covers its prompt, or a bound of it, and the first tokens of its answer."""
        sizing = Sizing(bound, 10_000, 1, Weights(), usual_tokens=first_tokens)
        hold_id = new_hold_id()
        result = await self.ledger.hold(
            HoldRequest(ANA, hold_id, "m", sizing.want, sizing.minimum, PROMPT, 60, fair=sizing.fair)
        )
        assert result.balance is not None
        route = ROUTES["acompletion"]
        demand = route.read({"messages": []}, media_tokens=0)
        request = Request(ANA, hold_id, "m", route, demand, result.balance, [sizing], result.amount)
        request.counted_prompt = PROMPT if bound == PROMPT else 0
        self.in_flight.add(request)
        return request

    def growth(self, request: Request, patience_seconds: float = 0) -> Growth:
        return Growth(
            request,
            ledger=self.ledger,
            in_flight=self.in_flight,
            patience_seconds=patience_seconds,
            lease_seconds=60,
        )

    async def answer(self, words: int, *, reported: bool = True) -> AsyncIterator[Any]:
        try:
            for _ in range(words):
                yield chunk(WORD)
            if reported:
                yield chunk(usage=Usage(prompt_tokens=PROMPT, completion_tokens=words))
        finally:
            self.closed = True

    async def stream(self, request: Request, words: int, **growth: float) -> list[Any]:
        grown = self.growth(request, **growth)
        return [each async for each in settled_at_end(request, self.answer(words), {}, self.settler, grown)]

    async def hold(self) -> Hold:
        (hold,) = await self.ledger.holds(ANA)
        return hold


@pytest.fixture
async def scene() -> Scene:
    scene = Scene()
    await scene.ledger.put_plan(Plan("default", 1_000), actor="admin")
    return scene


async def test_a_short_answer_asks_the_books_for_nothing_more(scene: Scene) -> None:
    request = await scene.request(first_tokens=200)
    chunks = await scene.stream(request, 30)
    assert len(chunks) == 31
    assert request.held == PROMPT + 200
    account = await scene.ledger.account(ANA)
    assert account is not None
    assert (account.balance.used, account.balance.held) == (PROMPT + 30, 0)


@pytest.mark.parametrize("percent", [100, 107, 130])
@pytest.mark.parametrize("words", [1, 7, 40, 300])
async def test_an_answer_as_long_as_most_are_ends_before_its_hold_would_grow(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, words: int, percent: int
) -> None:
    async def extend(extension: Extension) -> ExtendResult:
        raise AssertionError(extension)

    monkeypatch.setattr(scene.ledger, "extend", extend)
    request = await scene.request(first_tokens=room_for(words, percent), bound=PROMPT + 1)
    request.count_percent = percent
    assert len(await scene.stream(request, words)) == words + 1
    assert request.counted_prompt == 0, "nor is the prompt counted"


async def test_a_long_answer_grows_its_hold_and_is_booked_exactly(scene: Scene) -> None:
    request = await scene.request(first_tokens=10)
    chunks = await scene.stream(request, 700)
    assert len(chunks) == 701
    assert request.held > PROMPT + 700
    account = await scene.ledger.account(ANA)
    assert account is not None
    assert (account.balance.used, account.balance.held, account.balance.overage) == (PROMPT + 700, 0, 0)


async def test_what_a_prompt_was_bounded_too_high_by_is_room_for_output(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def extend(extension: Extension) -> ExtendResult:
        raise AssertionError(extension)

    monkeypatch.setattr(scene.ledger, "extend", extend)
    request = await scene.request(first_tokens=10, bound=600)
    assert len(await scene.stream(request, 300)) == 301
    assert request.counted_prompt > 0
    assert request.held == 600 + 10


async def test_what_was_passed_on_is_never_more_than_what_is_held(scene: Scene) -> None:
    request = await scene.request(first_tokens=10)
    seen = 0
    async for each in settled_at_end(request, scene.answer(700), {}, scene.settler, scene.growth(request)):
        seen += bool(each.choices[0].delta.content)
        assert PROMPT + seen <= request.held


async def test_a_stream_ends_as_at_its_limit_when_the_balance_does(scene: Scene) -> None:
    request = await scene.request(first_tokens=10)
    chunks = await scene.stream(request, 5_000)
    words = sum(bool(each.choices[0].delta.content) for each in chunks)
    assert 1_000 - PROMPT - 5 <= words <= 1_000 - PROMPT, "all but what counting in pieces adds"
    assert chunks[-1].choices[0].finish_reason == "length"
    assert scene.closed, "the provider must not go on generating"
    account = await scene.ledger.account(ANA)
    assert account is not None
    assert 995 <= account.balance.used <= 1_000
    assert (account.balance.held, account.balance.overage) == (0, 0)
    assert '"estimate"' in (await scene.ledger.entries(ANA))[0].details


async def test_the_books_are_not_asked_at_every_chunk_once_there_is_no_more(scene: Scene) -> None:
    asked = 0
    extend = scene.ledger.extend

    async def counted(extension: Extension) -> ExtendResult:
        nonlocal asked
        asked += 1
        return await extend(extension)

    scene.ledger.extend = counted  # type: ignore[method-assign]
    await scene.stream(await scene.request(first_tokens=10), 5_000)
    assert asked < 20


async def test_a_stream_waits_for_what_another_request_holds(scene: Scene) -> None:
    other = await scene.request(first_tokens=900)
    request = await scene.request(first_tokens=10)
    streaming = asyncio.create_task(scene.stream(request, 500, patience_seconds=30))
    await asyncio.sleep(0.05)
    assert not streaming.done()
    await scene.settler.release(other)
    async with asyncio.timeout(10):
        assert len(await streaming) == 501


async def test_a_stream_does_not_wait_longer_than_it_may(scene: Scene) -> None:
    await scene.request(first_tokens=900)
    request = await scene.request(first_tokens=10)
    async with asyncio.timeout(10):
        chunks = await scene.stream(request, 500, patience_seconds=0.05)
    assert chunks[-1].choices[0].finish_reason == "length"
    assert request.held <= 100


async def test_a_hold_that_a_crash_has_lost_begins_anew(scene: Scene) -> None:
    request = await scene.request(first_tokens=10)
    await scene.ledger.release(ANA, request.hold_id)
    growth = scene.growth(request)
    assert not growth.covers(WORD * 50)
    assert await growth.grow()
    assert (await scene.hold()).amount == request.held


async def test_bytes_bound_tokens_so_that_most_chunks_need_no_count(scene: Scene) -> None:
    request = await scene.request(first_tokens=900)
    growth = scene.growth(request)
    assert growth.covers("é" * 450)
    assert not growth.covers("é"), "901 bytes may be 901 tokens"
    assert await growth.grow()
