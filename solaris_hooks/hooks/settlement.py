"""After the provider answered: turn the hold into the exact use, or into nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from solaris_hooks.hooks import tokenizer
from solaris_hooks.ledger.records import HoldOutcome, HoldResult, Settlement, SettleOutcome
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.usage import Usage, UsageSource

if TYPE_CHECKING:
    from solaris_hooks.hooks.in_flight import InFlight, Request
    from solaris_hooks.ledger.port import Metering
    from solaris_hooks.quota.ids import AccountId, HoldId
    from solaris_hooks.quota.weights import WeightTable

_LOG = logging.getLogger(__name__)


class Settler:
    """Ends requests in the books, each once, however many hooks say so."""

    def __init__(self, *, ledger: Metering, in_flight: InFlight, weights: WeightTable, margin_percent: int) -> None:
        """Keep the collaborators."""
        self._ledger = ledger
        self._in_flight = in_flight
        self._weights = weights
        self._margin_percent = margin_percent
        self._tasks: set[asyncio.Task[None]] = set()

    async def settle(self, request: Request, usage: Usage | None, *, model: str, text: str) -> None:
        """Book what a request used, and keep the balance after it on the request.

        Args:
            request: of this process; one that has ended is left as it is.
            usage: as the provider reported it, or None: then it is estimated.
            model: the model that answered.
            text: everything it answered, for the estimate.
        """
        if request.ended:
            return
        request.ended = True
        source = UsageSource.PROVIDER
        if usage is None:
            source = UsageSource.ESTIMATE
            usage = await self._estimated(request, text)
            _LOG.warning("no usable usage from %s: hold %s is booked by estimate", model, request.hold_id)
        weights = self._weights.of(model)
        settlement = Settlement(
            account_id=request.account_id,
            hold_id=request.hold_id,
            model=model,
            charge=weights.charge(usage),
            usage=usage,
            source=source,
            details={
                "asked": request.model,
                "weights": [str(weights.input), str(weights.cached_input), str(weights.output)],
            },
        )
        await self._book(request, settlement)

    async def settle_shielded(self, request: Request, usage: Usage | None, *, model: str, text: str) -> None:
        """Settle in a task of its own, which goes on if the client's task is cancelled meanwhile."""
        await asyncio.shield(self._spawn(self.settle(request, usage, model=model, text=text)))

    async def release(self, request: Request) -> None:
        """Book that a request used nothing."""
        if request.ended:
            return
        request.ended = True
        await self._release(request)

    def release_when_held(self, asking: asyncio.Task[HoldResult], account_id: AccountId, hold_id: HoldId) -> None:
        """Release what the books may yet grant to a request whose client has left."""

        async def release() -> None:
            """Wait for the books' answer, then give back what they granted."""
            try:
                if (await asking).outcome is HoldOutcome.HELD:
                    await self._ledger.release(account_id, hold_id)
            except SolarisError as exc:
                _LOG.warning("hold %s of a client that left is left to its lease: %s", hold_id, exc.message)

        self._spawn(release())

    async def retry(self, request: Request) -> None:
        """Try again what the books could not take before."""
        if request.unbooked is not None:
            await self._book(request, request.unbooked)
        elif request.unreleased:
            await self._release(request)

    @staticmethod
    def note_report(request: Request, usage: Usage | None) -> None:
        """Keep what the success event says, in case that no inline hook settles."""
        if not request.ended and request.reported_at is None:
            request.reported, request.reported_at = usage, time.monotonic()

    async def _estimated(self, request: Request, text: str) -> Usage:
        """What we count, where the provider says nothing."""
        prompt_tokens = await asyncio.to_thread(
            request.demand.prompt.counted, tokenizer.count, margin_percent=self._margin_percent
        )
        return Usage(input_tokens=prompt_tokens, output_tokens=await tokenizer.count_aside(text))

    async def _book(self, request: Request, settlement: Settlement) -> None:
        try:
            result = await self._ledger.settle(settlement)
        except SolarisError as exc:
            request.unbooked = settlement
            _LOG.error("hold %s could not be settled, will be tried again: %s", request.hold_id, exc.message)
            return
        request.unbooked = None
        if result.balance is not None:
            request.balance = result.balance
        self._in_flight.forget(request)
        if result.outcome is SettleOutcome.CONFLICT:
            _LOG.error(
                "hold %s of %s was booked with %d before and would now be %d: the first booking stands",
                settlement.hold_id,
                settlement.account_id,
                result.charge,
                settlement.charge,
            )
        if result.overage:
            _LOG.warning(
                "%s used %d tokens beyond what was available (hold %s, %s)",
                settlement.account_id,
                result.overage,
                settlement.hold_id,
                settlement.model,
            )

    async def _release(self, request: Request) -> None:
        try:
            await self._ledger.release(request.account_id, request.hold_id)
        except SolarisError as exc:
            request.unreleased = True
            _LOG.error("hold %s could not be released, will be tried again: %s", request.hold_id, exc.message)
            return
        request.unreleased = False
        self._in_flight.forget(request)

    def _spawn(self, work: Coroutine[object, object, None]) -> asyncio.Task[None]:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task
