"""The proxy with the plugin against the same proxy without it or with LiteLLM's own budgets, in turns."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from deploy.local.checkout import say
from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import simulated_provider

from .contenders import IDLE, NATIVE, SOLARIS, STOCK, Contender, Running, kind_of_process, running
from .figures import Comparison, percentile
from .load import Block, Connection, run_block
from .machine import Neighbours, cpu_by_kind, one_processor_for

ANSWER_TOKENS = 40
PATH = "/v1/chat/completions"
_TALK = (
    "I run a small bakery with three employees, and I want to bake less bread that nobody buys on rainy days. "
    "What should I write down every evening, for how long, and how do I turn it into an order for the next day? "
)
# What people's chats look like: a few turns, some hundred tokens, a short answer.
MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant. Answer briefly and in plain words. " * 4},
    *({"role": role, "content": _TALK * 3} for role in ("user", "assistant", "user", "assistant", "user", "assistant")),
    {"role": "user", "content": _TALK + f'#sim {{"completion_tokens": {ANSWER_TOKENS}}}'},
]


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of load.

    Attributes:
        requests: in each block.
        workers: processes of each proxy.
        times: how many times as many blocks as the effort says: short blocks are cheap, and tell more.
    """

    concurrency: int
    stream: bool
    requests: int
    workers: int = 1
    times: float = 1.0

    def __str__(self) -> str:
        """As the tables call it."""
        workers = f", {self.workers} workers" if self.workers > 1 else ""
        return f"{self.concurrency} at once, {'stream' if self.stream else 'whole answer'}{workers}"


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: blocks of each contender in each scenario, beside those that warm up."""

    scenarios: Sequence[Scenario]
    blocks: int
    warm_up_blocks: int
    first_requests: int

    def blocks_of(self, scenario: Scenario) -> int:
        """How many blocks of each contender."""
        return max(1, round(self.blocks * scenario.times))


FULL = Effort(
    scenarios=(
        Scenario(1, False, 40, times=3),
        Scenario(1, True, 20, times=3),
        Scenario(20, False, 200),
        Scenario(20, True, 60),
        Scenario(100, False, 300, times=0.8),
        Scenario(100, True, 120, times=0.6),
        Scenario(1, False, 40, workers=2, times=3),
        Scenario(20, False, 200, workers=2),
        Scenario(20, True, 60, workers=2),
        Scenario(100, False, 300, workers=2, times=0.8),
    ),
    blocks=10,
    warm_up_blocks=1,
    first_requests=100,
)
QUICK = Effort(
    scenarios=(Scenario(1, False, 15), Scenario(20, False, 40), Scenario(20, True, 40), Scenario(20, False, 40, 2)),
    blocks=1,
    warm_up_blocks=0,
    first_requests=20,
)


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one block."""

    requests_per_second: float
    p50: float
    p95: float
    p99: float
    first_p50: float
    """Milliseconds, like the other latencies: until the first byte of the answer."""
    proxy_cpu: float
    """Milliseconds a request, like the other CPU times."""
    engine_cpu: float
    postgres_cpu: float

    @classmethod
    def of(cls, block: Block, cpu: Mapping[str, float]) -> Measured:
        """From a block and the CPU seconds of each kind of process during it."""
        whole = [timing.whole * 1000 for timing in block.timings]
        requests = len(whole)
        return cls(
            requests_per_second=requests / block.seconds,
            p50=percentile(whole, 50),
            p95=percentile(whole, 95),
            p99=percentile(whole, 99),
            first_p50=percentile([timing.first * 1000 for timing in block.timings], 50),
            proxy_cpu=cpu["proxy"] / requests * 1000,
            engine_cpu=cpu["engine"] / requests * 1000,
            postgres_cpu=cpu["postgres"] / requests * 1000,
        )


@dataclass(frozen=True, slots=True)
class Outcome:
    """One scenario's blocks, by contender, in the order in which they ran.

    Attributes:
        whole_cpu: milliseconds of proxy and engine a request over the whole scenario, with what each wrote in the
            background while the other one was asked.
        neighbours: the part of the machine that other processes used during each block.
    """

    scenario: Scenario
    blocks: Mapping[Contender, Sequence[Measured]]
    whole_cpu: Mapping[Contender, float]
    neighbours: Sequence[float]

    def compare(self, figure: str, other: Contender = SOLARIS, base: Contender = STOCK) -> Comparison:
        """One figure of a contender against another one's."""
        before, measured = self.blocks[base], self.blocks[other]
        return Comparison([getattr(each, figure) for each in before], [getattr(each, figure) for each in measured])


