"""Requests for credits: made by users, decided by administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.web.credit_answers import PackageAnswer, PackagesAnswer, RequestAnswer, RequestsAnswer
from solaris_hooks.web.credit_bodies import ApprovalBody, OwnRequestsQuery, RejectionBody, RequestBody, RequestsQuery
from solaris_hooks.web.dependencies import Changer, Reader, TheHolder, TheRequests
from solaris_hooks.web.description import NOT_FOUND, REQUEST_DECIDED, TOO_MANY_REQUESTS
from solaris_hooks.web.routes.me import OwnAccount

router = APIRouter(prefix="/api/v1/requests", tags=["credit requests"])
own_router = APIRouter(prefix="/api/v1/me", tags=["me"])


@router.get("", summary="List requests for credits")
async def list_requests(_: Reader, requests: TheRequests, query: Annotated[RequestsQuery, Query()]) -> RequestsAnswer:
    """Requests, newest first, a page at a time; `state=requested` for those that wait for a decision."""
    found = await requests.book.find(
        account_id=query.wanted_account, state=query.wanted_state, limit=query.limit + 1, before=query.before
    )
    return RequestsAnswer.of(found, query.limit)


@router.get("/{request}", summary="Read a request for credits", responses=NOT_FOUND)
async def read_request(_: Reader, requests: TheRequests, request: UUID) -> RequestAnswer:
    """One request."""
    return RequestAnswer.of(await requests.existing(request))


@router.post("/{request}/approve", summary="Approve a request for credits", responses={**NOT_FOUND, **REQUEST_DECIDED})
async def approve_request(
    administrator: Changer, requests: TheRequests, request: UUID, body: ApprovalBody | None = None
) -> RequestAnswer:
    """Grant what was asked for, or another number of tokens. Approving again in the same way grants nothing more."""
    given = body or ApprovalBody()
    approved = await requests.approve(
        request, actor=administrator.actor, tokens=given.tokens, reason=given.reason, expires_at=given.expires_at
    )
    return RequestAnswer.of(approved)


@router.post("/{request}/reject", summary="Reject a request for credits", responses={**NOT_FOUND, **REQUEST_DECIDED})
async def reject_request(
    administrator: Changer, requests: TheRequests, request: UUID, body: RejectionBody
) -> RequestAnswer:
    """Say no; the user reads the reason."""
    return RequestAnswer.of(await requests.reject(request, actor=administrator.actor, reason=body.reason))


@own_router.get("/packages", summary="List credits on offer")
async def list_packages(_: TheHolder, requests: TheRequests) -> PackagesAnswer:
    """The packages that can be asked for by name."""
    return PackagesAnswer(data=[PackageAnswer.of(each) for each in requests.packages])


@own_router.get("/requests", summary="List your own requests for credits", responses=NOT_FOUND)
async def list_my_requests(
    account: OwnAccount, holder: TheHolder, requests: TheRequests, query: Annotated[OwnRequestsQuery, Query()]
) -> RequestsAnswer:
    """Your requests, newest first, a page at a time."""
    found = await requests.book.find(
        account_id=account.balance.account_id,
        requested_by=holder.member_id,
        limit=query.limit + 1,
        before=query.before,
    )
    return RequestsAnswer.of(found, query.limit, own=True)


@own_router.post("/requests", status_code=201, summary="Ask for credits", responses={**NOT_FOUND, **TOO_MANY_REQUESTS})
async def make_request(
    account: OwnAccount, holder: TheHolder, requests: TheRequests, body: RequestBody
) -> RequestAnswer:
    """Ask for credits; an administrator decides, and you are told in the chat and by e-mail.

    In a team they are for the team's account, and the request names you.
    """
    own = account.balance.account_id
    made = await requests.request(own, body.tokens, body.reason, package=body.package, actor=holder.actor)
    return RequestAnswer.of(made, own=True)


@own_router.post(
    "/requests/{request}/cancel",
    summary="Withdraw a request of your own",
    responses={**NOT_FOUND, **REQUEST_DECIDED},
)
async def cancel_my_request(
    account: OwnAccount, holder: TheHolder, requests: TheRequests, request: UUID
) -> RequestAnswer:
    """Withdraw a request of yours that was not decided yet."""
    own = account.balance.account_id
    if holder.member_id is not None and (await requests.existing(request)).requested_by != holder.member_id:
        raise NotFoundError(f"There is no request {request}.", param="request")
    return RequestAnswer.of(await requests.cancel(request, own, actor=holder.actor), own=True)
