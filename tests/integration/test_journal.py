"""A real PostgreSQL that goes and comes back: what was used meanwhile is in its books, once."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import UUID

import psycopg
import pytest

from solaris_hooks.ledger.journal.adoption import journals
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.ledger import JournalledLedger
from solaris_hooks.ledger.migrations import books_id, migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import HoldOutcome, HoldRequest, NewAccount, Settlement, SettleOutcome
from solaris_hooks.quota.errors import JournalError, LedgerUnavailableError
from solaris_hooks.quota.ids import AccountId, HoldId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource
from tests.chaos.server import Server, mortal_server

ANA = AccountId("user:ana")
NEW = NewAccount()
PATIENCE = 1.0
"""Seconds that a statement waits for a server."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with mortal_server(tmp_path_factory.mktemp("mortal")) as running:
        migrate(running.url)
        yield running


@pytest.fixture
async def books(server: Server) -> AsyncIterator[PostgresLedger]:
    async with PostgresLedger.connect(server.url, pool_max_size=5, pool_timeout_seconds=PATIENCE) as ledger:
        yield ledger


@pytest.fixture
async def ledger(books: PostgresLedger, server: Server, tmp_path: Path) -> AsyncIterator[JournalledLedger]:
    made = journalled(books, tmp_path / "journal", books_id(server.url))
    yield made
    made.close()


def journalled(books: PostgresLedger, folder: Path, books_are: UUID, *, fail_open: bool = True) -> JournalledLedger:
    return JournalledLedger(
        books, Journal(folder, books_are), fail_open=fail_open, new_account=NEW, sweep_policy="prompt"
    )


async def held(ledger: JournalledLedger, account_id: AccountId = ANA) -> HoldId:
    hold_id = new_hold_id()
    result = await ledger.hold(HoldRequest(account_id, hold_id, "m", 100, 100, 10, 60))
    assert result.outcome is HoldOutcome.HELD
    return hold_id


def settlement(hold_id: HoldId, charge: int = 30, account_id: AccountId = ANA) -> Settlement:
    return Settlement(account_id, hold_id, "m", charge, Usage(charge, 0), UsageSource.PROVIDER)


async def until_back(ledger: JournalledLedger) -> None:
    async with asyncio.timeout(40):
        while ledger.recovering(0):  # noqa: ASYNC110 - the ledger's own task finds out
            await asyncio.sleep(0.05)


def used(server: Server, account_id: AccountId) -> tuple[int, int, int]:
    """Charges booked, how many, and what the account says it used."""
    with psycopg.connect(server.url) as connection:
        row = connection.execute(
            "SELECT coalesce(sum(u.charge), 0), count(*), max(a.allowance_used + a.credits_used + a.overage) "
            "FROM solaris.usage AS u JOIN solaris.accounts AS a USING (account_id) "
            "WHERE account_id = %s AND u.status = 'settled'",
            (account_id,),
        ).fetchone()
    assert row is not None
    return int(row[0]), int(row[1]), int(row[2])


async def test_requests_pass_while_the_server_is_stopped_and_are_booked_once(
    server: Server, books: PostgresLedger, ledger: JournalledLedger
) -> None:
    stranger = AccountId("user:never-seen")
    before = await held(ledger)
    server.stop()
    await ledger.settle(settlement(before))
    meanwhile = await asyncio.gather(*(held(ledger, stranger) for _ in range(20)))
    await asyncio.gather(*(ledger.settle(settlement(hold_id, 7, stranger)) for hold_id in meanwhile))
    server.start()
    await until_back(ledger)
    assert used(server, ANA) == (30, 1, 30)
    assert used(server, stranger) == (140, 20, 140)
    assert (await books.verify()).ok
    assert await books.holds() == []


async def test_connections_that_a_restart_broke_fail_no_request(server: Server, ledger: JournalledLedger) -> None:
    account = AccountId("user:restart")
    await asyncio.gather(*(held(ledger, AccountId(f"user:{number}")) for number in range(20)))
    server.kill()
    server.start()
    assert not ledger._circuit.open
    hold_id = await held(ledger, account)
    assert (await ledger.settle(settlement(hold_id, 5, account))).outcome is SettleOutcome.SETTLED
    assert used(server, account) == (5, 1, 5)


async def test_a_server_that_stands_still_keeps_nobody_waiting(
    server: Server, books: PostgresLedger, tmp_path: Path
) -> None:
    account = AccountId("user:still")
    closed = journalled(books, tmp_path / "closed", books_id(server.url), fail_open=False)
    hold_id = await held(closed, account)
    server.pause()
    async with asyncio.timeout(10 * PATIENCE):
        await closed.settle(settlement(hold_id, 3, account))
        with pytest.raises(LedgerUnavailableError):
            await held(closed, account)
    server.resume()
    await until_back(closed)
    assert used(server, account) == (3, 1, 3)
    assert await books.holds(account) == []
    closed.close()


async def test_what_another_process_left_is_adopted(server: Server, books: PostgresLedger, tmp_path: Path) -> None:
    account = AccountId("user:heir")
    folder, books_are = tmp_path / "journal", books_id(server.url)
    dead = journalled(books, folder, books_are)
    server.stop()
    ended, _never_ends = await held(dead, account), await held(dead, account)
    await dead.settle(settlement(ended, 30, account))
    dead.close()
    server.start()
    heir = journalled(books, folder, books_are)
    await heir.catch_up()
    heir.close()
    assert used(server, account) == (30 + 10, 2, 40)
    assert journals(folder) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 KiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mounted = (
        os.geteuid() == 0
        and not subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=64k", "none", str(folder)], check=False, capture_output=True
        ).returncode
    )
    if not mounted:
        pytest.skip("only who may mount a file system can fill one up")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


async def test_a_disk_that_fills_up_refuses_and_loses_nothing(
    server: Server, books: PostgresLedger, small_disk: Path
) -> None:
    account = AccountId("user:full")
    ledger = journalled(books, small_disk, books_id(server.url))
    (small_disk / "ballast").write_bytes(bytes(40_000))
    server.stop()
    running: list[HoldId] = []

    async def fill() -> None:
        while True:
            running.append(await held(ledger, account))

    with pytest.raises(JournalError):
        await fill()
    assert len(running) > 10
    (small_disk / "ballast").unlink()
    for hold_id in running:
        await ledger.settle(settlement(hold_id, 2, account))
    server.start()
    await until_back(ledger)
    assert used(server, account) == (2 * len(running), len(running), 2 * len(running))
    ledger.close()
    assert journals(small_disk) == []
