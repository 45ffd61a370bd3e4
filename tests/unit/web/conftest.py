"""The API over the in-memory ledger, asked as a client would."""

from __future__ import annotations

from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI

from solaris_hooks.ledger.memory import MemoryLedger
from solaris_hooks.web.api import build_api, mount
from tests.unit.web.asking import ADMIN, NOW, FakeAuthenticator


@pytest.fixture
def ledger() -> MemoryLedger:
    return MemoryLedger(now=lambda: NOW)


@pytest.fixture
def api(ledger: MemoryLedger) -> FastAPI:
    return build_api(ledger, FakeAuthenticator())


@pytest.fixture
async def client(api: FastAPI) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the API as LiteLLM serves it: under ``/solaris``, with other routes beside it."""
    host = FastAPI()
    host.add_api_route("/{anything:path}", lambda anything: {"host": anything}, methods=["GET", "PUT", "POST"])
    mount(host, api)
    transport = httpx.ASGITransport(app=host)
    async with httpx.AsyncClient(transport=transport, base_url="http://proxy", headers=ADMIN) as client:
        yield client
