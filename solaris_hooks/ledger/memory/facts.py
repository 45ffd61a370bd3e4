"""What the in-memory ledger writes of a happening, and what it compares before one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping

from solaris_hooks.ledger.records import NOTHING, CreditOrigin, Grant, Nothing, Settlement
from solaris_hooks.quota.balance import Balance
from solaris_hooks.quota.ids import MemberId


def event_figures(balance: Balance) -> Mapping[str, object]:
    """What an event says of its account."""
    return {
        "plan": balance.plan_id,
        "granted": balance.limit,
        "used": balance.used,
        "remaining": balance.remaining,
        "credits": balance.credits_remaining,
        "overage": balance.overage,
        "percent": balance.use_percent,
        "period_start": seconds_text(balance.period.start),
        "period_end": seconds_text(balance.period.end),
    }


def set_to(text: str | None, change: str | Nothing | None) -> str | None:
    """A text after a change."""
    if change is NOTHING:
        return None
    return text if change is None else change


def seconds_text(instant: dt.datetime) -> str:
    """A time in UTC, to the second."""
    return instant.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def settlement_facts(settlement: Settlement, member_id: MemberId | None) -> Mapping[str, object]:
    """What the entry of a settlement keeps beside its tokens: also whose it is, where it is a member's."""
    usage = settlement.usage
    return {
        "hold_id": str(settlement.hold_id),
        "model": settlement.model,
        "source": settlement.source.value,
        "input_tokens": usage.input_tokens,
        "cached_input_tokens": usage.cached_input_tokens,
        "output_tokens": usage.output_tokens,
        "reasoning_tokens": usage.reasoning_tokens,
        "more": dict(settlement.details),
        **({} if member_id is None else {"member": member_id}),
    }


def asked(grant: Grant) -> tuple[int, CreditOrigin, dt.datetime | None]:
    """What must be the same for a repeated grant to be the same grant."""
    return (grant.tokens, grant.origin, grant.expires_at)
