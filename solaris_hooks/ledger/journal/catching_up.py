"""What the books lack is booked: from the journal of this process, then from those that others left."""

from __future__ import annotations

import asyncio
import logging
import time

from solaris_hooks.ledger.journal.adoption import abandoned, book_file, clear_unfinished
from solaris_hooks.ledger.journal.journal import Journal
from solaris_hooks.ledger.journal.lines import Unused, Used
from solaris_hooks.ledger.journal.replay import Counts, Replay

_LOG = logging.getLogger(__name__)

ADOPTION_SECONDS = 30.0
"""Pause between looks for journals of processes that are gone."""


class CatchingUp:
    """Books what is in journals, and counts what was done with it.

    Attributes:
        counts: of all that was done since this process began.
    """

    def __init__(self, journal: Journal, replay: Replay) -> None:
        """Keep the collaborators; touch nothing yet.

        Args:
            journal: of this process.
            replay: from records to the books.
        """
        self._journal = journal
        self._replay = replay
        self._next_adoption = 0.0
        self._has_adopted = False
        self.counts = Counts()

    @property
    def behind(self) -> bool:
        """Whether the books may lack what is in a journal, of this process or of one that is gone."""
        return bool(self._journal.pending) or not self._has_adopted

    def look_soon(self) -> None:
        """Let the next run look for journals that others left, however short ago that was done."""
        self._next_adoption = 0.0

    async def run(self) -> None:
        """Book what the journal of this process holds, and what processes that are gone have left.

        Raises:
            LedgerUnavailableError: the books cannot be reached; go on later.
        """
        counts = Counts()
        try:
            await self._book_own(counts)
        finally:
            self._tell(counts, "this process")
        if time.monotonic() >= self._next_adoption:
            await self._adopt()
            self._has_adopted = True
            self._next_adoption = time.monotonic() + ADOPTION_SECONDS

    async def _book_own(self, counts: Counts) -> None:
        while lines := await self._journal.unbooked():
            for line in lines:
                record = line.record
                refused = False
                if isinstance(record, Used | Unused):
                    refused = not await self._replay.book(record, counts)
                self._journal.booked(line, refused=refused)
        await self._journal.tidy()

    async def _adopt(self) -> None:
        folder = self._journal.folder
        await asyncio.to_thread(clear_unfinished, folder)
        for file in abandoned(folder, self._journal.books):
            self._tell(await book_file(file, self._replay), file.path.name)

    def _tell(self, counts: Counts, whose: str) -> None:
        for name in Counts.__slots__:
            setattr(self.counts, name, getattr(self.counts, name) + getattr(counts, name))
        if counts != Counts():
            _LOG.warning("journal of %s: %s", whose, counts)
