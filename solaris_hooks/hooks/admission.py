"""Before the provider is called: find the account, size the request, hold its tokens."""

from __future__ import annotations

import asyncio
import logging
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from solaris_hooks.hooks import refusals, tokenizer
from solaris_hooks.hooks.attempt import Attempt, Sized
from solaris_hooks.hooks.call_types import FREE_CALL_TYPES
from solaris_hooks.hooks.guard import let_pass
from solaris_hooks.hooks.identity import Payer, is_master_key
from solaris_hooks.hooks.in_flight import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS, InFlight, Request
from solaris_hooks.hooks.newcomers import Newcomers
from solaris_hooks.hooks.request_body import Body, disarm, headers_of, is_short, mark, unmark
from solaris_hooks.hooks.routes import ROUTES, Demand, Route
from solaris_hooks.hooks.sizes import Sizes
from solaris_hooks.hooks.weighing import Weighing
from solaris_hooks.ledger.records import HoldOutcome, HoldRequest, HoldResult, NewAccount
from solaris_hooks.quota.errors import InvalidRequestError, SolarisError
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId, new_hold_id
from solaris_hooks.quota.sizing import Sizing

if TYPE_CHECKING:
    from litellm.proxy._types import UserAPIKeyAuth

    from solaris_hooks.hooks.answer_lengths import AnswerLengths
    from solaris_hooks.hooks.models import Models
    from solaris_hooks.hooks.payers import Payers
    from solaris_hooks.hooks.settlement import Settler
    from solaris_hooks.ledger.port import Metering
    from solaris_hooks.quota.balance import Balance
    from solaris_hooks.settings import Settings

_LOG = logging.getLogger(__name__)

MAX_MODEL_CHARACTERS = 300

AMPLE_TIMES = 20
"""A request takes all that it asks for where the balance is this many times as much; else a fair share.
A stream asks for what most streams need, and for more when it needs more."""

NEVER_AMPLE = 2**62
"""More than any balance: so a stream always takes a share, and grows."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One request as admission sees it."""

    account_id: AccountId
    hold_id: HoldId
    email: str | None
    model: str
    candidates: tuple[str, ...]
    named: tuple[str, ...]
    """The models that the request itself names: they must be allowed."""
    route: Route
    demand: Demand
    new_account: NewAccount
    can_grow: bool
    """Its hold can follow a stream whose whole output shows."""
    member_id: MemberId | None
    team_id: str | None
    attempt: Attempt


def _weakly(owner: object) -> weakref.ref[object] | None:
    try:
        return weakref.ref(owner) if owner is not None else None
    except TypeError:
        return None


