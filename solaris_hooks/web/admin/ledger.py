"""The ledger: verifications, checkpoints, and what is held now."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from typing import Any
from uuid import UUID

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.verifications import VerificationState
from solaris_hooks.quota.errors import ConflictError, InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.roles import Permission
from solaris_hooks.web.admin.door import Door
from solaris_hooks.web.admin.forms import Fields, Problem
from solaris_hooks.web.admin.services import AdminServices
from solaris_hooks.web.admin.visit import Visit

RESULTS = 10
CHECKPOINTS = 20
HOLDS = 100


class LedgerPages:
    """``/admin/ledger``."""

    def __init__(self, services: AdminServices) -> None:
        """Keep what the pages read, and what verifies."""
        self._books = services.books
        self._verifier = services.verifier

    def routes(self, door: Door) -> Sequence[BaseRoute]:
        """The addresses of this section."""
        return [
            door.get("/ledger", self._show),
            door.get("/ledger/verifications/{verification}", self._one),
            door.post("/ledger/verify", self._verify, Permission.VERIFY),
        ]

    async def _show(self, visit: Visit) -> Response:
        if visit.partial:
            return visit.show("_verifications.html", **await self._verifications())
        return await self._page(visit, Fields(visit))

    async def _verifications(self) -> dict[str, Any]:
        runs = await self._books.verifications.newest(limit=RESULTS)
        return {"runs": runs, "running": any(each.state is VerificationState.RUNNING for each in runs)}

    async def _page(self, visit: Visit, fields: Fields, *, status: int = 200, busy: bool = False) -> Response:
        held = await self._books.holds(limit=HOLDS + 1)
        return visit.show(
            "ledger.html",
            status=status,
            **await self._verifications(),
            checkpoints=await self._books.verifications.checkpoints(limit=CHECKPOINTS),
            holds=held[:HOLDS],
            more_holds=len(held) > HOLDS,
            now=dt.datetime.now(dt.UTC),
            fields=fields,
            busy=busy,
        )

    async def _one(self, visit: Visit) -> Response:
        try:
            run = await self._books.verifications.get(UUID(visit.segment("verification")))
        except ValueError:
            run = None
        if run is None:
            raise NotFoundError("There is no such verification.", param="verification")
        return visit.show("verification.html", run=run)

    async def _verify(self, visit: Visit) -> Response:
        fields = Fields(visit)
        account = await self._account(fields)
        if not fields.ok:
            return await self._page(visit, fields, status=InvalidRequestError.status)
        try:
            await self._verifier.start(account, actor=visit.administrator.actor)
        except ConflictError as exc:
            return await self._page(visit, fields, status=exc.status, busy=True)
        return visit.to("/ledger", done="verifying")

    async def _account(self, fields: Fields) -> AccountId | None:
        """The account to verify; None for all. What cannot be is noted."""
        said = fields.typed("account")
        if not said:
            return None
        try:
            wanted = account_id(said)
        except InvalidRequestError:
            fields.problems["account"] = Problem.NO_ACCOUNT
            return None
        if not await self._books.accounts_named([wanted]):
            fields.problems["account"] = Problem.NO_ACCOUNT
        return wanted
