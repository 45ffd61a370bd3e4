"""The ledger alone: hold and settle from one Python process, against pgbench on the same functions."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import uvloop

from deploy.local.checkout import say
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger import lanes
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import HoldRequest, NewAccount, Plan, Settlement
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from solaris_hooks.settings import Settings

from .contenders import AMPLE_TOKENS
from .figures import Comparison, percentile
from .machine import Neighbours
from .pgbench import PgBench, find_pgbench

CLIENTS = 20
HELD = 5000
USE = Usage(input_tokens=600, output_tokens=40)
MODEL = "demo"
DETAILS = {"asked": MODEL, "weights": ["1", "1", "1"]}


@dataclass(frozen=True, slots=True)
class Contender:
    """A way to run pairs of hold and settle.

    Attributes:
        connections: the ledger's pool; None for pgbench, which has one for each client.
        lanes: how many statements of one account may run at once.
    """

    name: str
    connections: int | None
    lanes: int = CLIENTS


PGBENCH = Contender("pgbench", None)
_POOL = int(Settings.model_fields["pool_max_size"].default)
SHIPPED = Contender(f"ledger as shipped (pool {_POOL}, {lanes.LANES} lanes)", _POOL, lanes.LANES)
WIDE_POOL = Contender(f"pool {CLIENTS}, {lanes.LANES} lanes", CLIENTS, lanes.LANES)
NO_LANES = Contender(f"pool {_POOL}, no lanes", _POOL)


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure."""

    accounts: int
    blocks: int
    warm_up_blocks: int
    seconds: float
    contenders: Sequence[Contender]


FULL = Effort(10_000, 5, 1, 4.0, (PGBENCH, SHIPPED, WIDE_POOL, NO_LANES))
QUICK = Effort(100, 1, 0, 2.0, (PGBENCH, SHIPPED))


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one block; latencies in milliseconds, CPU of the client in milliseconds a pair."""

    pairs_per_second: float
    pair_p50: float
    pair_p99: float
    client_cpu: float
    hold: tuple[float, float] | None = None
    """p50 and p99; pgbench reports neither for one statement alone."""
    settle: tuple[float, float] | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """The blocks of each contender over so many accounts."""

    accounts: int
    blocks: Mapping[Contender, Sequence[Measured]]
    neighbours: Sequence[float]

    def compare(self, figure: str, other: Contender) -> Comparison:
        """One figure of a contender against pgbench."""
        base, measured = self.blocks[PGBENCH], self.blocks[other]
        return Comparison([getattr(each, figure) for each in base], [getattr(each, figure) for each in measured])


def measure(server: EmbeddedPostgres, folder: Path, effort: Effort) -> Sequence[Outcome]:
    """Measure many accounts, then a hot one; at the end the books must balance.

    Raises:
        AssertionError: the books do not balance: the figures mean nothing.
    """
    binary = find_pgbench()
    if binary is None:
        say("no pgbench was found (it comes with `make setup`): the ledger is measured alone")
        effort = replace(effort, contenders=[each for each in effort.contenders if each.connections])
    url = fresh_database(server)
    migrate(url)
    pgbench = PgBench(binary, url, folder, clients=CLIENTS) if binary else None
    rounds = _Rounds(url, pgbench, effort)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(rounds.prepare())
        outcomes = [rounds.run(runner, accounts) for accounts in (effort.accounts, 1)]
        runner.run(rounds.check())
    return outcomes


def account(number: int) -> AccountId:
    """The account of a number, from 1 up; pgbench's script names them alike."""
    return AccountId(f"user:bench-{number}")


