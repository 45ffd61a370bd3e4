"""What is in a folder of journals, for people: reads only, whoever writes there meanwhile."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.journal.file import KEPT_SUFFIX, JournalFile
from solaris_hooks.ledger.journal.lines import Header, Passed, Unused, Used, hold_of, read_lines
from solaris_hooks.quota.ids import HoldId


class FileState(StrEnum):
    """Whose turn it is."""

    IN_USE = "in use"
    """Its process runs and will book it."""
    LEFT = "left"
    """Its process is gone: the next look of any other will book it, or `solaris journal replay`."""
    KEPT = "kept"
    """Something in it could not be booked; everything else is."""


@dataclass(frozen=True, slots=True)
class FileFacts:
    """One journal file.

    Attributes:
        used: settlements in it.
        unused: releases in it.
        running: requests that passed and whose end it does not say.
        damaged: lines that cannot be read, a torn last one aside.
        torn: its last line was being written when its process died; nobody was told that it had been.
    """

    path: Path
    state: FileState
    header: Header | None
    used: int
    unused: int
    running: int
    damaged: int
    torn: bool


def facts(folder: Path) -> Iterator[FileFacts]:
    """What each file of a folder holds; none where there is no such folder."""
    for path in [*journals(folder), *journals(folder, kept=True)]:
        try:
            data = path.read_bytes()
        except FileNotFoundError:  # booked and removed meanwhile
            continue
        yield _facts(path, data)


def _facts(path: Path, data: bytes) -> FileFacts:
    header: Header | None = None
    running: set[HoldId] = set()
    used = unused = damaged = 0
    torn = False
    for line in read_lines(data):
        header = header or line.header
        damaged += line.damaged
        torn = line.torn
        if isinstance(line.record, Passed):
            running.add(line.record.hold_id)
        elif line.record is not None:
            used += isinstance(line.record, Used)
            unused += isinstance(line.record, Unused)
            running.discard(hold_of(line.record))
    return FileFacts(path, _state(path), header, used, unused, len(running), damaged, torn)


def _state(path: Path) -> FileState:
    if path.suffix == KEPT_SUFFIX:
        return FileState.KEPT
    locked = JournalFile.lock(path)
    if locked is None:
        return FileState.IN_USE
    locked.close()
    return FileState.LEFT
