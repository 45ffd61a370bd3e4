"""XLSX: written row by row to a file on the disk, so that a large table needs no memory."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Sequence
from decimal import Decimal
from typing import IO

from xlsxwriter import Workbook
from xlsxwriter.format import Format
from xlsxwriter.worksheet import Worksheet

from solaris_hooks.exports.table import Cell, Table, batches, written

MOST_ROWS = 1_048_575
"""Of a sheet, beside its heading; the rest goes to the next one."""

_MOST_TEXT = 32_767
_EXACT = 2**53
"""Larger whole numbers are not exact in a spreadsheet, and are written as text."""
_BATCH = 500
_WIDTH = 20


async def write_xlsx(table: Table, target: IO[bytes], *, most_rows: int = MOST_ROWS) -> None:
    """Write a workbook, in other threads than the event loop's.

    Text is never a formula or a link, whatever it begins with. Times are Excel's own, in UTC.

    Args:
        table: what it holds.
        target: an empty file that can seek.
        most_rows: rows of a sheet.
    """
    book = _Book(target, table.columns, most_rows)
    try:
        async for batch in batches(table.rows, _BATCH):
            await asyncio.to_thread(book.add, batch)
    finally:  # its temporary files go with it
        await asyncio.to_thread(book.close)


class _Book:
    def __init__(self, target: IO[bytes], columns: Sequence[str], most_rows: int) -> None:
        self._book = Workbook(
            target,
            {
                "constant_memory": True,
                "strings_to_formulas": False,
                "strings_to_urls": False,
                "remove_timezone": True,
                "in_memory": False,
            },
        )
        self._columns = columns
        self._most_rows = most_rows
        self._bold = self._book.add_format({"bold": True})
        self._day = self._book.add_format({"num_format": "yyyy-mm-dd"})
        self._time = self._book.add_format({"num_format": "yyyy-mm-dd hh:mm:ss"})
        self._sheet = self._new_sheet()
        self._row = 0

    def add(self, rows: Sequence[Sequence[Cell]]) -> None:
        """Write the next rows."""
        for row in rows:
            if self._row == self._most_rows:
                self._sheet = self._new_sheet()
                self._row = 0
            self._row += 1
            for column, cell in enumerate(row):
                self._write(column, cell)

    def close(self) -> None:
        """Write the end of the file."""
        self._book.close()

    def _new_sheet(self) -> Worksheet:
        sheet = self._book.add_worksheet()
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, max(len(self._columns) - 1, 0), _WIDTH)
        for column, name in enumerate(self._columns):
            sheet.write_string(0, column, name, self._bold)
        return sheet

    def _write(self, column: int, cell: Cell) -> None:
        if cell is None:
            return
        if isinstance(cell, int | Decimal) and -_EXACT < cell < _EXACT:
            self._sheet.write_number(self._row, column, cell)
        elif isinstance(cell, dt.datetime):
            self._at(column, cell.astimezone(dt.UTC).replace(tzinfo=None), self._time)
        elif isinstance(cell, dt.date):
            self._at(column, dt.datetime.combine(cell, dt.time.min), self._day)
        else:
            text = str(cell) if isinstance(cell, int | Decimal) else written(cell)
            self._sheet.write_string(self._row, column, text[:_MOST_TEXT])

    def _at(self, column: int, moment: dt.datetime, shown: Format) -> None:
        self._sheet.write_datetime(self._row, column, moment, shown)
