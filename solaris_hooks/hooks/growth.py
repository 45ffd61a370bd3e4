"""A running stream keeps holding more than it has used, or ends."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from solaris_hooks.hooks import tokenizer
from solaris_hooks.hooks.attempt import Sized
from solaris_hooks.hooks.in_flight import FIRST_PAUSE_SECONDS, LONGEST_PAUSE_SECONDS
from solaris_hooks.ledger.records import Extension
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.sizing import STEP_TOKENS

if TYPE_CHECKING:
    from solaris_hooks.hooks.in_flight import InFlight, Request
    from solaris_hooks.hooks.refusal_log import RefusalLog
    from solaris_hooks.ledger.port import Metering
    from solaris_hooks.quota.sizing import Sizing

_LOG = logging.getLogger(__name__)

LOW_WATER_PARTS = 8
"""A hold grows when less than an eighth of its output is left: a count away from its end."""


def room_for(output_tokens: int, count_percent: int) -> int:
    """Room in which an answer ends before its hold would have to grow.

    Args:
        output_tokens: of the answer, by its provider.
        count_percent: the margin with which it is counted, in percent of our own count.
    """
    counted = -(-(output_tokens + 1) * count_percent // 100)  # a text in pieces may end within a token
    return counted * LOW_WATER_PARTS // (LOW_WATER_PARTS - 1) + 1


class Growth:
    """Compares a stream's output with its hold, chunk by chunk, and asks the books for more in time.

    What has been passed on is bounded by the tokens of its pieces, which providers cut between tokens of theirs, and
    where a piece is long by its bytes, since a token is at least one. Only where that bound reaches what is held is it
    counted as a whole, and only where little is left are the books asked.
    """

    def __init__(
        self,
        request: Request,
        *,
        ledger: Metering,
        in_flight: InFlight,
        patience_seconds: float,
        lease_seconds: int,
        log: RefusalLog | None = None,
    ) -> None:
        """Begin with what the request holds and nothing used.

        Args:
            request: whose stream it is.
            ledger: asked for more.
            in_flight: tells when another request of the account ends.
            patience_seconds: how long to wait for tokens that other requests hold.
            lease_seconds: of a hold that has to begin anew.
            log: is told of streams that are cut short.
        """
        self._request = request
        self._ledger = ledger
        self._in_flight = in_flight
        self._patience_seconds = patience_seconds
        self._lease_seconds = lease_seconds
        self._log = log
        self._room = _room(request.sizings, request.held)
        self._counted = self._plainly_counted = 0
        self._before_tail = 0
        self._tail = ""
        self._pending: list[str] = []
        self._pending_tokens = self._pending_bytes = 0
        self._in_vain = False

    def covers(self, text: str) -> bool:
        """Whether what is held covers all output so far and this; takes the text into account.

        If not, call :meth:`grow` before the text is passed on.
        """
        if text:
            self._pending.append(text)
            if len(text) <= tokenizer.PIECE_CHARACTERS:
                self._pending_tokens += tokenizer.count_piece(text)
            else:
                self._pending_bytes += len(text) if text.isascii() else len(text.encode("utf-8", "surrogatepass"))
        return self._counted + self._with_margin(self._pending_tokens) + self._pending_bytes <= self._room

    async def grow(self) -> bool:
        """Count what is to be passed on and hold more for it. False if there is no more: the stream must end."""
        await self._count()
        if not self._low() or (self._in_vain and self._covered()):
            return True
        if not self._request.counted_prompt:
            await self._count_prompt()
            if not self._low():
                return True  # what the bound was too high by is room for output
        try:
            await self._extend()
        except SolarisError as exc:
            _LOG.warning("hold %s cannot grow: %s", self._request.hold_id, exc.message)
        covered = self._covered()
        if not covered:
            self._note_cut()
        return covered

    def _note_cut(self) -> None:
        """Write down that the stream ends before its time. What the account had left by then nobody has told."""
        request = self._request
        if self._log is None or request.attempt is None:
            return
        sized = Sized(
            request.demand,
            [request.model] * len(request.sizings),
            request.sizings,
            request.count_percent,
            request.counted_prompt,
            minimum=_charge(request.sizings, self._counted),
        )
        attempt = replace(request.attempt, locale=request.balance.locale, sized=sized, waited_seconds=0.0)
        self._log.note(attempt, RefusalReason.CUT_SHORT, status=200, message="")

    def _low(self) -> bool:
        """Whether little of the output that is held for is left."""
        return self._room - self._counted <= self._room // LOW_WATER_PARTS

    def _covered(self) -> bool:
        """Whether what is held covers what was passed on.

        Where the provider will end the answer by itself within what is held, our count goes without its
        margin: it must not end the answer before the provider does, who then reports.
        """
        request = self._request
        capped = request.cap is not None and request.cap * request.demand.output.choices <= self._room
        return (self._plainly_counted if capped else self._counted) <= self._room

    async def _count(self) -> None:
        """Count the newest text as a whole: words counted one by one are more tokens than they make together."""
        self._tail += "".join(self._pending)
        self._pending.clear()
        self._pending_tokens = self._pending_bytes = 0
        counted = self._before_tail + await tokenizer.count_aside(self._tail)
        if len(self._tail) > tokenizer.SHORT_TEXT_BYTES:
            self._before_tail, self._tail = counted, ""
        self._plainly_counted = counted
        self._counted = self._with_margin(counted)

    def _with_margin(self, tokens: int) -> int:
        """What a provider may count where we count so many."""
        return -(-tokens * self._request.count_percent // 100)

    async def _count_prompt(self) -> None:
        """Size the prompt by its count: the bound that was enough for the hold is several times as much."""
        request = self._request
        request.counted_prompt = await tokenizer.count_prompt(request.demand.prompt)
        prompt_tokens = self._with_margin(request.counted_prompt)
        request.sizings = [
            replace(each, prompt_tokens=min(prompt_tokens, each.prompt_tokens)) for each in request.sizings
        ]
        self._room = _room(request.sizings, request.held)

    async def _extend(self) -> None:
        """Ask for twice the output there was room for, or for a step; wait a little for what others hold."""
        request = self._request
        extension = Extension(
            account_id=request.account_id,
            hold_id=request.hold_id,
            amount=_charge(request.sizings, 2 * max(self._room, self._counted, 1)),
            step=_charge(request.sizings, max(self._room, self._counted) + STEP_TOKENS),
            model=request.model,
            prompt=request.sizings[0].prompt_charge,
            lease_seconds=self._lease_seconds,
            member_id=request.member_id,
        )
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self._patience_seconds
        pause = FIRST_PAUSE_SECONDS
        while True:
            result = await self._ledger.extend(extension)
            self._in_vain = result.amount <= request.held
            request.held = max(request.held, result.amount)
            self._room = _room(request.sizings, request.held)
            left = deadline - loop.time()
            if self._covered() or not result.contended or left <= 0:
                return
            await self._in_flight.any_end(request.account_id, timeout_seconds=min(pause, left))
            pause = min(pause * 2, LONGEST_PAUSE_SECONDS)


def _charge(sizings: Sequence[Sizing], output_tokens: int) -> int:
    """What the prompt and so much output cost, whichever model answers."""
    return max(each.charge_of(output_tokens) for each in sizings)


def _room(sizings: Sequence[Sizing], held: int) -> int:
    """Output tokens that a hold covers, whichever model answers."""
    return min(each.output_within(held) for each in sizings)
