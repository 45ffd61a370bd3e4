"""What was refused, and why: for administrators, and for users of their own requests."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query

from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.dependencies import Reader, TheBooks, TheHolder
from solaris_hooks.web.description import error_answers
from solaris_hooks.web.member_view import own_refusals
from solaris_hooks.web.refusal_answers import (
    OwnRefusalsAnswer,
    RefusalAnswer,
    RefusalsAnswer,
    RefusalTotalAnswer,
    RefusalTotalsAnswer,
)
from solaris_hooks.web.refusal_queries import LocaleQuery, OwnRefusalsQuery, RefusalsQuery, RefusalTotalsQuery

router = APIRouter(prefix="/api/v1/refusals", tags=["refusals"])
own_router = APIRouter(prefix="/api/v1/me/refusals", tags=["me"])

TheRefusal = Annotated[UUID, Path(description="Id of a refusal.")]


@router.get("", summary="List refusals")
async def list_refusals(_: Reader, books: TheBooks, query: Annotated[RefusalsQuery, Query()]) -> RefusalsAnswer:
    """Refused requests with the figures of that moment, newest first, a page at a time."""
    found = await books.refusals.find(query.wanted, limit=query.limit + 1)
    return RefusalsAnswer.of(found, query.limit, query.locale)


@router.get("/totals", summary="Count refusals by day and reason")
async def count_refusals(
    _: Reader, books: TheBooks, query: Annotated[RefusalTotalsQuery, Query()]
) -> RefusalTotalsAnswer:
    """Totals by day and reason, of all accounts or of one. They stay when the refusals themselves are forgotten."""
    query.check()
    whose = account_id(query.account) if query.account is not None else None
    totals = await books.refusals.totals(since=query.since, until=query.until, account_id=whose)
    return RefusalTotalsAnswer(data=[RefusalTotalAnswer.of(each) for each in totals])


@router.get("/{refusal}", summary="Explain a refusal", responses=error_answers(404, "There is no such refusal."))
async def read_refusal(
    _: Reader, books: TheBooks, refusal: TheRefusal, query: Annotated[LocaleQuery, Query()]
) -> RefusalAnswer:
    """One refusal, by the id that its answer's header `x-solaris-refusal-id` named."""
    record = await books.refusals.get(refusal)
    if record is None:
        raise NotFoundError(f"There is no refusal {refusal}; it may be forgotten.", param="refusal")
    return RefusalAnswer.of(record, query.locale)


@own_router.get("", summary="List your own refusals")
async def list_my_refusals(
    holder: TheHolder, books: TheBooks, query: Annotated[OwnRefusalsQuery, Query()]
) -> OwnRefusalsAnswer:
    """Refused requests of the account that your virtual key pays from, newest first, a page at a time.

    In a team, of your own requests, without the figures of the team's account and what others held of it.
    """
    own = await own_refusals(
        books, holder.account_id, holder.member_id, query.of_account(holder.account_id), limit=query.limit + 1
    )
    return OwnRefusalsAnswer.of(own, query.limit, query.locale)
