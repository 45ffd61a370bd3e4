"""Why was this refused? Any refusal is found, and shows the numbers of its moment."""

from __future__ import annotations

import datetime as dt
import re
from dataclasses import replace
from uuid import uuid4

import httpx
import pytest

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.ledger.refusal_records import Refusal, RefusalReason
from solaris_hooks.quota.ids import AccountId
from tests.integration.web.asking import ADMIN
from tests.refused import ASKED, FIGURES, holders, refusal


@pytest.fixture
async def refused(books: PostgresLedger) -> Refusal:
    """A refusal of an account of the test's own, just now."""
    account = AccountId(f"user:{uuid4().hex}")
    await books.put_account(account, AccountChange(), actor="admin:seed")
    now = dt.datetime.now(dt.UTC)
    made = replace(refusal(now), account_id=account, message="No tokens <b>", holders=holders(400, 300))
    await books.refusals.write([made])
    return made


async def test_it_shows_the_numbers_of_the_moment(admin: httpx.AsyncClient, refused: Refusal) -> None:
    page = (await admin.get(f"{ADMIN}/refusals/{refused.refusal_id}")).text
    shown = {name: int(value.replace(",", "")) for name, value in re.findall(r'data-figure="(\w+)">([\d,]+)<', page)}
    assert shown == {
        "granted": FIGURES.granted,
        "used": FIGURES.used,
        "held": FIGURES.held,
        "available": FIGURES.available,
        "want": ASKED.want,
    }
    assert "No tokens &lt;b&gt;" in page
    assert refused.holders is not None
    for holder in refused.holders.largest:
        assert f'<td class="number" data-label="Held">{holder.amount:,}</td>' in page


async def test_it_is_found_by_id_account_reason_day_and_model(admin: httpx.AsyncClient, refused: Refusal) -> None:
    by_id = await admin.get(f"{ADMIN}/refusals", params={"q": str(refused.refusal_id)})
    assert by_id.headers["location"] == f"{ADMIN}/refusals/{refused.refusal_id}"
    account = str(refused.account_id)
    link = f"{ADMIN}/refusals/{refused.refusal_id}"
    today = dt.datetime.now(dt.UTC).astimezone().date()
    for wanted in (
        {"q": account},
        {"q": account.removeprefix("user:")},
        {"q": account, "reason": refused.reason.value},
        {"q": account, "model": refused.model or ""},
    ):
        assert link in (await admin.get(f"{ADMIN}/refusals", params=wanted)).text, wanted
    for wanted in (
        {"q": "user:somebody-else"},
        {"q": account, "reason": RefusalReason.PENDING.value},
        {"q": account, "model": "another"},
        {"q": account, "day": (today - dt.timedelta(days=9)).isoformat()},
    ):
        assert "No refusal matches." in (await admin.get(f"{ADMIN}/refusals", params=wanted)).text, wanted


async def test_what_is_not_there_or_cannot_be_is_said(admin: httpx.AsyncClient) -> None:
    for wrong in (uuid4(), "none", "%00"):
        assert (await admin.get(f"{ADMIN}/refusals/{wrong}")).status_code == 404
    for odd in ({"day": "soon"}, {"day": "0001-01-01"}, {"reason": "<b>"}, {"before": "x"}):
        assert (await admin.get(f"{ADMIN}/refusals", params=odd)).status_code == 200


async def test_the_overview_counts_refusals_of_today(admin: httpx.AsyncClient, refused: Refusal) -> None:
    page = (await admin.get(ADMIN)).text
    assert refused.reason in set(RefusalReason)
    assert re.search(r"Refused today</h2>\s*<p class=\"value\">[1-9]", page)
