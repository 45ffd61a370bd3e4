"""The months of some users, while workers of the proxy are killed at random moments: still one alert each."""

from __future__ import annotations

import contextlib
import random
import threading
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import psutil
import yaml

from deploy.local.testing import StockProxy, fresh_database, simulated_provider, stock_proxy
from tests.chaos.proxies import ROOT, WORKERS, Outcome, workers_of
from tests.chaos.server import mortal_server
from tests.e2e.a_month import ADMINISTRATOR, SECRET, Month, settings
from tests.e2e.sinks import hook, mailbox
from tests.e2e.world import World

USERS = 6
PAUSE_SECONDS = (1.0, 8.0)
"""Between two kills, once the proxy answers again: a worker that is forked anew needs seconds until it does, more on a
machine that has other work."""

TOLD = [
    "account.created",
    *["threshold.crossed"] * 2,
    "quota.exhausted",
    "credit.requested",
    "credit.granted",
    "credit.decided",
    "period.renewed",
]
MAILS = 5
"""To the user: 80, 95 and 100 percent, the decision on her request, and the summary of the month."""


def play(folder: Path, seed: int, outcome: Outcome) -> None:
    """Play a month after the other under kills, then count what arrived. Figures go to ``outcome`` as they come."""
    with (
        mortal_server(folder / "server", durable=True) as server,
        simulated_provider(folder / "provider") as provider,
        mailbox() as box,
        hook(SECRET) as receiver,
    ):
        url = fresh_database(server.postgres, with_litellm_tables=True)
        config: dict[str, Any] = yaml.safe_load((ROOT / "litellm_config.yaml").read_text("utf-8"))
        config["solaris_settings"] = settings(box.port, receiver.url)
        with stock_proxy(config, database_url=url, folder=folder, provider_url=provider, options=WORKERS) as proxy:
            world = World(proxy, url, provider)
            months = [Month.begin(world, box, receiver, f"user-{number}@example.org") for number in range(USERS)]
            with _killing(proxy, random.Random(seed), outcome), _explained(world):
                for month in months:
                    _live(month)
            for month in months:
                month.require_told(mails=MAILS, hooks=TOLD)
                rows = month.user.usage()
                exact = sum(row["source"] in {"provider", "spend_log"} for row in rows)
                outcome.add(
                    Outcome(
                        requests=len(rows),
                        tokens=sum(row["charge"] for row in rows),
                        exact=exact,
                        estimated=len(rows) - exact,
                    )
                )
            assert len(box.to(ADMINISTRATOR)) == USERS
            outcome.faults["copy of a mail"] = len(box.mails) - USERS * (MAILS + 1)


@contextlib.contextmanager
def _explained(world: World) -> Iterator[None]:
    """Where something does not come true, say what became of every message."""
    try:
        yield
    except AssertionError as exc:
        for table in ("solaris.deliveries", "solaris_jobs.procrastinate_jobs", "solaris_jobs.procrastinate_workers"):
            for row in world.rows(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t"):
                exc.add_note(f"{table}: {row['row']}")
        raise


def _live(month: Month) -> None:
    for mails, percent in enumerate((79, 80, 95, 100)):
        month.use_to(percent)
        # In a real month days pass. Where a newer threshold is crossed before a mail is sent, only the newer one is.
        month.eventually(partial(month.mailed, mails))
    month.eventually(lambda: month.say("mais uma?").status == 402)
    month.eventually(lambda: month.say("/saldo").status == 200)

    def requests() -> list[dict[str, Any]]:
        with month.world.proxy.client() as admin:
            answer = admin.get("/solaris/api/v1/requests", params={"account": month.user.account_id})
            return list(answer.raise_for_status().json()["data"])

    def asked() -> bool:
        if not requests():
            month.say("/creditos 200000 projeto X")
        return bool(requests())

    month.eventually(asked)

    def approved() -> bool:
        with month.world.proxy.client() as admin:
            path = f"/solaris/api/v1/requests/{requests()[0]['id']}/approve"
            return admin.post(path, json={"reason": "bom projeto"}).status_code == 200

    month.eventually(approved)
    month.eventually(partial(month.mailed, MAILS - 1))
    month.eventually(lambda: month.say("obrigada!").status == 200)
    month.forward_a_month()
    month.eventually(lambda: month.say("bom dia").status == 200)


@contextlib.contextmanager
def _killing(proxy: StockProxy, choice: random.Random, outcome: Outcome) -> Iterator[None]:
    """Kill a worker now and then for as long as the block lasts."""
    ended = threading.Event()

    def answers() -> bool:
        """Whether any worker serves; a request that gets no answer waits a little itself."""
        try:
            return httpx.get(f"{proxy.base_url}/health/liveliness", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    def kill() -> None:
        while not ended.wait(choice.uniform(*PAUSE_SECONDS)):
            while not answers() and not ended.wait(0.2):
                pass
            with contextlib.suppress(psutil.Error, IndexError):
                choice.choice(workers_of(proxy)).kill()
                outcome.kills += 1
                outcome.faults["kill_worker"] += 1

    thread = threading.Thread(target=kill, daemon=True)
    thread.start()
    try:
        yield
        time.sleep(PAUSE_SECONDS[1])
    finally:
        ended.set()
        thread.join()
