"""Plans, for administrators."""

from __future__ import annotations

from fastapi import APIRouter

from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.web.bodies import PlanBody
from solaris_hooks.web.dependencies import Changer, Reader, TheBooks, ThePlanId
from solaris_hooks.web.description import NOT_FOUND
from solaris_hooks.web.term_answers import PlanAnswer, PlansAnswer

router = APIRouter(prefix="/api/v1/plans", tags=["plans"])


@router.get("", summary="List plans")
async def list_plans(_: Reader, books: TheBooks) -> PlansAnswer:
    """All plans, in order of id."""
    return PlansAnswer(data=[PlanAnswer.of(plan) for plan in await books.plans()])


@router.get("/{plan}", summary="Read a plan", responses=NOT_FOUND)
async def read_plan(_: Reader, books: TheBooks, plan: ThePlanId) -> PlanAnswer:
    """One plan."""
    found = await books.plan(plan)
    if found is None:
        raise NotFoundError("There is no such plan; GET /solaris/api/v1/plans lists them.", param="plan_id")
    return PlanAnswer.of(found)


@router.put("/{plan}", summary="Change or make a plan")
async def put_plan(administrator: Changer, books: TheBooks, plan: ThePlanId, body: PlanBody) -> PlanAnswer:
    """Set a plan, making it if it is missing. What is left out stays. Its accounts get the new allowance at once."""
    wanted = body.over(plan, await books.plan(plan))
    return PlanAnswer.of(await books.put_plan(wanted, actor=administrator.actor, reason=body.reason))