class Admission:
    """Admits requests, or raises what LiteLLM answers them with."""

    def __init__(
        self,
        *,
        settings: Settings,
        ledger: Metering,
        in_flight: InFlight,
        models: Models,
        lengths: AnswerLengths,
        settler: Settler,
        payers: Payers,
    ) -> None:
        """Keep the collaborators."""
        self._settings = settings
        self._ledger = ledger
        self._in_flight = in_flight
        self._models = models
        self._lengths = lengths
        self._settler = settler
        self._payers = payers
        self._weighing = Weighing(settings.weight_table)
        self._sizes = Sizes(settings, models, lengths)
        self._newcomers = Newcomers(settings)

    async def admit(self, auth: UserAPIKeyAuth, body: Body, call_type: str, attempt: Attempt | None = None) -> None:
        """Hold tokens for a request and mark it; change its cap if the balance is tight.

        Args:
            auth: who LiteLLM says asks.
            body: the request.
            call_type: LiteLLM's name of the kind of call.
            attempt: gets what becomes known of the request.

        Raises:
            ProxyException: the request is refused; everything the client needs is in it.
        """
        attempt = attempt or Attempt.of(auth, body, call_type)
        unmark(body)
        superseded = self._in_flight.superseded()
        # LiteLLM also asks for calls that it makes within a request, such as embeddings: these supersede nothing.
        if superseded is not None and superseded.route is ROUTES.get(call_type):
            await self._settler.release(superseded)
        try:
            unmetered_key = is_master_key(auth) and not self._settings.meter_master_key
            if unmetered_key or call_type in self._settings.unmetered_call_types or let_pass():
                return
            route = ROUTES.get(call_type)
            if route is None:
                if call_type in FREE_CALL_TYPES:
                    return
                raise refusals.unmetered_call_type(self._settings.default_locale, call_type)
            headers = headers_of(body)
            payer = await self._payers.payer(auth, headers)
            attempt.account_id, attempt.member_id = payer.account_id, payer.member_id
            disarm(body)
            demand = await self._demand(route, body, headers)
            ask = self._ask(payer, self._newcomers.account(auth, payer), body, route, demand, attempt)
            await self._admit(ask, body)
        except InvalidRequestError as exc:
            raise refusals.invalid_request(exc) from exc
        except SolarisError as exc:
            _LOG.error("request refused, since the books cannot be reached: %s", exc.message)
            raise refusals.unavailable(self._settings.default_locale) from exc

    async def _demand(self, route: Route, body: Body, headers: Mapping[str, str]) -> Demand:
        """What a request asks for; the event loop is not blocked for long by one that has thousands of parts."""
        if is_short(headers):
            return route.read(body, media_tokens=self._settings.media_tokens)
        return await asyncio.to_thread(route.read, body, media_tokens=self._settings.media_tokens)

    def _ask(
        self, payer: Payer, new_account: NewAccount, body: Body, route: Route, demand: Demand, attempt: Attempt
    ) -> Ask:
        model = body.get("model")
        if not isinstance(model, str) or not model.isprintable() or not 0 < len(model) <= MAX_MODEL_CHARACTERS:
            raise InvalidRequestError(
                f"Name the model, in at most {MAX_MODEL_CHARACTERS} printable characters.", param="model"
            )
        candidates = self._models.candidates(model, body)
        return Ask(
            account_id=payer.account_id,
            hold_id=new_hold_id(),
            email=payer.email,
            model=model,
            candidates=candidates,
            named=self._models.named(model, body),
            route=route,
            demand=demand,
            new_account=new_account,
            member_id=payer.member_id,
            team_id=payer.team_id,
            can_grow=bool(body.get("stream")) and not any(self._models.facts(each).hides_output for each in candidates),
            attempt=attempt,
        )

    async def _admit(self, ask: Ask, body: Body) -> None:
        """Hold by the account's weights, which the books tell with the hold: at first they may be others."""
        percent = max(map(self._lengths.percent, ask.candidates))
        result, sizings, counted = await self._hold_by_size(ask, percent)
        if result.outcome is HoldOutcome.INACTIVE and (payer := await self._payers.moved_to(ask.account_id)):
            ask = replace(ask, account_id=payer)  # the account was merged into that one
            result, sizings, counted = await self._hold_by_size(ask, percent)
        while result.balance is not None and self._weighing.heard(result.balance):
            if result.outcome is HoldOutcome.HELD:
                await self._give_back(ask)
            ask = replace(ask, hold_id=new_hold_id())
            result, sizings, counted = await self._hold_by_size(ask, percent)
        if result.outcome is not HoldOutcome.HELD or result.balance is None:
            raise self._refusal(result, sizings)
        cap = self._cap(ask, body, sizings, result.amount, result.balance)
        self._in_flight.add(
            Request(
                account_id=ask.account_id,
                hold_id=ask.hold_id,
                model=ask.model,
                route=ask.route,
                demand=ask.demand,
                balance=result.balance,
                sizings=sizings,
                held=result.amount,
                member_id=ask.member_id,
                team_id=ask.team_id,
                cap=cap,
                counted_prompt=counted,
                count_percent=percent,
                weights=result.balance.terms.weights,
                owner=_weakly(body.get("litellm_logging_obj")),
                attempt=ask.attempt,
            )
        )
        mark(body, ask.hold_id)
        self._payers.admitted(ask.account_id)

    async def _hold_by_size(self, ask: Ask, percent: int) -> tuple[HoldResult, list[Sizing], int]:
        """Try the cheap upper bound first; count, share and wait only where the balance is not ample for it.

        Returns what the books said, what they were asked for, and the prompt's tokens if they were counted.

        Raises:
            ProxyException: the account may not use a model that the request names.
        """
        sizings = self._sizings(ask, ask.demand.prompt.upper_bound)
        ask.attempt.sized = Sized(ask.demand, ask.candidates, sizings, percent)
        result = await self._hold_if_ample(ask, sizings)
        if result.balance is not None and not all(map(result.balance.terms.allows, ask.named)):
            if result.outcome is HoldOutcome.HELD:
                await self._give_back(ask)
            if result.outcome is not HoldOutcome.INACTIVE:
                forbidden = next(each for each in ask.named if not result.balance.terms.allows(each))
                raise refusals.model_not_allowed(result.balance, forbidden)
        if result.outcome not in {HoldOutcome.TIGHT, HoldOutcome.CONTENDED}:
            return result, sizings, 0
        counted = await tokenizer.count_prompt(ask.demand.prompt)
        sizings = self._sizings(ask, min(-(-counted * percent // 100), ask.demand.prompt.upper_bound))
        ask.attempt.sized = Sized(ask.demand, ask.candidates, sizings, percent, counted)
        return await self._hold_within_patience(ask, sizings), sizings, counted

    async def _give_back(self, ask: Ask) -> None:
        """Release what was held for a request that does not run, or not so."""
        try:
            await self._ledger.release(ask.account_id, ask.hold_id)
        except asyncio.CancelledError:
            self._settler.release_soon(ask.account_id, ask.hold_id)
            raise

    def _sizings(self, ask: Ask, prompt_tokens: int) -> list[Sizing]:
        """What the request needs by the model asked for (first) and by each that may answer in its place."""
        weights = self._weighing.of(ask.account_id)
        return self._sizes.of(ask.demand, ask.candidates, weights, prompt_tokens=prompt_tokens, can_grow=ask.can_grow)

    def _cap(self, ask: Ask, body: Body, sizings: list[Sizing], held: int, balance: Balance) -> int | None:
        """Bound the output where neither the request nor the model does it well enough. Returns the bound, if any.

        An answer in one piece is bounded by what it holds. A stream that can grow is bounded by all that
        remains, others' holds included: its hold follows it, and the bound lets the provider end it by itself.
        """
        bounded_by = balance.spendable if ask.can_grow else held
        unbounded = ask.demand.output.cap is None and any(
            self._models.facts(model).output_limit is None for model in ask.candidates
        )
        if bounded_by >= max(each.want for each in sizings) and not unbounded:
            return ask.demand.output.cap
        cap = max(1, min(each.cap_within(bounded_by) for each in sizings))
        ask.route.write_cap(body, ask.demand, cap)
        return cap

    async def _hold_if_ample(self, ask: Ask, sizings: list[Sizing]) -> HoldResult:
        """Hold all that is asked for, or nothing where the balance is not many times as much."""
        want = max(each.fair if ask.can_grow else each.want for each in sizings)
        ample = want * AMPLE_TIMES
        return await self._hold(ask, sizings, want=want, ample=ample, minimum=ample)

    async def _hold_within_patience(self, ask: Ask, sizings: list[Sizing]) -> HoldResult:
        """Hold a fair share; where others hold it, wait for them, but not for long."""
        want = max(each.want for each in sizings)
        ample = NEVER_AMPLE if ask.can_grow else want * AMPLE_TIMES
        minimum = max(each.minimum for each in sizings)
        if not ask.can_grow and not all(map(self._lengths.obeys_caps, ask.candidates)):
            minimum = max(each.fair for each in sizings)  # no cap bounds it, so the hold alone must
            if ask.attempt.sized is not None:
                ask.attempt.sized.minimum = minimum
        result = await self._hold(ask, sizings, want=want, ample=ample, minimum=minimum)
        if result.outcome is not HoldOutcome.CONTENDED:
            return result
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            return await self._hold_in_turn(ask, sizings, result, want=want, ample=ample, minimum=minimum)
        finally:
            ask.attempt.waited_seconds = loop.time() - began

    async def _hold_in_turn(
        self, ask: Ask, sizings: list[Sizing], result: HoldResult, *, want: int, ample: int, minimum: int
    ) -> HoldResult:
        """Wait for the account's other requests, one at a time, and ask again whenever one may have ended."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._settings.hold_wait_seconds
        queue = self._in_flight.queue(ask.account_id, self._waiter(ask, result, minimum))
        try:
            async with asyncio.timeout(self._settings.hold_wait_seconds):  # wait_for: see any_end
                await queue.acquire()
        except TimeoutError:
            return result
        try:
            pause = FIRST_PAUSE_SECONDS
            while result.outcome is HoldOutcome.CONTENDED and (left := deadline - loop.time()) > 0:
                await self._in_flight.any_end(ask.account_id, timeout_seconds=min(pause, left))
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                result = await self._hold(ask, sizings, want=want, ample=ample, minimum=minimum)
        finally:
            queue.release()
        return result

    async def _hold(self, ask: Ask, sizings: list[Sizing], *, want: int, ample: int, minimum: int) -> HoldResult:
        """Ask the books. If the client leaves meanwhile, whatever they grant is released."""
        fair = max(each.fair for each in sizings)
        try:
            return await self._ledger.hold(
                HoldRequest(
                    account_id=ask.account_id,
                    hold_id=ask.hold_id,
                    model=ask.model,
                    want=want,
                    minimum=minimum,
                    ample=ample,
                    fair=fair,
                    step=max(each.step for each in sizings) if ask.can_grow else fair,
                    prompt=sizings[0].prompt_charge,
                    lease_seconds=self._settings.hold_lease_seconds,
                    email=ask.email,
                    new_account=ask.new_account,
                    member_id=ask.member_id,
                )
            )
        except asyncio.CancelledError:
            self._settler.release_soon(ask.account_id, ask.hold_id)
            raise

    @staticmethod
    def _waiter(ask: Ask, result: HoldResult, minimum: int) -> MemberId | None:
        """Who must not keep others of his team waiting: a member who waits for requests of his own alone."""
        waits_for_team = result.balance is not None and result.balance.available_to_all < minimum
        return None if waits_for_team else ask.member_id

    def _refusal(self, result: HoldResult, sizings: list[Sizing]) -> refusals.Refused:
        if result.balance is None:
            return refusals.unknown_user(self._settings.default_locale)
        needed = max(each.minimum for each in sizings)
        if result.outcome is HoldOutcome.INACTIVE:
            return refusals.account_inactive(result.balance)
        if result.outcome is HoldOutcome.CONTENDED:
            return refusals.quota_held(result.balance, needed=needed)
        if result.outcome is HoldOutcome.CROWDED:
            return refusals.requests_in_flight(result.balance)
        return refusals.quota_exceeded(result.balance, needed=needed, status=self._settings.refusal_status)
