"""The worker: makes deliveries of events, sends them, and does what is due; in a proxy, or in a process of its own.

Any number of workers share the work. Each survives whatever goes wrong, a PostgreSQL that is away included,
and ends when its task is cancelled.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import UUID

from procrastinate import App, RetryDecision
from procrastinate.exceptions import ConnectorException
from procrastinate.jobs import DeleteJobCondition, Job
from procrastinate.retry import BaseRetryStrategy
from psycopg import AsyncConnection
from psycopg.conninfo import conninfo_to_dict
from psycopg_pool import AsyncConnectionPool

from solaris_hooks.alert_settings import AlertSettings
from solaris_hooks.alerts.chores import PeriodicChore
from solaris_hooks.alerts.dispatcher import Dispatcher
from solaris_hooks.alerts.sending import Sender, TryAgainError
from solaris_hooks.ledger.jobs import DELIVER, QUEUE, JobConnector
from solaris_hooks.ledger.patience import NETWORK
from solaris_hooks.quota.errors import SolarisError

_LOG = logging.getLogger(__name__)

HEARTBEAT_SECONDS = 20.0
STALLED_SECONDS = 60.0
"""A worker that was not heard of for so long is dead; its jobs are done by others."""

RESCUE = "solaris.rescue"
_RESCUE_CRON = "* * * * *"
_GRACE_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 60.0
_FIRST_RETRY_SECONDS = 30
_LONGEST_RETRY_SECONDS = 3600
_ABORT_POLL_SECONDS = 300.0


class _Again(BaseRetryStrategy):
    """When a job that did not end runs again: as it says itself, else after ever longer."""

    def get_retry_decision(self, *, exception: BaseException, job: Job) -> RetryDecision:
        if isinstance(exception, TryAgainError):
            return RetryDecision(retry_at=exception.at)
        seconds = min(_FIRST_RETRY_SECONDS * 2 ** min(job.attempts, 10), _LONGEST_RETRY_SECONDS)
        return RetryDecision(retry_in={"seconds": seconds})


class AlertWorker:
    """Everything that alerts need done in the background."""

    def __init__(
        self,
        conninfo: str,
        *,
        dispatcher: Dispatcher,
        sender: Sender,
        chores: Sequence[PeriodicChore],
        settings: AlertSettings,
    ) -> None:
        """Keep the collaborators; connect to nothing yet.

        Args:
            conninfo: PostgreSQL of the books; the queue has up to two connections of its own.
            dispatcher: makes deliveries.
            sender: sends them.
            chores: done once over all workers whenever they are due.
            settings: pauses and how much at once.
        """
        self._conninfo = conninfo
        self._dispatcher = dispatcher
        self._sender = sender
        self.chores = chores
        self._settings = settings
        self._task: asyncio.Task[None] | None = None

    async def keep_running(self) -> None:
        """Start in the background of this event loop, unless it runs already."""
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self.run(), name="solaris-alerts")

    async def run(self) -> None:
        """Work until cancelled; jobs that run then have a few seconds to end."""
        # The library tells of each job; what matters is told by us, or as a warning.
        logging.getLogger("procrastinate").setLevel(logging.WARNING)
        async with asyncio.TaskGroup() as group:
            group.create_task(self._repeat(self._dispatch, "dispatching events"))
            group.create_task(self._repeat(self._work, "the queue's worker"))

    async def work_off(self) -> None:
        """Dispatch what happened, do all jobs that are due now, and return.

        Raises:
            SolarisError: the books cannot be reached.
        """
        await self._dispatcher.dispatch()
        await self._work(wait=False)

    async def _repeat(self, what: Callable[[], Awaitable[None]], name: str) -> None:
        """Do something that should never end, again and again."""
        task = asyncio.current_task()
        assert task is not None
        failures = 0
        while not task.cancelling():
            began = asyncio.get_running_loop().time()
            try:
                await what()
            except (SolarisError, ConnectorException) as exc:
                _LOG.warning("%s is put off: %s", name, getattr(exc, "message", None) or exc)
            except Exception:  # noqa: BLE001 - one defect must not end all alerts
                _LOG.exception("%s failed and goes on", name)
            if asyncio.get_running_loop().time() - began > _LONGEST_PAUSE_SECONDS:
                failures = 0
            if not task.cancelling():
                await asyncio.sleep(min(2**failures, _LONGEST_PAUSE_SECONDS) * random.uniform(0.75, 1.25))  # noqa: S311
            failures = min(failures + 1, 10)
        raise asyncio.CancelledError

    async def _dispatch(self) -> None:
        while True:
            await self._dispatcher.dispatch()
            await asyncio.sleep(self._settings.dispatch_interval_seconds)

    async def _work(self, *, wait: bool = True) -> None:
        given = conninfo_to_dict(self._conninfo)
        pool: AsyncConnectionPool[AsyncConnection[Any]] = AsyncConnectionPool(
            self._conninfo,
            kwargs={
                **{name: value for name, value in NETWORK.items() if name not in given},
                "autocommit": True,
                "prepare_threshold": None,
            },
            min_size=1,
            max_size=2,
            timeout=_GRACE_SECONDS,
            name="solaris-jobs",
            open=False,
        )
        async with pool, self._app().open_async(pool) as app:
            await app.run_worker_async(
                queues=[QUEUE],
                name="solaris",
                wait=wait,
                concurrency=self._settings.concurrency,
                listen_notify=False,
                fetch_job_polling_interval=self._settings.poll_interval_seconds,
                abort_job_polling_interval=_ABORT_POLL_SECONDS,
                shutdown_graceful_timeout=_GRACE_SECONDS,
                delete_jobs=DeleteJobCondition.ALWAYS.value,
                install_signal_handlers=False,
                update_heartbeat_interval=HEARTBEAT_SECONDS,
                stalled_worker_timeout=STALLED_SECONDS,
            )

    def _app(self) -> App:
        app = App(connector=JobConnector())

        @app.task(name=DELIVER, queue=QUEUE, retry=_Again())
        async def deliver(delivery_id: str) -> None:
            await self._sender.deliver(UUID(delivery_id))

        # Without a lock: a worker that dies over it would keep the others from it.
        @app.periodic(cron=_RESCUE_CRON)
        @app.task(name=RESCUE, queue=QUEUE, queueing_lock=RESCUE, priority=1)
        async def rescue(timestamp: int) -> None:
            del timestamp
            await _rescue(app)

        for chore in self.chores:
            _register(app, chore)
        return app


def _register(app: App, chore: PeriodicChore) -> None:
    @app.periodic(cron=chore.cron)
    @app.task(name=chore.name, queue=QUEUE, lock=chore.name, queueing_lock=chore.name)
    async def work(timestamp: int) -> None:
        del timestamp
        try:
            await chore.work()
        except SolarisError as exc:
            _LOG.warning("%s is put off: %s", chore.name, exc.message)
        except Exception:  # noqa: BLE001 - it is tried again when it is next due
            _LOG.exception("%s failed", chore.name)


async def _rescue(app: App) -> None:
    """Let jobs of workers that died be done by others, and forget those workers."""
    manager = app.job_manager
    for job in await manager.get_stalled_jobs(queue=QUEUE, seconds_since_heartbeat=STALLED_SECONDS):
        try:
            await manager.retry_job(job)
        except ConnectorException:
            _LOG.info("job %s was rescued by another worker, or has ended", job.id)
        else:
            _LOG.warning("job %s of a worker that died is done again", job.id)
    await manager.prune_stalled_workers(STALLED_SECONDS)
