"""People who are forgotten, for administrators."""

from __future__ import annotations

from fastapi import APIRouter

from solaris_hooks.web.administration_answers import ErasedAnswer
from solaris_hooks.web.administration_bodies import ErasureBody
from solaris_hooks.web.dependencies import Governor, TheAccountId, TheAdministration
from solaris_hooks.web.description import NOT_FOUND
from solaris_hooks.web.routes.members import TheMemberId

router = APIRouter(prefix="/api/v1/accounts/{account}/erase", tags=["accounts"])
member_router = APIRouter(prefix="/api/v1/accounts/{account}/members/{member}/erase", tags=["members"])


@router.post("", summary="Erase personal data", responses=NOT_FOUND)
async def erase_account(
    administrator: Governor, administration: TheAdministration, account: TheAccountId, body: ErasureBody
) -> ErasedAnswer:
    """Forget the person of an account: address, name, and every text about him. It cannot be undone.

    What was used and paid stays in the books, under the account's id, which is out of use afterwards.
    """
    return ErasedAnswer.of(await administration.erasures.erase(body.erasure(account, administrator.actor)))


@member_router.post("", summary="Erase personal data of a member", responses=NOT_FOUND)
async def erase_member(
    administrator: Governor,
    administration: TheAdministration,
    account: TheAccountId,
    member: TheMemberId,
    body: ErasureBody,
) -> ErasedAnswer:
    """Forget one member of a team: his address, and every text of his or about him. It cannot be undone.

    What he used stays, under his id. His limit is 0 afterwards; another one lets him in again.
    """
    return ErasedAnswer.of(await administration.erasures.erase(body.erasure(account, administrator.actor, member)))
