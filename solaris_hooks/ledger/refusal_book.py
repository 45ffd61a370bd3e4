"""The book of refusals: what can be asked of it, and what is written to it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol
from uuid import UUID

from solaris_hooks.ledger.refusal_records import Holders, Refusal, RefusalReason
from solaris_hooks.quota.ids import AccountId, MemberId


@dataclass(frozen=True, slots=True)
class RefusalFilter:
    """Which refusals to show; None is any.

    Attributes:
        since: refused at or after it, UTC.
        until: refused before it.
        before: only those older than this one.
        member_id: of this member of the account, a team's, which must be given with it.
    """

    account_id: AccountId | None = None
    reason: RefusalReason | None = None
    model: str | None = None
    since: dt.datetime | None = None
    until: dt.datetime | None = None
    before: UUID | None = None
    member_id: MemberId | None = None

    def takes(self, refusal: Refusal) -> bool:
        """Whether a refusal is among them."""
        return (
            self.account_id in {None, refusal.account_id}
            and self.member_id in {None, refusal.member_id}
            and self.reason in {None, refusal.reason}
            and self.model in {None, refusal.model}
            and (self.since is None or refusal.last_at >= self.since)
            and (self.until is None or refusal.at < self.until)
            and (self.before is None or refusal.refusal_id < self.before)
        )


@dataclass(frozen=True, slots=True)
class RefusalTotal:
    """How much was refused on a day for one reason.

    Attributes:
        day: as the account's zone has it; UTC where no account was known.
        count: refused requests.
        accounts: accounts that had them; those that nobody knew count as one.
    """

    day: dt.date
    reason: RefusalReason
    count: int
    accounts: int


class RefusalBook(Protocol):
    """Tells what was refused, and why."""

    async def get(self, refusal_id: UUID) -> Refusal | None:
        """One refusal, or None."""
        ...

    async def find(self, wanted: RefusalFilter, *, limit: int = 50) -> Sequence[Refusal]:
        """Refusals, newest first."""
        ...

    async def totals(
        self, *, since: dt.date, until: dt.date, account_id: AccountId | None = None
    ) -> Sequence[RefusalTotal]:
        """How much was refused by day and reason, both ends included, oldest first; of one account or of all."""
        ...


class RefusalStore(RefusalBook, Protocol):
    """Where refusals are written down."""

    async def holders(self, account_ids: Sequence[AccountId]) -> dict[AccountId, Holders]:
        """Which requests hold tokens of these accounts now; accounts of which none does are left out.

        Raises:
            LedgerError: the books cannot be read.
        """
        ...

    async def write(self, refusals: Sequence[Refusal]) -> None:
        """Write down refusals, and add to the daily totals what is new of them.

        A refusal that was written before gets the count, the last time and the holders that it has now. So writing
        the same again changes nothing.

        Raises:
            LedgerError: nothing was written.
        """
        ...

    async def purge(self, *, older_than: dt.timedelta, limit: int) -> int:
        """Forget old refusals, ``limit`` at the most; the daily totals stay. Returns how many went."""
        ...
