"""The books as a whole: verification, and whether they can be read."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter

from solaris_hooks.quota.errors import LedgerUnavailableError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.answers import HealthAnswer, VerificationAnswer
from solaris_hooks.web.bodies import VerifyBody
from solaris_hooks.web.dependencies import TheBooks, Verifier, existing
from solaris_hooks.web.description import NOT_FOUND, UNAVAILABLE

router = APIRouter()

HEALTH_SECONDS = 3.0


@router.post("/api/v1/ledger/verify", tags=["ledger"], summary="Verify the books", responses=NOT_FOUND)
async def verify(_: Verifier, books: TheBooks, body: VerifyBody | None = None) -> VerificationAnswer:
    """Recompute every entry and balance, of one account or of all, and name each flaw. Changes nothing."""
    if body is None or body.account_id is None:
        return VerificationAnswer.of(await books.verify())
    account = await existing(books, account_id(body.account_id))
    return VerificationAnswer.of(await books.verify(account.balance.account_id))


@router.get("/health", tags=["health"], summary="Ask whether the books can be read", responses=UNAVAILABLE)
async def health(books: TheBooks) -> HealthAnswer:
    """Open to everybody, and without any figure: 200 where the books can be read, 503 where not."""
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            await books.ping()
    except TimeoutError as exc:
        raise LedgerUnavailableError from exc
    return HealthAnswer(status="ok")
