"""What was sent, what was not, and sending it again: for administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.web.deliveries import (
    DeliveriesAnswer,
    DeliveriesQuery,
    DeliveryAnswer,
    MailsAnswer,
    MailsBody,
    ResendBody,
)
from solaris_hooks.web.dependencies import Reader, Supporter, TheAccountId, TheBooks, existing
from solaris_hooks.web.description import NOT_FOUND, error_answers

router = APIRouter(prefix="/api/v1/deliveries", tags=["deliveries"])
mails_router = APIRouter(prefix="/api/v1/accounts/{account}/mails", tags=["deliveries"])

TheDelivery = Annotated[UUID, Path(description="Id of a delivery.")]
_NOT_FOUND = error_answers(404, "There is no such delivery.")


@router.get("", summary="List deliveries")
async def list_deliveries(_: Reader, books: TheBooks, query: Annotated[DeliveriesQuery, Query()]) -> DeliveriesAnswer:
    """Messages to users, administrators and programs, newest first, a page at a time. State `dead` was given up."""
    return DeliveriesAnswer.of(await books.deliveries.deliveries(query.wanted, limit=query.limit + 1), query.limit)


@router.get("/{delivery}", summary="Read a delivery", responses=_NOT_FOUND)
async def read_delivery(_: Reader, books: TheBooks, delivery: TheDelivery) -> DeliveryAnswer:
    """One delivery."""
    record = await books.deliveries.delivery(delivery)
    if record is None:
        raise NotFoundError(f"There is no delivery {delivery}.", param="delivery")
    return DeliveryAnswer.of(record)


@router.post(
    "/{delivery}/resend",
    status_code=202,
    summary="Send a delivery again",
    responses={**_NOT_FOUND, **error_answers(409, "It is about to be sent anyway.")},
)
async def resend_delivery(
    administrator: Supporter, books: TheBooks, delivery: TheDelivery, body: ResendBody
) -> DeliveryAnswer:
    """Put a delivery into the queue again, whether it was sent, given up or skipped. Written to the audit trail."""
    return DeliveryAnswer.of(await books.deliveries.resend(delivery, actor=administrator.actor, reason=body.reason))


@mails_router.get("", summary="Read whether a user gets mails", responses=NOT_FOUND)
async def read_mails(_: Reader, books: TheBooks, account: TheAccountId) -> MailsAnswer:
    """Mails go to the account's address, if it has one."""
    existed = await existing(books, account)
    return MailsAnswer(mails=await books.deliveries.gets_mails(existed.balance.account_id))


@mails_router.put("", summary="Switch a user's mails on or off", responses=NOT_FOUND)
async def put_mails(administrator: Supporter, books: TheBooks, account: TheAccountId, body: MailsBody) -> MailsAnswer:
    """What is under way already is still sent. Written to the audit trail."""
    existed = await existing(books, account)
    await books.deliveries.set_mails(
        existed.balance.account_id, mails=body.mails, actor=administrator.actor, reason=body.reason
    )
    return MailsAnswer(mails=body.mails)
