"""What the commands need of the rest of the package, in one place that tests can replace."""

from __future__ import annotations

import getpass
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast
from uuid import UUID

import psycopg

from solaris_hooks.alerts.assembly import build_worker
from solaris_hooks.alerts.worker import AlertWorker
from solaris_hooks.ledger import checkpoints, migrations, reconcile
from solaris_hooks.ledger.administration import Administration
from solaris_hooks.ledger.checkpoints import Checkpoint, SigningKey, Taken
from solaris_hooks.ledger.compensation import Compensation
from solaris_hooks.ledger.errors import translated
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.reconcile import Question, Reconciled
from solaris_hooks.ledger.records import Verification
from solaris_hooks.ledger.spend_logs import LiteLLMSpendLogs
from solaris_hooks.ledger.sweep import Sweeper, SweepReport
from solaris_hooks.ledger.usage_reports import UsageReports
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.settings import Settings, load_settings

USUAL_CONFIG = Path("litellm_config.yaml")
CONNECT_SECONDS = 5


def config_path(given: Path | None) -> Path | None:
    """LiteLLM's config file: the one that was named, else ``litellm_config.yaml`` here, if it is here."""
    if given is not None:
        return given
    return USUAL_CONFIG if USUAL_CONFIG.is_file() else None


def settings(config: Path | None) -> Settings:
    """All settings, as the proxy would read them.

    Raises:
        SettingsError: one is wrong.
    """
    return load_settings(config_path(config))


@asynccontextmanager
async def open_ledger(using: Settings) -> AsyncIterator[Ledger]:
    """The books, for a while.

    Raises:
        LedgerUnavailableError: PostgreSQL cannot be reached; the message says why.
    """
    # The pool would only say that it waited in vain.
    with translated():
        first = await psycopg.AsyncConnection.connect(using.database_url, connect_timeout=CONNECT_SECONDS)
        await first.close()
    async with PostgresLedger.connect(
        using.database_url,
        defaults=using.new_account,
        pool_max_size=2,
        pool_timeout_seconds=using.pool_timeout_seconds,
        prepare=using.prepared_statements,
    ) as ledger:
        yield ledger


@asynccontextmanager
async def open_worker(using: Settings) -> AsyncIterator[AlertWorker]:
    """A worker that does what is due, for a while.

    Raises:
        LedgerUnavailableError: PostgreSQL cannot be reached; the message says why.
        SettingsError: mails cannot be made as the settings say.
    """
    async with open_ledger(using) as ledger:
        yield build_worker(using, cast("PostgresLedger", ledger))  # open_ledger makes no other


def migrate(using: Settings) -> list[str]:
    """Apply the migrations that are missing and return their names.

    Raises:
        LedgerError: PostgreSQL cannot be reached, or a migration failed.
    """
    return migrations.migrate(using.database_url)


def take_checkpoint(using: Settings, key: SigningKey, *, folder: Path, path: Path | None) -> Taken:
    """Write a signed checkpoint of all accounts.

    Raises:
        LedgerError: the books cannot be read.
        CheckpointError: the file cannot be written.
    """
    return checkpoints.take_checkpoint(using.database_url, key, folder=folder, path=path)


async def verify_against(ledger: Ledger, signed: Sequence[Checkpoint], account_id: AccountId | None) -> Verification:
    """Recompute the books and compare them with signed checkpoints.

    Raises:
        LedgerError: the books cannot be reached.
        CheckpointError: a checkpoint is of other books.
    """
    return await cast("PostgresLedger", ledger).verify_against(signed, account_id)  # open_ledger makes no other


def compensation(ledger: Ledger) -> Compensation:
    """Compensation in bulk, from the books that ``open_ledger`` opened."""
    return cast("PostgresLedger", ledger).compensation  # open_ledger makes no other


def usage_reports(ledger: Ledger, using: Settings) -> UsageReports:
    """Reports on use, from the books that ``open_ledger`` opened."""
    return cast("PostgresLedger", ledger).usage_reports(using.cost_table)  # open_ledger makes no other


def administration(ledger: Ledger) -> Administration:
    """Merges, erasures, batches and undoing, from the books that ``open_ledger`` opened."""
    return cast("PostgresLedger", ledger)  # open_ledger makes no other


def books_id(using: Settings) -> UUID:
    """Which books these are.

    Raises:
        LedgerError: PostgreSQL cannot be reached, or the schema is missing.
    """
    return migrations.books_id(using.database_url)


async def sweep(ledger: Ledger, using: Settings, *, limit: int) -> SweepReport:
    """End up to ``limit`` holds whose lease ran out, as the proxies do.

    Raises:
        LedgerError: the books cannot be reached.
    """
    sweeper = Sweeper(
        ledger=ledger,
        spend_logs=LiteLLMSpendLogs(using.litellm_database_url),
        weights=using.weight_table,
        policy=using.sweep_policy.value,
    )
    return await sweeper.sweep(limit=limit)


async def reconciled(using: Settings, question: Question) -> AsyncIterator[Reconciled]:
    """Compare LiteLLM's logs with the books.

    Raises:
        LedgerError: one of the databases cannot be reached or read.
    """
    logs = LiteLLMSpendLogs(using.litellm_database_url)
    async for each in reconcile.reconciled(using.database_url, logs, question):
        yield each


def actor() -> str:
    """How the books name who made a change here: ``cli:<user of this machine>``."""
    try:
        return f"cli:{getpass.getuser()}"
    except (OSError, KeyError):
        return "cli:unknown"
