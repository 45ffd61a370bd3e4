"""``solaris journal``: what was used while PostgreSQL was away and is not in the books yet."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Self
from uuid import UUID

import typer
from pydantic import BaseModel

from solaris_hooks.cli import runtime
from solaris_hooks.cli.invocation import ExitCode, Json, with_ledger
from solaris_hooks.cli.output import show_json, show_line, show_table
from solaris_hooks.ledger.journal.adoption import abandoned, book_file
from solaris_hooks.ledger.journal.facts import FileFacts, FileState, facts
from solaris_hooks.ledger.journal.file import JournalFile
from solaris_hooks.ledger.journal.replay import Counts, Replay
from solaris_hooks.ledger.port import Ledger
from solaris_hooks.quota.errors import InvalidRequestError

app = typer.Typer(help="What was used while PostgreSQL was away.", no_args_is_help=True)


class FileAnswer(BaseModel):
    """One file."""

    file: str
    state: FileState
    books: UUID | None
    pid: int | None
    used: int
    unused: int
    running: int
    damaged: int
    torn: bool

    @classmethod
    def of(cls, each: FileFacts) -> Self:
        """From the facts of a file."""
        header = each.header
        return cls(
            file=each.path.name,
            state=each.state,
            books=header.books if header else None,
            pid=header.pid if header else None,
            used=each.used,
            unused=each.unused,
            running=each.running,
            damaged=each.damaged,
            torn=each.torn,
        )

    @property
    def sound(self) -> bool:
        """Whether all of it can be booked."""
        return not self.damaged and self.books is not None and self.state is not FileState.KEPT


class JournalAnswer(BaseModel):
    """A folder of journals."""

    folder: str
    files: list[FileAnswer]


class ReplayAnswer(BaseModel):
    """What was done with the files that were replayed; see the log for those put aside."""

    files: int
    booked: int
    known: int
    conflicts: int
    released: int
    lost: int
    refused: int
    damaged: int


@app.callback()
def group() -> None:
    """What was used while PostgreSQL was away."""


@app.command("list")
def list_(context: typer.Context, as_json: Json = False) -> None:
    """List the files, without the books: what each holds, and whether its process still runs."""
    _show(_read(context), as_json=as_json)


@app.command("verify")
def verify(context: typer.Context, as_json: Json = False) -> None:
    """Read every line; exit code 1 where one is damaged or could not be booked."""
    answer = _read(context)
    _show(answer, as_json=as_json)
    if not all(each.sound for each in answer.files):
        raise typer.Exit(ExitCode.FINDING)


@app.command("replay")
def replay(
    context: typer.Context,
    files: Annotated[
        list[Path] | None,
        typer.Argument(metavar="[FILE]...", help="Files to book, kept ones too. Default: all whose process is gone."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Book what processes that are gone have left. The proxies do it too, when they start and every 30 seconds."""
    using = runtime.settings(context.obj)

    async def work(ledger: Ledger) -> list[Counts]:
        """Book each file."""
        books = runtime.books_id(using)
        found = [_locked(path, books) for path in files] if files else abandoned(using.journal_folder, books)
        booking = Replay(ledger, policy=using.sweep_policy.value)
        return [await book_file(file, booking) for file in found]

    done = with_ledger(context, work)
    total = {name: sum(getattr(each, name) for each in done) for name in Counts.__slots__}
    if as_json:
        show_json(ReplayAnswer(files=len(done), **total))
    else:
        show_line(f"{len(done):,} {'file' if len(done) == 1 else 'files'}: {Counts(**total)}.")
    if any(each.keep for each in done):
        raise typer.Exit(ExitCode.FINDING)


def _locked(path: Path, books: UUID) -> JournalFile:
    """A file that was named.

    Raises:
        InvalidRequestError: it is missing, in use, or belongs to other books.
    """
    file = JournalFile.lock(path)
    if file is None:
        raise InvalidRequestError(f"{path} is missing, or its process still runs and books it itself.")
    header = file.header()
    if header is None or header.books != books:
        file.close()
        raise InvalidRequestError(f"{path} is no journal of these books.")
    return file


def _read(context: typer.Context) -> JournalAnswer:
    folder = runtime.settings(context.obj).journal_folder
    return JournalAnswer(folder=str(folder), files=[FileAnswer.of(each) for each in facts(folder)])


def _show(answer: JournalAnswer, *, as_json: bool) -> None:
    if as_json:
        show_json(answer)
        return
    show_table(
        ["file", "state", "pid", "used", "unused", "running", "damaged", "books"],
        [
            [each.file, each.state, each.pid, each.used, each.unused, each.running, each.damaged, str(each.books or "")]
            for each in answer.files
        ],
        empty=f"Nothing waits in {answer.folder}: the books have everything.",
    )
