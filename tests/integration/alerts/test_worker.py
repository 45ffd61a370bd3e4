"""Workers share the jobs, survive what goes wrong, and do what workers that died have left."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from solaris_hooks.alerts.assembly import build_worker
from solaris_hooks.alerts.chores import PeriodicChore
from solaris_hooks.alerts.delivery import DeliveryError
from solaris_hooks.alerts.worker import AlertWorker
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings
from tests.pgbouncer import pgbouncer

from .conftest import SECRET, Alerts, webhook
from .test_webhooks import hook

PATIENCE_SECONDS = 60


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        while not condition():  # noqa: ASYNC110 - the database has no event to wait for
            await asyncio.sleep(0.05)


@asynccontextmanager
async def running(*workers: AlertWorker) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(worker.run()) for worker in workers]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        async with asyncio.timeout(PATIENCE_SECONDS):
            for task in tasks:
                with suppress(asyncio.CancelledError):
                    await task


async def test_what_happens_is_told_and_the_queue_is_empty_afterwards(alerts: Alerts) -> None:
    async with running(alerts.worker()):
        await alerts.use(800)
        await until(lambda: alerts.mail.said == [("ana@example.org", "threshold.crossed")])
        await until(lambda: alerts.jobs() == [])
    assert alerts.asked("SELECT count(*) FROM solaris_jobs.procrastinate_workers") == [(0,)]


async def test_several_workers_send_each_delivery_once(alerts: Alerts) -> None:
    alerts.addresses = (webhook(),)
    async with running(*(alerts.worker() for _ in range(3))):
        for number in range(40):
            await alerts.account(AccountId(f"user:{number}"))
        await until(lambda: len(alerts.webhooks.sent) >= 41)
        await until(lambda: alerts.jobs() == [])
    assert len({sent.event.event_id for sent in alerts.webhooks.sent}) == len(alerts.webhooks.sent) == 41


async def test_a_failed_delivery_is_scheduled_again_by_the_queue(alerts: Alerts) -> None:
    await alerts.use(800)
    alerts.mail.failures.append(DeliveryError("away"))
    await alerts.work_off()
    ((later,),) = alerts.asked(
        "SELECT scheduled_at > now() FROM solaris_jobs.procrastinate_jobs WHERE task_name = 'solaris.deliver'"
    )
    assert later
    await alerts.work_off()
    assert alerts.mail.sent == []
    alerts.due_now()
    await alerts.work_off()
    assert len(alerts.mail.sent) == 1
    assert alerts.jobs() == []


async def test_a_worker_outlives_lost_connections(alerts: Alerts) -> None:
    async with running(alerts.worker()):
        await alerts.use(800)
        await until(lambda: len(alerts.mail.sent) == 1)
        with psycopg.connect(alerts.url, autocommit=True) as connection:
            connection.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )
        await alerts.use(150)
        await until(lambda: len(alerts.mail.sent) == 2)


async def test_jobs_of_a_worker_that_died_are_done_by_another(alerts: Alerts) -> None:
    await alerts.use(800)
    await alerts.dispatcher.dispatch()
    alerts.asked(
        "INSERT INTO solaris_jobs.procrastinate_workers (last_heartbeat) VALUES (now() - interval '10 minutes')"
    )
    alerts.asked(
        "UPDATE solaris_jobs.procrastinate_jobs SET status = 'doing', "
        "worker_id = (SELECT id FROM solaris_jobs.procrastinate_workers)"
    )
    async with running(alerts.worker()):
        await until(lambda: len(alerts.mail.sent) == 1)


async def test_a_chore_is_done_once_over_all_workers(alerts: Alerts) -> None:
    done: list[int] = []

    async def work() -> None:
        done.append(1)

    async def fail() -> None:
        raise RuntimeError

    chores = (PeriodicChore("test.fail", "* * * * *", fail), PeriodicChore("test.chore", "* * * * *", work))
    async with running(*(alerts.worker(chores=chores) for _ in range(3))):
        await until(lambda: bool(done))
        await until(lambda: alerts.asked("SELECT count(*) FROM procrastinate_jobs") == [(0,)])
    ticks = alerts.asked("SELECT defer_timestamp FROM procrastinate_periodic_defers WHERE task_name = 'test.chore'")
    # Once a minute, and a minute may have ended. Only the last is kept.
    assert (len(done) in {1, 2}, len(ticks)) == (True, 1)


_VICTIM = """
import asyncio, os, sys
from solaris_hooks.alert_settings import AlertSettings
from solaris_hooks.alerts.delivery import ChannelName
from solaris_hooks.alerts.dispatcher import Dispatcher
from solaris_hooks.alerts.routing import Routing
from solaris_hooks.alerts.sending import Sender
from solaris_hooks.alerts.worker import AlertWorker
from solaris_hooks.ledger.postgres import PostgresLedger

class Fatal:
    async def send(self, delivery):
        print("sending", flush=True)
        await asyncio.sleep(600)

async def main():
    url, settings = sys.argv[1], AlertSettings(dispatch_interval_seconds=0.5, poll_interval_seconds=0.5)
    async with PostgresLedger.connect(url) as ledger:
        await AlertWorker(
            url,
            dispatcher=Dispatcher(ledger.deliveries, Routing(settings, (), mails=True)),
            sender=Sender(ledger.deliveries, {ChannelName.MAIL: Fatal()}, settings, time_zone="UTC"),
            chores=(),
            settings=settings,
        ).run()

