"""The pages over real books, asked as a browser would."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from deploy.local.postgres import EmbeddedPostgres
from deploy.local.testing import fresh_database
from solaris_hooks.ledger.migrations import migrate
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.settings import Settings
from solaris_hooks.web.api import mount
from solaris_hooks.web.site import build_site
from tests.integration.web.asking import signed_in
from tests.unit.web.asking import FakeAuthenticator

SECRETS = ["a-secret-for-tests"]


@pytest.fixture(scope="session")
def web_url(postgres: EmbeddedPostgres) -> str:
    """A database of this folder's own; tests use accounts of their own."""
    url = fresh_database(postgres)
    migrate(url)
    return url


@pytest.fixture
async def books(web_url: str) -> AsyncIterator[PostgresLedger]:
    async with PostgresLedger.connect(web_url) as ledger:
        yield ledger


@pytest.fixture
def settings(web_url: str) -> Settings:
    return Settings(database_url=web_url, default_locale="en", public_url="http://proxy")


@pytest.fixture
def host(books: PostgresLedger, settings: Settings) -> FastAPI:
    """An application that serves the API and all pages as LiteLLM's would."""
    site = build_site(books, FakeAuthenticator(), settings, secrets=SECRETS)
    made = FastAPI()
    mount(made, site.app)
    return made


@pytest.fixture
async def browser(host: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A browser without a session."""
    transport = httpx.ASGITransport(app=host)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy") as client:
        yield client


@pytest.fixture
async def admin(browser: httpx.AsyncClient) -> httpx.AsyncClient:
    """A browser in which a super-administrator has signed in."""
    return await signed_in(browser)
