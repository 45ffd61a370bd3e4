"""Personal data of an account's user, erased on request; see decision 0035 for what stays, and why."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId, MemberId


@dataclass(frozen=True, slots=True)
class Erasure:
    """An order to forget a person. It cannot be undone.

    Attributes:
        confirm: the account's id once more, so that no slip erases anybody; of a member, his.
        reason: why, without personal data: it stays in the audit trail.
        member_id: the one member to forget, where the account is a team's; None for everybody whom it knows.
    """

    account_id: AccountId
    confirm: str
    reason: str
    actor: str
    member_id: MemberId | None = None


@dataclass(frozen=True, slots=True)
class Erased:
    """What an erasure took away, in numbers, and what it could not.

    Attributes:
        entry_texts: reasons of entries.
        events: messages and other events whose texts went.
        deliveries: mails whose address went.
        audit_rows: rows of the audit trail whose texts went.
        clear_reasons: reasons of entries from before reasons stood beside the chain: they are part of it, and stay.
        id_names_person: the account's id is an e-mail address, and every entry's digest is over it: it stays.
    """

    entry_texts: int
    events: int
    deliveries: int
    audit_rows: int
    clear_reasons: int
    id_names_person: bool


class Erasures:
    """Forgets people: each call is one statement and one transaction."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def erase(self, erasure: Erasure) -> Erased:
        """Forget a person, who is out of use afterwards. Audited, without what was erased.

        With a team's account all its members are forgotten, with a user's what teams know of him as their member.

        Raises:
            NotFoundError: there is no such account, or it has no such member.
            InvalidRequestError: the id was not repeated.
        """
        if erasure.confirm != (erasure.member_id or erasure.account_id):
            whose = "account's" if erasure.member_id is None else "member's"
            raise InvalidRequestError(f"Repeat the {whose} id to confirm: this cannot be undone.", param="confirm")
        row = await self._statements.one(
            "erase_account" if erasure.member_id is None else "erase_member",
            {
                "account_id": erasure.account_id,
                "member_id": erasure.member_id,
                "reason": erasure.reason,
                "actor": erasure.actor,
                "now": self._clock(),
            },
        )
        return Erased(**row["erased"], id_names_person="@" in (erasure.member_id or erasure.account_id))
