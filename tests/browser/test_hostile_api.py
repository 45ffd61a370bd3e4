"""What people send on purpose, to a server with PostgreSQL behind it."""

from __future__ import annotations

import httpx
import pytest

from solaris_hooks.ledger.postgres import PostgresLedger
from tests.browser.serving import Site
from tests.unit.web.asking import ADMIN
from tests.unit.web.hostile import HOSTILE, Hostile, require_refused, require_text


@pytest.mark.parametrize("hostile", HOSTILE, ids=lambda hostile: hostile.name)
async def test_what_is_sent_on_purpose_is_refused(site: Site, hostile: Hostile) -> None:
    async with httpx.AsyncClient(base_url=site.url, headers=ADMIN, trust_env=False, timeout=60) as client:
        await require_refused(client, hostile)


async def test_markup_in_a_name_stays_text_and_the_books_stay_in_order(site: Site, ledger: PostgresLedger) -> None:
    async with httpx.AsyncClient(base_url=site.url, headers=ADMIN, trust_env=False, timeout=60) as client:
        await require_text(client)
    assert (await ledger.verify()).ok
