"""Clients that leave in the very moment in which their turn comes: nothing may be held for them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextvars import Context

import pytest
from litellm.proxy._types import UserAPIKeyAuth

from solaris_hooks.hooks.in_flight import Request
from solaris_hooks.ledger.records import HoldRequest, Plan
from solaris_hooks.quota.ids import AccountId, new_hold_id

from .test_admission import CHAT, Scene

ANA = UserAPIKeyAuth(api_key="sk-1", user_id="ana")
ACCOUNT = AccountId("user:ana")

moments = pytest.mark.parametrize("turns", range(6))
"""Turns of the event loop from what was waited for to the cancellation."""


async def _until(condition: Callable[[], bool]) -> None:
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it did not come to that")


class Crowd(Scene):
    """An account whose tokens are all held, most of them by one request of this process."""

    first: Request
    tasks: list[asyncio.Task[None]]

    async def begin(self) -> None:
        self.tasks = []
        await self.ledger.put_plan(Plan("default", 1000), actor="admin")
        await self.ask()
        (self.first,) = self.in_flight
        account = await self.ledger.account(ACCOUNT)
        assert account is not None
        rest = account.balance.available
        await self.ledger.hold(
            HoldRequest(
                account_id=ACCOUNT,
                hold_id=new_hold_id(),
                model="m",
                want=rest,
                minimum=rest,
                prompt=1,
                lease_seconds=60,
            )
        )
        assert len(await self.ledger.holds()) == 2

    def ask(self) -> asyncio.Task[None]:
        """A request, which knows nothing of the others, as in a server."""
        return asyncio.create_task(self.admission.admit(ANA, dict(CHAT), "acompletion"), context=Context())

    async def waiter(self) -> asyncio.Task[None]:
        """One more request, which waits for its turn or in it."""
        task = self.ask()
        self.tasks.append(task)
        queue = self.in_flight.queue(ACCOUNT)
        if len(self.tasks) == 1:
            await _until(lambda: queue.locked() and bool(self.in_flight._ends))
        else:
            await _until(lambda: bool(queue._waiters) and not task.done())
        return task

    async def end(self) -> None:
        for task in self.tasks:
            task.cancel()
        await asyncio.gather(*self.tasks, return_exceptions=True)


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    scene = Crowd()
    await scene.begin()
    yield scene
    await scene.end()


async def _left(crowd: Crowd, task: asyncio.Task[None], turns: int) -> None:
    """Cancel a request after so many turns; it ends by that, or it was admitted before."""
    for _ in range(turns):
        await asyncio.sleep(0)
    if task.cancel():
        with pytest.raises(asyncio.CancelledError):
            await task


@moments
async def test_who_leaves_as_another_request_ends_is_not_admitted(crowd: Crowd, turns: int) -> None:
    task = await crowd.waiter()
    await crowd.admission._settler.release(crowd.first)
    await _left(crowd, task, turns)


@moments
async def test_who_leaves_as_his_turn_comes_does_not_take_it(crowd: Crowd, turns: int) -> None:
    ahead, behind = await crowd.waiter(), await crowd.waiter()
    ahead.cancel()
    await _left(crowd, behind, turns)
    await crowd.admission._settler.release(crowd.first)
    async with asyncio.timeout(5):
        await crowd.ask()
