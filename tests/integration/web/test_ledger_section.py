"""The ledger on the pages: verified in a process of its own, with what it found kept."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import httpx
import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from deploy.local.postgres import EmbeddedPostgres
from solaris_hooks.ledger import verifying
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Flaw, HoldRequest, Verification
from solaris_hooks.ledger.verifications import MOST_FLAWS_KEPT, SILENCE, VerificationRun, VerificationState
from solaris_hooks.ledger.verifying import Verifier
from solaris_hooks.quota.errors import ConflictError
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.web.routes import ledger as ledger_routes
from tests.integration.ledger.world import Clock, past_triggers
from tests.integration.web.asking import ADMIN, send, signed_in

PATIENCE_SECONDS = 60


@pytest.fixture
async def who(books: PostgresLedger) -> AccountId:
    account_id = AccountId(f"user:{uuid4().hex[:12]}")
    await books.put_account(account_id, AccountChange(), actor="admin:root")
    return account_id


@pytest.fixture
async def late(web_url: str) -> AsyncIterator[tuple[PostgresLedger, Clock]]:
    """The same books with a clock that only tests move, far in the future, where no other test's verifications are."""
    clock = Clock(dt.datetime.now(dt.UTC) + dt.timedelta(days=300))
    async with PostgresLedger.connect(web_url, now=clock) as ledger:
        yield ledger, clock


async def ended(books: PostgresLedger, verification_id: UUID) -> VerificationRun:
    """A verification when it has ended."""
    async with asyncio.timeout(PATIENCE_SECONDS):
        while True:
            run = await books.verifications.get(verification_id)
            assert run is not None
            if run.ended_at is not None:
                return run
            await asyncio.sleep(0.05)  # its process runs beside us


async def newest(books: PostgresLedger) -> VerificationRun:
    (run,) = await books.verifications.newest(limit=1)
    return run


async def test_an_account_is_verified_beside_the_requests(
    admin: httpx.AsyncClient, books: PostgresLedger, who: AccountId
) -> None:
    answer = await send(admin, "/ledger/verify", account=f" {who} ")
    assert answer.headers["location"] == f"{ADMIN}/ledger?done=verifying"
    run = await ended(books, (await newest(books)).verification_id)
    assert (run.state, run.error, run.flaws) == (VerificationState.GOOD, None, 0)
    assert (run.account_id, run.requested_by, run.accounts, run.entries) == (who, "admin:boss", 1, 1)
    page = (await admin.get(f"{ADMIN}/ledger/verifications/{run.verification_id}")).text
    assert "no flaw" in page
    assert f"{ADMIN}/ledger/verifications/{run.verification_id}" in (await admin.get(f"{ADMIN}/ledger")).text


async def test_what_was_changed_behind_the_books_is_named(
    admin: httpx.AsyncClient, books: PostgresLedger, who: AccountId, postgres: EmbeddedPostgres, web_url: str
) -> None:
    superuser_url = postgres.superuser_url(str(conninfo_to_dict(web_url)["dbname"]))
    with past_triggers(superuser_url) as connection:
        connection.execute("UPDATE solaris.entries SET reason = 'forged' WHERE account_id = %s", (who,))
    try:
        await send(admin, "/ledger/verify", account=who)
        run = await ended(books, (await newest(books)).verification_id)
        assert (run.state, run.flaws) == (VerificationState.FLAWED, 1)
        page = (await admin.get(f"{ADMIN}/ledger/verifications/{run.verification_id}")).text
        assert "entry 1 was changed: its digest does not fit its content" in page
    finally:
        with past_triggers(superuser_url) as connection:
            connection.execute("UPDATE solaris.entries SET reason = NULL WHERE account_id = %s", (who,))


async def test_all_accounts_are_verified_once_at_a_time(
    admin: httpx.AsyncClient, books: PostgresLedger, who: AccountId, late: tuple[PostgresLedger, Clock]
) -> None:
    future, clock = late
    first = await future.verifications.begin(None, actor="admin:root")
    with pytest.raises(ConflictError):
        await future.verifications.begin(None, actor="admin:root")
    refused = await send(admin, "/ledger/verify", account="")
    assert (refused.status_code, "being verified already" in refused.text) == (409, True)
    meanwhile = await future.verifications.begin(who, actor="admin:root")  # one account may be
    clock.wait(seconds=SILENCE.total_seconds() + 1)
    lost = await future.verifications.get(first)
    assert lost is not None
    assert lost.state is VerificationState.LOST
    second = await future.verifications.begin(None, actor="admin:root")
    for each in (first, meanwhile, second):
        await future.verifications.fail(each, "over")
    failed = await future.verifications.get(second)
    assert failed is not None
    assert (failed.state, failed.error) == (VerificationState.FAILED, "over")


async def test_it_tells_how_far_it_is_and_how_it_ended_once(late: tuple[PostgresLedger, Clock], who: AccountId) -> None:
    future, _ = late
    begun = await future.verifications.begin(who, actor="admin:root")
    await future.verifications.seen(begun, accounts=3, entries=70)
    run = await future.verifications.get(begun)
    assert run is not None
    assert (run.state, run.accounts, run.entries, run.flaws) == (VerificationState.RUNNING, 3, 70, None)
    flaws = [Flaw(who, n, f"entry {n} is <b>wrong</b>") for n in range(MOST_FLAWS_KEPT + 5)]
    await future.verifications.end(begun, Verification(4, 80, flaws, more_flaws=7))
    await future.verifications.fail(begun, "too late")
    run = await future.verifications.get(begun)
    assert run is not None
    assert (run.state, run.accounts, run.flaws, run.error) == (VerificationState.FLAWED, 4, len(flaws) + 7, None)
    assert run.found == flaws[:MOST_FLAWS_KEPT]


