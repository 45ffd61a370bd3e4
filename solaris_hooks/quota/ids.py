"""Identifiers: which account pays, and which hold is meant."""

from __future__ import annotations

import re
import unicodedata
from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.quota.errors import InvalidRequestError

AccountId = NewType("AccountId", str)
"""``user:<LiteLLM user_id>``, ``key:<SHA-256 of the virtual key>`` or ``end_user:<asserted id>``."""

HoldId = NewType("HoldId", UUID)
"""A UUIDv7 minted by us for each request; never anything that a client can choose."""

MAX_ACCOUNT_ID_CHARACTERS = 300
_ACCOUNT_ID = re.compile(r"(?:user|key|end_user):(?P<id>.+)", re.DOTALL)
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def new_hold_id() -> HoldId:
    """Mint a hold id. Its time prefix keeps index pages and monthly partitions together."""
    return HoldId(uuid7())


def account_id(text: str) -> AccountId:
    """Check an account id.

    Raises:
        InvalidRequestError: it is not of one of the three kinds, is too long, or holds what cannot be printed.
    """
    match = _ACCOUNT_ID.fullmatch(text)
    # Control characters and line separators could forge lines in logs; a space at either end is not seen.
    plain = (
        match is not None
        and match["id"] == match["id"].strip()
        and not any(unicodedata.category(each) in _UNFIT for each in text)
    )
    if not plain or len(text) > MAX_ACCOUNT_ID_CHARACTERS:
        raise InvalidRequestError(
            "An account id reads user:<user_id>, key:<hash> or end_user:<id>, "
            f"with at most {MAX_ACCOUNT_ID_CHARACTERS} printable characters.",
            param="account_id",
        )
    return AccountId(text)
