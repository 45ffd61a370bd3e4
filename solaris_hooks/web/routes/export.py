"""All that is known of an account, for its user and for administrators."""

from __future__ import annotations

from typing import cast

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from solaris_hooks.ledger.records import Account
from solaris_hooks.web.dependencies import Reader, TheAccountId, TheBooks, existing
from solaris_hooks.web.description import NOT_FOUND, Responses
from solaris_hooks.web.export import EventfulBooks, ExportAnswer, exported
from solaris_hooks.web.routes.me import OwnAlone

router = APIRouter(prefix="/api/v1/accounts/{account}/export", tags=["accounts"])
own_router = APIRouter(prefix="/api/v1/me/export", tags=["me"])

_DOCUMENT: Responses = {200: {"model": ExportAnswer, "description": "One document, written while it is read."}}


@router.get("", summary="Export all that is known of an account", responses={**_DOCUMENT, **NOT_FOUND})
async def export_account(_: Reader, books: TheBooks, account: TheAccountId) -> StreamingResponse:
    """The account, its credits, ledger, use, requests, events and preferences, as one JSON document."""
    return _streamed(cast("EventfulBooks", books), await existing(books, account), own=False)


@own_router.get("", summary="Export your own data", responses={**_DOCUMENT, **NOT_FOUND})
async def export_me(account: OwnAlone, books: TheBooks) -> StreamingResponse:
    """All that is known of you here, as one JSON document, without the names of administrators."""
    return _streamed(cast("EventfulBooks", books), account, own=True)


def _streamed(books: EventfulBooks, account: Account, *, own: bool) -> StreamingResponse:
    return StreamingResponse(
        exported(books, account, own=own),
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="account.json"'},
    )
