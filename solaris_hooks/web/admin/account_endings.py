"""How an account ends: it goes into another one, or its person is forgotten. Neither can be undone."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import uuid4

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.erasure import Erasure
from solaris_hooks.ledger.merges import Merge
from solaris_hooks.quota.errors import InvalidRequestError, SolarisError
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.account import AccountPages
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit, account_path
from solaris_hooks.web.dependencies import existing

_LONGEST_ID = 300
_LONGEST_KEY = 64


class AccountEndings:
    """The forms of an account's page that only a super-administrator has."""

    def __init__(self, services: AdminServices, pages: AccountPages) -> None:
        """Keep what is changed, and the page that shows a form again that was refused."""
        self._services = services
        self._pages = pages

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of these forms."""
        of = "/accounts/{account}"
        return [
            door.post(f"{of}/merge/preview", self._merge_preview, Permission.GOVERN),
            door.post(f"{of}/merge", self._merge, Permission.GOVERN),
            door.post(f"{of}/erase", self._erase, Permission.GOVERN),
        ]

    async def _merge_preview(self, visit: Visit) -> Response:
        fields = Fields(visit)
        merge = _merge(fields, reason="preview", key="preview")
        if merge is not None and fields.ok:
            try:
                return await self._would_move(visit, merge, None)
            except SolarisError as exc:
                fields.refuse(exc)
        return await self._pages.show(visit, fields, opened="merge")

    async def _merge(self, visit: Visit) -> Response:
        fields = Fields(visit)
        reason = fields.text("reason")
        key = fields.text("key", longest=_LONGEST_KEY)
        fields.same("confirm", visit.segment("account"))
        merge = _merge(fields, reason=reason, key=f"page:{key}")
        if merge is None:
            return await self._pages.show(visit, fields, opened="merge")
        if fields.ok:
            try:
                result = await self._services.books.merges.merge(merge)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(account_path(merge.target), done="merged_before" if result.replayed else "merged")
        return await self._would_move(visit, merge, fields)

    async def _would_move(self, visit: Visit, merge: Merge, fields: Fields | None) -> Response:
        """What a merge would move, and the form that lets it happen.

        Raises:
            SolarisError: it cannot happen.
        """
        books = self._services.books
        result = await books.merges.merge(merge, dry_run=True)
        return visit.show(
            "merge.html",
            status=200 if fields is None else InvalidRequestError.status,
            source=await existing(books, merge.source),
            target=await existing(books, merge.target),
            merge=merge,
            moved=result.moved,
            fields=fields,
            fresh_key=uuid4().hex,
        )

    async def _erase(self, visit: Visit) -> Response:
        account, fields = account_id(visit.segment("account")), Fields(visit)
        reason = fields.text("reason")
        fields.same("confirm", account)
        if fields.ok:
            erasure = Erasure(account, account, reason, visit.administrator.actor)
            try:
                await self._services.books.erasures.erase(erasure)
            except SolarisError as exc:
                fields.refuse(exc)
            else:
                return visit.to(account_path(account), done="erased")
        return await self._pages.show(visit, fields, opened="erase")


def _merge(fields: Fields, *, reason: str, key: str) -> Merge | None:
    """The merge that a form describes; None where it names no account that can be."""
    visit = fields.visit
    source = account_id(visit.segment("account"))
    into = _account(fields, "into")
    if into is None:
        return None
    return Merge(source, into, reason, visit.administrator.actor, key, move_use=visit.text("move_use") == "on")


def _account(fields: Fields, name: str) -> AccountId | None:
    said = fields.text(name, longest=_LONGEST_ID)
    if name in fields.problems:
        return None
    try:
        return account_id(said)
    except InvalidRequestError:
        fields.problems[name] = Problem.UNKNOWN
        return None
