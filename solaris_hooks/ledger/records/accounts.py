"""What is known of an account, and what makes or changes one."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final
from uuid import UUID

from solaris_hooks.quota.balance import Balance, Status
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.quota.terms import NO_STANDING, Standing


@dataclass(frozen=True, slots=True)
class NewAccount:
    """What an account gets when it is first seen.

    Attributes:
        time_zone: unless the plan has its own.
        anchor_day: unless the plan has its own.
        create: False refuses accounts that were never seen.
        status: pending where an administrator must approve each account.
    """

    plan_id: str = "default"
    locale: str = "pt_BR"
    time_zone: str = "America/Sao_Paulo"
    anchor_day: int = 1
    create: bool = True
    status: Status = Status.ACTIVE


@dataclass(frozen=True, slots=True)
class EndUser:
    """A person whom a trusted service names by an id that never changes.

    Attributes:
        account_id: the account which that id names.
        by_email: the account which his e-mail address would name; None where none was told.
    """

    account_id: AccountId
    by_email: AccountId | None = None


@dataclass(frozen=True, slots=True)
class CreditLot:
    """Credits granted at one time: used after the allowance, the earliest to expire first."""

    lot_id: UUID
    tokens: int
    remaining: int
    origin: str
    reason: str
    actor: str
    created_at: dt.datetime
    expires_at: dt.datetime | None


@dataclass(frozen=True, slots=True)
class Account:
    """An account with its profile and its balance.

    Attributes:
        notices: whether the chat tells its user anything.
        standing: what is its own in place of its plan's, and what will change by itself.
        member_limit: of a team's account: what each member may use in a period who has no limit of his own; None
            for all.
    """

    balance: Balance
    anchor_day: int
    email: str | None
    name: str | None
    lots: Sequence[CreditLot]
    created_at: dt.datetime
    last_used_at: dt.datetime | None
    notices: bool = True
    standing: Standing = NO_STANDING
    member_limit: int | None = None


@dataclass(frozen=True, slots=True)
class AccountPage:
    """Accounts in order of their ids; ``next_after`` is the last id where more follow."""

    accounts: Sequence[Account]
    next_after: AccountId | None


class Nothing(Enum):
    """What a field is set to that becomes empty, where None leaves it as it is."""

    NOTHING = "nothing"


NOTHING: Final = Nothing.NOTHING


@dataclass(frozen=True, slots=True)
class AccountChange:
    """Fields of an account to set; None leaves one as it is, and ``NOTHING`` empties those that can be empty."""

    plan_id: str | None = None
    status: Status | None = None
    status_reason: str | Nothing | None = None
    email: str | Nothing | None = None
    name: str | Nothing | None = None
    locale: str | None = None
    time_zone: str | None = None
    anchor_day: int | None = None
