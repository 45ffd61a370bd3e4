"""What a user sees of his own account, with his virtual key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from solaris_hooks.ledger.records import Account
from solaris_hooks.quota.ids import HoldId
from solaris_hooks.web.access import ForbiddenError
from solaris_hooks.web.answers import AccountAnswer, EntriesAnswer, UsageAnswer
from solaris_hooks.web.bodies import EntriesQuery, UsageQuery
from solaris_hooks.web.dependencies import TheBooks, TheHolder, TheServices, own_account
from solaris_hooks.web.description import NOT_FOUND
from solaris_hooks.web.history import entries_page, usage_over
from solaris_hooks.web.member_answers import CallsAnswer
from solaris_hooks.web.member_bodies import CallsQuery
from solaris_hooks.web.member_view import redacted

router = APIRouter(prefix="/api/v1/me", tags=["me"])


async def _own_account(holder: TheHolder, services: TheServices) -> Account:
    return redacted(await own_account(services, holder))


OwnAccount = Annotated[Account, Depends(_own_account)]


async def _own_alone(account: OwnAccount) -> Account:
    if account.balance.share is not None:
        raise ForbiddenError("It is your team's, and its administrators set it.")
    return account


OwnAlone = Annotated[Account, Depends(_own_alone)]
"""One's own account, but none that is shared: what is everybody's is nobody's to change."""


@router.get("", summary="Read your own account", responses=NOT_FOUND)
async def read_me(account: OwnAccount) -> AccountAnswer:
    """The account that your virtual key pays from; of a team that shares one, `share` says what is yours of it.

    It is made if your organisation makes accounts at first sight. Of a team, what others hold, and what was written
    about its credits and terms, is left out; `held` is your own.
    """
    answer = AccountAnswer.of(account, own=True)
    share = account.balance.share
    return answer if share is None else answer.model_copy(update={"held": share.held})


@router.get("/entries", summary="Read your own ledger", responses=NOT_FOUND)
async def list_my_entries(
    account: OwnAccount, books: TheBooks, query: Annotated[EntriesQuery, Query()]
) -> EntriesAnswer:
    """Entries of your account, newest first, a page at a time. Those of a team are for administrators."""
    if account.balance.share is not None:
        raise ForbiddenError("The ledger of a team is for administrators; what is your own of it is at /me/calls.")
    return await entries_page(books, account, query, own=True)


@router.get("/usage", summary="Read what you used", responses=NOT_FOUND)
async def read_my_usage(account: OwnAccount, books: TheBooks, query: Annotated[UsageQuery, Query()]) -> UsageAnswer:
    """Totals per local day and model; of this period where no days are given. In a team, of your own requests."""
    return await usage_over(books, account, query)


@router.get("/calls", summary="Read your own calls in a team", responses=NOT_FOUND)
async def list_my_calls(account: OwnAccount, books: TheBooks, query: Annotated[CallsQuery, Query()]) -> CallsAnswer:
    """Of a team's ledger, what was booked to you: newest first, a page at a time."""
    share = account.balance.share
    if share is None:
        raise ForbiddenError("You are no member of a team that shares an account; your ledger is at /me/entries.")
    before = HoldId(query.before) if query.before is not None else None
    team = account.balance.account_id
    found = await books.members.calls(team, share.member_id, limit=query.limit + 1, before=before)
    return CallsAnswer.of(found, query.limit)
