"""Members of teams: what each has used of what he may, and what people change of that."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Protocol

from solaris_hooks.ledger.member_calls import MemberCall
from solaris_hooks.ledger.records import Account, DailyUsage
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.share import Share

if TYPE_CHECKING:
    from solaris_hooks.ledger.port import Books


@dataclass(frozen=True, slots=True)
class Member:
    """One who draws from a team's account.

    Attributes:
        share: his figures in the team's present period.
        limit_is_own: whether he has a limit of his own in place of the team's.
        email: as LiteLLM had it when he last asked.
    """

    team: AccountId
    share: Share
    limit_is_own: bool
    email: str | None


@dataclass(frozen=True, slots=True)
class MemberPage:
    """Members in order of their ids; ``next_after`` is the last id where more follow."""

    members: Sequence[Member]
    next_after: MemberId | None


@dataclass(frozen=True, slots=True)
class LimitChange:
    """What a member may use in a period, in booked tokens.

    Attributes:
        member_id: None for the team's limit, which holds for all who have none of their own.
        limit: None for no limit.
        is_own: False lets the team's limit hold for the member again, whatever ``limit`` is.
        reason: why, for administrators.
    """

    team: AccountId
    actor: str
    member_id: MemberId | None = None
    limit: int | None = None
    is_own: bool = True
    reason: str | None = None


class MemberBook(Protocol):
    """The members of teams. A member comes into being with his first request, or with a limit of his own."""

    async def page(self, team: AccountId, *, limit: int = 50, after: MemberId | None = None) -> MemberPage:
        """Members of a team in order of id, as of now."""
        ...

    async def get(self, team: AccountId, member_id: MemberId) -> Member | None:
        """One member as of now, or None."""
        ...

    async def put_limit(self, change: LimitChange) -> None:
        """Change what one member or all may use. It applies at once; what is held or used stays so. Audited.

        Raises:
            NotFoundError: there is no such account.
            InvalidRequestError: the account is no team's, or such a limit cannot be.
        """
        ...

    async def daily_usage(
        self, team: AccountId, member_id: MemberId, *, since: dt.date, until: dt.date
    ) -> Sequence[DailyUsage]:
        """A member's totals per local day and model, both ends included, oldest first."""
        ...

    async def calls(
        self, team: AccountId, member_id: MemberId, *, limit: int = 50, before: HoldId | None = None
    ) -> Sequence[MemberCall]:
        """Calls that were booked to a member, newest first; only those older than ``before``, where it is given."""
        ...

    async def tell(self, team: AccountId, member_id: MemberId, *, before: int, percent: int) -> bool:
        """Note that the chat has told a member of a mark of his limit, where it had told him of ``before``.

        False where another answer was faster. The other way round it takes back what he could not be told.
        """
        ...


async def account_as_seen_by(books: Books, account_id: AccountId, member_id: MemberId | None) -> Account | None:
    """An account as of now; of a team, with the share of the member who asks. None where there is none."""
    account = await books.account(account_id)
    if account is None or member_id is None:
        return account
    member = await books.members.get(account_id, member_id)
    share = member.share if member is not None else Share(member_id, account.member_limit)
    return replace(account, balance=replace(account.balance, share=share))


async def daily_usage_of(books: Books, account: Account, *, since: dt.date, until: dt.date) -> Sequence[DailyUsage]:
    """Totals of an account per local day and model; of a team's member who asks, his own."""
    own = account.balance.share
    if own is None:
        return await books.daily_usage(account.balance.account_id, since=since, until=until)
    return await books.members.daily_usage(account.balance.account_id, own.member_id, since=since, until=until)
