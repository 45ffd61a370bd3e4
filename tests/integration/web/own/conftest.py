"""Books whose time tests move, and keys that they revoke."""

from __future__ import annotations

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.settings import Settings
from solaris_hooks.web.api import mount
from solaris_hooks.web.site import build_site
from tests.integration.ledger.world import Clock
from tests.integration.web.conftest import SECRETS

from .entering import Keys


@pytest.fixture
def keys() -> Keys:
    return Keys()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def books(web_url: str, clock: Clock) -> AsyncIterator[PostgresLedger]:
    """Books whose time only tests move."""
    async with PostgresLedger.connect(web_url, now=clock) as ledger:
        yield ledger


@pytest.fixture
def host(books: PostgresLedger, settings: Settings, keys: Keys) -> FastAPI:
    made = FastAPI()
    mount(made, build_site(books, keys, settings, secrets=SECRETS).app)
    return made


@pytest.fixture
def name() -> str:
    """Of somebody whom no other test knows."""
    return f"ana-{uuid4().hex[:8]}"
