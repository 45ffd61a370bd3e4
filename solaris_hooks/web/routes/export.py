"""All that is known of an account, for its user and for administrators."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import cast

from fastapi import APIRouter
from fastapi.responses import StreamingResponse

from solaris_hooks.web.dependencies import Reader, TheAccountId, TheBooks, existing
from solaris_hooks.web.description import NOT_FOUND, Responses
from solaris_hooks.web.export import EventfulBooks, ExportAnswer, exported
from solaris_hooks.web.member_export import OwnExportAnswer, exported_of_member
from solaris_hooks.web.routes.me import OwnAccount

router = APIRouter(prefix="/api/v1/accounts/{account}/export", tags=["accounts"])
own_router = APIRouter(prefix="/api/v1/me/export", tags=["me"])

_OWN_DOCUMENT: Responses = {200: {"model": OwnExportAnswer, "description": "One document, written while it is read."}}
_DOCUMENT: Responses = {200: {"model": ExportAnswer, "description": "One document, written while it is read."}}


@router.get("", summary="Export all that is known of an account", responses={**_DOCUMENT, **NOT_FOUND})
async def export_account(_: Reader, books: TheBooks, account: TheAccountId) -> StreamingResponse:
    """The account, its credits, ledger, use, requests, events and preferences, as one JSON document."""
    return _streamed(exported(cast("EventfulBooks", books), await existing(books, account), own=False))


@own_router.get("", summary="Export your own data", responses={**_OWN_DOCUMENT, **NOT_FOUND})
async def export_me(account: OwnAccount, books: TheBooks) -> StreamingResponse:
    """All that is known of you here, as one JSON document, without the names of administrators.

    Of a team that shares an account it has what is yours, and nothing of other members.
    """
    share, all_books = account.balance.share, cast("EventfulBooks", books)
    if share is None:
        return _streamed(exported(all_books, account, own=True))
    return _streamed(exported_of_member(all_books, account, share))


def _streamed(pieces: AsyncIterator[str]) -> StreamingResponse:
    return StreamingResponse(
        pieces,
        media_type="application/json",
        headers={"Content-Disposition": 'attachment; filename="account.json"'},
    )
