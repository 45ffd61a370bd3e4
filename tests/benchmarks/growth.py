"""The ledger over few and many accounts: what grows with the books, and what does not."""

from __future__ import annotations

import asyncio
import datetime as dt
import statistics
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

import uvloop

from deploy.local.checkout import say
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.ids import AccountId

from . import filling
from .figures import Comparison
from .ledger import account, pair
from .machine import Neighbours

ACTIVE = 200
"""Accounts that are asked about, spread over all: people who are there now, as many in each of the books. Each is
asked about once before anything is timed, as PostgreSQL writes a page whole, and reads it from the disk, but once."""


@dataclass(frozen=True, slots=True)
class Effort:
    """Which sizes, and how long: blocks of each size, so many times each thing in a block."""

    sizes: Sequence[int]
    blocks: int
    times: int


FULL = Effort(sizes=(10_000, 100_000, 1_000_000), blocks=10, times=40)
QUICK = Effort(sizes=(1_000, 10_000), blocks=2, times=10)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Medians of milliseconds of each block, by what was done and size.

    Attributes:
        seconds_to_fill: how long making the books took, by size.
    """

    blocks: Mapping[str, Mapping[int, Sequence[float]]]
    seconds_to_fill: Mapping[int, float]
    neighbours: Sequence[float]

    def compare(self, what: str, size: int) -> Comparison:
        """One size against the smallest."""
        by_size = self.blocks[what]
        return Comparison(by_size[min(by_size)], by_size[size])


def measure(server: EmbeddedPostgres, effort: Effort) -> Outcome:
    """Make the books of each size, then ask all of them the same, in turns."""
    seconds, urls = {}, {}
    for size in effort.sizes:
        say(f"making {size:,} accounts with {size * filling.ENTRIES:,} entries")
        began = time.monotonic()
        urls[size] = fresh_database(server)
        migrate(urls[size])
        filling.fill(urls[size], size)
        seconds[size] = time.monotonic() - began
    say("asking all of them in turns")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        blocks, neighbours = runner.run(_rounds(urls, effort))
    return Outcome(blocks, seconds, neighbours)


async def _rounds(
    urls: Mapping[int, str], effort: Effort
) -> tuple[Mapping[str, Mapping[int, Sequence[float]]], Sequence[float]]:
    blocks: dict[str, dict[int, list[float]]] = {}
    neighbours = []
    books = {size: _Books(PostgresLedger(url), size) for size, url in urls.items()}
    try:
        for each in books.values():
            await each.block(ACTIVE)
        for number in range(-1, effort.blocks):  # the first one warms up
            sizes = list(books) if number % 2 == 0 else list(reversed(books))
            for size in sizes:
                look = Neighbours.now()
                medians = await books[size].block(effort.times)
                if number < 0:
                    continue
                neighbours.append(Neighbours.now().share_since(look))
                for what, median in medians.items():
                    blocks.setdefault(what, {each: [] for each in urls})[size].append(median)
    finally:
        for each in books.values():
            await each.ledger.close()
    return blocks, neighbours


class _Books:
    def __init__(self, ledger: PostgresLedger, accounts: int) -> None:
        self.ledger = ledger
        self._accounts = accounts
        self._turn = 0

    def _next(self) -> AccountId:
        self._turn += 1
        return account(filling.account_number(self._turn * 7, of=ACTIVE, accounts=self._accounts))

    async def block(self, times: int) -> Mapping[str, float]:
        """How long each thing took, the median in milliseconds."""
        pairs = [await pair(self.ledger, self._next()) for _ in range(times)]
        medians = {
            "hold": statistics.median(hold for hold, _ in pairs),
            "settle": statistics.median(settle for _, settle in pairs),
        }
        for what, ask in self._questions.items():
            took = []
            for _ in range(times if what != "search: every account has it" else max(3, times // 4)):
                began = time.perf_counter()
                await ask()
                took.append((time.perf_counter() - began) * 1000)
            medians[what] = statistics.median(took)
        return medians

    @property
    def _questions(self) -> Mapping[str, Callable[[], Awaitable[object]]]:
        return {
            "account's page": self._page,
            "list, first page": lambda: self.ledger.accounts(limit=50),
            "list, from the middle": lambda: self.ledger.accounts(limit=50, after=self._next()),
            "search: ten have it": lambda: self.ledger.accounts(query=filling.RARE),
            "search: one has it": lambda: self.ledger.accounts(query=f".{self._next().rpartition('-')[2]}@"),
            "search: nobody has it": lambda: self.ledger.accounts(query="qqwxz"),
            "search: every account has it": lambda: self.ledger.accounts(query="@EXAMPLE"),
            "holds of all accounts": self.ledger.holds,
        }

    async def _page(self) -> None:
        """What a person's page and an administrator's page of him read."""
        account_id = self._next()
        today = dt.datetime.now(dt.UTC).date()
        await self.ledger.account(account_id)
        await self.ledger.entries(account_id, limit=50)
        await self.ledger.daily_usage(account_id, since=today - dt.timedelta(days=31), until=today)