def measure(server: EmbeddedPostgres, folder: Path, effort: Effort, *, idle_hooks: bool) -> Sequence[Outcome]:
    """Start all proxies and ask them in turns.

    Args:
        server: where their databases are made.
        folder: for logs.
        effort: how long.
        idle_hooks: measure a plugin that does nothing, too.
    """
    contenders = [STOCK, SOLARIS, NATIVE, *([IDLE] if idle_hooks else [])]
    outcomes: list[Outcome] = []
    with simulated_provider(folder / "provider") as provider_url:
        for workers in sorted({scenario.workers for scenario in effort.scenarios}):
            part = replace(effort, scenarios=[each for each in effort.scenarios if each.workers == workers])
            say(f"starting the proxies, with {workers} worker{'s' if workers > 1 else ''} each")
            with running(
                contenders,
                server=server,
                provider_url=provider_url,
                folder=folder / f"workers-{workers}",
                users=max(scenario.concurrency for scenario in part.scenarios),
                workers=workers,
            ) as proxies:
                pids = [each.proxy.pid for each in proxies]
                apart = one_processor_for(pids, "proxy", kind_of_process) if workers == 1 else contextlib.nullcontext()
                with apart:
                    outcomes += asyncio.run(_Rounds(server, proxies, part).run())
    return outcomes


_ROUNDS_FOR_EACH_WORKER = 2
"""A new connection goes to whichever worker takes it: so many times each key, for each of them to have read it."""


_LOOK_SECONDS = 0.05
_IDLE_SHARE = 0.1
_MOST_LOOKS = 100


class _Rounds:
    def __init__(self, server: EmbeddedPostgres, proxies: Sequence[Running], effort: Effort) -> None:
        assert server.service is not None
        self._postgres = server.service.process.pid
        self._proxies = proxies
        self._effort = effort
        self._asked = {proxy.contender: 0 for proxy in proxies}

    async def run(self) -> Sequence[Outcome]:
        for proxy in self._proxies:
            await self._wake(proxy)
            await self._block(proxy, Scenario(20, False, self._effort.first_requests))
            await self._block(proxy, Scenario(20, True, self._effort.first_requests // 2))
        outcomes = [await self._scenario(each) for each in self._effort.scenarios]
        for proxy in self._proxies:
            await asyncio.to_thread(proxy.require_booked, self._asked[proxy.contender])
        return outcomes

    async def _wake(self, proxy: Running) -> None:
        """Let every worker read every key, one by one: LiteLLM refuses some of a hundred that it reads at once."""
        workers = self._effort.scenarios[0].workers
        for _ in range(1 if workers == 1 else _ROUNDS_FOR_EACH_WORKER * workers):
            for key in proxy.keys:
                connection = Connection(
                    proxy.proxy.base_url, PATH, key=key, body={"model": "demo", "messages": MESSAGES}
                )
                await connection.ask()
                connection.close()
                self._asked[proxy.contender] += 1

    async def _scenario(self, scenario: Scenario) -> Outcome:
        say(f"measuring: {scenario}")
        for _ in range(self._effort.warm_up_blocks):
            for proxy in self._proxies:
                await self._block(proxy, scenario)
        blocks: dict[Contender, list[Measured]] = {proxy.contender: [] for proxy in self._proxies}
        neighbours = []
        before = [sum(proxy.cpu_seconds().values()) for proxy in self._proxies]
        rounds = self._effort.blocks_of(scenario)
        for number in range(rounds):
            # There and back again, so that whatever drifts hits all alike.
            for proxy in self._proxies if number % 2 == 0 else reversed(self._proxies):
                look = Neighbours.now()
                blocks[proxy.contender].append(await self._block(proxy, scenario))
                neighbours.append(Neighbours.now().share_since(look))
        requests = scenario.requests * rounds
        whole = {
            proxy.contender: (sum(proxy.cpu_seconds().values()) - start) / requests * 1000
            for proxy, start in zip(self._proxies, before, strict=True)
        }
        return Outcome(scenario, blocks, whole, neighbours)

    async def _block(self, proxy: Running, scenario: Scenario) -> Measured:
        body: dict[str, object] = {"model": "demo", "messages": MESSAGES}
        if scenario.stream:
            body |= {"stream": True, "stream_options": {"include_usage": True}}  # as LibreChat asks
        connections = [
            Connection(proxy.proxy.base_url, PATH, key=key, body=body) for key in proxy.keys[: scenario.concurrency]
        ]
        before = self._cpu(proxy)
        block = await run_block(connections, scenario.requests)
        after = await self._when_idle(proxy)
        self._asked[proxy.contender] += scenario.requests
        for connection in connections:
            connection.close()
        return Measured.of(block, {kind: after[kind] - before[kind] for kind in after})

    async def _when_idle(self, proxy: Running) -> dict[str, float]:
        """CPU seconds so far, once the proxy has done what it leaves until after its answers: LiteLLM its logs."""
        cpu = self._cpu(proxy)
        for _ in range(_MOST_LOOKS):
            await asyncio.sleep(_LOOK_SECONDS)
            before, cpu = cpu, self._cpu(proxy)
            if cpu["proxy"] - before["proxy"] < _IDLE_SHARE * _LOOK_SECONDS:
                break
        return cpu

    def _cpu(self, proxy: Running) -> dict[str, float]:
        postgres = sum(cpu_by_kind(self._postgres, lambda _: "").values())
        return proxy.cpu_seconds() | {"postgres": postgres}
