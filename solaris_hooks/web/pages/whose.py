"""Whose session it is: a user's of his own account, or a member's of his team's."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Self

from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId, MemberId, account_id, member_id


@dataclass(frozen=True, slots=True)
class Whose:
    """Who sees what.

    Attributes:
        member_id: who he is, where the account is that of his team: he sees his own share of it.
    """

    account_id: AccountId
    member_id: MemberId | None = None

    @property
    def actor(self) -> str:
        """How the books name his sessions.

        Of a member it is no account's id: a proxy of a version that knows no members' sessions finds no account for
        it, and so shows him nothing, rather than all that his team has.
        """
        return self.account_id if self.member_id is None else json.dumps([self.account_id, self.member_id])

    @classmethod
    def of(cls, actor: str) -> Self:
        """Whose session has this name.

        Raises:
            InvalidRequestError: nobody's.
        """
        if not actor.startswith("["):
            return cls(account_id(actor))
        try:
            account, member = json.loads(actor)
        except ValueError as exc:
            raise InvalidRequestError("This session is nobody's.") from exc
        return cls(account_id(account), member_id(member))
