"""Which refusals the API is asked for, and in which language to explain them."""

from __future__ import annotations

import datetime as dt
from typing import Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.ledger.refusal_book import RefusalFilter
from solaris_hooks.ledger.refusal_records import RefusalReason
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId, account_id
from solaris_hooks.web.fields import Day, Instant, ShortText

MOST_DAYS = 400


class LocaleQuery(BaseModel):
    """In which language to explain."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    locale: Literal["pt_BR", "en"] | None = Field(None, description="Default: that of the refusal's message.")


class OwnRefusalsQuery(LocaleQuery):
    """Which of one's own refusals to list."""

    reason: RefusalReason | None = Field(None, description="Only those for this reason.")
    model: ShortText | None = Field(None, description="Only those of this model.")
    since: Instant | None = Field(None, description="Only those refused at or after this time.")
    until: Instant | None = Field(None, description="Only those refused before this time.")
    limit: int = Field(50, ge=1, le=500, description="Refusals of a page.")
    before: UUID | None = Field(None, description="Only those older than this one.")

    def of_account(self, whose: AccountId | None) -> RefusalFilter:
        """The same for the ledger, of one account or of all."""
        return RefusalFilter(whose, self.reason, self.model, self.since, self.until, self.before)


class RefusalsQuery(OwnRefusalsQuery):
    """Which refusals to list."""

    account: str | None = Field(None, max_length=300, description="Only of this account.")

    @property
    def wanted(self) -> RefusalFilter:
        """The same for the ledger.

        Raises:
            InvalidRequestError: the account's id is none.
        """
        return self.of_account(account_id(self.account) if self.account is not None else None)


class RefusalTotalsQuery(BaseModel):
    """Which totals to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    since: Day = Field(description="First day.")
    until: Day = Field(description="Last day.")
    account: str | None = Field(None, max_length=300, description="Only of this account.")

    def check(self) -> None:
        """Return if the days are few enough, and in order.

        Raises:
            InvalidRequestError: they are not.
        """
        if not dt.timedelta(0) <= self.until - self.since <= dt.timedelta(days=MOST_DAYS):
            raise InvalidRequestError(f'"until" is from 0 to {MOST_DAYS} days after "since".', param="until")
