"""What users take home: entries, use and refusals as tables, and all that is known of them as one document."""

from __future__ import annotations

import datetime as dt
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from zoneinfo import ZoneInfo

from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute

from solaris_hooks.exports.table import Cell, FileFormat, Table
from solaris_hooks.ledger.members import daily_usage_of
from solaris_hooks.ledger.refusal_book import RefusalFilter
from solaris_hooks.ledger.refusal_words import explain
from solaris_hooks.messages import sentence
from solaris_hooks.quota.ids import HoldId
from solaris_hooks.quota.share import Share
from solaris_hooks.web.bodies import MAX_DAYS
from solaris_hooks.web.downloads import download
from solaris_hooks.web.export import exported
from solaris_hooks.web.member_export import exported_of_member
from solaris_hooks.web.member_view import own_refusals
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
        self._members = door.services.books.members

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these files."""
        tables: dict[str, Callable[[OwnVisit], Table]] = {
            "entries": self._entries,
            "usage": self._usage,
            "refusals": self._refusals,
        }
        return [
            *(
                self._door.get(f"/{name}.{each.value}", partial(_sent, of=of, file_format=each))
                for name, of in tables.items()
                for each in FORMATS
            ),
            self._door.get("/data.json", self._everything),
        ]

    def _entries(self, visit: OwnVisit) -> Table:
        """All entries, newest first, in the words of the page; of a team's member, his calls."""
        own = visit.account.balance
        if own.share is not None:
            return self._calls(visit, own.share)

        async def rows() -> AsyncIterator[Sequence[Cell]]:
            before: int | None = None
            while batch := await self._books.entries(own.account_id, limit=BATCH, before=before):
                for entry, line in zip(batch, lines(own.locale, batch), strict=True):
                    yield entry.number, line.at, line.said, line.tokens, line.left
                before = batch[-1].number

        return Table("entries", ("number", "at", "entry", "tokens", "remaining"), rows())

    def _calls(self, visit: OwnVisit, share: Share) -> Table:
        """What was booked to a member, newest first, in the words of the page."""

        async def rows() -> AsyncIterator[Sequence[Cell]]:
            before: HoldId | None = None
            while batch := await self._members.calls(visit.account_id, share.member_id, limit=BATCH, before=before):
                for each in batch:
                    said = sentence(visit.locale, "entry.usage", model=each.model)
                    tokens = (each.input_tokens, each.cached_input_tokens, each.output_tokens)
                    yield each.at, said, each.model, -each.tokens, *tokens, int(each.estimated)
                before = batch[-1].call_id

        columns = (
            "at",
            "entry",
            "model",
            "tokens",
            "input_tokens",
            "cached_input_tokens",
            "output_tokens",
            "estimated",
        )
        return Table("entries", columns, rows())

    def _refusals(self, visit: OwnVisit) -> Table:
        """What was refused, newest first, in the words of the page."""

        async def rows() -> AsyncIterator[Sequence[Cell]]:
            wanted = RefusalFilter()
            while batch := await own_refusals(self._books, visit.account_id, visit.member_id, wanted, limit=BATCH):
                for each in batch:
                    said = " ".join(explain(each, visit.locale))
                    yield each.at, each.last_at, each.count, each.reason.value, each.model, each.status, said
                wanted = RefusalFilter(before=batch[-1].refusal_id)

        columns = ("at", "last_at", "count", "reason", "model", "status", "explanation")
        return Table("refusals", columns, rows())

    def _usage(self, visit: OwnVisit) -> Table:
        """Use by local day and model since the account was opened, oldest first; of a team's member, his own."""
        account = visit.account
        own = account.balance
        zone = ZoneInfo(own.time_zone)

        async def rows() -> AsyncIterator[Sequence[Cell]]:
            since = account.created_at.astimezone(zone).date() - dt.timedelta(days=1)  # in another zone, perhaps
            today = dt.datetime.now(zone).date()
            while since <= today:
                until = min(today, since + dt.timedelta(days=MAX_DAYS - 1))
                for each in await daily_usage_of(self._books, account, since=since, until=until):
                    yield tuple(getattr(each, name) for name in _USE)
                since = until + dt.timedelta(days=1)

        return Table("usage", _USE, rows())

    async def _everything(self, visit: OwnVisit) -> Response:
        """All that is known of the account, or of the member of a team, as the API exports it to him."""
        share = visit.account.balance.share
        return StreamingResponse(
            exported(self._books, visit.account, own=True)
            if share is None
            else exported_of_member(self._books, visit.account, share),
            media_type="application/json",
            headers={**_KEPT_AWAY, "content-disposition": 'attachment; filename="solaris-data.json"'},
        )


async def _sent(visit: OwnVisit, *, of: Callable[[OwnVisit], Table], file_format: FileFormat) -> Response:
    # By a byte order mark Excel knows the encoding of CSV; a workbook needs none.
    response = await download(of(visit), file_format, bom=file_format is FileFormat.CSV)
    response.headers.update(_KEPT_AWAY)
    return response
