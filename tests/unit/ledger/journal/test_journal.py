"""A process's own journal: safe on the disk before anybody goes on, and gone once the books have it."""

from __future__ import annotations

import asyncio
import errno
import os
from pathlib import Path
from uuid import UUID

import pytest

from solaris_hooks.ledger.journal import journal as journal_module
from solaris_hooks.ledger.journal.adoption import abandoned, clear_unfinished, journals
from solaris_hooks.ledger.journal.facts import FileState, facts
from solaris_hooks.ledger.journal.file import JournalFile
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.lines import Passed, Record, Unused, read_lines
from solaris_hooks.quota.errors import JournalError
from solaris_hooks.quota.ids import new_hold_id
from tests.unit.ledger.journal.test_lines import ANA, HEADER, NOW, used

BOOKS = UUID(int=7)


class Disk:
    """Writes until it is full."""

    def __init__(self) -> None:
        self.free: int | None = None

    def write(self, descriptor: int, data: bytes) -> int:
        if self.free is None:
            return os.write(descriptor, data)
        if self.free == 0:
            raise OSError(errno.ENOSPC, "No space left on device")
        written = os.write(descriptor, data[: self.free])
        self.free -= written
        return written


def passed() -> Passed:
    return Passed(ANA, new_hold_id(), "m", 100, 10, NOW)


def records(folder: Path) -> list[Record]:
    return [
        line.record for path in journals(folder) for line in read_lines(path.read_bytes()) if line.record is not None
    ]


async def book_all(journal: Journal) -> None:
    while lines := await journal.unbooked():
        for line in lines:
            journal.booked(line)
    await journal.tidy()


async def test_nothing_is_made_before_the_first_record(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "deep" / "journal", BOOKS)
    assert await journal.unbooked() == []
    await journal.tidy()
    assert not (tmp_path / "deep").exists()
    await journal.add(used())
    assert journal.pending
    assert len(records(journal.folder)) == 1
    journal.close()


async def test_those_who_wait_at_once_share_one_fsync(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = Journal(tmp_path, BOOKS)
    await journal.add(used())
    synced: list[int] = []
    real = os.fdatasync

    def fdatasync(descriptor: int) -> None:
        synced.append(descriptor)
        real(descriptor)

    monkeypatch.setattr(os, "fdatasync", fdatasync)
    await asyncio.gather(*(journal.add(used()) for _ in range(50)))
    assert len(records(tmp_path)) == 51
    assert 1 <= len(synced) <= 3
    journal.close()


async def test_a_full_disk_is_told_leaves_no_piece_of_a_line_and_can_be_got_over(tmp_path: Path) -> None:
    disk = Disk()
    journal = Journal(tmp_path, BOOKS, write=disk.write)
    first, late = used(), used()
    await journal.add(first)
    disk.free = 37
    with pytest.raises(JournalError, match="No space left"):
        await journal.add(used())
    disk.free = None
    await journal.add(late)
    assert records(tmp_path) == [first, late]
    assert not any(each.damaged for each in facts(tmp_path))
    journal.close()


async def test_a_piece_that_cannot_be_taken_back_costs_no_other_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    disk = Disk()
    journal = Journal(tmp_path, BOOKS, write=disk.write)
    await journal.add(used())

    def ftruncate(_descriptor: int, _size: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", ftruncate)
    disk.free = 37
    with pytest.raises(JournalError):
        await journal.add(used())
    disk.free = None
    late = used()
    await journal.add(late)
    assert records(tmp_path)[-1] == late
    assert [each.damaged for each in facts(tmp_path)] == [1]
    journal.close()


async def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    journal = Journal(tmp_path / "file" / "journal", BOOKS)
    with pytest.raises(JournalError, match="journal_dir"):
        journal.check()
    with pytest.raises(JournalError):
        await journal.add(used())


def test_a_check_leaves_nothing(tmp_path: Path) -> None:
    Journal(tmp_path, BOOKS).check()
    assert list(tmp_path.iterdir()) == []


async def test_a_file_goes_when_all_of_it_is_booked_and_no_request_of_it_runs(tmp_path: Path) -> None:
    journal = Journal(tmp_path, BOOKS)
    running = passed()
    await journal.add(running)
    await book_all(journal)
    assert len(journals(tmp_path)) == 1
    await journal.add(Unused(ANA, running.hold_id, NOW))
    assert journal.running(running.hold_id) is None
    await book_all(journal)
    assert journals(tmp_path) == []
    await journal.add(used())
    assert len(journals(tmp_path)) == 1
    journal.close()


async def test_a_large_file_is_begun_anew_with_what_still_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_module, "ROTATE_BYTES", 1000)
    journal = Journal(tmp_path, BOOKS)
    running = passed()
    await journal.add(running)
    await asyncio.gather(*(journal.add(used()) for _ in range(20)))
    await book_all(journal)
    assert records(tmp_path) == [running]
    await book_all(journal)
    assert len(journals(tmp_path)) == 1
    journal.close()


async def test_what_could_not_be_booked_is_put_aside_and_never_removed(tmp_path: Path) -> None:
    journal = Journal(tmp_path, BOOKS)
    await journal.add(used())
    (header, line) = await journal.unbooked()
    journal.booked(header)
    journal.booked(line, refused=True)
    await journal.tidy()
    assert journals(tmp_path) == []
    assert [each.state for each in facts(tmp_path)] == [FileState.KEPT]


async def test_the_file_of_a_process_that_runs_is_nobody_elses(tmp_path: Path) -> None:
    journal = Journal(tmp_path, BOOKS)
    await journal.add(used())
    assert list(abandoned(tmp_path, BOOKS)) == []
    assert [each.state for each in facts(tmp_path)] == [FileState.IN_USE]
    journal.close()
    assert [each.state for each in facts(tmp_path)] == [FileState.LEFT]
    found = list(abandoned(tmp_path, BOOKS))
    assert len(found) == 1
    assert list(abandoned(tmp_path, BOOKS)) == []
    found[0].close()


async def test_records_of_other_books_are_left_alone(tmp_path: Path) -> None:
    journal = Journal(tmp_path, UUID(int=8))
    await journal.add(used())
    journal.close()
    assert list(abandoned(tmp_path, BOOKS)) == []
    assert len(journals(tmp_path)) == 1


def test_a_file_that_was_booked_while_somebody_opened_it_is_nobodys(tmp_path: Path) -> None:
    made = JournalFile.create(tmp_path, HEADER)
    path = made.path
    made.remove()
    assert JournalFile.lock(path) is None


def test_a_file_that_nobody_finished_making_is_cleared_away_in_time(tmp_path: Path) -> None:
    (old, young) = (tmp_path / "1-a.new", tmp_path / "2-b.new")
    old.write_text("")
    young.write_text("")
    os.utime(old, (0, 0))
    clear_unfinished(tmp_path)
    assert list(tmp_path.iterdir()) == [young]