async def test_a_process_that_dies_without_a_word_is_told_of(
    books: PostgresLedger, who: AccountId, web_url: str
) -> None:
    verifier = Verifier("postgresql://nobody@127.0.0.1:1/none", books.verifications)
    run = await ended(books, await verifier.start(who, actor="admin:root"))
    assert run.state is VerificationState.FAILED
    assert run.error is not None
    assert "ended with code 1" in run.error


async def test_the_page_looks_again_while_one_runs(
    admin: httpx.AsyncClient, books: PostgresLedger, who: AccountId
) -> None:
    begun = await books.verifications.begin(who, actor="admin:root")
    piece = await admin.get(f"{ADMIN}/ledger", headers={"hx-request": "true"})
    assert "<html" not in piece.text
    assert 'hx-trigger="every 2s"' in piece.text
    await books.verifications.fail(begun, "over")
    assert (await newest(books)).state is VerificationState.FAILED
    assert 'hx-trigger="every 2s"' not in (await admin.get(f"{ADMIN}/ledger", headers={"hx-request": "true"})).text


async def test_holds_and_checkpoints_are_listed(
    admin: httpx.AsyncClient, books: PostgresLedger, who: AccountId, web_url: str
) -> None:
    await books.hold(HoldRequest(who, new_hold_id(), "gpt-<b>", 4321, 1, 10, lease_seconds=60))
    with psycopg.connect(web_url) as connection:
        connection.execute(
            "INSERT INTO solaris.checkpoints (taken_at, accounts, sha256, key_id)"
            " VALUES (now(), 1234, decode(repeat('ab', 32), 'hex'), 'key-of-tests')"
        )
    page = (await admin.get(f"{ADMIN}/ledger")).text
    assert "4,321" in page
    assert "gpt-&lt;b&gt;" in page
    assert "1,234" in page
    assert "abababababababab…" in page
    assert "key-of-tests" in page


@pytest.mark.parametrize("said", ["user:nobody", "a\x00b", "x" * 600])
async def test_an_account_that_there_is_not(admin: httpx.AsyncClient, said: str) -> None:
    answer = await send(admin, "/ledger/verify", account=said)
    assert (answer.status_code, "There is no such account." in answer.text) == (400, True)


async def test_auditors_verify_and_operators_do_not(browser: httpx.AsyncClient, who: AccountId) -> None:
    await signed_in(browser, "sk-operator")
    assert "Verify now" not in (await browser.get(f"{ADMIN}/ledger")).text
    assert (await send(browser, "/ledger/verify", account=who)).status_code == 403
    await signed_in(browser, "sk-auditor")
    assert "Verify now" in (await browser.get(f"{ADMIN}/ledger")).text
    assert (await send(browser, "/ledger/verify", account="user:nobody")).status_code == 400


@pytest.mark.parametrize("verification", ["nonsense", "00000000-0000-7000-8000-000000000000"])
async def test_a_verification_that_there_is_not(admin: httpx.AsyncClient, verification: str) -> None:
    assert (await admin.get(f"{ADMIN}/ledger/verifications/{verification}")).status_code == 404


VERIFY = "/solaris/api/v1/ledger/verify"
BEARER = {"authorization": "Bearer sk-admin"}


async def test_programs_verify_in_a_process_beside_the_requests(
    browser: httpx.AsyncClient, books: PostgresLedger, who: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    def never(*_: object) -> None:
        raise AssertionError("this process verifies nothing itself")

    monkeypatch.setattr(PostgresLedger, "verify", never)
    answer = await browser.post(VERIFY, json={"account_id": who}, headers=BEARER)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["ok"], said["accounts"], said["entries"], said["state"]) == (True, 1, 1, "good")
    run = await books.verifications.get(UUID(said["id"]))
    assert run is not None
    assert (run.account_id, run.requested_by) == (who, "admin:boss")
    read = await browser.get(f"/solaris/api/v1/ledger/verifications/{said['id']}", headers=BEARER)
    assert read.json() == said
    missing = await browser.get(f"/solaris/api/v1/ledger/verifications/{uuid4()}", headers=BEARER)
    assert missing.status_code == 404


async def test_a_long_verification_is_read_later(
    browser: httpx.AsyncClient, books: PostgresLedger, who: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_routes, "VERIFY_SECONDS", 0)
    answer = await browser.post(VERIFY, json={"account_id": who}, headers=BEARER)
    assert answer.status_code == 202, answer.text
    assert (answer.json()["ok"], answer.json()["state"]) == (None, "running")
    await ended(books, UUID(answer.json()["id"]))
    read = await browser.get(f"/solaris/api/v1/ledger/verifications/{answer.json()['id']}", headers=BEARER)
    assert (read.json()["ok"], read.json()["state"]) == (True, "good")


async def test_few_verifications_run_at_once(
    browser: httpx.AsyncClient, books: PostgresLedger, who: AccountId, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ledger_routes, "VERIFY_SECONDS", 0)
    monkeypatch.setattr(verifying, "MOST_AT_ONCE", 1)
    first = await browser.post(VERIFY, json={"account_id": who}, headers=BEARER)
    second = await browser.post(VERIFY, json={"account_id": who}, headers=BEARER)
    assert (first.status_code, second.status_code) == (202, 409)
    await ended(books, UUID(first.json()["id"]))
