"""Streams that outlive leases, renewals of the month and changes of the clock, on a virtual clock."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from pathlib import Path
from uuid import uuid4

import pytest
from litellm.types.utils import Delta, ModelResponseStream, StreamingChoices, Usage

from solaris_hooks.hooks.answer_lengths import AnswerLengths
from solaris_hooks.hooks.growth import Growth
from solaris_hooks.hooks.in_flight import InFlight, Request
from solaris_hooks.hooks.routes import ROUTES
from solaris_hooks.hooks.settlement import Settler
from solaris_hooks.hooks.stream import settled_at_end
from solaris_hooks.hooks.upkeep import Upkeep
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.ledger import JournalledLedger
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.ledger.records import Account, Hold, HoldRequest, NewAccount
from solaris_hooks.ledger.sweep import LoggedUse, Sweeper
from solaris_hooks.quota.ids import AccountId, HoldId, new_hold_id
from solaris_hooks.quota.sizing import Sizing
from solaris_hooks.quota.weights import Weights, WeightTable
from tests.fairness.virtual_time import run

ANA = AccountId("user:ana")
LEASE_SECONDS = 120
PROMPT = 20


class NoLogs:
    """LiteLLM's logs, empty."""

    async def used_by(self, holds: Sequence[Hold]) -> Mapping[HoldId, LoggedUse]:
        return {}


async def streamed(
    folder: Path, *, starts: dt.datetime, seconds: int, time_zone: str = "UTC", alive: bool = True
) -> tuple[Account, Account, list[str]]:
    """A stream of one token a second, while another process sweeps.

    Args:
        folder: for the journal.
        starts: by the clock on the wall.
        seconds: how long it takes.
        time_zone: of the account.
        alive: whether its own process still renews the lease.

    Returns:
        The account in the middle, if the stream got so far, and after the end, and the sources of what was booked.
    """
    loop = asyncio.get_running_loop()

    def now() -> dt.datetime:
        return starts + dt.timedelta(seconds=loop.time() - began)

    began = loop.time()
    ledger = MemoryLedger(now)
    in_flight = InFlight()
    new = NewAccount(time_zone=time_zone)
    journalled = JournalledLedger(
        ledger, Journal(folder, uuid4()), fail_open=False, new_account=new, sweep_policy="prompt"
    )
    settler = Settler(
        ledger=ledger,
        in_flight=in_flight,
        weights=WeightTable({}),
        lengths=AnswerLengths(ledger, margin_percent=0),
    )
    upkeep = Upkeep(
        journalled=journalled,
        in_flight=in_flight,
        settler=settler,
        lease_seconds=LEASE_SECONDS,
        hold_max_seconds=7200,
        chores=[],
    )
    if alive:
        upkeep.start()
    sweeper = Sweeper(ledger=ledger, spend_logs=NoLogs(), weights=WeightTable({}), policy="prompt")
    sweeping = asyncio.create_task(forever(30, lambda: sweeper.sweep(limit=10)))

    request = await held(ledger, new)
    in_flight.add(request)
    growth = Growth(request, ledger=ledger, in_flight=in_flight, patience_seconds=0, lease_seconds=LEASE_SECONDS)
    between: list[Account] = []

    async def provider() -> AsyncIterator[ModelResponseStream]:
        for second in range(seconds):
            await asyncio.sleep(1)
            if second == seconds // 2:
                between.append(await known(ledger))
            yield ModelResponseStream(choices=[StreamingChoices(index=0, delta=Delta(content=" word"))])
        yield ModelResponseStream(choices=[], usage=Usage(prompt_tokens=PROMPT, completion_tokens=seconds))

    async for _chunk in settled_at_end(request, provider(), {}, settler, growth):
        pass
    sweeping.cancel()
    entries = await ledger.entries(ANA)
    sources = [
        source for each in entries for source in ("provider", "sweep") if f'"source": "{source}"' in each.details
    ]
    after = await known(ledger)
    return between[0] if between else after, after, sources


async def forever(seconds: float, work: Callable[[], object]) -> None:
    while True:
        await asyncio.sleep(seconds)
        await work()  # type: ignore[misc]


async def known(ledger: MemoryLedger) -> Account:
    account = await ledger.account(ANA)
    assert account is not None
    return account


async def held(ledger: MemoryLedger, new: NewAccount) -> Request:
    sizing = Sizing(PROMPT, 10_000, 1, Weights(), usual_tokens=100)
    hold_id = new_hold_id()
    result = await ledger.hold(
        HoldRequest(
            ANA,
            hold_id,
            "m",
            sizing.want,
            sizing.minimum,
            PROMPT,
            LEASE_SECONDS,
            new_account=new,
            ample=2**62,
            fair=sizing.fair,
        )
    )
    assert result.balance is not None
    route = ROUTES["acompletion"]
    demand = route.read({"messages": []}, media_tokens=0)
    return Request(ANA, hold_id, "m", route, demand, result.balance, [sizing], result.amount)


@pytest.fixture(autouse=True)
def _one_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """``time.monotonic`` of the code under test is the loop's."""
    monkeypatch.setattr("time.monotonic", lambda: asyncio.get_running_loop().time())


def at(text: str) -> dt.datetime:
    return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC)


def test_a_stream_of_ten_minutes_keeps_its_hold_and_is_booked_exactly(tmp_path: Path) -> None:
    middle, after, sources = run(streamed(tmp_path, starts=at("2026-01-15 12:00"), seconds=600))
    assert middle.balance.held >= PROMPT + 300
    assert (after.balance.used, after.balance.held) == (PROMPT + 600, 0)
    assert sources == ["provider"]


def test_a_stream_whose_process_no_longer_renews_is_swept_once_and_gets_no_more(tmp_path: Path) -> None:
    _middle, after, sources = run(streamed(tmp_path, starts=at("2026-01-15 12:00"), seconds=600, alive=False))
    assert sources == ["sweep"], "the first booking stands, and is marked"
    assert after.balance.held == 0


def test_a_request_across_midnight_of_the_renewal_day_is_of_the_month_in_which_it_ends(tmp_path: Path) -> None:
    middle, after, _ = run(streamed(tmp_path, starts=at("2026-01-31 23:58"), seconds=600))
    assert middle.balance.period.start == at("2026-02-01 00:00")
    assert middle.balance.held >= PROMPT + 300, "what is held is held of the new month"
    assert after.balance.used == PROMPT + 600
    assert after.balance.allowance_granted - after.balance.allowance_used == 1_000_000 - PROMPT - 600


@pytest.mark.parametrize("starts", ["2026-03-29 00:55", "2026-10-25 00:55"])
def test_a_change_of_the_clock_neither_renews_nor_loses_anything(tmp_path: Path, starts: str) -> None:
    middle, after, sources = run(streamed(tmp_path, starts=at(starts), seconds=600, time_zone="Europe/Lisbon"))
    assert middle.balance.period == after.balance.period
    assert after.balance.used == PROMPT + 600
    assert sources == ["provider"]
