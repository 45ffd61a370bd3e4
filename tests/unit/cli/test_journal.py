"""``solaris journal``: what the books lack, listed, checked and booked by hand."""

from __future__ import annotations

import asyncio
from pathlib import Path
from uuid import UUID

import pytest

from solaris_hooks.cli import runtime
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.lines import Passed, Record
from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.quota.ids import new_hold_id
from tests.unit.cli.conftest import Solaris
from tests.unit.ledger.journal.test_lines import ANA, NOW, used

BOOKS = UUID(int=7)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ledger: MemoryLedger) -> Path:
    monkeypatch.setenv("SOLARIS_JOURNAL_DIR", str(tmp_path / "journal"))
    monkeypatch.setattr(runtime, "books_id", lambda _: BOOKS)
    return tmp_path / "journal"


def leave(folder: Path, *records: Record) -> None:
    """What a process that is gone has left."""

    async def write() -> None:
        journal = Journal(folder, BOOKS)
        for record in records:
            await journal.add(record)
        journal.close()

    asyncio.run(write())


def test_with_nothing_left_it_says_where_it_looked(solaris: Solaris, folder: Path) -> None:
    assert str(folder) in solaris("journal", "list").out
    assert solaris("journal", "verify").code == 0
    assert solaris("journal", "replay").out == "0 files: nothing to do.\n"


def test_what_is_left_is_listed_and_booked_once(solaris: Solaris, folder: Path, ledger: MemoryLedger) -> None:
    leave(folder, used(42), Passed(ANA, new_hold_id(), "m", 100, 10, NOW))
    (listed,) = solaris("journal", "list", "--json").json["files"]
    assert (listed["state"], listed["used"], listed["running"], listed["books"]) == ("left", 1, 1, str(BOOKS))
    assert solaris("journal", "replay").out == "1 file: 2 booked, 1 lost with their process, booked by policy.\n"
    account = asyncio.run(ledger.account(ANA))
    assert account is not None
    assert account.balance.used == 52
    assert solaris("journal", "list", "--json").json["files"] == []


def test_damage_is_found_what_is_whole_is_booked_and_the_file_is_kept(
    solaris: Solaris, folder: Path, ledger: MemoryLedger
) -> None:
    leave(folder, used(1), used(2))
    (path,) = folder.iterdir()
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(lines[0] + b"x" + lines[1] + lines[2])
    assert solaris("journal", "verify").code == 1
    assert solaris("journal", "replay").code == 1
    account = asyncio.run(ledger.account(ANA))
    assert account is not None
    assert account.balance.used == 2
    (kept,) = folder.iterdir()
    assert kept.suffix == ".kept"
    again = solaris("journal", "replay", str(kept), "--json")
    assert (again.code, again.json["known"], again.json["damaged"]) == (1, 1, 1)
    assert kept.exists()


def test_a_file_of_other_books_or_in_use_is_refused(solaris: Solaris, folder: Path) -> None:
    leave(folder, used())
    (path,) = folder.iterdir()
    path.write_bytes(path.read_bytes()[5:])
    assert "no journal of these books" in solaris("journal", "replay", str(path)).err
    assert "still runs" in solaris("journal", "replay", str(folder / "none")).err
