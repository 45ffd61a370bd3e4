"""The requests of this process that hold tokens and have not ended yet."""

from __future__ import annotations

import asyncio
import contextlib
import time
import weakref
from collections.abc import Iterator, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from solaris_hooks.hooks.routes import Demand, Report, Route
from solaris_hooks.ledger.records import Settlement
from solaris_hooks.quota.balance import Balance
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.sizing import Sizing
from solaris_hooks.quota.weights import WeightTable

if TYPE_CHECKING:
    from solaris_hooks.hooks.attempt import Attempt

FIRST_PAUSE_SECONDS = 0.05
LONGEST_PAUSE_SECONDS = 0.5
"""Between looks at a balance that requests of other processes hold; ends in this process wake at once."""


@dataclass(slots=True, eq=False)
class Request:
    """A request in flight, from its hold to its end. It belongs to this process alone.

    Attributes:
        model: the model the client asked for.
        route: how its kind of call is metered.
        demand: what it asked for; for an estimate, should the provider report nothing.
        balance: the account's figures when we last heard of them.
        sizings: what it needs by the model asked for (first) and by each that may answer in its place.
        held: booked tokens that it holds now.
        member_id: whose it is, where the account is a team's.
        team_id: LiteLLM's, of the key that asked; None where it has none.
        cap: output tokens of each answer that its body allows, by the client or by us; None where it does not say.
        counted_prompt: tokens of its prompt by our tokenizer, 0 where a bound was enough.
        count_percent: what its providers count, in percent of our own count, at the most.
        started: ``time.monotonic()`` of the hold.
        streaming: our iterator wraps its answer and will settle it, whatever else fires.
        ended: settled or released, or handed to the books to be so.
        reported: what the success event said, kept for the case that nothing else settles.
        reported_at: ``time.monotonic()`` of that event.
        unbooked: a settlement that the books could not take yet.
        unreleased: released, but the books do not know yet.
        unread_notices: events that wait to be told in the chat, as the settlement said; 0 before it.
        weights: by which its use is charged; None for the settings'.
        owner: LiteLLM's own object of this request; when it is gone, so is the request.
        attempt: what is known of it beside; None where nobody wants to know.
    """

    account_id: AccountId
    hold_id: HoldId
    model: str
    route: Route
    demand: Demand
    balance: Balance
    sizings: Sequence[Sizing]
    held: int
    member_id: MemberId | None = None
    team_id: str | None = None
    cap: int | None = None
    counted_prompt: int = 0
    count_percent: int = 100
    started: float = field(default_factory=time.monotonic)
    streaming: bool = False
    ended: bool = False
    reported: Report | None = None
    reported_at: float | None = None
    unbooked: Settlement | None = None
    unreleased: bool = False
    unread_notices: int = 0
    weights: WeightTable | None = None
    owner: weakref.ref[object] | None = None
    attempt: Attempt | None = None

    @property
    def abandoned(self) -> bool:
        """Whether LiteLLM has dropped the request without a word to any hook."""
        return not self.ended and not self.streaming and self.owner is not None and self.owner() is None


_of_this_task: ContextVar[Request | None] = ContextVar("solaris_request", default=None)


class InFlight:
    """Requests by hold id, and whoever waits for one of an account's to end."""

    def __init__(self) -> None:
        """Begin with none."""
        self._requests: dict[HoldId, Request] = {}
        self._queues: WeakValueDictionary[tuple[AccountId, MemberId | None], asyncio.Lock] = WeakValueDictionary()
        self._ends: dict[AccountId, asyncio.Event] = {}

    def __len__(self) -> int:
        """How many are in flight."""
        return len(self._requests)

    def __iter__(self) -> Iterator[Request]:
        """All of them, as of now."""
        return iter(list(self._requests.values()))

    def add(self, request: Request) -> None:
        """Remember a request, and that the present task serves it."""
        self._requests[request.hold_id] = request
        _of_this_task.set(request)

    def find(self, hold_id: HoldId | None) -> Request | None:
        """The request of a hold minted by this process, if it has not been forgotten."""
        return self._requests.get(hold_id) if hold_id is not None else None

    def of_this_task(self, hold_id: HoldId | None) -> Request | None:
        """The request of a hold, ended or not, as long as the task that admitted it runs."""
        request = _of_this_task.get()
        return request if request is not None and request.hold_id == hold_id else None

    def superseded(self) -> Request | None:
        """An unended request that the present task admitted before.

        LiteLLM runs its pre-call hooks a second time for one request when its own rate limiter
        refused a model that has fallbacks; the first hold then gets no failure hook.
        """
        request = _of_this_task.get()
        return request if request is not None and not request.ended and not request.streaming else None

    def forget(self, request: Request) -> None:
        """Let go of a request that the books have ended, and wake whoever waits for its tokens."""
        self._requests.pop(request.hold_id, None)
        end = self._ends.pop(request.account_id, None)
        if end is not None:
            end.set()

    def queue(self, account_id: AccountId, member_id: MemberId | None = None) -> asyncio.Lock:
        """Whose turn it is to wait for tokens of an account: first come, first served, one asks at a time.

        Args:
            account_id: whose tokens.
            member_id: of a team, where it is his own other requests that are waited for.
        """
        return self._queues.setdefault((account_id, member_id), asyncio.Lock())

    async def any_end(self, account_id: AccountId, *, timeout_seconds: float) -> None:
        """Wait until a request of the account ends in this process, or until the time is up."""
        end = self._ends.setdefault(account_id, asyncio.Event())
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_seconds):  # before Python 3.12, wait_for loses cancellations
                await end.wait()
        if self._ends.get(account_id) is end:
            del self._ends[account_id]
