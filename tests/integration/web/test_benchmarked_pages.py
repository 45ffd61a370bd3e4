"""The benchmark asks for every page there is, over books that have what each of them shows."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.routing import Mount

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from tests.benchmarks import filling
from tests.benchmarks.page_books import Further, fill_further
from tests.benchmarks.rendered import browser, page_routes, pages_of

ACCOUNTS = 200
SMALL = Further(refusals=200, changes=200, messages=100, requests=50, members=60, of_a_batch=60)


async def test_every_page_is_in_the_benchmark_and_answers(postgres: EmbeddedPostgres, host: FastAPI) -> None:
    url = fresh_database(postgres)
    migrate(url)
    filling.fill(url, ACCOUNTS)
    marks = await fill_further(url, ACCOUNTS, SMALL)
    pages = pages_of(marks)
    (site,) = [each.app for each in host.router.routes if isinstance(each, Mount)]
    assert isinstance(site, FastAPI)
    assert page_routes(site.router.routes) == {each.route for each in pages if not each.form}
    async with PostgresLedger.connect(url) as ledger, browser(ledger, url) as somebody:
        for page in pages:
            await somebody.ask(page)  # which fails where the answer is not the one that the page is to have
