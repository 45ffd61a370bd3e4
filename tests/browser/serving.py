"""The plugin's pages and API over a real ledger, without LiteLLM: a browser sees the same, and it starts at once.

Keys are those of ``tests.unit.web.asking``: ``sk-admin`` is an administrator's, ``sk-viewer`` one's who may only look,
and ``sk-user-<name>`` that of the account ``user:<name>``.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from decimal import Decimal

import uvicorn
from fastapi import FastAPI

from deploy.local.ports import LOOPBACK
from solaris_hooks.ledger.postgres import PostgresLedger
from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.settings import CreditPackage, Settings
from solaris_hooks.web.api import mount
from solaris_hooks.web.links import StatementLinks
from solaris_hooks.web.site import build_site
from tests.unit.web.asking import FakeAuthenticator

START_SECONDS = 30.0
PACKAGES = (
    CreditPackage(name="Pequeno", tokens=500_000, price=Decimal("19.90"), currency="BRL"),
    CreditPackage(name="Grande", tokens=5_000_000, price=Decimal("149.00"), currency="BRL"),
)


@dataclass(frozen=True)
class Site:
    """A running site.

    Attributes:
        url: what its addresses begin with, without a slash at the end; pages are below ``/solaris``.
        database_url: its books.
    """

    url: str
    database_url: str
    links: StatementLinks

    def address(self, path: str) -> str:
        """A whole address: ``site.address("/me")``."""
        return f"{self.url}/solaris{path}"

    def link_of(self, account: AccountId, member: MemberId | None = None) -> str:
        """A fresh link to a statement, as the chat gives it to an account's user or a team's member. It opens once."""
        link = self.links.of(account, member)
        assert link is not None
        return link


def settings_of(database_url: str, public_url: str) -> Settings:
    """Settings of the site, whatever the environment says."""
    return Settings(
        database_url=database_url,
        public_url=public_url,
        link_secrets=["a-secret-for-tests"],
        credit_packages=list(PACKAGES),
    )


def build_host(settings: Settings) -> tuple[FastAPI, StatementLinks]:
    """What ``solaris_hooks.plugin.start`` puts together, on an application of our own in place of LiteLLM's."""
    ledger = PostgresLedger(settings.database_url, defaults=settings.new_account, pool_max_size=4)

    @asynccontextmanager
    async def closing(_app: FastAPI) -> AsyncIterator[None]:
        yield
        await ledger.close()

    site = build_site(ledger, FakeAuthenticator(), settings)
    assert site.links is not None
    host = FastAPI(lifespan=closing, openapi_url=None)
    mount(host, site.app)
    return host, site.links


@contextmanager
def serve(database_url: str) -> Iterator[Site]:
    """Serve a database with the schema in it, in a thread, for as long as the block lasts."""
    with socket.socket() as listening:
        # The server gets the socket itself: no other process can take the port in between.
        listening.bind((LOOPBACK, 0))
        url = f"http://{LOOPBACK}:{listening.getsockname()[1]}"
        app, links = build_host(settings_of(database_url, url))
        server = uvicorn.Server(uvicorn.Config(app, loop="asyncio", log_level="warning", access_log=False))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="site", daemon=True)
        thread.start()
        try:
            deadline = time.monotonic() + START_SECONDS
            while not server.started:
                assert thread.is_alive(), "the site ended as it started"
                assert time.monotonic() < deadline, "the site does not start"
                time.sleep(0.01)
            yield Site(url, database_url, links)
        finally:
            server.should_exit = True
            thread.join(START_SECONDS)
