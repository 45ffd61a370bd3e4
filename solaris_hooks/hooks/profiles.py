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

MAX_REMEMBERED = 100_000
"""Accounts of which a process remembers that it looked; some 10 MB."""


class Profiles:
    """Fills in the profile of each account, when this process first sees it and LiteLLM knows more."""

    def __init__(self, ledger: Books) -> None:
        """Keep the books."""
        self._ledger = ledger
        self._tasks: set[asyncio.Task[None]] = set()
        self._looked_up: set[AccountId] = set()

    def fetch_soon(self, account_id: AccountId) -> None:
        """Fetch in the background: nobody's answer waits for a name."""
        if not account_id.startswith("user:") or account_id in self._looked_up:
            return
        if len(self._looked_up) >= MAX_REMEMBERED:
            self._looked_up.clear()
        self._looked_up.add(account_id)
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
            account = await self._ledger.account(account_id)
            if user is None or account is None:
                return
            email, name = user.user_email or account.email, user.user_alias or account.name
            if (email, name) != (account.email, account.name):
                change = AccountChange(email=email, name=name)
                await self._ledger.put_account(account_id, change, actor="system")
        except SolarisError as exc:
            _LOG.warning("profile of %s is not stored: %s", account_id, exc.message)
        except Exception:  # noqa: BLE001 - whatever Prisma raises: a missing name must not hurt
            _LOG.warning("profile of %s cannot be read from LiteLLM", account_id, exc_info=True)
