"""Refusals in PostgreSQL: written in batches, read by people."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from typing import Any
from uuid import UUID

from solaris_hooks.ledger.refusal_book import RefusalFilter, RefusalTotal
from solaris_hooks.ledger.refusal_records import (
    FOLD_SECONDS,
    MOST_HOLDERS,
    Asked,
    Estimate,
    Figures,
    Holder,
    Holders,
    Refusal,
    RefusalReason,
)
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.balance import Status
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId

_REASONS = frozenset(each.value for each in RefusalReason)


class PostgresRefusals:
    """See :class:`~solaris_hooks.ledger.refusal_records.RefusalStore`."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def get(self, refusal_id: UUID) -> Refusal | None:
        """See :meth:`RefusalBook.get`."""
        found = await self._statements.all("refusal", {"refusal_id": refusal_id})
        return _refusal(found[0]) if found else None

    async def find(self, wanted: RefusalFilter, *, limit: int = 50) -> Sequence[Refusal]:
        """See :meth:`RefusalBook.find`."""
        found = await self._statements.all(
            "refusals" if wanted.member_id is None else "refusals_of_member",
            {
                "account_id": wanted.account_id,
                "member_id": wanted.member_id,
                "reason": wanted.reason.value if wanted.reason is not None else None,
                "model": wanted.model,
                "since": wanted.since,
                "until": wanted.until,
                "before": wanted.before,
                "fold": dt.timedelta(seconds=FOLD_SECONDS),
                "limit": limit,
            },
        )
        return [_refusal(row) for row in found]

    async def totals(
        self, *, since: dt.date, until: dt.date, account_id: AccountId | None = None
    ) -> Sequence[RefusalTotal]:
        """See :meth:`RefusalBook.totals`."""
        found = await self._statements.all("refusal_totals", {"since": since, "until": until, "account_id": account_id})
        return [RefusalTotal(row["day"], _reason(row["reason"]), row["count"], row["accounts"]) for row in found]

    async def holders(self, account_ids: Sequence[AccountId]) -> dict[AccountId, Holders]:
        """See :meth:`RefusalStore.holders`."""
        found = await self._statements.all(
            "refusal_holders", {"account_ids": list(account_ids), "limit": MOST_HOLDERS, "now": self._clock()}
        )
        return {
            AccountId(row["account_id"]): Holders(
                tuple(map(_holder, row["holders"])), row["requests"], row["amount"], row["read_at"]
            )
            for row in found
        }

    async def write(self, refusals: Sequence[Refusal]) -> None:
        """See :meth:`RefusalStore.write`."""
        await self._statements.one("write_refusals", {"refusals": json.dumps([_columns(each) for each in refusals])})

    async def purge(self, *, older_than: dt.timedelta, limit: int) -> int:
        """See :meth:`RefusalStore.purge`."""
        row = await self._statements.one(
            "purge_refusals", {"older_than": older_than, "limit": limit, "now": self._clock()}
        )
        return int(row["gone"])


def _columns(refusal: Refusal) -> Mapping[str, object]:
    """A refusal as a row in JSON."""
    row = asdict(refusal)
    holders = row.pop("holders")
    if holders is not None:
        row["holds_read_at"] = holders.pop("read_at").isoformat()
        holders["largest"] = [_plain(each) for each in holders["largest"]]
    figures = row["figures"]
    return {
        **_plain(row),
        "account_id": refusal.account_id or "",
        "holders": holders,
        "figures": _plain(figures) if figures is not None else None,
    }


def _plain(fields: Mapping[str, Any]) -> dict[str, object]:
    """Fields as JSON takes them."""
    return {
        name: value.isoformat() if isinstance(value, dt.datetime) else str(value) if isinstance(value, UUID) else value
        for name, value in fields.items()
    }


def _reason(text: str) -> RefusalReason:
    return RefusalReason(text) if text in _REASONS else RefusalReason.OTHER


def _holder(fields: Mapping[str, Any]) -> Holder:
    return Holder(
        hold_id=HoldId(UUID(fields["hold_id"])),
        model=fields["model"],
        amount=fields["amount"],
        held_at=dt.datetime.fromisoformat(fields["held_at"]),
    )


def _figures(fields: Mapping[str, Any]) -> Figures:
    return Figures(
        **{
            **fields,
            "status": Status(fields["status"]),
            "renews_at": dt.datetime.fromisoformat(fields["renews_at"]),
        }
    )


def _refusal(row: Row) -> Refusal:
    figures, asked, holders = row["figures"], row["asked"], row["holders"]
    return Refusal(
        refusal_id=row["refusal_id"],
        account_id=AccountId(row["account_id"]) if row["account_id"] else None,
        at=row["at"],
        last_at=row["last_at"],
        reason=_reason(row["reason"]),
        status=row["status"],
        message=row["message"],
        call_type=row["call_type"],
        locale=row["locale"],
        process=row["process"],
        count=row["count"],
        path=row["path"],
        model=row["model"],
        key_prefix=row["key_prefix"],
        param=row["param"],
        waited_ms=row["waited_ms"],
        figures=_figures(figures) if figures is not None else None,
        asked=Asked(**{**asked, "estimate": Estimate(asked["estimate"])}) if asked is not None else None,
        holders=Holders(
            tuple(map(_holder, holders["largest"])), holders["requests"], holders["amount"], row["holds_read_at"]
        )
        if holders is not None
        else None,
        member_id=MemberId(row["member_id"]) if row["member_id"] is not None else None,
    )
