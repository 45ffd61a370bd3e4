"""What a batch is to do, and to which accounts."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from solaris_hooks.ledger.wire_format import Row
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.checks import checked_grant
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId

MOST_NAMED = 1_000


MOST_FOUND = 10_000
"""Accounts that one batch may be about: named one by one, or found by a filter."""


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


def _written(instant: dt.datetime | None) -> str | None:
    """An instant as JSON."""
    return None if instant is None else instant.astimezone(dt.UTC).isoformat()
