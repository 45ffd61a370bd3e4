"""What a user sets for himself: language, and how he is told."""

from __future__ import annotations

from collections.abc import Sequence

from starlette.responses import Response
from starlette.routing import BaseRoute

from solaris_hooks.ledger.account_actions import PreferenceChange
from solaris_hooks.messages import LOCALES
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.web.access import ForbiddenError
from solaris_hooks.web.pages.door import OwnDoor
from solaris_hooks.web.pages.visit import OwnVisit


class PreferencePages:
    """``/me/settings``."""

    def __init__(self, door: OwnDoor) -> None:
        """Keep the door."""
        self._door = door
        self._actions = door.services.books.actions

    def routes(self) -> Sequence[BaseRoute]:
        """The addresses of these pages."""
        return [
            self._door.get("/settings", self._show),
            self._door.post("/settings", self._save),
        ]

    async def _show(self, visit: OwnVisit) -> Response:
        template = "settings.html" if visit.member_id is None else "member_settings.html"
        return visit.show(template, preferences=await self._actions.preferences(visit.account_id))

    async def _save(self, visit: OwnVisit) -> Response:
        if visit.member_id is not None:
            raise ForbiddenError("Your team's administrator sets this.")
        locale = visit.text("locale")
        if locale not in LOCALES:
            raise InvalidRequestError(f"A language is one of {', '.join(LOCALES)}.", param="locale")
        await self._actions.set_preferences(
            PreferenceChange(
                visit.account_id,
                visit.account_id,
                locale=locale,
                mails=bool(visit.text("mails")),  # a box without its mark is not sent
                chat_notices=bool(visit.text("chat_notices")),
            )
        )
        return visit.to("/settings", done="saved")
