"""What users take home: their entries and their use as tables, and all that is known of them as one document."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from solaris_hooks.exports.table import Cell, FileFormat, Table
from solaris_hooks.ledger.records import Account
from solaris_hooks.web.bodies import MAX_DAYS
from solaris_hooks.web.downloads import download
from solaris_hooks.web.export import exported
from solaris_hooks.web.pages.door import OwnDoor
from solaris_hooks.web.pages.entries import lines
from solaris_hooks.web.pages.rendering import HEADERS
from solaris_hooks.web.pages.visit import OwnVisit

BATCH = 500
"""Entries that are read at once."""

FORMATS = (FileFormat.CSV, FileFormat.XLSX)

_USE = (
    "day",
    "model",
    "requests",
    "estimated_requests",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "charge",
)
"""Columns of use: the fields of a day's totals."""

_KEPT_AWAY = {**HEADERS, "content-security-policy": "default-src 'none'; sandbox"}
"""What a file is not to do in the browser that was asked for it."""


class DownloadPages:
    """``/me/entries.csv`` and the like, and ``/me/data.json``."""

    def __init__(self, door: OwnDoor) -> None:
        """Keep the door."""
        self._door = door
        self._books = door.services.books

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these files."""
        tables: dict[str, Callable[[Account], Table]] = {"entries": self._entries, "usage": self._usage}
        return [
            *(
                self._door.get(f"/{name}.{each.value}", partial(_sent, of=of, file_format=each))
                for name, of in tables.items()
                for each in FORMATS
            ),
            self._door.get("/data.json", self._everything),
        ]

    def _entries(self, account: Account) -> Table:
        """All entries, newest first, in the words of the page."""
        own = account.balance

        async def rows() -> AsyncIterator[Sequence[Cell]]:
            before: int | None = None
            while batch := await self._books.entries(own.account_id, limit=BATCH, before=before):
                for entry, line in zip(batch, lines(own.locale, batch), strict=True):
                    yield entry.number, line.at, line.said, line.tokens, line.left
                before = batch[-1].number

        return Table("entries", ("number", "at", "entry", "tokens", "remaining"), rows())

    def _usage(self, account: Account) -> Table:
        """Use by local day and model since the account was opened, oldest first."""
        own = account.balance
        zone = ZoneInfo(own.time_zone)

        async def rows() -> AsyncIterator[Sequence[Cell]]:
            since = account.created_at.astimezone(zone).date() - dt.timedelta(days=1)  # in another zone, perhaps
            today = dt.datetime.now(zone).date()
            while since <= today:
                until = min(today, since + dt.timedelta(days=MAX_DAYS - 1))
                for each in await self._books.daily_usage(own.account_id, since=since, until=until):
                    yield tuple(getattr(each, name) for name in _USE)
                since = until + dt.timedelta(days=1)

        return Table("usage", _USE, rows())

    async def _everything(self, visit: OwnVisit) -> Response:
        """All that is known of the account, as the API exports it to its user."""
        return StreamingResponse(
            exported(self._books, visit.account, own=True),
            media_type="application/json",
            headers={**_KEPT_AWAY, "content-disposition": 'attachment; filename="solaris-data.json"'},
        )


async def _sent(visit: OwnVisit, *, of: Callable[[Account], Table], file_format: FileFormat) -> Response:
    # By a byte order mark Excel knows the encoding of CSV; a workbook needs none.
    response = await download(of(visit.account), file_format, bom=file_format is FileFormat.CSV)
    response.headers.update(_KEPT_AWAY)
    return response
