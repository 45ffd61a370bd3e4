"""A refusal in plain sentences, in the reader's language. Pure: the same refusal always reads the same."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass

from solaris_hooks.ledger.refusal_records import Asked, Estimate, Figures, Holder, Holders, Refusal, RefusalReason
from solaris_hooks.messages import day, sentence, whole_number

SHOWN_HOLDERS = 5
"""Requests that are named one by one, the largest first."""

_REASONS = {
    RefusalReason.EXHAUSTED: "why.exhausted",
    RefusalReason.TIGHT: "why.tight",
    RefusalReason.CONTENDED: "why.contended",
    RefusalReason.CROWDED: "why.too_many_in_flight",
    RefusalReason.MODEL: "why.model_not_allowed",
    RefusalReason.SUSPENDED: "why.suspended",
    RefusalReason.BLOCKED: "why.blocked",
    RefusalReason.PENDING: "why.pending",
    RefusalReason.UNKNOWN_USER: "why.unknown_user",
    RefusalReason.CALL_TYPE: "why.call_type_not_metered",
    RefusalReason.ROUTE: "why.route_not_metered",
    RefusalReason.NO_PRICE: "why.price_not_set",
    RefusalReason.INVALID: "why.invalid_request",
    RefusalReason.UNAVAILABLE: "why.ledger_unavailable",
    RefusalReason.DEFECT: "why.defect",
    RefusalReason.CUT_SHORT: "why.cut_short",
    RefusalReason.OTHER: "why.other",
}
_ABOUT_TOKENS = frozenset(
    {
        RefusalReason.EXHAUSTED,
        RefusalReason.TIGHT,
        RefusalReason.CONTENDED,
        RefusalReason.CROWDED,
        RefusalReason.CUT_SHORT,
    }
)
"""Where the figures explain the refusal; elsewhere they had no part in it."""

_ESTIMATES = {
    Estimate.UPPER_BOUND: "why.by_upper_bound",
    Estimate.TOKENIZER: "why.by_tokenizer",
    Estimate.WINDOW: "why.by_window",
}


@dataclass(frozen=True, slots=True)
class Said:
    """A sentence before it is put into words.

    Attributes:
        key: its id in the catalogues.
        values: what its placeholders stand for: numbers of tokens, times, or text.
    """

    key: str
    values: dict[str, int | str | dt.datetime]


def explain(refusal: Refusal, locale: str) -> list[str]:
    """Why a request was refused, sentence by sentence.

    Args:
        refusal: what was kept of it.
        locale: ``pt_BR`` or ``en``.
    """
    return [
        sentence(locale, said.key, **{name: _shown(locale, value) for name, value in said.values.items()})
        for said in (*said_of(refusal), *_renewal(refusal, locale))
    ]


def said_of(refusal: Refusal) -> Iterator[Said]:
    """The same as keys and values, but for the renewal, whose day each language writes its own way."""
    yield from _beginning(refusal)
    yield Said(_REASONS[refusal.reason], {})
    if refusal.reason in _ABOUT_TOKENS:
        if refusal.asked is not None:
            yield from _asked(refusal.asked)
        if refusal.figures is not None:
            yield from _balance(refusal.figures)
        if refusal.holders is not None:
            yield from _holders(refusal, refusal.holders)
    if refusal.waited_ms:
        yield Said("why.waited", {"seconds": f"{refusal.waited_ms / 1000:.1f}"})
    if refusal.message:
        yield Said("why.told", {"message": refusal.message})


def _beginning(refusal: Refusal) -> Iterator[Said]:
    values: dict[str, int | str | dt.datetime] = {
        "at": refusal.at,
        "model": refusal.model or "",
        "call_type": refusal.call_type,
        "status": str(refusal.status),
    }
    if refusal.reason is RefusalReason.CUT_SHORT:
        yield Said("why.ended_early", values)
    else:
        yield Said("why.refused" if refusal.model else "why.refused_call", values)
    if refusal.count > 1:
        yield Said("why.folded", {"count": refusal.count, "last_at": refusal.last_at})


def _asked(asked: Asked) -> Iterator[Said]:
    yield Said("why.wanted", {"want": asked.want, "fair": asked.fair, "minimum": asked.minimum})
    if asked.price:
        yield Said("why.price", {"price": asked.price})
    elif not asked.prompt_tokens:
        return
    yield Said(
        _ESTIMATES[asked.estimate],
        {
            "prompt": asked.prompt_tokens,
            "bound": asked.prompt_bound,
            "counted": asked.prompt_counted or 0,
            "percent": asked.count_percent,
        },
    )
    if asked.output_tokens:
        yield Said(
            "why.output" if asked.choices == 1 else "why.outputs",
            {"output": asked.output_tokens, "choices": asked.choices},
        )
        yield Said("why.no_cap", {}) if asked.cap_asked is None else Said("why.cap", {"cap": asked.cap_asked})
        if asked.model_limit is not None:
            yield Said("why.model_limit", {"limit": asked.model_limit})
    if {asked.weight_input, asked.weight_output} != {"1"}:
        yield Said("why.weights", {"model": asked.sized_by, "input": asked.weight_input, "output": asked.weight_output})


def _balance(figures: Figures) -> Iterator[Said]:
    yield Said(
        "why.granted",
        {
            "granted": figures.granted,
            "allowance": figures.allowance_granted,
            "credits": figures.credits_used + figures.credits_remaining,
            "used": figures.used,
        },
    )
    if figures.overdraft:
        yield Said("why.overdraft", {"overdraft": figures.overdraft})
    if figures.max_in_flight is not None:
        yield Said("why.max_in_flight", {"most": figures.max_in_flight})
    left = {"left": max(0, figures.spendable), "held": figures.held, "available": figures.available}
    yield Said("why.left_held" if figures.held else "why.left", {**left})


def _holders(refusal: Refusal, holders: Holders) -> Iterator[Said]:
    yield Said(
        "why.holders" if holders.requests > 1 else "why.holder",
        {"requests": holders.requests, "amount": holders.amount},
    )
    shown = holders.largest[:SHOWN_HOLDERS]
    for each in shown:
        yield _holder(refusal, each)
    more = holders.requests - len(shown)
    if more:
        yield Said("why.more_holders", {"more": more})
    late = (holders.read_at - refusal.at) / dt.timedelta(milliseconds=1)
    yield Said("why.read_later", {"late": max(0, round(late))})


def _holder(refusal: Refusal, holder: Holder) -> Said:
    return Said(
        "why.held_by",
        {
            "amount": holder.amount,
            "model": holder.model,
            "held_at": holder.held_at,
            "seconds": max(0, round((refusal.at - holder.held_at).total_seconds())),
            "hold_id": str(holder.hold_id),
        },
    )


def _renewal(refusal: Refusal, locale: str) -> Iterator[Said]:
    figures = refusal.figures
    if figures is not None and refusal.reason in {RefusalReason.EXHAUSTED, RefusalReason.TIGHT}:
        yield Said("why.renews", {"renewal": day(locale, figures.renews_at, figures.time_zone)})


def _shown(locale: str, value: int | str | dt.datetime) -> str:
    if isinstance(value, dt.datetime):
        return f"{value.astimezone(dt.UTC):%Y-%m-%d %H:%M:%S} UTC"
    return whole_number(locale, value) if isinstance(value, int) else value
