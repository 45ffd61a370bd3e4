"""Puts jobs into the queue, in the transaction of what they are about."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from procrastinate.jobs import Job
from procrastinate.manager import JobManager
from psycopg import AsyncConnection

from solaris_hooks.ledger.jobs.connector import JobConnector

QUEUE = "solaris"
DELIVER = "solaris.deliver"
"""The task that sends one delivery."""


def job_manager() -> JobManager:
    """What puts jobs into the queue over connections that it is given; it has none of its own."""
    return JobManager(JobConnector())


async def put_deliveries(connection: AsyncConnection[Any], delivery_ids: Sequence[UUID]) -> None:
    """Let deliveries be sent, if the connection's transaction is committed. A job knows the delivery's id alone."""
    if delivery_ids:
        await job_manager().batch_defer_jobs_async(
            [
                Job(
                    queue=QUEUE,
                    lock=None,
                    queueing_lock=None,
                    task_name=DELIVER,
                    task_kwargs={"delivery_id": str(each)},
                )
                for each in delivery_ids
            ],
            connection=connection,
        )
