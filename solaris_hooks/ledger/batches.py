"""The same done to many accounts: begun once for each key, done account by account, whatever stops it."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from uuid import UUID

from uuid_utils.compat import uuid7

from solaris_hooks.ledger.account_actions import MOST_MESSAGES_A_DAY
from solaris_hooks.ledger.account_list import PERCENTS
from solaris_hooks.ledger.statements import Statements
from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.checks import checked_grant
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId

MOST_NAMED = 1_000
MOST_FOUND = 10_000
"""Accounts that one batch may be about: named one by one, or found by a filter."""

SECONDS = 20.0
"""How long one call works on a batch before it tells how far it has come."""


_SHOWN = 100


class ActionKind(StrEnum):
    """What a batch does to each account."""

    PLAN = "plan"
    CREDITS = "credits"
    MESSAGE = "message"
    RESET = "reset"
    SUSPEND = "suspend"
    """Those that are active."""
    REACTIVATE = "reactivate"
    """Those that are suspended; not those that are blocked or wait for approval."""


@dataclass(frozen=True, slots=True)
class Action:
    """What is done, with what its kind needs and nothing else.

    Attributes:
        plan: id of the plan, applied at once.
        tokens: credits for each account.
        expires_at: when these credits end, UTC; None for never.
        text: the message.
        chat: whether it is told in the chat.
        mail: whether it is mailed.
        status_reason: what a suspended user reads.
    """

    kind: ActionKind
    plan: str | None = None
    tokens: int | None = None
    expires_at: dt.datetime | None = None
    text: str | None = None
    chat: bool = True
    mail: bool = False
    status_reason: str | None = None

    @property
    def terms(self) -> dict[str, object]:
        """The same as JSON."""
        wanted: dict[ActionKind, dict[str, object]] = {
            ActionKind.PLAN: {"plan": self.plan},
            ActionKind.CREDITS: {
                "tokens": self.tokens,
                "expires_at": _written(self.expires_at),
            },
            ActionKind.MESSAGE: {"text": self.text, "chat": self.chat, "mail": self.mail},
            ActionKind.SUSPEND: {"status_reason": self.status_reason},
        }
        return {"kind": self.kind.value, **wanted.get(self.kind, {})}

    def check(self) -> None:
        """Return if it says all that its kind needs.

        Raises:
            InvalidRequestError: it does not.
        """
        needed = {ActionKind.PLAN: "plan", ActionKind.CREDITS: "tokens", ActionKind.MESSAGE: "text"}
        name = needed.get(self.kind)
        if name is not None and getattr(self, name) is None:
            raise InvalidRequestError(f'Say "{name}": an action of kind {self.kind} needs it.', param=name)
        if self.tokens is not None:
            checked_grant(self.tokens)

    def changes(self, row: Row) -> bool:
        """Whether it would change an account, as far as that can be told before."""
        match self.kind:
            case ActionKind.PLAN:
                return bool(row["plan_id"] != self.plan)
            case ActionKind.SUSPEND:
                return bool(row["status"] == Status.ACTIVE)
            case ActionKind.REACTIVATE:
                return bool(row["status"] == Status.SUSPENDED)
            case ActionKind.MESSAGE:
                return bool((self.chat and row["notices"]) or (self.mail and row["mailed"]))
            case ActionKind.RESET:
                return bool(row["used"])
            case _:
                return True


@dataclass(frozen=True, slots=True)
class Selection:
    """Which accounts: those named, or those that a filter finds when the batch begins.

    Attributes:
        accounts: their ids; None where a filter says which.
        plan: only those on it.
        status: only those in it.
        query: only those with this in their id, e-mail or name.
        state: only those in this state of use, which may be ten seconds old.
        used_after: only those last used then or later, UTC.
        used_before: only those last used before, or never.
    """

    accounts: Sequence[AccountId] | None = None
    plan: str | None = None
    status: Status | None = None
    query: str = ""
    state: State | None = None
    used_after: dt.datetime | None = None
    used_before: dt.datetime | None = None

    @property
    def terms(self) -> dict[str, object]:
        """The same as JSON; the order of ids is no matter."""
        if self.accounts is not None:
            return {"accounts": sorted(set(self.accounts))}
        further = {
            "state": self.state,
            "used_after": _written(self.used_after),
            "used_before": _written(self.used_before),
        }
        said = {name: value for name, value in further.items() if value is not None}
        return {"plan": self.plan, "status": self.status, "query": self.query, **said}


@dataclass(frozen=True, slots=True)
class Order:
    """A batch as it is asked for.

    Attributes:
        key: the same key is the same batch: sending it again does what is left of it.
        reason: why; it stays in the audit trail, and in the ledger where entries are written.
    """

    key: str
    action: Action
    selection: Selection
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class CalledAs:
    """How an account's user is called, where that is known."""

    name: str | None = None
    email: str | None = None


@dataclass(frozen=True, slots=True)
class Preview:
    """What a batch would do.

    Attributes:
        accounts: how many are selected.
        changing: how many of them it would change, as far as that can be told before.
        missing: ids that were named, and there is no account of.
        tokens: credits that it would grant in all.
        first: the first hundred that it would change, in order of id.
        unchanged: the first hundred that it would leave as they are, in order of id.
        names: of all these.
    """

    accounts: int
    changing: int
    missing: Sequence[str]
    tokens: int
    first: Sequence[AccountId]
    unchanged: Sequence[AccountId] = field(default_factory=list)
    names: Mapping[AccountId, CalledAs] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch, and how far it has come.

    Attributes:
        number: grows with time.
        outcomes: how many accounts came to what: done, unchanged, limited, unreachable, failed; and waiting.
    """

    batch_id: UUID
    number: int
    key: str
    action: Mapping[str, object]
    reason: str
    actor: str
    at: dt.datetime
    outcomes: Mapping[str, int]

    @property
    def complete(self) -> bool:
        """Whether nothing waits to be done."""
        return not self.outcomes.get("waiting")


@dataclass(frozen=True, slots=True)
class BatchItem:
    """What a batch did to one account.

    Attributes:
        outcome: None where it waits.
        message: why it failed.
    """

    account_id: AccountId
    outcome: str | None
    message: str | None
    at: dt.datetime | None


def _written(instant: dt.datetime | None) -> str | None:
    """An instant as JSON."""
    return None if instant is None else instant.astimezone(dt.UTC).isoformat()


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
