"""Tables as files: exact, safe to open, of any length in bounded memory."""

from __future__ import annotations

import csv
import datetime as dt
import json
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Sequence
from decimal import Decimal
from io import BytesIO, StringIO
from xml.etree import ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from solaris_hooks.exports.table import Cell, FileFormat, Table, file_name
from solaris_hooks.exports.text import csv_chunks, json_chunks
from solaris_hooks.exports.xlsx import write_xlsx

_MAIN = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
AT = dt.datetime(2026, 11, 28, 9, 0, tzinfo=dt.timezone(dt.timedelta(hours=-3)))
FORMULAS = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1", "\n=1", '=HYPERLINK("x")']


def table(rows: Sequence[Sequence[Cell]], columns: Sequence[str] = ("a", "b", "c")) -> Table:
    async def each() -> AsyncIterator[Sequence[Cell]]:
        for row in rows:
            yield row

    return Table("t", columns, each())


async def as_csv(rows: Sequence[Sequence[Cell]], *, bom: bool = False) -> bytes:
    return b"".join([chunk async for chunk in csv_chunks(table(rows), bom=bom)])


async def test_csv_is_of_rfc_4180() -> None:
    made = await as_csv([["plain", 'a "word", and\nmore', None], [1, Decimal("0.10"), AT]])
    assert made == b'a,b,c\r\nplain,"a ""word"", and\nmore",\r\n1,0.10,2026-11-28T12:00:00Z\r\n'


async def test_a_byte_order_mark_is_there_when_asked_for() -> None:
    assert await as_csv([["é", 1, None]], bom=True) == "\ufeffa,b,c\r\né,1,\r\n".encode()
    assert await as_csv([], bom=False) == b"a,b,c\r\n"


@pytest.mark.parametrize("text", FORMULAS)
async def test_text_of_csv_is_no_formula(text: str) -> None:
    rows = list(csv.reader(StringIO((await as_csv([[text, -5, Decimal("-1.5")]])).decode(), newline="")))
    assert rows[1] == [f"'{text}", "-5", "-1.5"]


@given(st.lists(st.tuples(st.text(), st.integers(), st.text()), max_size=30))
async def test_whatever_text_is_in_csv_can_be_read_back(rows: list[tuple[str, int, str]]) -> None:
    made = list(csv.reader(StringIO((await as_csv(rows)).decode("utf-8", "surrogatepass"), newline="")))
    assert len(made) == len(rows) + 1
    for (first, number, _), row in zip(rows, made[1:], strict=True):
        assert row[0].removeprefix("'") == first.removeprefix("'") or row[0] == f"'{first}"
        assert row[1] == str(number)


async def test_json_is_one_document() -> None:
    chunks = [chunk async for chunk in json_chunks(table([["=1", 2, None], [AT, Decimal("0.5"), dt.date(2026, 1, 2)]]))]
    assert json.loads(b"".join(chunks)) == {
        "data": [
            {"a": "=1", "b": 2, "c": None},
            {"a": "2026-11-28T12:00:00Z", "b": "0.5", "c": "2026-01-02"},
        ]
    }
    assert json.loads(b"".join([chunk async for chunk in json_chunks(table([]))])) == {"data": []}


async def as_cells(made: BytesIO, sheet: int = 1) -> list[list[tuple[str | None, str]]]:
    """Type and text of each cell of a sheet."""
    with zipfile.ZipFile(made) as book:
        assert [name for name in book.namelist() if "hyperlink" in name.lower()] == []
        root = ET.fromstring(book.read(f"xl/worksheets/sheet{sheet}.xml"))
    assert list(root.iter(f"{_MAIN}f")) == [], "no formula anywhere"
    return [
        [(cell.get("t"), "".join(cell.itertext())) for cell in row.iter(f"{_MAIN}c")]
        for row in root.iter(f"{_MAIN}row")
    ]


async def test_cells_of_a_spreadsheet_are_numbers_and_text_and_never_formulas() -> None:
    made = BytesIO()
    await write_xlsx(table([[text, 7, Decimal("1.25")] for text in FORMULAS]), made)
    header, *rows = await as_cells(made)
    assert [kind for kind, _ in header] == ["inlineStr"] * 3
    for text, row in zip(FORMULAS, rows, strict=True):
        (kind, first), number, amount = row
        assert (kind, number, amount) == ("inlineStr", (None, "7"), (None, "1.25"))
        assert first.replace("_x000D_", "\r") == text


async def test_numbers_that_a_spreadsheet_would_round_are_text() -> None:
    made = BytesIO()
    await write_xlsx(table([[2**53, -(2**53), 2**53 - 1]]), made)
    _, row = await as_cells(made)
    assert row == [("inlineStr", str(2**53)), ("inlineStr", str(-(2**53))), (None, str(2**53 - 1))]


async def test_times_are_the_spreadsheet_s_own() -> None:
    made = BytesIO()
    await write_xlsx(table([[AT, dt.date(2026, 11, 28), None]]), made)
    _, row = await as_cells(made)
    assert row == [(None, "46354.5"), (None, "46354")]


async def test_more_rows_than_a_sheet_has_go_to_the_next_one() -> None:
    made = BytesIO()
    await write_xlsx(table([[number, None, None] for number in range(5)]), made, most_rows=2)
    sheets = [await as_cells(made, sheet) for sheet in (1, 2, 3)]
    assert [[row[0][1] for row in sheet[1:]] for sheet in sheets] == [["0", "1"], ["2", "3"], ["4"]]


async def test_a_table_that_fails_half_way_leaves_no_open_book() -> None:
    async def rows() -> AsyncIterator[Sequence[Cell]]:
        yield [1]
        raise RuntimeError("no")

    with pytest.raises(RuntimeError, match="no"):
        await write_xlsx(Table("t", ["a"], rows()), BytesIO())


async def test_a_long_table_needs_no_more_memory_than_a_short_one() -> None:
    async def peak(length: int) -> int:
        async def rows() -> AsyncIterator[Sequence[Cell]]:
            for number in range(length):
                yield [number, f"name {number}", None]

        tracemalloc.start()
        async for chunk in csv_chunks(Table("t", ["a", "b", "c"], rows())):
            del chunk
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return most

    await peak(1000)
    assert await peak(100_000) < 2 * await peak(2_000)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("solaris-entries-user:maria/../x", "solaris-entries-user-maria-x.csv"),
        ('a"\r\nX: y', "a-X-y.csv"),
        ("é", "export.csv"),
        ("x" * 300, "x" * 100 + ".csv"),
    ],
)
def test_names_of_files_are_safe_everywhere(name: str, expected: str) -> None:
    assert file_name(name, FileFormat.CSV) == expected
