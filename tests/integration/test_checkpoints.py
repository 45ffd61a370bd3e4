"""Signed checkpoints find what a forger did who may write the whole database, and keep still otherwise."""

from __future__ import annotations

import asyncio
import datetime as dt
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from psycopg.rows import namedtuple_row

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.chain import GENESIS
from solaris_hooks.ledger.checkpoints import (
    Checkpoint,
    SigningKey,
    Taken,
    make_keys,
    read_signing_key,
    take_checkpoint,
    take_if_due,
)
from solaris_hooks.ledger.checkpoints.periodic import PeriodicCheckpoints
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant, HoldRequest, Settlement, Verification
from solaris_hooks.quota.errors import CheckpointError, SchemaError
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

ANA, BIA = AccountId("user:ana"), AccountId("user:bia")
COLUMNS = (
    "account_id, number, kind, tokens, allowance_after, credits_after, overage_after, at, actor, reason, "
    "idempotency_key, details::text AS details, previous_hash, hash"
)


class Books:
    """A database of its own, whoever writes it, and a key that is not in it."""

    def __init__(self, url: str, superuser_url: str, folder: Path) -> None:
        self.url = url
        self.superuser_url = superuser_url
        self.folder = folder
        self.key = make_keys(folder / "checkpoint.key", folder / "checkpoint.pub")
        self.ledger = PostgresLedger(url)

    async def use(self, account_id: AccountId, tokens: int) -> None:
        hold_id = new_hold_id()
        await self.ledger.hold(HoldRequest(account_id, hold_id, "m", tokens, 1, 1, lease_seconds=60))
        await self.ledger.settle(
            Settlement(account_id, hold_id, "m", tokens, Usage(tokens, 0), UsageSource.PROVIDER, details={})
        )

    def take(self, key: SigningKey | None = None) -> Taken:
        return take_checkpoint(self.url, key or self.key, folder=self.folder)

    def read(self, taken: Taken) -> Checkpoint:
        return Checkpoint.read(taken.path, self.key.public)

    async def verify(self, *taken: Taken, account_id: AccountId | None = None) -> Verification:
        return await self.ledger.verify_against([self.read(each) for each in taken], account_id)

    def forge(self, *statements: str) -> None:
        with psycopg.connect(self.superuser_url) as forger:
            forger.execute("SET session_replication_role = replica")
            for statement in statements:
                forger.execute(statement.encode())

    def rewrite(self, account_id: AccountId, *, actor: str) -> None:
        """Give an account a whole new history, whose digests fit."""
        seal = "solaris.entry_digest_v1(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
        with psycopg.connect(self.superuser_url, row_factory=namedtuple_row) as connection:
            forger: psycopg.Connection[Any] = connection
            forger.execute("SET session_replication_role = replica")
            before = GENESIS
            query = f"SELECT {COLUMNS} FROM solaris.entries WHERE account_id = %s ORDER BY number"
            for e in forger.execute(query.encode(), (account_id,)).fetchall():
                fields = (e.tokens, e.allowance_after, e.credits_after, e.overage_after, e.at, actor)
                found = forger.execute(
                    f"UPDATE solaris.entries SET actor = %s, previous_hash = %s, hash = {seal} "
                    "WHERE account_id = %s AND number = %s RETURNING hash".encode(),
                    (actor, before, before, e.account_id, e.number, e.kind, *fields, e.reason, e.idempotency_key,
                     e.details, e.account_id, e.number),
                ).fetchone()  # fmt: skip
                assert found is not None
                before = found.hash
            forger.execute("UPDATE solaris.accounts SET chain = %s WHERE account_id = %s", (before, account_id))


@pytest.fixture
async def books(postgres: EmbeddedPostgres, tmp_path: Path) -> AsyncIterator[Books]:
    url = fresh_database(postgres)
    migrate(url)
    made = Books(url, postgres.superuser_url(str(conninfo_to_dict(url)["dbname"])), tmp_path)
    yield made
    await made.ledger.close()


@pytest.fixture
async def used(books: Books) -> Books:
    """Books with a history of two accounts."""
    for account_id in (ANA, BIA):
        await books.ledger.put_account(account_id, AccountChange(), actor="root")
        for tokens in (10, 20, 30):
            await books.use(account_id, tokens)
    return books


def told(result: Verification) -> list[tuple[str, str]]:
    return [(flaw.account_id, flaw.message) for flaw in result.flaws]


