"""Journals of processes that are gone: whoever finds one unlocked books what is in it and removes it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import time
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID

from solaris_hooks.ledger.journal.file import KEPT_SUFFIX, SUFFIX, UNFINISHED_SUFFIX, JournalFile
from solaris_hooks.ledger.journal.lines import Line, Passed, hold_of
from solaris_hooks.ledger.journal.replay import Counts, Replay
from solaris_hooks.quota.ids import HoldId

_LOG = logging.getLogger(__name__)

_UNFINISHED_SECONDS = 3600
"""A file without a header that is older than this was left by a process that died while making it."""


def journals(folder: Path, *, kept: bool = False) -> list[Path]:
    """All journals of a folder, in order of their names.

    Args:
        folder: which need not exist.
        kept: those that were put aside, instead of those that are in use.
    """
    return sorted(folder.glob(f"*{KEPT_SUFFIX if kept else SUFFIX}"))


def can_be_written(folder: Path) -> bool:
    """Whether this user can write journals to a folder, which is made when it is needed."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    return there.is_dir() and os.access(there, os.W_OK | os.X_OK)


def abandoned(folder: Path, books: UUID) -> Iterator[JournalFile]:
    """Lock, one after another, the files of these books whose process is gone. The caller ends with each."""
    for path in journals(folder):
        file = JournalFile.lock(path)
        if file is None:
            continue
        header = file.header()
        if header is not None and header.books == books:
            yield file
        else:
            file.close()


def clear_unfinished(folder: Path) -> None:
    """Remove files that their makers never finished making."""
    oldest = time.time() - _UNFINISHED_SECONDS
    for path in folder.glob(f"*{UNFINISHED_SUFFIX}"):
        with contextlib.suppress(FileNotFoundError):
            if path.stat().st_mtime < oldest:
                path.unlink()


async def book_file(file: JournalFile, replay: Replay) -> Counts:
    """Book everything in a locked file of a process that is gone; then remove it, or put it aside.

    Raises:
        LedgerUnavailableError: the books cannot be reached; the file is as it was, and unlocked.
    """
    counts = Counts()
    running: dict[HoldId, Passed] = {}
    offset = 0
    try:
        while lines := await asyncio.to_thread(file.read, offset):
            for line in lines:
                await _book_line(line, running, replay, counts)
                offset = line.end
        for passed in running.values():
            await replay.book_lost(passed, counts)
    except BaseException:
        file.close()
        raise
    if counts.keep:
        aside = await asyncio.to_thread(file.keep)
        _LOG.error("something in the journal %s could not be booked: %s", aside, counts)
    else:
        await asyncio.to_thread(file.remove)
    return counts


async def _book_line(line: Line, running: dict[HoldId, Passed], replay: Replay, counts: Counts) -> None:
    record = line.record
    if record is None:
        counts.damaged += line.damaged
    elif isinstance(record, Passed):
        running[record.hold_id] = record
    else:
        running.pop(hold_of(record), None)
        await replay.book(record, counts)
