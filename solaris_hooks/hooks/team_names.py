"""What LiteLLM calls its teams, kept in the books: reports say it where LiteLLM cannot be asked."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from solaris_hooks.quota.errors import SolarisError

if TYPE_CHECKING:
    from litellm.proxy._types import UserAPIKeyAuth

    from solaris_hooks.ledger.port import Teams

_LOG = logging.getLogger(__name__)

MAX_REMEMBERED = 20_000
"""Teams whose name a process remembers to have noted; some 4 MB."""


class TeamNames:
    """Notes the name of each team when this process first sees it, or sees another name of it."""

    def __init__(self, books: Teams) -> None:
        """Keep the books."""
        self._books = books
        self._noted: dict[str, str] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def note_soon(self, auth: UserAPIKeyAuth) -> None:
        """Note in the background: nobody's answer waits for a name.

        Args:
            auth: who LiteLLM says asks.
        """
        team_id, alias = auth.team_id, auth.team_alias
        if not team_id or not alias or self._noted.get(team_id) == alias:
            return
        if len(self._noted) >= MAX_REMEMBERED:
            self._noted.clear()
        self._noted[team_id] = alias
        task = asyncio.get_running_loop().create_task(self._note(team_id, alias))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _note(self, team_id: str, alias: str) -> None:
        try:
            await self._books.note_team(team_id, alias)
        except SolarisError as exc:
            self._noted.pop(team_id, None)  # the next request tries again
            _LOG.warning("the name of team %s is not noted yet: %s", team_id, exc.message)
