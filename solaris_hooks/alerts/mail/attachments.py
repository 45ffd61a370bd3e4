"""The files of scheduled reports, made when their mail is sent: it says what the books say then."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from uuid import UUID

from solaris_hooks.exports.files import whole_file
from solaris_hooks.exports.scheduled import scheduled_table
from solaris_hooks.exports.table import FileFormat, file_name
from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.report_schedules import ScheduledReport
from solaris_hooks.ledger.usage_reports import UsageReports

MOST_BYTES = 10 * 1024 * 1024
"""Of all files of a mail: a third more as it travels, and many servers take no more than 20 to 25 MB."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file of a mail."""

    name: str
    media_type: str
    content: bytes


class ReportFiles:
    """Makes the files of events that tell of scheduled reports."""

    def __init__(self, books: Books, usage: UsageReports, *, most_bytes: int = MOST_BYTES) -> None:
        """Keep what is reported on.

        Args:
            books: the accounts.
            usage: reports on use.
            most_bytes: of all files of a mail.
        """
        self._books = books
        self._usage = usage
        self._most_bytes = most_bytes

    async def of(self, events: Iterable[Event]) -> Mapping[UUID, Attachment]:
        """The files of some events, by event; those that would be too large together with the ones before are missing.

        Raises:
            LedgerError: the books cannot be reached.
        """
        made: dict[UUID, Attachment] = {}
        room = self._most_bytes
        for event in events:
            if event.kind is EventKind.REPORT_SCHEDULED:
                attachment = await self._file(event, room)
                if attachment is not None:
                    made[event.event_id] = attachment
                    room -= len(attachment.content)
        return made

    async def _file(self, event: Event, most_bytes: int) -> Attachment | None:
        said = {name: str(value) for name, value in event.details.items()}
        first, last = (dt.date.fromisoformat(said[name]) for name in ("first_day", "last_day"))
        file_format = FileFormat(said["format"])
        table = scheduled_table(self._books, self._usage, ScheduledReport(said["report"]), first, last)
        content = await whole_file(table, file_format, most_bytes=most_bytes, bom=True)
        if content is None:
            return None
        return Attachment(file_name(f"solaris-{table.name}", file_format), file_format.media_type, content)
