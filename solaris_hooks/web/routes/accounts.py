"""Accounts, their credits and their history, for administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Response

from solaris_hooks.ledger.records import Grant
from solaris_hooks.web.account_queries import AccountsQuery
from solaris_hooks.web.answers import AccountAnswer, AccountsAnswer, EntriesAnswer, UsageAnswer
from solaris_hooks.web.bodies import (
    AccountBody,
    CreditsBody,
    EntriesQuery,
    UsageQuery,
)
from solaris_hooks.web.dependencies import Changer, Reader, TheAccountId, TheBooks, existing
from solaris_hooks.web.description import CONFLICT, NOT_FOUND
from solaris_hooks.web.history import entries_page, usage_over

router = APIRouter(prefix="/api/v1/accounts", tags=["accounts"])


@router.get("", summary="List accounts")
async def list_accounts(_: Reader, books: TheBooks, query: Annotated[AccountsQuery, Query()]) -> AccountsAnswer:
    """Accounts that meet all conditions, a page at a time. Figures are as of now; the use that conditions and orders go
    by may be ten seconds old.
    """  # noqa: D205 - one paragraph of the description
    page = await books.account_list.page(
        query.wanted,
        sort=query.sort.sort,
        descending=query.sort.descending,
        limit=query.limit,
        after=query.after,
    )
    return AccountsAnswer(
        data=[AccountAnswer.of(account) for account in page.accounts], next_cursor=query.next_cursor(page.next_after)
    )


@router.get("/{account}", summary="Read an account", responses=NOT_FOUND)
async def read_account(_: Reader, books: TheBooks, account: TheAccountId) -> AccountAnswer:
    """One account as of now: its allowance is renewed first if that is due."""
    return AccountAnswer.of(await existing(books, account))


@router.put("/{account}", summary="Change or make an account", responses=NOT_FOUND)
async def put_account(
    administrator: Changer, books: TheBooks, account: TheAccountId, body: AccountBody
) -> AccountAnswer:
    """Set the fields that are sent, and make the account if it is missing. A change of plan applies at once."""
    changed = await books.put_account(account, body.change, actor=administrator.actor, reason=body.reason)
    return AccountAnswer.of(changed)


@router.post(
    "/{account}/credits",
    status_code=201,
    summary="Grant credits",
    responses={
        200: {
            "model": AccountAnswer,
            "description": "This idempotency key granted these credits before; nothing was granted again.",
        },
        **NOT_FOUND,
        **CONFLICT,
    },
)
async def grant_credits(
    administrator: Changer, books: TheBooks, account: TheAccountId, body: CreditsBody, response: Response
) -> AccountAnswer:
    """Grant credits once for each idempotency key, and answer the account. Owed overage is taken from them first."""
    grant = Grant(
        account_id=account,
        tokens=body.tokens,
        reason=body.reason,
        actor=administrator.actor,
        idempotency_key=body.idempotency_key,
        origin=body.credit_origin,
        expires_at=body.expires_at,
    )
    result = await books.grant_credits(grant)
    if result.replayed:
        response.status_code = 200
        response.headers["Idempotent-Replayed"] = "true"
    return AccountAnswer.of(result.account)


@router.get("/{account}/entries", summary="Read the ledger of an account", responses=NOT_FOUND)
async def list_entries(
    _: Reader, books: TheBooks, account: TheAccountId, query: Annotated[EntriesQuery, Query()]
) -> EntriesAnswer:
    """Entries, newest first, a page at a time."""
    return await entries_page(books, await existing(books, account), query, own=False)


@router.get("/{account}/usage", summary="Read what an account used", responses=NOT_FOUND)
async def read_usage(
    _: Reader, books: TheBooks, account: TheAccountId, query: Annotated[UsageQuery, Query()]
) -> UsageAnswer:
    """Totals per local day and model, both ends included; of this period where no days are given."""
    return await usage_over(books, await existing(books, account), query)
