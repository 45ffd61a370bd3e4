"""The books as a whole: verification, and whether they can be read."""

from __future__ import annotations

import asyncio

from fastapi import APIRouter, Response

from solaris_hooks.ledger.verifications import VerificationState
from solaris_hooks.quota.errors import LedgerError, LedgerUnavailableError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.answers import HealthAnswer
from solaris_hooks.web.bodies import VerifyBody
from solaris_hooks.web.dependencies import TheBooks, TheServices, Verifier, existing
from solaris_hooks.web.description import NOT_FOUND, UNAVAILABLE, error_answers
from solaris_hooks.web.verification_answers import VerificationRunAnswer

router = APIRouter()

HEALTH_SECONDS = 3.0

VERIFY_SECONDS = 20.0
"""How long a request waits for a verification."""


@router.post(
    "/api/v1/ledger/verify",
    tags=["ledger"],
    summary="Verify the books",
    responses={
        **NOT_FOUND,
        **error_answers(409, "All accounts are being verified already, or several verifications run."),
        202: {"description": "It still runs.", "model": VerificationRunAnswer},
    },
)
async def verify(
    administrator: Verifier, services: TheServices, response: Response, body: VerifyBody | None = None
) -> VerificationRunAnswer:
    """Recompute every entry and balance, of one account or of all, and name each flaw. Changes nothing.

    A process of its own does it. Where that takes longer than twenty seconds the answer is 202 with what has been done
    so far; `GET /api/v1/ledger/verifications/{id}` tells the rest.
    """
    books, wanted = services.books, None
    if body is not None and body.account_id is not None:
        wanted = (await existing(books, account_id(body.account_id))).balance.account_id
    if services.verifying is None:
        return VerificationRunAnswer.of(await books.verify(wanted))
    verifier = services.verifying.verifier
    started = await verifier.start(wanted, actor=administrator.actor)
    run = await verifier.ended(started, within_seconds=VERIFY_SECONDS)
    if run is None or run.state in {VerificationState.FAILED, VerificationState.LOST}:
        raise LedgerError(run.error if run is not None else None)
    if run.state is VerificationState.RUNNING:
        response.status_code = 202
    return VerificationRunAnswer.of_run(run)


@router.get("/health", tags=["health"], summary="Ask whether the books can be read", responses=UNAVAILABLE)
async def health(books: TheBooks) -> HealthAnswer:
    """Open to everybody, and without any figure: 200 where the books can be read, 503 where not."""
    try:
        async with asyncio.timeout(HEALTH_SECONDS):
            await books.ping()
    except TimeoutError as exc:
        raise LedgerUnavailableError from exc
    return HealthAnswer(status="ok")
