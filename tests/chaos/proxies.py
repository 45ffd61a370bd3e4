"""Rounds with the real thing: a stock proxy of several workers under load, killed piece by piece."""

from __future__ import annotations

import asyncio
import contextlib
import random
import signal
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import psutil
import psycopg
import yaml

from deploy.local.testing import StockProxy, fresh_database, simulated_provider, stock_proxy
from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.postgres import PostgresLedger
from tests.chaos.checks import Tally
from tests.chaos.server import Server, mortal_server
from tests.e2e.world import World, sim

ROOT = Path(__file__).parents[2]
WORKERS = ("--num_workers", "2", "--run_gunicorn")
USERS = 4
CLIENTS = 3
"""Of each user, at the same time."""

KILLS = 25
_START_SECONDS = 10.0
"""What a forked worker has for its start before the database goes."""


@dataclass
class Outcome(Tally):
    """A tally, and what was done."""

    faults: Counter[str] = field(default_factory=Counter)


def config(*, fail_open: bool, journal: Path) -> dict[str, object]:
    """The project's own config, with short leases."""
    loaded: dict[str, object] = yaml.safe_load((ROOT / "litellm_config.yaml").read_text("utf-8"))
    loaded["model_list"] = [
        {
            "model_name": "demo",
            "litellm_params": {
                "model": "openai/demo",
                "api_base": "os.environ/SIMULATED_PROVIDER_URL",
                "api_key": "simulated",
            },
            "model_info": {"max_input_tokens": 128_000, "max_output_tokens": 4096},
        }
    ]
    loaded["router_settings"] = {"num_retries": 0}
    loaded["solaris_settings"] = {
        "when_database_is_away": "fail_open" if fail_open else "fail_closed",
        "journal_dir": str(journal),
        "hold_lease_seconds": 15,
        "sweep_interval_seconds": 2,
        "pool_timeout_seconds": 2,
    }
    return loaded


class Traffic:
    """Users who ask without a pause, each time for an answer of another length: so that each is told by its figure."""

    def __init__(self, proxy: StockProxy, users: dict[str, str]) -> None:
        self._proxy = proxy
        self._users = users
        self._stopping = False
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        self.statuses: Counter[int] = Counter()
        self.labels: dict[str, tuple[str, int]] = {}

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self) -> None:
        """End when what runs has ended."""
        self._stopping = True
        self._thread.join(90)

    async def _run(self) -> None:
        async with httpx.AsyncClient(timeout=30, trust_env=False, limits=httpx.Limits(max_connections=100)) as client:
            await asyncio.gather(
                *(self._user(client, name, key, n) for name, key in self._users.items() for n in range(CLIENTS))
            )

    async def _user(self, client: httpx.AsyncClient, name: str, key: str, number: int) -> None:
        asked = number
        while not self._stopping:
            asked += CLIENTS
            label = f"{name}/{asked}"
            total = 20 + asked
            self.labels[label] = (name, total)
            usage = {"prompt_tokens": 20, "completion_tokens": asked, "total_tokens": total}
            stream = asked % 2 == 0
            body: dict[str, Any] = {
                "model": "demo",
                "stream": stream,
                "messages": sim(label=label, text="one two three", delay_ms=50, chunk_delay_ms=20, usage=usage),
            }
            if stream:
                body["stream_options"] = {"include_usage": True}
            try:
                answer = await client.post(
                    f"{self._proxy.base_url}/v1/chat/completions", json=body, headers={"Authorization": f"Bearer {key}"}
                )
                self.statuses[answer.status_code] += 1
            except httpx.HTTPError:
                self.statuses[0] += 1
                await asyncio.sleep(0.1)


def workers_of(proxy: StockProxy) -> list[psutil.Process]:
    """The processes that answer."""
    return [each for each in psutil.Process(proxy.pid).children() if "litellm" in " ".join(each.cmdline())]


def _engines(proxy: StockProxy) -> list[psutil.Process]:
    return [
        each
        for each in psutil.Process(proxy.pid).children(recursive=True)
        if "query-engine" in " ".join(each.cmdline())
    ]


