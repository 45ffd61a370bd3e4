"""From rows of PostgreSQL to the ledger's records."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Mapping, Sequence
from typing import Any

from solaris_hooks.ledger.event import Event, EventKind
from solaris_hooks.ledger.lengths import LengthCount, LengthKind
from solaris_hooks.ledger.records import Account, CreditLot, DailyUsage, Entry, EntryKind, Hold, Plan
from solaris_hooks.ledger.sweep import LoggedUse
from solaris_hooks.ledger.terms_json import standing, terms, weights_of
from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId
from solaris_hooks.quota.period import Period
from solaris_hooks.quota.share import Share
from solaris_hooks.quota.usage import reported_usage

Row = Mapping[str, Any]


def _utc(instant: dt.datetime) -> dt.datetime:
    """In UTC, whatever the session's time zone is: Python finds equal times of two zones unequal near DST changes."""
    return instant.astimezone(dt.UTC)


def _utc_or_none(instant: dt.datetime | None) -> dt.datetime | None:
    return None if instant is None else _utc(instant)


def balance(account_id: AccountId, row: Row, member_id: MemberId | None = None) -> Balance:
    """Balance of an account from the columns that a hold, a settlement and ``solaris.accounts`` have in common.

    A hold and a settlement also have those of a member's share.
    """
    return Balance(
        account_id=account_id,
        status=Status(row["status"]),
        status_reason=row["status_reason"],
        plan_id=row["plan_id"],
        locale=row["locale"],
        time_zone=row["time_zone"],
        period=Period(_utc(row["period_start"]), _utc(row["period_end"])),
        allowance_granted=row["allowance_granted"],
        allowance_used=row["allowance_used"],
        credits_remaining=row["credits_remaining"],
        credits_used=row["credits_used"],
        held=row["held"],
        overage=row["overage"],
        terms=terms(row["overdraft"], row["max_in_flight"], row["terms"]),
        share=None if member_id is None else share(member_id, row),
    )


def share(member_id: MemberId, row: Row) -> Share:
    """A member's share from its columns."""
    return Share(member_id, row["member_limit"], row["member_used"], row["member_held"], row["member_told"])


def account(row: Row, lots: Sequence[CreditLot]) -> Account:
    """Account from the columns of ``solaris.accounts`` and its lots."""
    return Account(
        balance=balance(AccountId(row["account_id"]), row),
        anchor_day=row["anchor_day"],
        email=row["email"],
        name=row["name"],
        lots=lots,
        created_at=_utc(row["created_at"]),
        last_used_at=_utc_or_none(row["last_used_at"]),
        notices=row["notices"],
        standing=standing(row),
        member_limit=row["member_limit"],
    )


def lot(row: Row) -> CreditLot:
    """Credit lot from its columns."""
    return CreditLot(
        lot_id=row["lot_id"],
        tokens=row["tokens"],
        remaining=row["remaining"],
        origin=row["origin"],
        reason=row["reason"],
        actor=row["actor"],
        created_at=_utc(row["created_at"]),
        expires_at=_utc_or_none(row["expires_at"]),
    )


def hold(row: Row) -> Hold:
    """Hold from its columns."""
    return Hold(
        account_id=AccountId(row["account_id"]),
        hold_id=HoldId(row["hold_id"]),
        model=row["model"],
        amount=row["amount"],
        prompt=row["prompt"],
        held_at=_utc(row["held_at"]),
        lease_until=_utc(row["lease_until"]),
        member_id=row["member_id"],
    )


def entry(row: Row) -> Entry:
    """Entry from its columns."""
    return Entry(
        account_id=AccountId(row["account_id"]),
        number=row["number"],
        kind=EntryKind(row["kind"]),
        tokens=row["tokens"],
        allowance_after=row["allowance_after"],
        credits_after=row["credits_after"],
        overage_after=row["overage_after"],
        at=_utc(row["at"]),
        actor=row["actor"],
        reason=row["reason"],
        idempotency_key=row["idempotency_key"],
        details=row["details"],
        previous_hash=row["previous_hash"],
        hash=row["hash"],
        sealed_reason=row.get("sealed_reason"),
    )


def daily(row: Row) -> DailyUsage:
    """Daily totals from their columns, which have the same names."""
    return DailyUsage(**row)


def length_count(row: Row) -> LengthCount:
    """Count of answers' lengths from its columns."""
    return LengthCount(row["model"], LengthKind(row["kind"]), row["bucket"], row["count"])


def plan(row: Row) -> Plan:
    """Plan from its columns."""
    models = row["allowed_models"]
    return Plan(
        plan_id=row["plan_id"],
        monthly_tokens=row["monthly_tokens"],
        thresholds=tuple(row["thresholds"]),
        allowed_models=None if models is None else tuple(models),
        max_in_flight=row["max_in_flight"],
        overdraft=row["overdraft"],
        time_zone=row["time_zone"],
        anchor_day=row["anchor_day"],
        weights=None if row["weights"] is None else weights_of(row["weights"]),
        notices=row["notices"],
        trial_days=row["trial_days"],
        trial_then=row["trial_then"],
    )


def logged_use(row: Row) -> LoggedUse | None:
    """What LiteLLM logged of a call; None where its figures cannot be believed."""
    usage = reported_usage(
        prompt_tokens=row["prompt_tokens"],
        completion_tokens=row["completion_tokens"],
        cached_tokens=row["cached_tokens"],
    )
    return LoggedUse(row["model"], usage, row["team_id"] or None) if usage is not None else None


def event(row: Row) -> Event:
    """One event."""
    return Event(
        number=row["number"],
        event_id=row["event_id"],
        kind=EventKind(row["kind"]),
        account_id=AccountId(row["account_id"]) if row["account_id"] else None,
        at=_utc(row["at"]),
        details=json.loads(row["details"]),
    )
