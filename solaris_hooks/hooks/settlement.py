"""After the provider answered: turn the hold into the exact use, or into nothing."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Coroutine
from typing import TYPE_CHECKING

from solaris_hooks.hooks import tokenizer
from solaris_hooks.ledger.lengths import LengthKind
from solaris_hooks.ledger.records import Settlement, SettleOutcome
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.units import Priced, UnitPrices, UnitUse
from solaris_hooks.quota.usage import DoubtfulUsage, Usage, UsageSource

if TYPE_CHECKING:
    from solaris_hooks.hooks.answer_lengths import AnswerLengths
    from solaris_hooks.hooks.in_flight import InFlight, Request
    from solaris_hooks.hooks.routes import Report
    from solaris_hooks.ledger.port import Metering
    from solaris_hooks.quota.ids import AccountId, HoldId
    from solaris_hooks.quota.weights import WeightTable

_LOG = logging.getLogger(__name__)


class Settler:
    """Ends requests in the books, each once, however many hooks say so."""

    def __init__(
        self,
        *,
        ledger: Metering,
        in_flight: InFlight,
        weights: WeightTable,
        lengths: AnswerLengths,
        prices: UnitPrices | None = None,
    ) -> None:
        """Keep the collaborators."""
        self._prices = prices or UnitPrices({})
        self._ledger = ledger
        self._in_flight = in_flight
        self._weights = weights
        self._lengths = lengths
        self._tasks: set[asyncio.Task[None]] = set()

    async def settle(self, request: Request, usage: Report | None, *, model: str, text: str) -> None:
        """Book what a request used, and keep the balance after it on the request.

        If the task is cancelled meanwhile, another one books it.

        Args:
            request: of this process; one that has ended is left as it is.
            usage: as the provider reported it, or None: then it is what was held for, or estimated.
            model: the model that answered.
            text: everything it answered, for the estimate.
        """
        if request.ended:
            return
        request.ended = True
        settlement = None
        try:
            settlement = await self._settlement(request, usage, model=model, text=text)
            await self._book(request, settlement)
        except asyncio.CancelledError:
            if settlement is None:
                request.ended = False
                self._spawn(self.settle(request, usage, model=model, text=text))
            else:
                self._spawn(self._book(request, settlement))
            raise

    async def release(self, request: Request) -> None:
        """Book that a request used nothing."""
        if request.ended:
            return
        request.ended = True
        try:
            await self._release(request)
        except asyncio.CancelledError:
            self._spawn(self._release(request))
            raise

    def release_soon(self, account_id: AccountId, hold_id: HoldId) -> None:
        """Give back what the books may have granted to a request whose client has left."""

        async def release() -> None:
            """Release, as far as the books can be reached."""
            try:
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
    def note_report(request: Request, usage: Report | None) -> None:
        """Keep what the success event says, in case that no inline hook settles."""
        if not request.ended and request.reported_at is None:
            request.reported, request.reported_at = usage, time.monotonic()

    async def _settlement(self, request: Request, reported: Report | None, *, model: str, text: str) -> Settlement:
        units = reported if isinstance(reported, UnitUse) else request.demand.units
        priced = None if units is None else self._prices.price(model, units)
        if priced is not None and units is not None and (priced.charge == 0 or not isinstance(reported, Usage)):
            return self._priced(request, priced, model=model, exact=units.exact)
        if isinstance(reported, DoubtfulUsage):
            usage, source = reported.usage, UsageSource.ESTIMATE
        elif not isinstance(reported, Usage):
            _LOG.warning("no usable usage from %s: hold %s is booked by estimate", model, request.hold_id)
            usage, source = await self._estimated(request, text), UsageSource.ESTIMATE
        else:
            self._learn(request, reported, model)
            usage, source = reported, UsageSource.PROVIDER
        weights = (self._weights if request.weights is None else request.weights).of(model)
        return Settlement(
            account_id=request.account_id,
            hold_id=request.hold_id,
            model=model,
            charge=weights.charge(usage),
            usage=usage,
            source=source,
            details=_details(request, weights=[str(weights.input), str(weights.cached_input), str(weights.output)]),
            member_id=request.member_id,
        )

    @staticmethod
    def _priced(request: Request, priced: Priced, *, model: str, exact: bool) -> Settlement:
        """What is paid by the unit: exact where the number of units is known, not only bounded."""
        return Settlement(
            account_id=request.account_id,
            hold_id=request.hold_id,
            model=model,
            charge=priced.charge,
            usage=Usage(input_tokens=0, output_tokens=0),
            source=UsageSource.PRICE if exact else UsageSource.ESTIMATE,
            details=_details(request, units=dict(priced.amounts), prices=dict(priced.prices)),
            member_id=request.member_id,
        )

    def _learn(self, request: Request, usage: Usage, model: str) -> None:
        """Remember how long the answer got, unless its request cut it short; and how good our count was."""
        if request.demand.output.cap == 0:
            return  # nothing was to be generated
        cap = request.cap
        length = -(-usage.output_tokens // request.demand.output.choices)
        if cap is not None and length > cap:
            self._lengths.learn(model, LengthKind.BEYOND_CAP, length)
            _LOG.warning("%s answered with %d tokens where %d were asked for at the most", model, length, cap)
        elif cap is None or length < cap:
            self._lengths.learn(model, LengthKind.STREAM if request.streaming else LengthKind.WHOLE, length)
        if request.demand.prompt.unseen:
            return  # our count cannot know what the provider added
        if request.counted_prompt:
            self._lengths.learn_ratio(model, counted=request.counted_prompt, reported=usage.input_tokens)
        elif self._lengths.wants_to_compare(model, request.hold_id.int):  # hold ids end in random bits
            self._spawn(self._compare(request, usage, model))

    async def _compare(self, request: Request, usage: Usage, model: str) -> None:
        """Count a prompt that needed no count, to learn how good our count of such prompts is."""
        counted = await tokenizer.count_prompt(request.demand.prompt)
        self._lengths.learn_ratio(model, counted=counted, reported=usage.input_tokens)

    async def _estimated(self, request: Request, text: str) -> Usage:
        """What we count, where the provider says nothing."""
        prompt_tokens = request.counted_prompt or await tokenizer.count_prompt(request.demand.prompt)
        return Usage(input_tokens=prompt_tokens, output_tokens=await tokenizer.count_aside(text))

    async def _book(self, request: Request, settlement: Settlement) -> None:
        try:
            result = await self._ledger.settle(settlement)
        except SolarisError as exc:
            request.unbooked = settlement
            _LOG.error("hold %s could not be settled, will be tried again: %s", request.hold_id, exc.message)
            return
        request.unbooked = None
        request.unread_notices = result.unread_notices
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

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _details(request: Request, **more: object) -> dict[str, object]:
    """What the entry keeps beside its figures."""
    team = {} if request.team_id is None else {"team": request.team_id}
    return {"asked": request.model, **team, **more}