async def test_books_that_only_grew_agree_with_their_checkpoints(used: Books) -> None:
    first = used.take()
    await used.use(ANA, 5)
    await used.ledger.put_account(AccountId("user:cai"), AccountChange(), actor="root")
    second = used.take()
    result = await used.verify(first, second)
    assert result.ok
    assert [(each.number, each.accounts, each.differing, each.known) for each in result.checkpoints] == [
        (first.header.number, 2, 0, True),
        (second.header.number, 3, 0, True),
    ]


async def test_a_history_written_anew_with_digests_that_fit_is_found(used: Books) -> None:
    taken = used.take()
    used.rewrite(BIA, actor="somebody else")
    assert (await used.ledger.verify()).ok
    result = await used.verify(taken)
    assert [account for account, _ in told(result)] == [BIA]
    assert "written anew" in told(result)[0][1]
    assert (result.checkpoints[0].differing, result.checkpoints[0].known) == (1, True)


async def test_entries_after_the_checkpoint_do_not_hide_a_history_written_anew(used: Books) -> None:
    taken = used.take()
    await used.use(ANA, 40)
    used.rewrite(ANA, actor="somebody else")
    await used.use(ANA, 50)
    assert (await used.ledger.verify()).ok
    assert [account for account, _ in told(await used.verify(taken))] == [ANA]


async def test_only_a_checkpoint_from_before_finds_it(used: Books) -> None:
    before = used.take()
    used.rewrite(ANA, actor="somebody else")
    after = used.take()
    assert (await used.verify(after)).ok
    assert [each.differing for each in (await used.verify(before, after)).checkpoints] == [1, 0]


async def test_a_tail_cut_off_is_found(used: Books) -> None:
    taken = used.take()
    used.forge(
        "DELETE FROM solaris.entries WHERE account_id = 'user:ana' AND number = 4",
        "UPDATE solaris.accounts AS a SET entries = e.number, chain = e.hash, allowance_used = allowance_used - 30 "
        "FROM solaris.entries AS e WHERE a.account_id = 'user:ana' AND e.account_id = 'user:ana' AND e.number = 3",
    )
    assert (await used.ledger.verify()).ok
    ((account, message),) = told(await used.verify(taken))
    assert account == ANA
    assert "entries 4 to 4 are gone" in message


@pytest.mark.parametrize("gone", [ANA, BIA])
async def test_an_account_that_is_gone_is_found(used: Books, gone: AccountId) -> None:
    taken = used.take()
    used.forge(*(f"DELETE FROM solaris.{table} WHERE account_id = '{gone}'" for table in ("accounts", "entries")))
    assert (await used.ledger.verify()).ok
    for wanted in (None, gone):
        ((account, message),) = told(await used.verify(taken, account_id=wanted))
        assert account == gone
        assert "the account is gone, with the 4 entries" in message


async def test_one_account_is_compared_alone(used: Books) -> None:
    taken = used.take()
    used.rewrite(ANA, actor="somebody else")
    assert (await used.verify(taken, account_id=BIA)).ok
    assert not (await used.verify(taken, account_id=ANA)).ok


async def test_accounts_are_compared_in_one_order_whatever_their_ids_are_written_in(books: Books) -> None:
    ids = [
        AccountId(f"user:{name}") for name in ("Zé", "ana", "Ana", "ärger", "日本", "😀", "ﬀ", 'quo"te\\', "a b", "_")
    ]
    for account_id in ids:
        await books.ledger.put_account(account_id, AccountChange(), actor="root")
    taken = books.take()
    assert [head.account_id for head in books.read(taken).heads()] == sorted(ids)
    assert (await books.verify(taken)).ok
    books.rewrite(AccountId("user:😀"), actor="somebody else")
    assert [account for account, _ in told(await books.verify(taken))] == ["user:😀"]


async def test_empty_books_have_an_empty_checkpoint(books: Books) -> None:
    taken = books.take()
    assert taken.accounts == 0
    assert (await books.verify(taken)).ok


async def test_books_restored_from_an_older_backup_are_told_apart(used: Books) -> None:
    await used.use(ANA, 1)
    taken = used.take()
    used.forge(
        "DELETE FROM solaris.checkpoints",
        "DELETE FROM solaris.entries WHERE account_id = 'user:ana' AND number = 5",
        "UPDATE solaris.accounts AS a SET entries = e.number, chain = e.hash, allowance_used = allowance_used - 1 "
        "FROM solaris.entries AS e WHERE a.account_id = 'user:ana' AND e.account_id = 'user:ana' AND e.number = 4",
    )
    (compared,) = (await used.verify(taken)).checkpoints
    assert (compared.differing, compared.known) == (1, False)


