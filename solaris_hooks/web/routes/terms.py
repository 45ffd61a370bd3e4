"""Terms of single accounts, for administrators: their plan, and what they have of their own."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query

from solaris_hooks.ledger.account_terms import OverrideChange, PlanChange
from solaris_hooks.quota.terms import Field
from solaris_hooks.web.answers import AccountAnswer
from solaris_hooks.web.dependencies import Changer, TheAccountId, TheBooks, existing
from solaris_hooks.web.description import NOT_FOUND
from solaris_hooks.web.term_bodies import OverridesBody, PlanChangeBody, WhyQuery

router = APIRouter(prefix="/api/v1/accounts/{account}", tags=["accounts"])
Why = Annotated[WhyQuery, Query()]


@router.put("/plan", summary="Change an account's plan", responses=NOT_FOUND)
async def change_plan(
    administrator: Changer, books: TheBooks, account: TheAccountId, body: PlanChangeBody
) -> AccountAnswer:
    """Change the plan now or at the renewal. A change now undoes one that was scheduled."""
    await books.terms.change_plan(body.change(account, administrator.actor))
    return AccountAnswer.of(await existing(books, account))


@router.delete("/scheduled_plan", summary="Cancel a change of plan", responses=NOT_FOUND)
async def cancel_plan(administrator: Changer, books: TheBooks, account: TheAccountId, why: Why) -> AccountAnswer:
    """Cancel the change of plan that waits for the renewal, if one does."""
    present = (await existing(books, account)).balance.plan_id
    await books.terms.change_plan(PlanChange(account, present, administrator.actor, at_renewal=True, reason=why.reason))
    return AccountAnswer.of(await existing(books, account))


@router.put("/overrides", summary="Give an account terms of its own", responses=NOT_FOUND)
async def put_overrides(
    administrator: Changer, books: TheBooks, account: TheAccountId, body: OverridesBody
) -> AccountAnswer:
    """Let the terms that are sent hold in place of the plan's, at once, until `until` or for good."""
    await books.terms.override(body.change(account, administrator.actor))
    return AccountAnswer.of(await existing(books, account))


@router.delete("/overrides/{field}", summary="Let the plan's term hold again", responses=NOT_FOUND)
async def end_override(
    administrator: Changer, books: TheBooks, account: TheAccountId, field: Field, why: Why
) -> AccountAnswer:
    """End one of the account's own terms, if it has it."""
    reason = why.reason or ""
    await books.terms.override(OverrideChange(account, administrator.actor, reason, clear=[field]))
    return AccountAnswer.of(await existing(books, account))
