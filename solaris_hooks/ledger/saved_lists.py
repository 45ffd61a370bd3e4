"""Lists of accounts that administrators keep under a name, for themselves or for all of them."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from solaris_hooks.ledger.statements import Statements

MOST_LISTS = 30
"""That one administrator keeps."""

MOST_SHARED = 100
"""That all of them share."""

LONGEST_NAME = 60


@dataclass(frozen=True, slots=True)
class SavedList:
    """A list: which accounts, in which order.

    Attributes:
        owner: the actor who keeps it.
        query: of the list's address, without its question mark; empty for all accounts.
        shared: whether all administrators see it.
    """

    number: int
    owner: str
    name: str
    query: str
    shared: bool


class SavedLists:
    """The lists, on PostgreSQL: each call is one statement and one transaction; what others see is audited."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and a clock (None leaves time to the database)."""
        self._statements = statements
        self._clock = clock

    async def of(self, actor: str) -> Sequence[SavedList]:
        """Somebody's own lists and those that others share, in order of name; his own first."""
        return [SavedList(**row) for row in await self._statements.all("saved_lists", {"owner": actor})]

    async def save(self, name: str, query: str, *, shared: bool, actor: str) -> SavedList:
        """Keep a list, in place of the one of this name that the actor has.

        Args:
            name: 1 to 60 characters.
            query: of the address.
            shared: whether all administrators see it.
            actor: whose it is.

        Raises:
            InvalidRequestError: there are too many.
        """
        row = await self._statements.one(
            "save_list",
            {
                "owner": actor,
                "name": name,
                "query": query,
                "shared": shared,
                "most": MOST_LISTS,
                "most_shared": MOST_SHARED,
                "now": self._clock(),
            },
        )
        return SavedList(**row)

    async def delete(self, number: int, *, actor: str, of_others: bool) -> SavedList:
        """Delete a list, and return what it was.

        Args:
            number: which one.
            actor: who wants it.
            of_others: whether he may delete what others share.

        Raises:
            NotFoundError: there is none that he may delete.
        """
        row = await self._statements.one(
            "delete_list", {"number": number, "actor": actor, "of_others": of_others, "now": self._clock()}
        )
        return SavedList(**row)
