"""What an administrator does to one account, and what its user sets for himself."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from solaris_hooks.ledger.statements import Statements
from solaris_hooks.quota.errors import NotFoundError
from solaris_hooks.quota.ids import AccountId

MOST_MESSAGES_A_DAY = 10
"""To one account within 24 hours: whoever gets more reads none."""


@dataclass(frozen=True, slots=True)
class Reset:
    """The use of this period to be set back to zero.

    Attributes:
        idempotency_key: the same key sets back once; a replay returns the first result.
    """

    account_id: AccountId
    reason: str
    actor: str
    idempotency_key: str


@dataclass(frozen=True, slots=True)
class ResetResult:
    """Outcome of a reset.

    Attributes:
        tokens: allowance that was granted back, and overage that was forgiven; 0 where nothing was used.
        replayed: this key did it before; nothing changed now.
    """

    tokens: int
    replayed: bool


@dataclass(frozen=True, slots=True)
class Message:
    """A text to the user of an account: plain, in the language that he reads.

    Attributes:
        in_chat: told with his next answer in the chat, unless he or his plan wants nothing told there.
        by_mail: mailed, unless he wants no mails or has no address.
        idempotency_key: the same key sends once.
        reason: why, for the audit trail; he does not read it.
    """

    account_id: AccountId
    text: str
    actor: str
    idempotency_key: str
    in_chat: bool = True
    by_mail: bool = False
    reason: str | None = None


class MessageOutcome(StrEnum):
    """What became of a message."""

    SENT = "sent"
    REPLAYED = "replayed"
    """This key sent it before; nothing was sent again."""
    LIMITED = "limited"
    """As many were sent to the account within 24 hours as may: nothing was sent."""
    UNREACHABLE = "unreachable"
    """The user has none of the ways that were asked for: nothing was sent."""


@dataclass(frozen=True, slots=True)
class MessageResult:
    """Outcome of a message, and the ways that it goes."""

    outcome: MessageOutcome
    chat: bool
    mail: bool


@dataclass(frozen=True, slots=True)
class Preferences:
    """What a user sets for himself.

    Attributes:
        locale: language of what he reads.
        mails: whether he gets mails.
        chat_notices: whether the chat tells him anything; his plan may say no, whatever he says.
    """

    locale: str
    mails: bool
    chat_notices: bool


@dataclass(frozen=True, slots=True)
class PreferenceChange:
    """Preferences to set; None leaves one as it is."""

    account_id: AccountId
    actor: str
    locale: str | None = None
    mails: bool | None = None
    chat_notices: bool | None = None
    reason: str | None = None


class AccountActions(Protocol):
    """Each is one transaction, and audited where it changes anything."""

    async def reset(self, reset: Reset) -> ResetResult:
        """Give an account its full allowance again: use of this period becomes 0, and what is owed is forgiven.

        The renewal stays where it is; thresholds can be crossed again. Credits that were used stay used.

        Raises:
            NotFoundError: there is no such account.
        """
        ...

    async def send(self, message: Message) -> MessageResult:
        """Send a message to the user of an account.

        Raises:
            NotFoundError: there is no such account.
            ConflictError: the key was used for another text.
        """
        ...

    async def preferences(self, account_id: AccountId) -> Preferences:
        """What a user has set for himself.

        Raises:
            NotFoundError: there is no such account.
        """
        ...

    async def set_preferences(self, change: PreferenceChange) -> Preferences:
        """Set preferences, and return all as they are now.

        Raises:
            NotFoundError: there is no such account.
        """
        ...


class PostgresAccountActions:
    """Keeps the contract of :class:`AccountActions` on PostgreSQL."""

    def __init__(self, statements: Statements, clock: Callable[[], dt.datetime | None]) -> None:
        """Keep what runs statements, and the clock of tests."""
        self._statements = statements
        self._clock = clock

    async def reset(self, reset: Reset) -> ResetResult:
        """See :meth:`AccountActions.reset`."""
        row = await self._statements.one(
            "reset_period",
            {
                "account_id": reset.account_id,
                "reason": reset.reason,
                "actor": reset.actor,
                "key": reset.idempotency_key,
                "now": self._clock(),
            },
        )
        return ResetResult(row["tokens"], row["replayed"])

    async def send(self, message: Message) -> MessageResult:
        """See :meth:`AccountActions.send`."""
        row = await self._statements.one(
            "send_message",
            {
                "account_id": message.account_id,
                "text": message.text,
                "in_chat": message.in_chat,
                "by_mail": message.by_mail,
                "most_a_day": MOST_MESSAGES_A_DAY,
                "reason": message.reason,
                "actor": message.actor,
                "key": message.idempotency_key,
                "now": self._clock(),
            },
        )
        return MessageResult(MessageOutcome(row["outcome"]), row["chat"], row["mail"])

    async def preferences(self, account_id: AccountId) -> Preferences:
        """See :meth:`AccountActions.preferences`."""
        found = await self._statements.all("preferences", {"account_id": account_id})
        if not found:
            raise NotFoundError(f'There is no account "{account_id}".', param="account_id")
        return Preferences(**found[0])

    async def set_preferences(self, change: PreferenceChange) -> Preferences:
        """See :meth:`AccountActions.set_preferences`."""
        await self._statements.one(
            "set_preferences",
            {
                "account_id": change.account_id,
                "locale": change.locale,
                "mails": change.mails,
                "chat_notices": change.chat_notices,
                "reason": change.reason,
                "actor": change.actor,
                "now": self._clock(),
            },
        )
        return await self.preferences(change.account_id)
