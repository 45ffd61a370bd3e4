"""Calls of one member of a team: what of the team's ledger is his own to read."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from solaris_hooks.quota.ids import HoldId


@dataclass(frozen=True, slots=True)
class MemberCall:
    """A call that was booked to a member of a team.

    Attributes:
        call_id: of its hold, a UUIDv7. It takes the place of the number of the entry, which would tell how many
            entries other members have.
        at: when it was booked, UTC.
        tokens: booked (weighted) tokens.
        input_tokens: of the provider's count, as the other two.
        estimated: whether no provider reported its use.
    """

    call_id: HoldId
    at: dt.datetime
    model: str
    tokens: int
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    estimated: bool
