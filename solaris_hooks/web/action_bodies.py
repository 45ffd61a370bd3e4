"""What callers send to act on accounts."""

from __future__ import annotations

from typing import ClassVar

from pydantic import ConfigDict, Field, StrictBool

from solaris_hooks.ledger.account_actions import Message, PreferenceChange, Reset
from solaris_hooks.quota.ids import AccountId
from solaris_hooks.web.bodies import Locale, _Body
from solaris_hooks.web.fields import MessageText, ShortText, SomeText


class ResetBody(_Body):
    """Use of this period to be set back to zero."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"reason": "Our failure of 17 November", "idempotency_key": "ticket-12"}]}
    )

    reason: SomeText = Field(description="Why; the user reads it in the mail, and it stays in the ledger.")
    idempotency_key: ShortText = Field(description="The same key sets back once, however often it is sent.")

    def reset(self, account: AccountId, actor: str) -> Reset:
        """The same for the ledger."""
        return Reset(account, self.reason, actor, self.idempotency_key)


class MessageBody(_Body):
    """A message to the user of an account."""

    model_config = ConfigDict(
        json_schema_extra={
            "examples": [{"text": "No sábado o serviço para das 8h às 9h.", "mail": True, "idempotency_key": "m-12"}]
        }
    )

    text: MessageText = Field(description="Plain text in the user's language, at most 1,000 characters.")
    chat: StrictBool = Field(default=True, description="Tell it with the next answer in the chat.")
    mail: StrictBool = Field(default=False, description="Send it by e-mail.")
    idempotency_key: ShortText = Field(description="The same key sends once, however often it is sent.")
    reason: SomeText | None = Field(None, description="Why, for the audit trail; the user does not read it.")

    def message(self, account: AccountId, actor: str) -> Message:
        """The same for the ledger."""
        return Message(
            account_id=account,
            text=self.text,
            actor=actor,
            idempotency_key=self.idempotency_key,
            in_chat=self.chat,
            by_mail=self.mail,
            reason=self.reason,
        )


class OwnPreferencesBody(_Body):
    """Preferences to set. What is left out stays as it is."""

    nullable: ClassVar[frozenset[str]] = frozenset()
    model_config = ConfigDict(json_schema_extra={"examples": [{"locale": "en", "mails": False}]})

    locale: Locale | None = Field(None, description="Language of what the user reads.")
    mails: StrictBool | None = Field(None, description="Whether he gets mails.")
    chat_notices: StrictBool | None = Field(None, description="Whether the chat tells him anything.")

    def change(self, account: AccountId, actor: str, reason: str | None = None) -> PreferenceChange:
        """The same for the ledger."""
        return PreferenceChange(account, actor, self.locale, self.mails, self.chat_notices, reason)


class PreferencesBody(OwnPreferencesBody):
    """Preferences of somebody else to set."""

    reason: SomeText | None = Field(None, description="Why, for the audit trail.")
