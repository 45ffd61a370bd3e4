"""Identifiers: which account pays, and which hold is meant."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import NewType
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.quota.errors import InvalidRequestError

AccountId = NewType("AccountId", str)
"""``user:<LiteLLM user_id>``, ``key:<SHA-256 of the virtual key>``, ``end_user:<asserted id>`` or, of a budget that
several share, ``team:<LiteLLM team_id>``."""

MemberId = NewType("MemberId", str)
"""Who asks within a team: ``user:<LiteLLM user_id>``, or ``key:<SHA-256 of the virtual key>`` of a key without user."""

HoldId = NewType("HoldId", UUID)
"""A UUIDv7 minted by us for each request; never anything that a client can choose."""

MAX_ACCOUNT_ID_CHARACTERS = 300
MOST_CHECKED = 10_000
"""Ids of which a process remembers that they are good; some 3 MB."""

_ACCOUNT_ID = re.compile(r"(?:user|key|end_user|team):(?P<id>.+)", re.DOTALL)
_MEMBER_KINDS = ("user:", "key:")
_TEAM_KIND = "team:"
_UNFIT = frozenset({"Cc", "Cs", "Zl", "Zp"})


def new_hold_id() -> HoldId:
    """Mint a hold id. Its time prefix keeps index pages and monthly partitions together."""
    return HoldId(uuid7())


@lru_cache(maxsize=MOST_CHECKED)
def account_id(text: str) -> AccountId:
    """Check an account id.

    Raises:
        InvalidRequestError: it is not of one of the four kinds, is too long, or holds what cannot be printed.
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
            "An account id reads user:<user_id>, key:<hash>, end_user:<id> or team:<team_id>, "
            f"with at most {MAX_ACCOUNT_ID_CHARACTERS} printable characters.",
            param="account_id",
        )
    return AccountId(text)


def is_team(account: AccountId) -> bool:
    """Whether an account is a team's, so that members share it."""
    return account.startswith(_TEAM_KIND)


def member_id(text: str) -> MemberId:
    """Check the id of a member.

    Raises:
        InvalidRequestError: it is not of one of the two kinds, is too long, or holds what cannot be printed.
    """
    if not text.startswith(_MEMBER_KINDS):
        raise InvalidRequestError("A member's id reads user:<user_id> or key:<hash>.", param="member")
    return MemberId(account_id(text))
