"""Health: the database, the messages, the journal and the versions, each with what to do where it is not good."""

from __future__ import annotations

import asyncio
import datetime as dt
import time
from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger import migrations
from solaris_hooks.ledger.journal.adoption import can_be_written, journals
from solaris_hooks.settings import WhenAway
from solaris_hooks.web.admin.diagnosis import Facts, levels, webhook_levels, worst
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.health_away import HealthWithoutBooks
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.versions import versions
from solaris_hooks.web.admin.visit import Visit


class HealthPages:
    """``/admin/health``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads."""
        self._services = services
        self._books = services.books
        self._settings = services.settings

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        without_books = HealthWithoutBooks(self._services, door)
        return [door.get("/health", self._show, away=without_books.answer), *without_books.routes()]

    async def _show(self, visit: Visit) -> Response:
        facts = await self._facts()
        found, hooks = levels(facts), webhook_levels(facts)
        return visit.show(
            "_health.html" if visit.partial else "health.html",
            facts=facts,
            signs=facts.signs,
            levels={name: level.value for name, level in found.items()},
            hooks=[(each, level.value) for each, level in hooks],
            worst=worst([*found.values(), *(level for _, level in hooks)]).value,
            versions=versions(),
            checked_at=dt.datetime.now(dt.UTC),
        )

    async def _facts(self) -> Facts:
        """Ask the database, and look into the journal's folder.

        Raises:
            LedgerError: the database cannot be read.
        """
        settings, folder = self._settings, self._settings.journal_folder
        await self._books.ping()  # so that no connection is opened within what is measured
        began = time.perf_counter()
        await self._books.ping()
        milliseconds = (time.perf_counter() - began) * 1000
        before = dt.datetime.now(dt.UTC)
        signs = await self._books.vital_signs.read()
        halfway = before + (dt.datetime.now(dt.UTC) - before) / 2
        pending, last, writable, waiting, aside = await asyncio.gather(
            asyncio.to_thread(migrations.pending, settings.database_url),
            self._books.vital_signs.last_deliveries(),
            asyncio.to_thread(can_be_written, folder),
            asyncio.to_thread(journals, folder),
            asyncio.to_thread(lambda: journals(folder, kept=True)),
        )
        return Facts(
            signs=signs,
            milliseconds=milliseconds,
            clock_seconds=(signs.at - halfway).total_seconds(),
            pending=pending,
            mail=settings.mail is not None,
            webhooks=[each.name for each in settings.webhooks],
            last=last,
            journal_writable=writable,
            fail_open=settings.when_database_is_away is WhenAway.FAIL_OPEN,
            journals=len(waiting),
            journals_aside=len(aside),
            checkpoint_every=dt.timedelta(seconds=settings.checkpoint_interval_seconds),
        )
