"""The same done to many accounts, for administrators."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Query

from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.administration_answers import BatchAnswer, BatchesAnswer, BatchItemsAnswer, PreviewAnswer
from solaris_hooks.web.administration_bodies import BatchBody, BatchesQuery, BatchItemsQuery
from solaris_hooks.web.dependencies import Changer, Reader, TheAdministration
from solaris_hooks.web.description import error_answers

router = APIRouter(prefix="/api/v1/batches", tags=["batches"])
_NO_PLAN = error_answers(404, "There is no such plan.")
_NOT_FOUND = error_answers(404, "There is no such batch.")
_CONFLICT = error_answers(409, "The idempotency key was used for another batch.")


@router.post("/preview", summary="See what a batch would do", responses=_NO_PLAN)
async def preview_batch(administrator: Reader, administration: TheAdministration, body: BatchBody) -> PreviewAnswer:
    """How many accounts it is about, and how many of them it would change. Changes nothing."""
    return PreviewAnswer.of(await administration.batches.preview(body.order(administrator.actor)))


@router.post("", summary="Act on many accounts", responses={**_NO_PLAN, **_CONFLICT})
async def run_batch(administrator: Changer, administration: TheAdministration, body: BatchBody) -> BatchAnswer:
    """Do the same to many accounts, each in a transaction of its own, for some twenty seconds at the most.

    Where `complete` is false, send the same again: what is left is done, and nothing twice.
    """
    return BatchAnswer.of(await administration.batches.run(body.order(administrator.actor)))


@router.get("", summary="List batches")
async def list_batches(
    _: Reader, administration: TheAdministration, query: Annotated[BatchesQuery, Query()]
) -> BatchesAnswer:
    """Batches, newest first, a page at a time."""
    found = await administration.batches.all(limit=query.limit + 1, before=query.before)
    return BatchesAnswer.of(found, query.limit)


@router.get("/{batch}", summary="Read a batch", responses=_NOT_FOUND)
async def read_batch(_: Reader, administration: TheAdministration, batch: UUID) -> BatchAnswer:
    """One batch, and how far it has come."""
    return BatchAnswer.of(await administration.batches.get(batch))


@router.get("/{batch}/items", summary="Read what a batch did to each account", responses=_NOT_FOUND)
async def list_items(
    _: Reader, administration: TheAdministration, batch: UUID, query: Annotated[BatchItemsQuery, Query()]
) -> BatchItemsAnswer:
    """Accounts of a batch, in order of id, a page at a time."""
    known = await administration.batches.get(batch)
    after = None if query.after is None else AccountId(query.after)
    found = await administration.batches.items(
        known.batch_id, outcome=query.outcome, limit=query.limit + 1, after=after
    )
    return BatchItemsAnswer.of(found, query.limit)
