"""How results look: tables for people, plain columns where nobody watches, JSON for programs."""

from __future__ import annotations

import datetime as dt
import sys
from collections.abc import Sequence
from io import StringIO

from pydantic import BaseModel
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table
from rich.text import Text

_PLAIN_WIDTH = 5000
_WATCHED_TEXT = 40
"""Longer texts are folded within their column where somebody watches."""

Cell = str | int | bool | dt.datetime | dt.date | None


def show_json(answer: BaseModel) -> None:
    """Write one JSON document to stdout."""
    sys.stdout.write(answer.model_dump_json(indent=2) + "\n")


def show_table(columns: Sequence[str], rows: Sequence[Sequence[Cell]], *, empty: str) -> None:
    """Write a table to stdout; numbers to the right.

    Args:
        columns: headings.
        rows: as many cells each.
        empty: what to say where there are none.
    """
    if not rows:
        show_line(empty)
        return
    watched = sys.stdout.isatty()
    table = Table(box=SIMPLE_HEAD if watched else None, pad_edge=False, show_edge=False, padding=(0, 2, 0, 0))
    for number, heading in enumerate(columns):
        numeric = all(isinstance(row[number], int | None) for row in rows)
        table.add_column(
            heading,
            justify="right" if numeric else "left",
            no_wrap=not watched,
            overflow="fold",
            max_width=_WATCHED_TEXT if watched else None,
        )
    for row in rows:
        table.add_row(*(Text(shown(cell)) for cell in row))
    if watched:
        console = Console()
        # Figures that are broken over two lines are misread: rather let the terminal break the whole line.
        roomy = console.options.update(width=_PLAIN_WIDTH)
        console.width = max(console.width, console.measure(table, options=roomy).maximum)
        console.print(table)
        return
    plain = StringIO()
    Console(file=plain, width=_PLAIN_WIDTH, no_color=True, force_terminal=False).print(table)
    sys.stdout.write("".join(f"{line.rstrip()}\n" for line in plain.getvalue().splitlines()))


def show_fields(fields: Sequence[tuple[str, Cell]]) -> None:
    """Write names and values to stdout, one a line."""
    width = max(len(name) for name, _ in fields)
    for name, value in fields:
        show_line(f"{name:<{width}}  {shown(value)}")


def show_line(text: str) -> None:
    """Write one line to stdout."""
    sys.stdout.write(f"{printable(text)}\n")


def shown(cell: Cell) -> str:
    """A value as people read it: 1,000,000; 2026-11-22 12:00:00Z; a dash for nothing."""
    if cell is None or cell == "":
        return "-"
    if isinstance(cell, bool):
        return "yes" if cell else "no"
    if isinstance(cell, int):
        return f"{cell:,}"
    if isinstance(cell, dt.datetime):
        return f"{cell.astimezone(dt.UTC):%Y-%m-%d %H:%M:%SZ}"
    return printable(str(cell))


def counted(number: int, one: str, many: str = "") -> str:
    """A number with its noun: 1 entry, 1,000 entries. The plural is with an s unless it is given."""
    return f"1 {one}" if number == 1 else f"{number:,} {many or f'{one}s'}"


def printable(text: str) -> str:
    """Text that cannot move the terminal's cursor, whatever somebody called himself."""
    return "".join(character if character.isprintable() else "?" for character in text)
