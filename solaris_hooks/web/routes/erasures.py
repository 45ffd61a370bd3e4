"""People who are forgotten, for administrators."""

from __future__ import annotations

from fastapi import APIRouter

from solaris_hooks.web.administration_answers import ErasedAnswer
from solaris_hooks.web.administration_bodies import ErasureBody
from solaris_hooks.web.dependencies import Governor, TheAccountId, TheAdministration
from solaris_hooks.web.description import NOT_FOUND

router = APIRouter(prefix="/api/v1/accounts/{account}/erase", tags=["accounts"])


@router.post("", summary="Erase personal data", responses=NOT_FOUND)
async def erase_account(
    administrator: Governor, administration: TheAdministration, account: TheAccountId, body: ErasureBody
) -> ErasedAnswer:
    """Forget the person of an account: address, name, and every text about him. It cannot be undone.

    What was used and paid stays in the books, under the account's id, which is out of use afterwards.
    """
    return ErasedAnswer.of(await administration.erasures.erase(body.erasure(account, administrator.actor)))
