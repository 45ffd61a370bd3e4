"""Batches on PostgreSQL."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.account_actions import MOST_MESSAGES_A_DAY
from solaris_hooks.ledger.account_list import PERCENTS
from solaris_hooks.ledger.batches.orders import MOST_FOUND, MOST_NAMED, Order
from solaris_hooks.ledger.batches.outcomes import Batch, BatchItem, CalledAs, Preview
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId

SECONDS = 20.0
"""How long one call works on a batch before it tells how far it has come."""


_SHOWN = 100


class Batches:
    """Does the same to many accounts."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def preview(self, order: Order) -> Preview:
        """What a batch would do. Changes nothing.

        Raises:
            InvalidRequestError: it cannot be, or is about too many accounts.
            NotFoundError: there is no such plan.
        """
        rows = await self._selected(order)
        known = {row["account_id"] for row in rows}
        changing = [AccountId(row["account_id"]) for row in rows if order.action.changes(row)]
        unchanged = [AccountId(row["account_id"]) for row in rows if not order.action.changes(row)]
        missing = [each for each in sorted(set(order.selection.accounts or ())) if each not in known]
        tokens = (order.action.tokens or 0) * len(changing)
        first, idle = changing[:_SHOWN], unchanged[:_SHOWN]
        return Preview(len(rows), len(changing), missing, tokens, first, idle, await self._names([*first, *idle]))

    async def _names(self, account_ids: Sequence[AccountId]) -> Mapping[AccountId, CalledAs]:
        found = await self._statements.all("names_of_accounts", {"account_ids": list(account_ids)})
        return {AccountId(row["account_id"]): CalledAs(row["name"], row["email"]) for row in found}

    async def run(self, order: Order, *, seconds: float = SECONDS) -> Batch:
        """Begin a batch, or go on with it, and work on it for a while; see ``complete`` for whether all is done.

        Raises:
            InvalidRequestError: it cannot be, or is about too many accounts.
            NotFoundError: there is no such plan.
            ConflictError: the key was used for another batch.
        """
        return await self.go_on(await self._begun(order), actor=order.actor, seconds=seconds)

    async def go_on(self, batch_id: UUID, *, actor: str, seconds: float = SECONDS) -> Batch:
        """Work for a while on what waits of a batch; nothing is done twice.

        Raises:
            NotFoundError: there is no such batch.
        """
        until = time.monotonic() + seconds
        while await self._next(batch_id, actor) is not None and time.monotonic() < until:
            pass
        return await self.get(batch_id)

    async def get(self, batch_id: UUID) -> Batch:
        """One batch.

        Raises:
            NotFoundError: there is none.
        """
        found = await self._found(batch_id=batch_id, limit=1)
        if not found:
            raise NotFoundError(f"There is no batch {batch_id}.", param="batch")
        return found[0]

    async def all(self, *, limit: int = 50, before: int | None = None) -> Sequence[Batch]:
        """Batches, newest first, with numbers below ``before``."""
        return await self._found(limit=limit, before=before)

    async def items(
        self, batch_id: UUID, *, outcome: str | None = None, limit: int = 50, after: AccountId | None = None
    ) -> Sequence[BatchItem]:
        """Accounts of a batch, in order of id; with an outcome, or ``waiting``."""
        found = await self._statements.all(
            "batch_items", {"batch_id": batch_id, "outcome": outcome, "limit": limit, "after": after}
        )
        return [BatchItem(**row) for row in found]

    async def _begun(self, order: Order) -> UUID:
        known = await self._statements.all("batch_of_key", {"key": order.key})
        ids = [] if known else await self._ids(order)  # whoever goes on with it finds those it began with
        row = await self._statements.one(
            "begin_batch",
            {
                "batch_id": uuid7(),
                "key": order.key,
                "action": json.dumps(order.action.terms),
                "selection": json.dumps(order.selection.terms),
                "account_ids": ids,
                "reason": order.reason,
                "actor": order.actor,
                "now": self._clock(),
            },
        )
        batch_id: UUID = row["batch_id"]
        return batch_id

    async def _ids(self, order: Order) -> list[str]:
        """Those named, known or not, so that the outcome tells of each; or those that the filter finds."""
        rows = await self._selected(order)
        return [row["account_id"] for row in rows] if order.selection.accounts is None else [*order.selection.accounts]

    async def _selected(self, order: Order) -> Sequence[Row]:
        order.action.check()
        if order.action.plan is not None and not await self._statements.all("plans", {"plan_id": order.action.plan}):
            raise NotFoundError(f'There is no plan "{order.action.plan}".', param="plan")
        selection = order.selection
        if selection.accounts is not None:
            if not 1 <= len(selection.accounts) <= MOST_NAMED:
                raise InvalidRequestError(f"Name 1 to {MOST_NAMED:,} accounts.", param="accounts")
            return await self._statements.all(
                "named_accounts", {"account_ids": list(selection.accounts), "now": self._clock()}
            )
        percent_from, percent_below = (None, None) if selection.state is None else PERCENTS[selection.state]
        rows = await self._statements.all(
            "select_accounts",
            {
                "query": selection.query,
                "plan": selection.plan,
                "status": selection.status,
                "percent_from": percent_from,
                "percent_below": percent_below,
                "used_after": selection.used_after,
                "used_before": selection.used_before,
                "limit": MOST_FOUND + 1,
                "now": self._clock(),
            },
        )
        if len(rows) > MOST_FOUND:
            raise InvalidRequestError(f"The filter finds more than {MOST_FOUND:,} accounts; narrow it.", param="filter")
        return rows

    async def _next(self, batch_id: UUID, actor: str) -> str | None:
        row = await self._statements.one(
            "do_next",
            {
                "batch_id": batch_id,
                "lot_id": uuid7(),
                "most_a_day": MOST_MESSAGES_A_DAY,
                "actor": actor,
                "now": self._clock(),
            },
        )
        outcome: str | None = row["outcome"]
        return outcome

    async def _found(self, *, limit: int, batch_id: UUID | None = None, before: int | None = None) -> list[Batch]:
        found = await self._statements.all("batches", {"batch_id": batch_id, "limit": limit, "before": before})
        return [
            Batch(
                **{
                    **row,
                    "action": json.loads(row["action"]),
                    "at": row["at"].astimezone(dt.UTC),
                    "outcomes": row["outcomes"] or {},
                }
            )
            for row in found
        ]
