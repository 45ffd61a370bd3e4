"""The health page says what the books, the folder and the packages say, and what to do."""

from __future__ import annotations

import datetime as dt
import platform
from importlib import metadata
from pathlib import Path
from uuid import uuid4

import httpx
import psycopg
import pytest

import solaris_hooks
from solaris_hooks.alert_settings import AlertSettings
from solaris_hooks.alerts.routing import Routing
from solaris_hooks.ledger.delivery_records import DeliveryFilter, DeliveryState, Limits
from solaris_hooks.ledger.journal.file import KEPT_SUFFIX
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange, Grant, HoldRequest
from solaris_hooks.ledger.vital_signs import LATE
from solaris_hooks.quota.ids import AccountId, new_hold_id
from solaris_hooks.settings import Settings
from tests.integration.web.asking import ADMIN, signed_in

LIMITS = Limits(1, dt.timedelta(minutes=1), 1000, 10_000, 1000)


@pytest.fixture
def settings(web_url: str, tmp_path: Path) -> Settings:
    return Settings(
        database_url=web_url,
        default_locale="en",
        journal_dir=str(tmp_path),
        mail={"host": "localhost", "from_address": "a@example.org", "security": "none"},
    )


async def test_versions_and_the_database_are_told(admin: httpx.AsyncClient) -> None:
    page = (await admin.get(f"{ADMIN}/health")).text
    for version in (solaris_hooks.__version__, metadata.version("litellm"), platform.python_version()):
        assert f"<dd>{version}</dd>" in page
    assert "is up to date" in page
    assert "2 months ahead" in page
    checkpoints = page.split("Checkpoints</th>")[0].rsplit("<tr>", 1)[1]
    assert ">off</span>" in checkpoints, "the settings want none"


async def test_the_figures_are_those_of_the_books(books: PostgresLedger, web_url: str) -> None:
    before = await books.vital_signs.read()
    who = AccountId(f"user:{uuid4().hex[:12]}")
    await books.put_account(who, AccountChange(email="a@example.org"), actor="admin:root")
    hold_id = new_hold_id()
    await books.hold(HoldRequest(who, hold_id, "gpt-4o", 10, 1, 1, lease_seconds=60))
    with psycopg.connect(web_url) as connection:
        over = dt.datetime.now(dt.UTC) - LATE - dt.timedelta(seconds=1)
        connection.execute("UPDATE solaris.holds SET lease_until = %s WHERE hold_id = %s", (over, hold_id))
        server = connection.execute("SHOW server_version").fetchone()
    after = await books.vital_signs.read()
    assert (after.holds - before.holds, after.expired_holds - before.expired_holds) == (1, 1)
    assert after.events_waiting == before.events_waiting + 1
    assert after.events_since is not None
    assert server == (after.version,)
    assert (after.months_ahead, after.bytes > 100_000, after.connections > 0) == (2, True, True)
    await books.release(who, hold_id)


async def test_what_is_not_good_says_what_to_do(
    admin: httpx.AsyncClient, books: PostgresLedger, settings: Settings
) -> None:
    who = AccountId(f"user:{uuid4().hex[:12]}")
    await books.put_account(who, AccountChange(email="a@example.org"), actor="admin:root")
    await books.grant_credits(Grant(who, 5, "thanks", "admin:root", uuid4().hex))
    routing = Routing(AlertSettings(), (), mails=True)
    while await books.deliveries.dispatch(routing, limit=200, stale_after=dt.timedelta(days=9)):
        pass
    (delivery, *_) = await books.deliveries.deliveries(DeliveryFilter(account_id=who), limit=1)
    await books.deliveries.begin(delivery.delivery_id, LIMITS)
    await books.deliveries.end(delivery.delivery_id, DeliveryState.DEAD, "550 <b>no</b>")
    (settings.journal_folder / f"old{KEPT_SUFFIX}").write_text("")
    page = (await admin.get(f"{ADMIN}/health")).text
    assert "550 &lt;b&gt;no&lt;/b&gt;" in page
    assert "Look at the error, and at section mail" in page
    assert "Something does not work." in page
    assert "1 put aside" in page
    last = await books.vital_signs.last_deliveries()
    assert (last[0].channel, last[0].target, last[0].error) == ("mail", "", "550 <b>no</b>")


@pytest.mark.parametrize("key", ["sk-operator", "sk-auditor"])
async def test_whoever_reads_may_look_and_a_script_gets_the_piece(browser: httpx.AsyncClient, key: str) -> None:
    await signed_in(browser, key)
    piece = await browser.get(f"{ADMIN}/health", headers={"hx-request": "true"})
    assert piece.status_code == 200
    assert "<html" not in piece.text
    assert "Round trip" in piece.text
