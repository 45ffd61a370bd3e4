"""What a user sees of his own account, with his virtual key."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Query

from solaris_hooks.ledger.records import Account
from solaris_hooks.web.answers import AccountAnswer, EntriesAnswer, UsageAnswer
from solaris_hooks.web.bodies import EntriesQuery, UsageQuery
from solaris_hooks.web.dependencies import TheBooks, TheHolder, TheServices, own_account
from solaris_hooks.web.description import NOT_FOUND
from solaris_hooks.web.history import entries_page, usage_over

router = APIRouter(prefix="/api/v1/me", tags=["me"])


async def _own_account(holder: TheHolder, services: TheServices) -> Account:
    return await own_account(services, holder)


OwnAccount = Annotated[Account, Depends(_own_account)]


@router.get("", summary="Read your own account", responses=NOT_FOUND)
async def read_me(account: OwnAccount) -> AccountAnswer:
    """The account that your virtual key pays from. It is made if your organisation makes accounts at first sight."""
    return AccountAnswer.of(account, own=True)


@router.get("/entries", summary="Read your own ledger", responses=NOT_FOUND)
async def list_my_entries(
    account: OwnAccount, books: TheBooks, query: Annotated[EntriesQuery, Query()]
) -> EntriesAnswer:
    """Entries of your account, newest first, a page at a time."""
    return await entries_page(books, account, query, own=True)


@router.get("/usage", summary="Read what you used", responses=NOT_FOUND)
async def read_my_usage(account: OwnAccount, books: TheBooks, query: Annotated[UsageQuery, Query()]) -> UsageAnswer:
    """Totals per local day and model; of this period where no days are given."""
    return await usage_over(books, account, query)
