"""Which of LiteLLM's virtual keys pay from an account, for the pages of administrators."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Sequence
from typing import Any

import httpx
from prisma.errors import PrismaError

from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.admin.services import LiteLLMKey

_LOG = logging.getLogger(__name__)
_MOST = 50


async def keys_of(account: AccountId) -> Sequence[LiteLLMKey] | None:
    """The virtual keys of an account's user, newest first; None where LiteLLM cannot tell.

    End users of a trusted service and teams have none that are theirs alone.
    """
    from litellm.proxy import proxy_server  # noqa: PLC0415 - only inside a proxy

    kind, _, name = account.partition(":")
    wanted = {"user": {"user_id": name}, "key": {"token": name}}.get(kind)
    if wanted is None:
        return []
    if proxy_server.prisma_client is None:
        return None
    try:
        found = await proxy_server.prisma_client.db.litellm_verificationtoken.find_many(
            where=wanted, order={"created_at": "desc"}, take=_MOST
        )
    except (PrismaError, httpx.HTTPError, OSError):  # the page shows all the rest without them
        _LOG.exception("LiteLLM's keys cannot be listed")
        return None
    return [_key(each) for each in found]


def _key(row: Any) -> LiteLLMKey:
    return LiteLLMKey(
        name=row.key_alias or row.key_name or f"{row.token[:8]}...",
        blocked=bool(row.blocked),
        created_at=_utc(row.created_at),
        expires_at=_utc(row.expires),
    )


def _utc(instant: dt.datetime | None) -> dt.datetime | None:
    """Prisma's times are UTC, with or without saying so."""
    if instant is None:
        return None
    return instant.astimezone(dt.UTC) if instant.tzinfo else instant.replace(tzinfo=dt.UTC)