asyncio.run(main())
"""


async def killed_while_sending(alerts: Alerts) -> None:
    """Let a worker in a process of its own die in the middle of sending."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-c",
        _VICTIM,
        alerts.url,
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[3])},
    )
    assert process.stdout is not None
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            assert await process.stdout.readline() == b"sending\n"
    finally:
        process.kill()
        await process.wait()


def found_dead(alerts: Alerts) -> None:
    """Workers were not heard of for minutes: what they did may be done by others, at once."""
    alerts.asked("UPDATE solaris_jobs.procrastinate_workers SET last_heartbeat = now() - interval '2 minutes'")
    alerts.asked("DELETE FROM solaris_jobs.procrastinate_periodic_defers")
    alerts.asked("UPDATE solaris.deliveries SET trying_until = NULL")


async def test_a_delivery_survives_the_kill_of_its_sender(alerts: Alerts) -> None:
    await alerts.use(800)
    await killed_while_sending(alerts)
    await alerts.work_off()  # it is not known yet that the worker is dead
    assert alerts.mail.sent == []
    found_dead(alerts)
    async with running(alerts.worker()):
        await until(lambda: len(alerts.mail.sent) == 1)
        await until(lambda: alerts.jobs() == [])
    assert len(alerts.mail.sent) == 1
    assert [state for _, _, state in await alerts.states()] == ["sent"]


@pytest.mark.parametrize("rounds", [4])
async def test_events_are_told_once_though_dispatchers_are_killed(alerts: Alerts, rounds: int) -> None:
    """Whatever was committed when a process died: each event has one delivery, and each delivery a job."""
    for number in range(rounds):
        await alerts.grant(10 + number)
        await killed_while_sending(alerts)
        found_dead(alerts)
    async with running(alerts.worker()):
        await until(lambda: len(alerts.mail.sent) >= rounds)
        await until(lambda: alerts.jobs() == [])
    assert sorted(sent.event.details["tokens"] for sent in alerts.mail.sent) == [10, 11, 12, 13]  # type: ignore[type-var]
    assert alerts.jobs() == []


def settings_of(url: str, **more: Any) -> Settings:
    return Settings(database_url=url, litellm_database_url=url, **more)


async def done(alerts: Alerts, name: str) -> None:
    """Do one of the chores that a worker has."""
    worker = build_worker(settings_of(alerts.url), alerts.ledger)
    (chore,) = [each for each in worker.chores if each.name == f"solaris.{name}"]
    await chore.work()


async def test_accounts_that_do_not_call_are_renewed(alerts: Alerts) -> None:
    await alerts.use(400)
    alerts.asked(
        "UPDATE solaris.accounts SET period_start = period_start - interval '2 months', "
        "period_end = period_end - interval '2 months'"
    )
    await done(alerts, "renew_accounts")
    assert (await alerts.ledger.events())[0].kind.value == "period.renewed"


async def test_credits_expire_though_nobody_looks(alerts: Alerts) -> None:
    await alerts.grant(500)
    alerts.asked("UPDATE solaris.credit_lots SET expires_at = now() - interval '1 day'")
    alerts.asked("UPDATE solaris.accounts SET next_lot_expiry = now() - interval '1 day'")
    await done(alerts, "expire_credits")
    assert alerts.asked("SELECT credits_remaining FROM solaris.accounts") == [(0,)]


async def test_administrators_hear_once_a_day_who_is_near_the_limit(alerts: Alerts) -> None:
    await alerts.use(900)
    worker = build_worker(settings_of(alerts.url, alerts={"report_hour": 0}), alerts.ledger)
    for chore in worker.chores:
        await chore.work()
        await chore.work()
    kinds = [event.kind.value for event in await alerts.ledger.events()]
    assert kinds.count("report.digest") in {1, 2}  # a day may have ended meanwhile
    assert kinds.count("report.monthly") <= 1


async def test_a_worker_of_its_own_works_until_it_is_asked_to_end(alerts: Alerts) -> None:
    async with hook() as it:
        webhooks = json.dumps([{"name": "books", "url": it.url, "secret": SECRET}])
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "solaris_hooks.cli.main",
            "worker",
            stderr=asyncio.subprocess.PIPE,
            env={
                **os.environ,
                "PYTHONPATH": str(Path(__file__).parents[3]),
                "DATABASE_URL": alerts.url,
                "SOLARIS_WEBHOOKS": webhooks,
                "SOLARIS_ALERTS": '{"worker": "off", "dispatch_interval_seconds": 0.5, "poll_interval_seconds": 0.5}',
            },
        )
        try:
            await alerts.use(800)
            await until(lambda: len(it.asked) == 2)
            await until(lambda: alerts.jobs() == [])
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(PATIENCE_SECONDS):
                _, said = await process.communicate()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
    assert (process.returncode, b"Traceback" in said) == (0, False)
    assert alerts.asked("SELECT count(*) FROM procrastinate_workers") == [(0,)]


async def test_a_worker_works_behind_a_pooler_by_transaction(alerts: Alerts, tmp_path: Path) -> None:
    with pgbouncer(alerts.url, tmp_path, prepares=False) as bouncer:
        async with PostgresLedger.connect(bouncer.url, prepare=False) as ledger:
            pooled = replace(alerts, url=bouncer.url, ledger=ledger)
            async with running(pooled.worker(), pooled.worker()):
                await alerts.use(800)
                await until(lambda: len(alerts.mail.sent) == 1)
                await until(lambda: alerts.jobs() == [])
    assert [state for _, _, state in await alerts.states()] == ["sent"]
