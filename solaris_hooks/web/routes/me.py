"""What a user sees of his own account, with his virtual key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from solaris_hooks.ledger.records import Account
from solaris_hooks.web.access import ForbiddenError
from solaris_hooks.web.answers import AccountAnswer, EntriesAnswer, UsageAnswer
from solaris_hooks.web.bodies import EntriesQuery, UsageQuery
from solaris_hooks.web.dependencies import TheBooks, TheHolder, TheServices, own_account
from solaris_hooks.web.description import NOT_FOUND
from solaris_hooks.web.history import entries_page, usage_over

router = APIRouter(prefix="/api/v1/me", tags=["me"])


async def _own_account(holder: TheHolder, services: TheServices) -> Account:
    return await own_account(services, holder)


OwnAccount = Annotated[Account, Depends(_own_account)]


async def _own_alone(account: OwnAccount) -> Account:
    if account.balance.share is not None:
        raise ForbiddenError("This is of a team's account, and for administrators alone.")
    return account


OwnAlone = Annotated[Account, Depends(_own_alone)]
"""One's own account, but none that is shared: what others did is nobody's to see or to change."""


@router.get("", summary="Read your own account", responses=NOT_FOUND)
async def read_me(account: OwnAccount) -> AccountAnswer:
    """The account that your virtual key pays from; of a team that shares one, `share` says what is yours of it.

    It is made if your organisation makes accounts at first sight.
    """
    return AccountAnswer.of(account, own=True)


@router.get("/entries", summary="Read your own ledger", responses=NOT_FOUND)
async def list_my_entries(
    account: OwnAccount, books: TheBooks, query: Annotated[EntriesQuery, Query()]
) -> EntriesAnswer:
    """Entries of your account, newest first, a page at a time. Those of a team are for administrators."""
    if account.balance.share is not None:
        raise ForbiddenError("The ledger of a team is for administrators; see what you used at /me/usage.")
    return await entries_page(books, account, query, own=True)


@router.get("/usage", summary="Read what you used", responses=NOT_FOUND)
async def read_my_usage(account: OwnAccount, books: TheBooks, query: Annotated[UsageQuery, Query()]) -> UsageAnswer:
    """Totals per local day and model; of this period where no days are given. In a team, of your own requests."""
    return await usage_over(books, account, query)
