"""Take a checkpoint: one snapshot of all accounts' heads, while traffic goes on."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
from psycopg import IsolationLevel
from psycopg.rows import namedtuple_row

from solaris_hooks.ledger.checkpoints.document import CheckpointHeader, Writer
from solaris_hooks.ledger.checkpoints.keys import SigningKey
from solaris_hooks.ledger.errors import translated
from solaris_hooks.ledger.queries import statements

_BATCH = 2000
"""Accounts fetched at a time."""

_LOCK = 0x50_1A_21_C9
"""Key of the advisory lock under which periodic checkpoints are taken; any number that nobody else uses."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A checkpoint that was taken.

    Attributes:
        path: its file.
        accounts: how many heads it holds.
        sha256: of the file's content before its last line.
    """

    path: Path
    header: CheckpointHeader
    accounts: int
    sha256: bytes


def take_checkpoint(conninfo: str, key: SigningKey, *, folder: Path, path: Path | None = None) -> Taken:
    """Write a signed checkpoint of all accounts.

    It says what the books were, not that they balanced: verify them as well.

    Args:
        conninfo: PostgreSQL connection string or URL of libpq's form.
        key: what signs.
        folder: where the file goes, named by its number and time.
        path: the file itself, instead.

    Raises:
        LedgerError: the books cannot be read.
        CheckpointError: the file cannot be written, or exists.
    """
    with translated(), closing(_connected(conninfo)) as connection:
        return _taken(connection, key, folder=folder, path=path)


def take_if_due(conninfo: str, key: SigningKey, *, folder: Path, interval: dt.timedelta) -> Taken | None:
    """Take a checkpoint if the newest is older than ``interval``; of several processes that ask, one takes it.

    Returns:
        None where none is due, or another process takes it just now.

    Raises:
        LedgerError: the books cannot be read.
        CheckpointError: the file cannot be written.
    """
    with translated(), closing(_connected(conninfo)) as connection:
        # The lock goes with the transaction: behind a pooler, a session's lock could outlive this process.
        if not _one(connection, "checkpoint_lock", {"lock": _LOCK}).locked:
            return None
        if not _one(connection, "checkpoint_due", {"interval": interval}).due:
            return None
        return _taken(connection, key, folder=folder, path=None)


def _connected(conninfo: str) -> psycopg.Connection[Any]:
    connection = psycopg.connect(conninfo, row_factory=namedtuple_row, prepare_threshold=None)
    connection.isolation_level = IsolationLevel.REPEATABLE_READ
    return connection


def _taken(connection: psycopg.Connection[Any], key: SigningKey, *, folder: Path, path: Path | None) -> Taken:
    """Write the file in the connection's transaction, commit, and only then give the file its name.

    So a file that exists is one that the books know; a crash between the two leaves a number without a file.
    """
    begun = _one(connection, "checkpoint_begin", {})
    header = CheckpointHeader(books=begun.books_id, number=begun.number, taken_at=begun.taken_at, key=key.public.key_id)
    writer = Writer(path or folder / _name(header))
    try:
        accounts = 0
        writer.lines([header.model_dump_json()])
        with connection.cursor(name="solaris_checkpoint_heads") as heads:
            heads.execute(_text("checkpoint_heads"))
            while batch := heads.fetchmany(_BATCH):
                writer.lines([row.line for row in batch])
                accounts += len(batch)
        sha256 = writer.seal(key)
        record = {"number": header.number, "accounts": accounts, "sha256": sha256, "key_id": header.key}
        connection.execute(_text("checkpoint_record"), record)
        connection.commit()
        writer.publish()
    finally:
        writer.discard()
    return Taken(writer.path, header, accounts, sha256)


def _name(header: CheckpointHeader) -> str:
    return f"checkpoint-{header.number:06}-{header.taken_at.astimezone(dt.UTC):%Y%m%dT%H%M%SZ}.jsonl"


def _text(name: str) -> bytes:
    return statements()[name].encode()


def _one(connection: psycopg.Connection[Any], name: str, parameters: Mapping[str, object]) -> Any:
    return connection.execute(_text(name), parameters).fetchone()
