"""Jobs in PostgreSQL, kept by procrastinate in a schema of its own."""

from solaris_hooks.ledger.jobs.connector import JobConnector
from solaris_hooks.ledger.jobs.queue import DELIVER, QUEUE, job_manager, put_deliveries
from solaris_hooks.ledger.jobs.schema import SCHEMA

__all__ = ["DELIVER", "QUEUE", "SCHEMA", "JobConnector", "job_manager", "put_deliveries"]
