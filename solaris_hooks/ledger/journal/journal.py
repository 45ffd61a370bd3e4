"""This process's own journal: made at its first record, removed once everything in it is booked."""

from __future__ import annotations

import asyncio
import datetime as dt
import logging
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar
from uuid import UUID

from solaris_hooks.ledger.journal.file import JournalFile, Write
from solaris_hooks.ledger.journal.lines import Header, Line, Passed, Record, hold_of, record_line
from solaris_hooks.quota.errors import JournalError
from solaris_hooks.quota.ids import HoldId

_LOG = logging.getLogger(__name__)

T = TypeVar("T")

ROTATE_BYTES = 4 << 20
"""A file larger than this is begun anew as soon as all that keeps it are requests that still run."""


class Journal:
    """Appends records, several under one fsync, and reads back those that are not booked yet."""

    def __init__(self, folder: Path, books: UUID, *, write: Write = os.write) -> None:
        """Keep the settings; touch nothing yet: a process may be forked after this object was made.

        Args:
            folder: where the files are; one for all processes of a machine.
            books: id of the books that the records belong to.
            write: as ``os.write``; tests let the disk fill up.
        """
        self.folder = folder
        self.books = books
        self._write_bytes = write
        self._file: JournalFile | None = None
        self._booked = 0
        self._keep = False
        self._running: dict[HoldId, Passed] = {}
        self._waiting: list[tuple[Record, asyncio.Future[None]]] = []
        self._writing: asyncio.Task[None] | None = None
        self._turn = asyncio.Lock()
        self._thread: ThreadPoolExecutor | None = None

    def check(self) -> None:
        """Try to write. Blocks; for the start of a process.

        Raises:
            JournalError: it cannot be written.
        """
        JournalFile.create(self.folder, self._header()).remove()

    @property
    def pending(self) -> bool:
        """Whether there is something that the books do not know yet."""
        return bool(self._waiting) or (self._file is not None and self._booked < self._file.size)

    def running(self, hold_id: HoldId) -> Passed | None:
        """The request of a hold, if it passed by this journal and has not ended."""
        return self._running.get(hold_id)

    def ended(self, hold_id: HoldId) -> None:
        """A request that passed by this journal has been booked without it."""
        self._running.pop(hold_id, None)

    async def add(self, record: Record) -> None:
        """Write a record; returns when it is safe on the disk.

        Raises:
            JournalError: it is not; nothing of it will be read.
        """
        done = asyncio.get_running_loop().create_future()
        self._waiting.append((record, done))
        if isinstance(record, Passed):
            self._running[record.hold_id] = record
        if self._writing is None or self._writing.done():
            self._writing = asyncio.create_task(self._write())
        await done

    async def unbooked(self) -> list[Line]:
        """Some of the lines that are not booked yet, oldest first."""
        async with self._turn:
            if self._file is None or self._booked >= self._file.size:
                return []
            return await self._aside(self._file.read, self._booked)

    def booked(self, line: Line, *, refused: bool = False) -> None:
        """A line has been booked, or cannot be: then its file is kept when all else in it is booked."""
        self._booked = line.end
        self._keep = self._keep or refused or line.damaged

    async def tidy(self) -> None:
        """Remove the file if everything in it is booked; begin a new one if only running requests keep it."""
        async with self._turn:
            file = self._file
            if file is None or self._booked < file.size:
                return
            if not self._running:
                self._file = None
                await self._aside(file.keep if self._keep else file.remove)
            elif file.size > ROTATE_BYTES:
                self._file = await self._aside(self._begun_with, list(self._running.values()))
                await self._aside(file.keep if self._keep else file.remove)
            else:
                return
            self._booked = self._file.size if self._file is not None else 0
            self._keep = False

    def close(self) -> None:
        """Let go of the file; whichever process starts next adopts what is in it."""
        if self._file is not None:
            self._file.close()
            self._file = None
        if self._thread is not None:
            self._thread.shutdown()
            self._thread = None

    async def _write(self) -> None:
        """Write whatever waits, and what has come to wait meanwhile, each time under one fsync."""
        while self._waiting:
            async with self._turn:
                batch, self._waiting = self._waiting, []
                failure: JournalError | None = None
                try:
                    await self._aside(self._append, [record_line(record) for record, _ in batch])
                except JournalError as exc:
                    failure = exc
                except Exception as exc:  # noqa: BLE001 - those who wait must hear of it, whatever it is
                    _LOG.exception("the journal could not be written")
                    failure = JournalError(str(exc))
                for record, done in batch:
                    # Of one that passes: the failure ends it. Of an end: only its success does.
                    if isinstance(record, Passed) == (failure is not None):
                        self._running.pop(hold_of(record), None)
                    if not done.done() and failure is None:
                        done.set_result(None)
                    elif not done.done():
                        done.set_exception(JournalError(failure.message if failure else None))

    def _append(self, lines: list[bytes]) -> None:
        if self._file is None:
            self._file = JournalFile.create(self.folder, self._header())
            self._booked = 0
        self._file.append(lines, self._write_bytes)

    def _begun_with(self, running: list[Passed]) -> JournalFile:
        file = JournalFile.create(self.folder, self._header())
        file.append([record_line(each) for each in running], self._write_bytes)
        return file

    def _header(self) -> Header:
        return Header(self.books, os.getpid(), dt.datetime.now(dt.UTC))

    async def _aside(self, work: Callable[..., T], *arguments: object) -> T:
        """Do blocking work in the journal's one thread, in order."""
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="solaris-journal")
        return await asyncio.get_running_loop().run_in_executor(self._thread, work, *arguments)
