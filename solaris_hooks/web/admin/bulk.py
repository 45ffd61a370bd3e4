"""The same done to many accounts of a list: first what would happen, afterwards what came of it for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID, uuid4

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.batches import Action, ActionKind, Batch, Order, Selection
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError, SolarisError
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.web.admin.account_filter import Asked, asked_for
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

KINDS = tuple(ActionKind)
SECONDS = 5.0
"""How long one request works on a batch; a script, or a button, asks for the next."""

OUTCOMES = ("done", "unchanged", "limited", "unreachable", "failed", "waiting")
ROWS = 50
_LONGEST_ID = 300
_LONGEST_KEY = 64
_MOST_DIGITS = 18
_NO_ACTION = "Choose what is to be done."


@dataclass(frozen=True, slots=True)
class _Wanted:
    """What a form wants done, and to whom.

    Attributes:
        accounts: those ticked; None for all that the filter finds.
        asked: the filter.
    """

    kind: ActionKind
    accounts: Sequence[AccountId] | None
    asked: Asked

    @property
    def selection(self) -> Selection:
        """Which accounts, for the ledger."""
        if self.accounts is not None:
            return Selection(self.accounts)
        wanted = self.asked.wanted
        return Selection(
            None,
            plan=wanted.plan_id,
            status=wanted.status,
            query=wanted.query,
            state=wanted.state,
            used_after=wanted.used_after,
            used_before=wanted.used_before,
        )


class BulkPages:
    """``/admin/batches``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what is changed."""
        self._books = services.books

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [
            door.get("/batches", self._all),
            door.post("/batches/new", self._new),
            door.post("/batches/preview", self._preview),
            door.post("/batches", self._run),
            door.get("/batches/{batch}", self._result),
            door.post("/batches/{batch}/go-on", self._go_on),
        ]

    async def _new(self, visit: Visit) -> Response:
        """What the action needs to be told. Nothing is read into it before it is sent."""
        fields = Fields(visit)
        if not visit.text("everybody") and not visit.texts("account"):
            asked = asked_for(fields, await self._plans())
            return visit.to("/accounts", done="nothing_ticked", **asked.pinned)
        return await self._form(visit, await self._wanted(fields), None)

    async def _preview(self, visit: Visit) -> Response:
        fields = Fields(visit)
        wanted = await self._wanted(fields)
        action = _action(fields, wanted.kind)
        if fields.ok:
            try:
                return await self._shown(visit, wanted, action, None)
            except SolarisError as exc:
                fields.refuse(exc)
        return await self._form(visit, wanted, fields)

    async def _run(self, visit: Visit) -> Response:
        fields = Fields(visit)
        wanted = await self._wanted(fields)
        action = _action(fields, wanted.kind)
        if not fields.ok:
            return await self._form(visit, wanted, fields)
        reason = fields.text("reason")
        key = fields.text("key", longest=_LONGEST_KEY)
        if action.kind is ActionKind.RESET:  # which cannot be undone
            await self._confirm(fields, _looked_at(visit, action, wanted))
        if fields.ok:
            order = Order(f"page:{key}", action, wanted.selection, reason, visit.administrator.actor)
            try:
                batch = await self._books.batches.run(order, seconds=SECONDS)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(f"/batches/{batch.batch_id}")
        return await self._shown(visit, wanted, action, fields)

    async def _confirm(self, fields: Fields, order: Order) -> None:
        """Have typed how many accounts change: as many as were shown, and as many as would change now.

        None would where the same form was sent before; then it does nothing again.
        """
        counted = fields.text("counted", longest=_MOST_DIGITS)
        fields.same("confirmed", counted)
        if fields.ok and str((await self._books.batches.preview(order)).changing) not in {counted, "0"}:
            fields.problems["confirmed"] = Problem.NOT_THE_SAME

    async def _form(self, visit: Visit, wanted: _Wanted, fields: Fields | None) -> Response:
        return visit.show(
            "bulk.html",
            status=200 if fields is None else InvalidRequestError.status,
            wanted=wanted,
            fields=fields,
            plans=await self._books.plans(),
        )

    async def _shown(self, visit: Visit, wanted: _Wanted, action: Action, fields: Fields | None) -> Response:
        """What would happen, and the form that lets it happen: under a key of its own, so that it happens once.

        Raises:
            SolarisError: it cannot happen.
        """
        preview = await self._books.batches.preview(_looked_at(visit, action, wanted))
        return visit.show(
            "bulk_preview.html",
            status=200 if fields is None else InvalidRequestError.status,
            wanted=wanted,
            action=action,
            preview=preview,
            fields=fields,
            carried=_carried(visit),
            fresh_key=uuid4().hex,
        )

    async def _wanted(self, fields: Fields) -> _Wanted:
        """What is wanted, and of whom.

        Raises:
            InvalidRequestError: it cannot be made out: no form of ours sends that.
        """
        asked = asked_for(fields, await self._plans())
        kind = fields.choice("kind", KINDS)
        if not fields.ok:
            raise InvalidRequestError(_NO_ACTION, param=next(iter(fields.problems)))
        if fields.visit.text("everybody"):
            return _Wanted(ActionKind(kind), None, asked)
        named = [account_id(each[: _LONGEST_ID + 1]) for each in fields.visit.texts("account")]
        if not named:
            raise InvalidRequestError("Tick the accounts first.", param="account")
        return _Wanted(ActionKind(kind), named, asked)

    async def _plans(self) -> Sequence[str]:
        return [each.plan_id for each in await self._books.plans()]

    async def _all(self, visit: Visit) -> Response:
        before = visit.text("before")
        known = before.isascii() and before.isdigit() and len(before) <= _MOST_DIGITS
        found = await self._books.batches.all(limit=ROWS + 1, before=int(before) if known else None)
        return visit.show(
            "batches.html", batches=found[:ROWS], next_before=found[ROWS - 1].number if len(found) > ROWS else None
        )

    async def _result(self, visit: Visit) -> Response:
        return await self._outcomes(visit, await self._books.batches.get(_batch_id(visit)))

    async def _go_on(self, visit: Visit) -> Response:
        batch = await self._books.batches.go_on(_batch_id(visit), actor=visit.administrator.actor, seconds=SECONDS)
        return await self._outcomes(visit, batch) if visit.partial else visit.to(f"/batches/{batch.batch_id}")

    async def _outcomes(self, visit: Visit, batch: Batch) -> Response:
        outcome = visit.text("outcome")
        after = visit.text("after", longest=_LONGEST_ID)
        found = await self._books.batches.items(
            batch.batch_id,
            outcome=outcome if outcome in OUTCOMES else None,
            limit=ROWS + 1,
            after=AccountId(after) if after else None,
        )
        shown = found[:ROWS]
        return visit.show(
            "_batch.html" if visit.partial else "batch.html",
            batch=batch,
            outcome=outcome,
            outcomes=OUTCOMES,
            items=shown,
            accounts=await self._books.accounts_named(each.account_id for each in shown),
            next_after=found[ROWS - 1].account_id if len(found) > ROWS else None,
        )


def _looked_at(visit: Visit, action: Action, wanted: _Wanted) -> Order:
    """What is wanted, as an order that is only looked at."""
    return Order("preview", action, wanted.selection, "preview", visit.administrator.actor)


def _action(fields: Fields, kind: ActionKind) -> Action:
    """The action that a form describes; what is wrong with it is noted in ``fields``."""
    match kind:
        case ActionKind.CREDITS:
            tokens = fields.whole("tokens", least=1)
            expires_at = fields.end_of_day("expires", time_zone=fields.visit.look.time_zone)
            return Action(kind, tokens=tokens, expires_at=expires_at)
        case ActionKind.PLAN:
            return Action(kind, plan=fields.text("to_plan", longest=_LONGEST_KEY))
        case ActionKind.MESSAGE:
            text = fields.lines("text")
            chat, mail = (fields.visit.text(name) == "on" for name in ("chat", "mail"))
            if not chat and not mail:
                fields.problems["ways"] = Problem.MISSING
            return Action(kind, text=text, chat=chat, mail=mail)
        case ActionKind.SUSPEND:
            return Action(kind, status_reason=fields.text("told", required=False) or None)
        case _:
            return Action(kind)


def _carried(visit: Visit) -> Sequence[tuple[str, str]]:
    """Everything that a form said, for the form that confirms it."""
    own = {"form_token", "key", "reason", "confirmed", "counted"}
    return [(name, said) for name, said in visit.form.multi_items() if isinstance(said, str) and name not in own]


def _batch_id(visit: Visit) -> UUID:
    """The batch that the address names.

    Raises:
        NotFoundError: it can be none.
    """
    try:
        return UUID(visit.segment("batch"))
    except ValueError as exc:
        raise NotFoundError("There is no such batch.", param="batch") from exc
