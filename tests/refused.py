"""Refusals as tests make them."""

from __future__ import annotations

import datetime as dt
from typing import Any

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.refusal_records import Asked, Estimate, Figures, Holder, Holders, Refusal, RefusalReason
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, HoldId

ANA = AccountId("user:ana")
AT = dt.datetime(2026, 1, 15, 12, 0, tzinfo=dt.UTC)

FIGURES = Figures(
    plan_id="default",
    status=Status.ACTIVE,
    allowance_granted=1_000_000,
    allowance_used=999_200,
    credits_remaining=0,
    credits_used=0,
    overdraft=0,
    overage=0,
    held=700,
    max_in_flight=None,
    renews_at=dt.datetime(2026, 2, 1, 3, tzinfo=dt.UTC),
    time_zone="America/Sao_Paulo",
)

ASKED = Asked(
    want=1_200,
    fair=400,
    minimum=301,
    sized_by="demo",
    estimate=Estimate.TOKENIZER,
    prompt_tokens=300,
    prompt_bound=1_100,
    prompt_counted=272,
    count_percent=110,
    output_tokens=900,
    usual_output=100,
    choices=1,
    cap_asked=900,
    model_limit=4_096,
    weight_input="1",
    weight_cached_input="1",
    weight_output="1",
    price=0,
)


def refusal(at: dt.datetime = AT, **fields: Any) -> Refusal:
    """A refusal of Ana's: 800 tokens were left, and requests of hers held 700 of them."""
    usual: dict[str, Any] = {
        "refusal_id": uuid7(int(at.timestamp()), at.microsecond * 1000),
        "account_id": ANA,
        "at": at,
        "last_at": at,
        "reason": RefusalReason.CONTENDED,
        "status": 429,
        "message": "Your balance is held by other requests.",
        "call_type": "acompletion",
        "locale": "en",
        "process": "proxy-1:7",
        "path": "/v1/chat/completions",
        "model": "demo",
        "key_prefix": "0123abcd",
        "waited_ms": 1_000,
        "figures": FIGURES,
        "asked": ASKED,
    }
    return Refusal(**usual | fields)


def holders(*amounts: int, read_at: dt.datetime = AT + dt.timedelta(milliseconds=12)) -> Holders:
    """Requests that hold, each for five seconds."""
    each = tuple(
        Holder(HoldId(uuid7()), "demo", amount, AT - dt.timedelta(seconds=5)) for amount in sorted(amounts)[::-1]
    )
    return Holders(each, len(each), sum(amounts), read_at)
