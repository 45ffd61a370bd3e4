"""Deliveries in PostgreSQL: made of events once, sent by jobs, looked at by people."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.ledger import jobs, rows
from solaris_hooks.ledger.delivery_records import (
    BeginOutcome,
    Begun,
    DeliveryFilter,
    DeliveryHealth,
    DeliveryRecord,
    DeliveryState,
    Happening,
    Limits,
    NewDelivery,
    Outgoing,
)
from solaris_hooks.ledger.event import EventKind
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId

MOST_FOLDED = 200
"""Events that one digest tells; the rest stands in the list of deliveries alone."""


class Deliveries:
    """See :class:`DeliveryBook`; and what the dispatcher and the jobs need."""

    def __init__(self, statements: Statements, *, now: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests; connect to nothing yet."""
        self._statements = statements
        self._now = now

    # ------------------------------------------------------------------ dispatching

    async def dispatch(
        self, route: Callable[[Happening], Sequence[NewDelivery]], *, limit: int, stale_after: dt.timedelta
    ) -> int:
        """Make deliveries and their jobs of events, in one transaction, once for each event.

        Args:
            route: says what is to be made of an event.
            limit: events at the most.
            stale_after: older events are marked so.

        Returns:
            How many events were taken.

        Raises:
            SolarisError: the books cannot be reached; nothing was made.
        """
        # What a newer release of this package writes is left to its processes.
        kinds = [kind.value for kind in EventKind]
        waiting = await self._statements.one("events_wait", {"kinds": kinds})
        if not waiting["waiting"]:
            return 0
        async with self._statements.transaction() as connection:
            cursor = await connection.execute(
                self._statements.text("take_events"),
                {"limit": limit, "stale": stale_after, "kinds": kinds, "now": self._now()},
            )
            taken = [_happening(row) for row in await cursor.fetchall()]
            if not taken:
                return 0
            made = [delivery for happening in taken for delivery in route(happening)]
            if made:
                cursor = await connection.execute(
                    self._statements.text("make_deliveries"), {**_columns(made), "now": self._now()}
                )
                await jobs.put_deliveries(connection, [row["delivery_id"] for row in await cursor.fetchall()])
            await connection.execute(
                self._statements.text("mark_dispatched"),
                {
                    "account_ids": [each.event.account_id or "" for each in taken],
                    "event_ids": [each.event.event_id for each in taken],
                    "numbers": [each.event.number for each in taken],
                    "now": self._now(),
                },
            )
        return len(taken)

    # ------------------------------------------------------------------ sending

    async def begin(self, delivery_id: UUID, limits: Limits) -> Begun:
        """Begin an attempt, unless there is a reason against it."""
        row = await self._statements.one(
            "begin_delivery",
            {
                "delivery_id": delivery_id,
                "most_attempts": limits.most_attempts,
                "lease": limits.lease,
                "mails_per_account": limits.mails_per_account,
                "mails": limits.mails,
                "fold_above": limits.fold_above,
                "now": self._now(),
            },
        )
        return Begun(BeginOutcome(row["outcome"]), row["again_at"])

    async def outgoing(self, delivery_id: UUID) -> Outgoing:
        """What a delivery tells, and to whom.

        Raises:
            NotFoundError: there is no such delivery.
        """
        found = await self._statements.all("delivery_to_send", {"delivery_id": delivery_id, "limit": MOST_FOLDED + 1})
        if not found:
            raise NotFoundError(f"There is no delivery {delivery_id}.")
        first, *others = found
        return Outgoing(
            delivery_id=first["delivery_id"],
            channel=first["channel"],
            target=first["target"],
            audience=first["audience"],
            attempts=first["attempts"],
            event=rows.event(first),
            others=tuple(rows.event(row) for row in others),
            locale=first["locale"],
            time_zone=first["time_zone"],
            name=first["name"],
        )

    async def end(self, delivery_id: UUID, state: DeliveryState, error: str | None = None) -> bool:
        """Write down how an attempt ended. False if the delivery had ended before."""
        row = await self._statements.one(
            "end_delivery", {"delivery_id": delivery_id, "state": state.value, "error": error, "now": self._now()}
        )
        return bool(row["ended"])

    async def purge(self, *, older_than: dt.timedelta, limit: int) -> int:
        """Forget deliveries that ended long ago, and their events. Returns how many rows went."""
        row = await self._statements.one(
            "purge_deliveries", {"older_than": older_than, "limit": limit, "now": self._now()}
        )
        return int(row["gone"])

    # ------------------------------------------------------------------ people

    async def deliveries(self, wanted: DeliveryFilter, *, limit: int = 50) -> Sequence[DeliveryRecord]:
        """See :meth:`DeliveryBook.deliveries`."""
        found = await self._statements.all(
            "deliveries",
            {
                "delivery_id": None,
                "account_id": wanted.account_id,
                "state": wanted.state.value if wanted.state is not None else None,
                "channel": wanted.channel,
                "before": wanted.before,
                "limit": limit,
            },
        )
        return [_record(row) for row in found]

    async def delivery(self, delivery_id: UUID) -> DeliveryRecord | None:
        """See :meth:`DeliveryBook.delivery`."""
        found = await self._statements.all(
            "deliveries",
            {
                "delivery_id": delivery_id,
                "account_id": None,
                "state": None,
                "channel": None,
                "before": None,
                "limit": 1,
            },
        )
        return _record(found[0]) if found else None

    async def resend(self, delivery_id: UUID, *, actor: str, reason: str) -> DeliveryRecord:
        """See :meth:`DeliveryBook.resend`."""
        async with self._statements.transaction() as connection:
            await connection.execute(
                self._statements.text("resend_delivery"),
                {"delivery_id": delivery_id, "actor": actor, "reason": reason, "now": self._now()},
            )
            await jobs.put_deliveries(connection, [delivery_id])
        record = await self.delivery(delivery_id)
        if record is None:  # purged in between
            raise NotFoundError(f"There is no delivery {delivery_id}.")
        return record

    async def gets_mails(self, account_id: AccountId) -> bool:
        """See :meth:`DeliveryBook.gets_mails`."""
        found = await self._statements.all("gets_mails", {"account_id": account_id})
        if not found:
            raise NotFoundError(f'There is no account "{account_id}".', param="account_id")
        return bool(found[0]["mails"])

    async def set_mails(self, account_id: AccountId, *, mails: bool, actor: str, reason: str | None) -> None:
        """See :meth:`DeliveryBook.set_mails`."""
        await self._statements.one(
            "set_mails",
            {"account_id": account_id, "mails": mails, "reason": reason, "actor": actor, "now": self._now()},
        )

    async def open_counts(self) -> Mapping[DeliveryState, int]:
        """How many deliveries wait, failed or were given up."""
        found = await self._statements.all("deliveries_open_counts", {})
        return {DeliveryState(row["state"]): row["deliveries"] for row in found}

    async def health(self) -> DeliveryHealth:
        """Whether deliveries get on."""
        states = await self._statements.one("delivery_states", {})
        heartbeat = await self._statements.one("last_heartbeat", {})
        return DeliveryHealth(states["dead"], states["waiting"], states["waiting_since"], heartbeat["at"])


def _happening(row: Row) -> Happening:
    return Happening(rows.event(row), (row["email"] or None) if row["mails"] else None, row["stale"])


def _columns(made: Sequence[NewDelivery]) -> dict[str, list[object]]:
    return {
        "account_ids": [each.event.account_id or "" for each in made],
        "delivery_ids": [uuid7() for _ in made],
        "event_ids": [each.event.event_id for each in made],
        "event_numbers": [each.event.number for each in made],
        "kinds": [each.event.kind.value for each in made],
        "channels": [each.channel for each in made],
        "targets": [each.target for each in made],
        "audiences": [each.audience for each in made],
    }


def _record(row: Row) -> DeliveryRecord:
    return DeliveryRecord(
        delivery_id=row["delivery_id"],
        account_id=AccountId(row["account_id"]) if row["account_id"] else None,
        event_id=row["event_id"],
        kind=row["kind"],
        channel=row["channel"],
        target=row["target"],
        audience=row["audience"],
        state=DeliveryState(row["state"]),
        attempts=row["attempts"],
        resends=row["resends"],
        last_error=row["last_error"],
        folded_into=row["folded_into"],
        created_at=row["created_at"],
        attempted_at=row["attempted_at"],
        ended_at=row["ended_at"],
    )
