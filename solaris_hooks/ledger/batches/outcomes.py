"""What a batch would do, and how far it has come."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from solaris_hooks.quota.ids import AccountId


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
