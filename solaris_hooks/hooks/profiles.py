"""E-mail and name of a user, from LiteLLM's own table of users."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from solaris_hooks.ledger.records import AccountChange
from solaris_hooks.quota.errors import SolarisError

if TYPE_CHECKING:
    from solaris_hooks.ledger.port import Books
    from solaris_hooks.quota.ids import AccountId

_LOG = logging.getLogger(__name__)


class Profiles:
    """Fills in the profile of an account that was just made."""

    def __init__(self, ledger: Books) -> None:
        """Keep the books."""
        self._ledger = ledger
        self._tasks: set[asyncio.Task[None]] = set()

    def fetch_soon(self, account_id: AccountId) -> None:
        """Fetch in the background: nobody's answer waits for a name."""
        if not account_id.startswith("user:"):
            return
        task = asyncio.get_running_loop().create_task(self._fetch(account_id))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _fetch(self, account_id: AccountId) -> None:
        from litellm.proxy import proxy_server  # noqa: PLC0415 - its client is made after this import

        if proxy_server.prisma_client is None:
            return
        try:
            user = await proxy_server.prisma_client.db.litellm_usertable.find_unique(
                where={"user_id": account_id.removeprefix("user:")}
            )
            if user is not None and (user.user_email or user.user_alias):
                change = AccountChange(email=user.user_email, name=user.user_alias)
                await self._ledger.put_account(account_id, change, actor="system")
        except SolarisError as exc:
            _LOG.warning("profile of %s is not stored: %s", account_id, exc.message)
        except Exception:  # noqa: BLE001 - whatever Prisma raises: a missing name must not hurt
            _LOG.warning("profile of %s cannot be read from LiteLLM", account_id, exc_info=True)
