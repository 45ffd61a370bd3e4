"""Lots of credits, used up or not, for administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query, Response

from solaris_hooks.ledger.credit_lots import Revocation
from solaris_hooks.web.credit_answers import LotsAnswer, RevocationAnswer
from solaris_hooks.web.credit_bodies import LotsQuery, RevocationBody
from solaris_hooks.web.dependencies import Changer, Reader, TheAccountId, TheBooks, existing
from solaris_hooks.web.description import CONFLICT, NOT_FOUND

router = APIRouter(prefix="/api/v1/accounts/{account}/lots", tags=["accounts"])


@router.get("", summary="List all credits of an account", responses=NOT_FOUND)
async def list_lots(
    _: Reader, books: TheBooks, account: TheAccountId, query: Annotated[LotsQuery, Query()]
) -> LotsAnswer:
    """Lots of credits, those used up, expired or revoked included, newest first, a page at a time."""
    own = (await existing(books, account)).balance.account_id
    return LotsAnswer.of(await books.lots.all(own, limit=query.limit + 1, before=query.before), query.limit)


@router.post("/{lot}/revoke", summary="Take unused credits back", responses={**NOT_FOUND, **CONFLICT})
async def revoke_lot(
    administrator: Changer, books: TheBooks, account: TheAccountId, lot: UUID, body: RevocationBody, response: Response
) -> RevocationAnswer:
    """Take back what is unused of a lot, once for each idempotency key, but nothing that requests in flight hold.

    Where nothing can be taken, `revoked` is 0, nothing is written, and the key can be sent again.
    """
    result = await books.lots.revoke(Revocation(account, lot, body.reason, administrator.actor, body.idempotency_key))
    if result.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return RevocationAnswer(account_id=account, lot_id=lot, revoked=result.tokens)
