"""A process that serves requests on the ledger until somebody kills it: `python -m tests.chaos.worker <options>`.

It is what a proxy's worker is to the books, without LiteLLM, which takes half a minute to import: admission, a
provider, settlement, and the upkeep between. The provider's books are a file, one write a line, which no kill of this
process can tear.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from solaris_hooks.ledger import sweep
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import HoldOutcome, HoldRequest, NewAccount, Settlement
from solaris_hooks.ledger.sweep import Sweeper
from solaris_hooks.quota.errors import SolarisError
from solaris_hooks.quota.ids import AccountId, HoldId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.quota.weights import WeightTable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from solaris_hooks.ledger.records import Hold
    from solaris_hooks.ledger.sweep import LoggedUse

try:
    from solaris_hooks.ledger.journal import ledger as journalled
    from solaris_hooks.ledger.journal.journal import Journal
except ImportError:  # the release before, beside this one on the same schema
    journalled = None  # type: ignore[assignment]
try:
    from solaris_hooks.ledger.journal import catching_up
except ImportError:  # the release before has it in ``ledger``
    catching_up = journalled  # type: ignore[misc]

LEASE_SECONDS = 3
UPKEEP_SECONDS = 0.3
GRACE_SECONDS = 2.0
PATIENCE_SECONDS = 1.0


@dataclass(frozen=True)
class Options:
    """What a worker is told on its command line, as JSON.

    Attributes:
        books: id of the books.
        provider: file in which the provider notes what it served.
        accounts: how many there are to ask for, named after the group.
        clients: requests at the same time.
        clock_ahead: seconds by which this process's clock is wrong.
    """

    url: str
    books: str
    journal: str
    provider: str
    fail_open: bool
    seed: int
    group: str = "0"
    accounts: int = 8
    clients: int = 10
    clock_ahead: float = 0.0


class NoLogs:
    """There is no LiteLLM here."""

    async def used_by(self, holds: Sequence[Hold]) -> Mapping[HoldId, LoggedUse]:
        """Nothing is logged."""
        return {}


class Worker:
    """Serves requests."""

    def __init__(self, options: Options) -> None:
        # What a sweeper had claimed when it was killed is claimed anew after this time.
        sweep.CLAIM_SECONDS = LEASE_SECONDS
        self._options = options
        self._random = random.Random(options.seed)
        self._books = PostgresLedger(options.url, pool_max_size=6, pool_timeout_seconds=PATIENCE_SECONDS)
        self._ledger: Any = self._books
        if journalled is not None:
            catching_up.ADOPTION_SECONDS = 0.5
            self._ledger = journalled.JournalledLedger(
                self._books,
                Journal(Path(options.journal), uuid.UUID(options.books)),
                fail_open=options.fail_open,
                new_account=NewAccount(),
                sweep_policy="prompt",
            )
        self._sweeper = Sweeper(ledger=self._books, spend_logs=NoLogs(), weights=WeightTable({}), policy="prompt")
        self._provider = os.open(options.provider, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        self._running: dict[HoldId, AccountId] = {}
        self._stopping = False

    async def run(self) -> None:
        """Serve until SIGTERM, then end what runs."""
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._stop)
        upkeep = asyncio.create_task(self._upkeep())
        await asyncio.gather(*(self._client() for _ in range(self._options.clients)))
        upkeep.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await upkeep
        if journalled is not None:
            self._ledger.close()
        await self._books.close()

    def _stop(self) -> None:
        self._stopping = True

    async def _client(self) -> None:
        while not self._stopping:
            await self._request()

    async def _request(self) -> None:
        number = self._random.randrange(self._options.accounts)
        account, hold_id = AccountId(f"user:{self._options.group}-{number}"), self._new_hold_id()
        want = self._random.randint(20, 200)
        try:
            held = await self._ledger.hold(
                HoldRequest(account, hold_id, "m", want, want // 4, want // 5, LEASE_SECONDS)
            )
        except SolarisError:
            self._note("refused", hold_id, 0)
            await asyncio.sleep(0.05)
            return
        if held.outcome is not HoldOutcome.HELD:
            await asyncio.sleep(0.02)
            return
        self._running[hold_id] = account
        await asyncio.sleep(self._random.random() * 0.05)
        if self._random.random() < 0.1:  # the provider fails
            await self._until_taken(lambda: self._ledger.release(account, hold_id))
        else:
            tokens = self._random.randint(1, held.amount)
            reported = self._random.random() < 0.9
            self._note("served" if reported else "unreported", hold_id, tokens)
            source = UsageSource.PROVIDER if reported else UsageSource.ESTIMATE
            settlement = Settlement(account, hold_id, "m", tokens, Usage(tokens, 0), source)
            await self._until_taken(lambda: self._ledger.settle(settlement))
            self._note("answered", hold_id, tokens)
        del self._running[hold_id]

    async def _until_taken(self, end: Any) -> None:
        """As the settler does: what neither books nor journal take stays in memory."""
        while True:
            try:
                await end()
            except SolarisError:
                await asyncio.sleep(0.2)
            else:
                return

    async def _upkeep(self) -> None:
        while True:
            await asyncio.sleep(UPKEEP_SECONDS)
            try:
                if self._running:
                    holds = [(account, hold_id) for hold_id, account in self._running.items()]
                    await self._ledger.renew_leases(holds, lease_seconds=LEASE_SECONDS)
                if journalled is not None:
                    await self._ledger.tend()
                if journalled is None or not self._ledger.recovering(GRACE_SECONDS):
                    await self._sweeper.sweep(limit=100)
            except SolarisError:
                continue

    def _note(self, what: str, hold_id: HoldId, tokens: int) -> None:
        os.write(self._provider, f"{what} {hold_id} {tokens}\n".encode())

    def _new_hold_id(self) -> HoldId:
        minted = new_hold_id()
        ahead = int(self._options.clock_ahead * 1000)
        return HoldId(uuid.UUID(int=minted.int + (ahead << 80))) if ahead else minted


if __name__ == "__main__":
    asyncio.run(Worker(Options(**json.loads(sys.argv[1]))).run())
