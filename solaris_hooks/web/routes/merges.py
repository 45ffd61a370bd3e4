"""Two accounts become one, for administrators."""

from __future__ import annotations

from fastapi import APIRouter, Response

from solaris_hooks.web.administration_answers import MergeAnswer
from solaris_hooks.web.administration_bodies import MergeBody
from solaris_hooks.web.dependencies import Governor, TheAccountId, TheAdministration
from solaris_hooks.web.description import NOT_FOUND, error_answers

router = APIRouter(prefix="/api/v1/accounts/{account}/merge", tags=["accounts"])
_CONFLICT = error_answers(409, "One of the accounts was merged before, or the key was used for another merge.")


@router.post("", summary="Merge an account into another", responses={**NOT_FOUND, **_CONFLICT})
async def merge_account(
    administrator: Governor,
    administration: TheAdministration,
    account: TheAccountId,
    body: MergeBody,
    response: Response,
) -> MergeAnswer:
    """Move what this account has to another one, which pays for both from then on, once for each idempotency key.

    With `dry_run`, only tell what would happen.
    """
    merge = body.merge(account, administrator.actor)
    result = await administration.merges.merge(merge, dry_run=body.dry_run)
    if result.replayed:
        response.headers["Idempotent-Replayed"] = "true"
    return MergeAnswer.of(merge.source, merge.target, result.moved, dry_run=body.dry_run)
