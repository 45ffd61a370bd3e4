"""The members of a team that shares an account: what each may use, has used and holds; and forgetting one."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.erasure import Erasure
from solaris_hooks.ledger.members import LimitChange
from solaris_hooks.quota.balance import state_of
from solaris_hooks.quota.errors import NotFoundError, SolarisError
from solaris_hooks.quota.ids import MemberId, account_id, is_team, member_id
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit, account_path
from solaris_hooks.web.dependencies import existing

ROWS = 50
_KINDS = ("user:", "key:")


class MemberPages:
    """``/admin/accounts/{account}/members``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the page reads and changes."""
        self._books = services.books

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        path = "/accounts/{account}/members"
        return [
            door.get(path, self._list),
            door.post(path, self._limit),
            door.post(f"{path}/erase", self._erase, Permission.GOVERN),
        ]

    async def _list(self, visit: Visit, fields: Fields | None = None, opened: str = "") -> Response:
        """The page, with the form that was refused, where one was."""
        team = account_id(visit.segment("account"))
        if not is_team(team):
            raise NotFoundError("Only accounts of teams have members.")
        account = await existing(self._books, team)
        after = visit.text("after", longest=300) if fields is None else ""
        page = await self._books.members.page(team, limit=ROWS, after=member_id(after) if after else None)
        return visit.show(
            "members.html",
            status=400 if fields is not None else 200,
            account=account,
            balance=account.balance,
            members=page.members,
            next_after=page.next_after,
            state_of=state_of,
            fields=fields,
            opened=opened,
        )

    async def _limit(self, visit: Visit) -> Response:
        """Limit one member, or all who have no limit of their own; an empty number is no limit."""
        fields = Fields(visit)
        team = account_id(visit.segment("account"))
        await existing(self._books, team)
        said = fields.text("member", required=False, longest=300)
        limit = fields.whole("limit", required=False)
        reason = fields.text("reason")
        if fields.ok:
            try:
                await self._books.members.put_limit(
                    LimitChange(
                        team,
                        visit.administrator.actor,
                        member_id=_member(said) if said else None,
                        limit=limit,
                        is_own=visit.text("inherit") != "on",
                        reason=reason,
                    )
                )
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(f"{account_path(team)}/members", done="saved")
        return await self._list(visit, fields, "limit")

    async def _erase(self, visit: Visit) -> Response:
        """Forget one member; it cannot be undone, so his id is typed twice."""
        fields = Fields(visit)
        team = account_id(visit.segment("account"))
        await existing(self._books, team)
        said = fields.text("member", longest=300)
        fields.same("confirm", said)
        reason = fields.text("reason")
        if fields.ok:
            try:
                member = _member(said)
                await self._books.erasures.erase(
                    Erasure(team, member, reason, visit.administrator.actor, member_id=member)
                )
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(f"{account_path(team)}/members", done="erased")
        return await self._list(visit, fields, "erase")


def _member(said: str) -> MemberId:
    """Whom a form names: an id, or LiteLLM's id of a user."""
    return member_id(said if said.startswith(_KINDS) else f"user:{said}")
