"""Verification of members: what each used and holds, recomputed from his team's entries and holds."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from solaris_hooks.ledger.chain import EntryFields
from solaris_hooks.ledger.records import EntryKind, Flaw
from solaris_hooks.quota.ids import AccountId, MemberId, is_team

_BEGIN_A_PERIOD = frozenset({EntryKind.OPENING, EntryKind.RENEWAL})
_USE = frozenset({EntryKind.USAGE, EntryKind.OVERAGE})


@dataclass(frozen=True, slots=True)
class StoredMember:
    """What a member's own row and his holds say; all tokens are booked (weighted).

    Attributes:
        used: in the team's present period.
        holds_sum: sum of the amounts of his holds; must be ``held``.
    """

    account_id: AccountId
    member_id: MemberId
    used: int
    held: int
    holds_sum: int


class MemberVerifier:
    """Checks members: give it the entries of each account in order of number, then what is stored of its members.

    It keeps one figure for each member of an account that is not closed yet.
    """

    def __init__(self) -> None:
        """Start with no account."""
        self._used: dict[AccountId, Counter[str]] = {}

    def entry(self, entry: EntryFields) -> None:
        """Add the next entry of an account to what its member used in the period that it belongs to."""
        account_id = AccountId(entry.account_id)
        if not is_team(account_id):
            return
        if entry.kind in _BEGIN_A_PERIOD:
            self._used.pop(account_id, None)
        member = _member_of(entry) if entry.kind in _USE else None
        if member is not None:
            self._used.setdefault(account_id, Counter())[member] -= entry.tokens

    def account(self, account_id: AccountId, stored: Sequence[StoredMember]) -> Iterator[Flaw]:
        """Check the members of an account, after its last entry."""
        used = self._used.pop(account_id, Counter())
        for each in stored:
            booked = used.pop(each.member_id, 0)
            if each.used != booked:
                yield Flaw(
                    account_id, None, f"member {each.member_id} has used {each.used} by his row, {booked} by entries"
                )
            if each.held != each.holds_sum:
                yield Flaw(
                    account_id,
                    None,
                    f"member {each.member_id} holds {each.held} by his row, {each.holds_sum} by his holds",
                )
        for member, booked in used.items():
            yield Flaw(account_id, None, f"entries say that {member} used {booked}, but there is no such member")


def _member_of(entry: EntryFields) -> str | None:
    """Whom an entry names; None also where somebody made it unreadable, which its digest tells."""
    try:
        member = json.loads(entry.details).get("member")
    except (ValueError, AttributeError):
        return None
    return member if isinstance(member, str) else None
