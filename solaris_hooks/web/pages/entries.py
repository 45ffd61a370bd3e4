"""Lines of an account's ledger in plain words."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from dataclasses import dataclass

from solaris_hooks.ledger.records import Entry, EntryKind
from solaris_hooks.messages import sentence


@dataclass(frozen=True, slots=True)
class Line:
    """An entry as its account's user reads it."""

    at: dt.datetime
    said: str
    tokens: int
    left: int


def lines(locale: str, entries: Sequence[Entry]) -> list[Line]:
    """Entries, in the order in which they come."""
    return [
        Line(each.at, _said(locale, each), each.tokens, each.allowance_after + each.credits_after - each.overage_after)
        for each in entries
    ]


def _said(locale: str, entry: Entry) -> str:
    said = {
        EntryKind.OPENING: sentence(locale, "entry.opening"),
        EntryKind.RENEWAL: sentence(locale, "entry.renewal"),
        EntryKind.LAPSE: sentence(locale, "entry.lapse"),
        EntryKind.OVERAGE: sentence(locale, "entry.overage"),
        EntryKind.CREDIT: sentence(locale, "entry.credit"),
        EntryKind.CREDIT_EXPIRY: sentence(locale, "entry.credit_expiry"),
        EntryKind.CREDIT_REVOCATION: sentence(locale, "entry.credit_revocation"),
        EntryKind.PLAN_CHANGE: sentence(locale, "entry.plan_change"),
        EntryKind.RESET: sentence(locale, "entry.reset"),
        EntryKind.MERGE: sentence(locale, "entry.merge"),
    }.get(entry.kind)
    if entry.kind is EntryKind.USAGE:
        model = json.loads(entry.details).get("model")
        return sentence(locale, "entry.usage", model=str(model))
    if said is None:
        return sentence(locale, "entry.other")
    return f"{said}: {entry.reason}" if entry.reason else said
