"""Plans: what they grant, whom they have, and a change that is looked at before it is made."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.plan_effects import PlanFigures
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.quota.plan import Plan
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem
from solaris_hooks.web.admin.plan_form import changes, digest_of, lines_of, read_plan, values_of
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

NEW = Plan("", 1_000_000)
"""What stands in the form of a new plan."""


class PlanPages:
    """``/admin/plans``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the pages read and change."""
        self._books = services.books
        self._default = services.settings.default_plan

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [
            door.get("/plans", self._list),
            door.get("/new-plan", self._new, Permission.CHANGE),
            door.get("/plans/{plan}", self._one),
            door.post("/plans", self._save, Permission.CHANGE),
        ]

    async def _list(self, visit: Visit) -> Response:
        return visit.show(
            "plans.html",
            plans=await self._books.plans(),
            figures=await self._books.plan_effects.figures(),
            nobody=PlanFigures(),
            default=self._default,
        )

    async def _new(self, visit: Visit) -> Response:
        return await self._form(visit, Fields(visit), None)

    async def _one(self, visit: Visit) -> Response:
        plan = await self._books.plan(visit.segment("plan"))
        if plan is None:
            raise NotFoundError("There is no such plan.", param="plan")
        return await self._form(visit, Fields(visit), plan)

    async def _save(self, visit: Visit) -> Response:
        """First show what a change does, then make it."""
        fields = Fields(visit)
        known = await self._books.plan(fields.typed("plan_id"))
        if fields.typed("seen") == digest_of(None) and known is not None:
            fields.problems["plan_id"] = Problem.TAKEN
            known = None
        wanted = read_plan(fields)
        if wanted is None or fields.typed("step") == "edit":
            return await self._form(visit, fields, known, status=200 if fields.ok else InvalidRequestError.status)
        if fields.typed("step") != "confirm":
            return await self._preview(visit, fields, known, wanted)
        if fields.typed("seen") != digest_of(known):
            return await self._preview(visit, fields, known, wanted, status=ConflictError.status)
        reason = fields.text("reason")
        if not fields.ok:
            return await self._preview(visit, fields, known, wanted, status=InvalidRequestError.status)
        try:
            await self._books.put_plan(wanted, actor=visit.administrator.actor, reason=reason)
        except NotFoundError:  # the plan that follows a trial
            fields.problems["trial_then"] = Problem.UNKNOWN
            return await self._form(visit, fields, known, status=InvalidRequestError.status)
        return visit.to(f"/plans/{wanted.plan_id}", done="plan_saved")

    async def _form(self, visit: Visit, fields: Fields, plan: Plan | None, *, status: int = 200) -> Response:
        figures = await self._books.plan_effects.figures()
        return visit.show(
            "plan.html",
            status=status,
            plan=plan,
            values=values_of(plan or NEW),
            weights=lines_of(fields, plan),
            seen=digest_of(plan),
            figures=figures.get(plan.plan_id, PlanFigures()) if plan else None,
            others=[(each.plan_id, each.plan_id) for each in await self._books.plans() if each != plan],
            default=self._default,
            fields=fields,
        )

    async def _preview(
        self, visit: Visit, fields: Fields, known: Plan | None, wanted: Plan, *, status: int = 200
    ) -> Response:
        return visit.show(
            "plan_preview.html",
            status=status,
            plan=wanted,
            new=known is None,
            changed=changes(known, wanted),
            effect=await self._books.plan_effects.of(wanted),
            typed=[
                (name, value)
                for name, value in visit.form.multi_items()
                if name not in {"form_token", "step", "seen", "reason"}
            ],
            seen=digest_of(known),
            meanwhile=status == ConflictError.status,
            fields=fields,
        )
