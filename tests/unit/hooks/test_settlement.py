"""Requests end in the books once, however many hooks say so, and even if the books are away meanwhile."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.growth import Growth
from solaris_hooks.hooks.in_flight import InFlight, Request
from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.hooks.stream import settled_at_end
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import HoldRequest, Settlement, SettleResult
from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.sizing import Sizing
from solaris_hooks.quota.usage import Usage
from solaris_hooks.quota.weights import Weights, WeightTable

ANA = AccountId("user:ana")


class AwayLedger(MemoryLedger):
    """Books that cannot be reached for a while."""

    away = False

    async def settle(self, settlement: Settlement) -> SettleResult:
        if self.away:
            raise LedgerUnavailableError
        return await super().settle(settlement)


class Scene:
    """One request in flight."""

    def __init__(self) -> None:
        self.ledger = AwayLedger()
        self.in_flight = InFlight()
        self.settler = Settler(
            ledger=self.ledger,
            in_flight=self.in_flight,
            weights=WeightTable({}),
            lengths=AnswerLengths(self.ledger, margin_percent=0),
        )

    async def held(self, amount: int = 1000) -> Request:
        hold_id = new_hold_id()
        result = await self.ledger.hold(HoldRequest(ANA, hold_id, "m", amount, 1, 1, 60))
        assert result.balance is not None
        route = ROUTES["acompletion"]
        demand = route.read({"messages": [{"role": "user", "content": "a few plain words"}]}, media_tokens=0)
        request = Request(ANA, hold_id, "m", route, demand, result.balance, [Sizing(10, 1000, 1, Weights())], amount)
        self.in_flight.add(request)
        return request

    def growth(self, request: Request) -> Growth:
        return Growth(
            request,
            ledger=self.ledger,
            in_flight=self.in_flight,
            patience_seconds=0,
            lease_seconds=60,
        )

    async def figures(self) -> tuple[int, int]:
        account = await self.ledger.account(ANA)
        assert account is not None
        return account.balance.used, account.balance.held


@pytest.fixture
def scene() -> Scene:
    return Scene()


async def test_the_first_of_two_settlements_counts(scene: Scene) -> None:
    request = await scene.held()
    await asyncio.gather(
        scene.settler.settle(request, Usage(10, 20), model="m", text=""),
        scene.settler.settle(request, Usage(99, 99), model="m", text=""),
    )
    assert await scene.figures() == (30, 0)
    assert len(scene.in_flight) == 0
    assert request.balance.used == 30


async def test_a_release_after_a_settlement_changes_nothing(scene: Scene) -> None:
    request = await scene.held()
    await scene.settler.settle(request, Usage(10, 20), model="m", text="")
    await scene.settler.release(request)
    assert await scene.figures() == (30, 0)


async def test_without_usage_the_answer_is_counted_and_marked(scene: Scene) -> None:
    request = await scene.held()
    await scene.settler.settle(request, None, model="m", text="three plain words")
    entries = await scene.ledger.entries(ANA)
    assert '"estimate"' in entries[0].details
    assert (await scene.figures())[0] > 3


@pytest.mark.parametrize("team", ["red", None])
async def test_an_entry_says_which_team_asked(scene: Scene, team: str | None) -> None:
    request = await scene.held()
    request.team_id = team
    await scene.settler.settle(request, Usage(10, 20), model="m", text="")
    (entry, *_) = await scene.ledger.entries(ANA)
    assert json.loads(entry.details)["more"].get("team") == team


async def test_what_the_away_books_could_not_take_is_booked_when_they_are_back(scene: Scene) -> None:
    request = await scene.held()
    scene.ledger.away = True
    await scene.settler.settle(request, Usage(10, 20), model="m", text="")
    assert len(scene.in_flight) == 1
    scene.ledger.away = False
    await scene.settler.retry(request)
    assert await scene.figures() == (30, 0)
    assert len(scene.in_flight) == 0


async def test_a_stream_whose_client_leaves_is_settled_all_the_same(scene: Scene) -> None:
    request = await scene.held()

    async def endless() -> AsyncIterator[dict[str, Any]]:
        while True:
            yield {"choices": [{"delta": {"content": "word "}}]}

    async def client() -> None:
        async for seen in settled_at_end(request, endless(), {}, scene.settler, scene.growth(request)):
            assert seen
            await asyncio.sleep(0)

    task = asyncio.create_task(client())
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        while len(scene.in_flight):  # noqa: ASYNC110 - the settlement is a task of the settler's own
            await asyncio.sleep(0.001)
    used, held = await scene.figures()
    assert used > 0
    assert held == 0


async def test_one_who_waits_is_woken_when_a_request_ends(scene: Scene) -> None:
    request = await scene.held()
    waiting = asyncio.create_task(scene.in_flight.any_end(ANA, timeout_seconds=60))
    await asyncio.sleep(0)
    await scene.settler.release(request)
    async with asyncio.timeout(1):
        await waiting


async def test_a_second_admission_in_the_same_task_finds_the_first(scene: Scene) -> None:
    request = await scene.held()
    assert scene.in_flight.superseded() is request

    async def another_request() -> Request | None:
        await scene.held()
        return scene.in_flight.superseded()

    assert await asyncio.create_task(another_request()) is not request
    await scene.settler.release(request)
    assert scene.in_flight.superseded() is None
