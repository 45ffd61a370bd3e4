"""What users take home: their entries and their use as tables."""

from __future__ import annotations

import csv
import datetime as dt
import io
from collections.abc import AsyncIterator, Iterable, Sequence
from zoneinfo import ZoneInfo

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from solaris_hooks.web.bodies import MAX_DAYS
from solaris_hooks.web.pages.door import OwnDoor
from solaris_hooks.web.pages.entries import lines
from solaris_hooks.web.pages.rendering import HEADERS
from solaris_hooks.web.pages.visit import OwnVisit

BATCH = 500
"""Entries that are read at once."""

_COLUMNS = (
    "day",
    "model",
    "requests",
    "estimated_requests",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "charge",
)
"""Of use: the fields of a day's totals."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_BOM = "\ufeff"


class DownloadPages:
    """``/me/entries.csv`` and ``/me/usage.csv``."""

    def __init__(self, door: OwnDoor) -> None:
        """Keep the door."""
        self._door = door
        self._books = door.services.api.books

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these files."""
        return [
            self._door.get("/entries.csv", self._entries),
            self._door.get("/usage.csv", self._usage),
        ]

    async def _entries(self, visit: OwnVisit) -> Response:
        """All entries, newest first, in the words of the page."""
        balance = visit.account.balance
        zone = ZoneInfo(balance.time_zone)
        # The first are read before the answer begins: what goes wrong with them is still a page.
        first = await self._books.entries(visit.account_id, limit=BATCH)

        async def written() -> AsyncIterator[str]:
            yield _BOM + _rows(balance.locale, [("number", "at", "entry", "tokens", "remaining")])
            batch = first
            while batch:
                said = zip(batch, lines(balance.locale, batch), strict=True)
                yield _rows(
                    balance.locale,
                    (
                        (
                            entry.number,
                            entry.at.astimezone(zone).isoformat("T", "seconds"),
                            line.said,
                            line.tokens,
                            line.left,
                        )
                        for entry, line in said
                    ),
                )
                batch = await self._books.entries(visit.account_id, limit=BATCH, before=batch[-1].number)

        return _file(written(), "solaris-entries.csv")

    async def _usage(self, visit: OwnVisit) -> Response:
        """Use by local day and model, oldest first, of as many days as the API answers at once."""
        balance = visit.account.balance
        until = dt.datetime.now(ZoneInfo(balance.time_zone)).date()
        since = until - dt.timedelta(days=MAX_DAYS - 1)
        days = await self._books.daily_usage(visit.account_id, since=since, until=until)
        table = [_COLUMNS, *(tuple(getattr(each, name) for name in _COLUMNS) for each in days)]

        async def written() -> AsyncIterator[str]:
            yield _BOM + _rows(balance.locale, table)

        return _file(written(), "solaris-usage.csv")


def _rows(locale: str, rows: Iterable[Sequence[object]]) -> str:
    """Lines of CSV, as spreadsheets of the language read it: with semicolons where the comma is for decimals."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";" if locale == "pt_BR" else ",", lineterminator="\r\n")
    writer.writerows([_cell(each) for each in row] for row in rows)
    return text.getvalue()


def _cell(value: object) -> object:
    """A text that a spreadsheet would take for a formula stays a text; numbers stay numbers."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _file(content: AsyncIterator[str], name: str) -> Response:
    return StreamingResponse(
        content,
        media_type="text/csv; charset=utf-8",
        headers={
            **HEADERS,
            "content-security-policy": "default-src 'none'; sandbox",
            "content-disposition": f'attachment; filename="{name}"',
        },
    )
