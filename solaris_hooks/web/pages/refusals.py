"""``/me/refusals``: what was refused to whoever reads it, and why, in plain words."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.refusal_book import RefusalFilter
from solaris_hooks.ledger.refusal_words import explain
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.web.member_view import own_refusals
from solaris_hooks.web.pages.door import OwnDoor
from solaris_hooks.web.pages.visit import OwnVisit

REFUSALS = 10
"""Refusals of a page."""


class RefusalPages:
    """Refused requests of one's own."""

    def __init__(self, door: OwnDoor) -> None:
        """Keep the door."""
        self._door = door
        self._books = door.services.books

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these pages."""
        return [self._door.get("/refusals", self._show)]

    async def _show(self, visit: OwnVisit) -> Response:
        before = before_of(visit)
        found = await own_refusals(
            self._books, visit.account_id, visit.member_id, RefusalFilter(before=before), limit=REFUSALS + 1
        )
        page = found[:REFUSALS]
        return visit.show(
            "refusals.html",
            refusals=[(each, explain(each, visit.locale)) for each in page],
            before=before,
            older=page[-1].refusal_id if len(found) > REFUSALS else None,
        )


def before_of(visit: OwnVisit) -> UUID | None:
    """The id that a page's address says is the last of the page before.

    Raises:
        InvalidRequestError: it is no id.
    """
    said = visit.request.query_params.get("before")
    if said is None:
        return None
    try:
        return UUID(said)
    except ValueError as exc:
        raise InvalidRequestError("A page begins before an id.", param="before") from exc
