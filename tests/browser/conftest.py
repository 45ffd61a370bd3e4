"""A site full of people for every module, and windows to look at it; see `tests.browser.fixtures` for those.

A test reads like this::

    async def test_a_statement_opens(site: Site, browse: Browse) -> None:
        page = await browse(Look("en", "dark", "phone"))
        await page.goto(site.link_of(ANA))
        await assert_accessible(page)
        await keep(page, "statement")
"""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio
from psycopg.conninfo import conninfo_to_dict
from pytest_asyncio import is_async_test

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from tests.browser.seed import fill
from tests.browser.serving import PACKAGES, Site, serve

FOLDER = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the tests of this folder run in the event loop of the session, in which Chromium is spoken to."""
    in_one_loop = pytest.mark.asyncio(loop_scope="session")
    for item in items:
        if FOLDER in item.path.parents and is_async_test(item):
            item.add_marker(in_one_loop, append=False)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def filled_database(postgres: EmbeddedPostgres) -> str:
    """A database with people and two months of their use: copied for every module, and left as it is."""
    url = fresh_database(postgres)
    migrate(url)
    await fill(url, dt.datetime.now(dt.UTC), PACKAGES)
    return str(conninfo_to_dict(url)["dbname"])


@pytest.fixture(scope="module")
def site_database(postgres: EmbeddedPostgres, filled_database: str) -> str:
    """This module's own copy: what its tests change, the tests of other modules do not see."""
    return fresh_database(postgres, template=filled_database)


@pytest.fixture(scope="module")
def site(site_database: str) -> Iterator[Site]:
    """The plugin's pages over this module's database."""
    with serve(site_database) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def ledger(site_database: str) -> AsyncIterator[PostgresLedger]:
    """The books behind the site, to change something or to look."""
    async with PostgresLedger.connect(site_database) as books:
        yield books
