"""What a member of a team sees of what his team has; see decision 0039 for what he may know, and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Self

from solaris_hooks.ledger.port import Books
from solaris_hooks.ledger.records import Account
from solaris_hooks.ledger.refusal_book import RefusalFilter
from solaris_hooks.ledger.refusal_records import Refusal
from solaris_hooks.quota.balance import Balance, State, state_of
from solaris_hooks.quota.ids import AccountId, MemberId
from solaris_hooks.quota.share import Share


class Binding(StrEnum):
    """What bounds a member's use."""

    OWN_LIMIT = "own_limit"
    """His limit leaves less than his team has, or as much."""
    TEAM = "team"
    """His team has less than his limit leaves, or he has none."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a member stands.

    Attributes:
        share: his own figures.
        left: what he can still use, held tokens included.
        binding: what leaves no more than that.
        percent: used of what binds, in whole percent.
    """

    share: Share
    left: int
    binding: Binding
    percent: int

    @classmethod
    def of(cls, balance: Balance, share: Share) -> Self:
        """How the member stands whose share of a team's balance it is."""
        own = share.left is not None and share.left <= balance.spendable_by_all
        return cls(
            share=share,
            left=max(0, share.spendable(balance.spendable_by_all)),
            binding=Binding.OWN_LIMIT if own else Binding.TEAM,
            percent=share.use_percent if own else balance.use_percent,
        )

    @property
    def state(self) -> State:
        """By what is used of what binds; with nothing left it is exhausted."""
        return state_of(self.percent if self.left else max(self.percent, 100))


def redacted(account: Account) -> Account:
    """An account as its member may see it: without what was written about the team's people, and by them.

    Whose it is alone is returned as it is.
    """
    if account.balance.share is None:
        return account
    standing = replace(account.standing, overrides=(), scheduled=None)
    return replace(account, email=None, lots=(), standing=standing)


def own_refusal(refusal: Refusal) -> Refusal:
    """A refusal as whoever was refused may read it: of a team's account without what others used and held."""
    return refusal if refusal.member_id is None else replace(refusal, figures=None, holders=None)


async def own_refusals(
    books: Books, account_id: AccountId, member_id: MemberId | None, wanted: RefusalFilter, *, limit: int
) -> Sequence[Refusal]:
    """Refusals of an account's user, or of one member of a team; newest first.

    Args:
        books: the ledger.
        account_id: whose.
        member_id: whose of a team; None of any other account.
        wanted: which of them; whose it says makes no difference.
        limit: how many at the most.
    """
    own = replace(wanted, account_id=account_id, member_id=member_id)
    return [own_refusal(each) for each in await books.refusals.find(own, limit=limit)]
