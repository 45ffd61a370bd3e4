"""What is answered to whoever acts on accounts."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field

from solaris_hooks.ledger.account_actions import MessageResult, Preferences
from solaris_hooks.web.answers import AccountAnswer, Answer


class ResetAnswer(Answer):
    """What a reset did."""

    tokens: int = Field(description="Allowance granted back and overage forgiven; 0 where nothing was used.")
    account: AccountAnswer


class MessageAnswer(Answer):
    """Which ways a message goes."""

    outcome: Literal["sent", "replayed"]
    chat: bool
    mail: bool

    @classmethod
    def of(cls, result: MessageResult) -> Self:
        """An outcome."""
        return cls.model_validate({"outcome": result.outcome.value, "chat": result.chat, "mail": result.mail})


class PreferencesAnswer(Answer):
    """What a user has set for himself."""

    locale: str
    mails: bool
    chat_notices: bool = Field(description="The plan may say no, whatever the user says.")

    @classmethod
    def of(cls, preferences: Preferences) -> Self:
        """Preferences."""
        return cls.model_validate(preferences, from_attributes=True)