async def test_a_checkpoint_of_other_books_is_refused(used: Books, postgres: EmbeddedPostgres) -> None:
    other = fresh_database(postgres)
    migrate(other)
    taken = take_checkpoint(other, used.key, folder=used.folder, path=used.folder / "other.jsonl")
    with pytest.raises(CheckpointError, match="other books"):
        await used.verify(taken)
    used.forge("DELETE FROM solaris.books")
    with pytest.raises(CheckpointError, match="other books"):
        await used.verify(taken)


async def test_a_database_without_the_schema_says_so(books: Books, postgres: EmbeddedPostgres) -> None:
    with pytest.raises(SchemaError):
        take_checkpoint(fresh_database(postgres), books.key, folder=books.folder)
    assert not list(books.folder.glob("*checkpoint-*"))


async def test_a_checkpoint_while_calls_settle_agrees_with_what_follows(used: Books) -> None:
    accounts = [AccountId(f"user:{number}") for number in range(8)]
    stop = asyncio.Event()

    async def traffic(account_id: AccountId) -> int:
        calls = 0
        while not stop.is_set():
            await used.use(account_id, 3)
            calls += 1
        return calls

    await asyncio.gather(*(used.use(account_id, 3) for account_id in accounts))
    calls = [asyncio.create_task(traffic(account_id)) for account_id in accounts]
    taken = []
    for _ in range(5):
        taken.append(await asyncio.to_thread(used.take))
        assert (await used.verify(*taken)).ok
    stop.set()
    assert min(await asyncio.gather(*calls)) > 0
    result = await used.verify(*taken)
    assert result.ok
    assert [each.number for each in result.checkpoints] == sorted(each.header.number for each in taken)


async def test_of_several_processes_one_takes_a_checkpoint_that_is_due(used: Books) -> None:
    def ask(interval: dt.timedelta) -> Taken | None:
        return take_if_due(used.url, used.key, folder=used.folder, interval=interval)

    hour = dt.timedelta(hours=1)
    with closing(psycopg.connect(used.url)) as another:
        another.execute("SELECT pg_advisory_xact_lock(%s)", (0x50_1A_21_C9,))
        assert ask(hour) is None
    first = ask(hour)
    assert first is not None
    assert ask(hour) is None
    second = ask(dt.timedelta(0))
    assert second is not None
    assert (await used.verify(first, second)).ok


async def test_a_proxy_takes_one_by_itself_and_goes_on_where_it_cannot(
    used: Books, caplog: pytest.LogCaptureFixture
) -> None:
    hour = dt.timedelta(hours=1)
    nowhere = PeriodicCheckpoints(used.url, used.key, folder=used.folder / "nowhere", interval=hour)
    nowhere.look()
    await until(lambda: "no checkpoint was taken" in caplog.text)
    archive = used.folder / "archive"
    archive.mkdir()
    periodic = PeriodicCheckpoints(used.url, used.key, folder=archive, interval=hour)
    periodic.look()
    periodic.look()
    await until(lambda: bool(list(archive.glob("checkpoint-*.jsonl"))))
    PeriodicCheckpoints(used.url, used.key, folder=archive, interval=hour).look()
    (file,) = archive.iterdir()
    assert (await used.ledger.verify_against([Checkpoint.read(file, used.key.public)])).ok


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():  # noqa: ASYNC110 - what it waits for has no event
            await asyncio.sleep(0.01)


def test_the_private_key_is_for_its_owner_alone_and_never_in_the_database(books: Books) -> None:
    assert stat.S_IMODE((books.folder / "checkpoint.key").stat().st_mode) == 0o600
    books.take()
    with psycopg.connect(books.url) as connection:
        (row,) = connection.execute("SELECT row_to_json(c)::text FROM solaris.checkpoints AS c").fetchall()
    pem = (books.folder / "checkpoint.key").read_text()
    assert read_signing_key(pem).public.key_id == books.key.public.key_id
    assert pem.splitlines()[1] not in row[0]


async def test_more_credits_than_were_granted_are_found_even_if_everything_fits(used: Books) -> None:
    await used.ledger.grant_credits(Grant(ANA, 5, reason="bought", actor="root", idempotency_key="k"))
    taken = used.take()
    used.rewrite(ANA, actor="root")
    assert [account for account, _ in told(await used.verify(taken))] == [ANA]