class _Rounds:
    def __init__(self, url: str, pgbench: PgBench | None, effort: Effort) -> None:
        self._url = url
        self._pgbench = pgbench
        self._effort = effort

    async def prepare(self) -> None:
        """Make the accounts, on a plan that is never used up."""
        async with PostgresLedger.connect(self._url) as ledger:
            await ledger.put_plan(Plan("default", AMPLE_TOKENS), actor="benchmark")
            for number in range(1, self._effort.accounts + 1):
                await pair(ledger, account(number))

    async def check(self) -> None:
        """Recompute every entry, and look for holds left behind."""
        async with PostgresLedger.connect(self._url) as ledger:
            verified = await ledger.verify()
            assert verified.ok, verified.flaws
            assert not await ledger.holds()
        say(f"the books balance: {verified.entries} entries of {verified.accounts} accounts")

    def run(self, runner: asyncio.Runner, accounts: int) -> Outcome:
        say(f"measuring the ledger: {accounts} account{'s' if accounts > 1 else ''}")
        blocks: dict[Contender, list[Measured]] = {each: [] for each in self._effort.contenders}
        neighbours = []
        for number in range(-self._effort.warm_up_blocks, self._effort.blocks):
            order = self._effort.contenders if number % 2 == 0 else reversed(self._effort.contenders)
            for contender in order:
                look = Neighbours.now()
                measured = self._block(runner, contender, accounts)
                if number >= 0:
                    blocks[contender].append(measured)
                    neighbours.append(Neighbours.now().share_since(look))
        return Outcome(accounts, blocks, neighbours)

    def _block(self, runner: asyncio.Runner, contender: Contender, accounts: int) -> Measured:
        if contender.connections is None:
            assert self._pgbench is not None
            result = self._pgbench.run(accounts=accounts, seconds=self._effort.seconds)
            latencies = result.milliseconds
            return Measured(
                pairs_per_second=result.pairs_per_second,
                pair_p50=percentile(latencies, 50),
                pair_p99=percentile(latencies, 99),
                client_cpu=result.cpu_seconds / len(latencies) * 1000,
            )
        with _lanes(contender.lanes):
            return runner.run(ledger_block(self._url, contender.connections, accounts, self._effort.seconds))


@contextmanager
def _lanes(number: int) -> Iterator[None]:
    shipped = lanes.LANES
    lanes.LANES = number
    try:
        yield
    finally:
        lanes.LANES = shipped


async def pair(ledger: PostgresLedger, account_id: AccountId) -> tuple[float, float]:
    """Hold and settle once. Returns how long each took, in milliseconds."""
    hold_id = new_hold_id()
    began = time.perf_counter()
    await ledger.hold(
        HoldRequest(
            account_id=account_id,
            hold_id=hold_id,
            model=MODEL,
            want=HELD,
            minimum=HELD,
            prompt=USE.input_tokens,
            lease_seconds=120,
            email=None,
            new_account=NewAccount(),
        )
    )
    held = time.perf_counter()
    await ledger.settle(
        Settlement(
            account_id=account_id,
            hold_id=hold_id,
            model=MODEL,
            charge=USE.input_tokens + USE.output_tokens,
            usage=USE,
            source=UsageSource.PROVIDER,
            details=DETAILS,
        )
    )
    return (held - began) * 1000, (time.perf_counter() - held) * 1000


async def ledger_block(url: str, connections: int, accounts: int, seconds: float) -> Measured:
    """Let all clients run pairs for a time, on accounts drawn at random."""
    async with PostgresLedger.connect(url, pool_max_size=connections) as ledger:
        # Connections, and what is prepared on each, before the clock starts.
        await asyncio.gather(*(pair(ledger, account(1 + number % accounts)) for number in range(CLIENTS * 3)))
        took: list[tuple[float, float]] = []
        began, cpu = time.perf_counter(), time.process_time()

        async def work(seed: int) -> None:
            draw = random.Random(seed)
            while time.perf_counter() - began < seconds:
                took.append(await pair(ledger, account(draw.randint(1, accounts))))

        await asyncio.gather(*(work(seed) for seed in range(CLIENTS)))
        elapsed, cpu = time.perf_counter() - began, time.process_time() - cpu
    pairs = [hold + settle for hold, settle in took]
    holds, settles = zip(*took, strict=True)
    return Measured(
        pairs_per_second=len(took) / elapsed,
        pair_p50=percentile(pairs, 50),
        pair_p99=percentile(pairs, 99),
        client_cpu=cpu / len(took) * 1000,
        hold=(percentile(holds, 50), percentile(holds, 99)),
        settle=(percentile(settles, 50), percentile(settles, 99)),
    )