def _hurt(proxy: StockProxy, server: Server, choice: random.Random, outcome: Outcome) -> None:
    """Kill workers at random moments, and now and then Prisma's engine or the database."""
    for number in range(KILLS):
        time.sleep(choice.uniform(1.0, 4.0))
        kind = "engine" if number % 5 == 2 else "server" if number % 8 == 4 else "worker"
        if kind == "server":
            # A worker that starts without a database ends gunicorn with all its workers: LiteLLM's own start does so.
            time.sleep(_START_SECONDS)
        with contextlib.suppress(psutil.Error, IndexError):
            if kind == "worker":
                choice.choice(workers_of(proxy)).kill()
            elif kind == "engine":
                choice.choice(_engines(proxy)).kill()
            else:
                server.kill()
                time.sleep(choice.uniform(0.5, 4.0))
                server.start()
            outcome.kills += 1
            outcome.faults[f"kill_{kind}"] += 1


def play(folder: Path, seed: int, outcome: Outcome, *, fail_open: bool) -> None:
    """Load, kills, SIGTERM under load, another start; then all the checks. Figures go to ``outcome`` as they come."""
    choice = random.Random(seed)
    journal = folder / "journal"
    with mortal_server(folder / "server", durable=True) as server, simulated_provider(folder / "provider") as provider:
        url = fresh_database(server.postgres, with_litellm_tables=True)
        told = config(fail_open=fail_open, journal=journal)
        with stock_proxy(told, database_url=url, folder=folder, provider_url=provider, options=WORKERS) as proxy:
            users = {f"user-{number}": proxy.new_key(f"user-{number}") for number in range(USERS)}
            traffic = Traffic(proxy, users)
            traffic.start()
            _hurt(proxy, server, choice, outcome)
            time.sleep(3)
            assert not proxy.service.ended, "the proxy itself has ended"
            # SIGTERM under load: what runs is ended.
            proxy.service.process.send_signal(signal.SIGTERM)
            outcome.faults["sigterm"] += 1
            proxy.service.process.wait(60)
            traffic.stop()
        # What no worker has lived to end is ended by any other.
        with stock_proxy(told, database_url=url, folder=folder / "heir", provider_url=provider) as heir:
            _settle_down(url, journal)
            world = World(heir, url, provider)
            _compare(world, traffic, outcome)
    asyncio.run(_verified(url, server))
    assert (outcome.lost, outcome.double, outcome.overshoot) == (0, 0, 0), outcome


async def _verified(url: str, server: Server) -> None:
    server.start()
    try:
        async with PostgresLedger.connect(url) as ledger:
            found = await ledger.verify()
            assert found.ok, found.flaws[:3]
    finally:
        server.stop()


def _settle_down(url: str, journal: Path) -> None:
    deadline = time.monotonic() + 90
    with psycopg.connect(url, autocommit=True) as connection:
        while connection.execute("SELECT 1 FROM solaris.holds LIMIT 1").fetchone() or journals(journal):
            assert time.monotonic() < deadline, "a hold outlived its lease, or a journal was left"
            time.sleep(0.5)


def _compare(world: World, traffic: Traffic, outcome: Outcome) -> None:
    books: dict[str, Any] = httpx.get(f"{world.provider_url.removesuffix('/v1')}/sim/served").json()["labels"]
    outcome.refused = sum(count for status, count in traffic.statuses.items() if status >= 500)
    for name in {name for name, _ in traffic.labels.values()}:
        rows = world.rows(
            "SELECT charge, source FROM solaris.usage WHERE account_id = %s AND status = 'settled'", f"user:{name}"
        )
        exact = Counter(int(row["charge"]) for row in rows if row["source"] in {"provider", "spend_log"})
        estimates = sum(row["source"] in {"estimate", "sweep"} for row in rows)
        served = [
            total for label, (whose, total) in traffic.labels.items()
            if whose == name and books.get(label, {}).get("requests")
        ]  # fmt: skip
        missing = [total for total in served if not exact[total]]
        outcome.requests += len(served)
        outcome.tokens += sum(served)
        outcome.exact += len(served) - len(missing)
        outcome.estimated += min(len(missing), estimates)
        outcome.lost += max(0, len(missing) - estimates)
        outcome.double += sum(count - 1 for count in exact.values() if count > 1)
        outcome.double += sum(total not in served for total in exact)
        (account,) = world.rows("SELECT * FROM solaris.accounts WHERE account_id = %s", f"user:{name}")
        outcome.overage += account["overage"]
        used = account["allowance_used"] + account["credits_used"]
        outcome.overshoot += max(0, used - account["allowance_granted"] - account["credits_used"])
        outcome.double += used + account["overage"] != sum(int(row["charge"]) for row in rows)
