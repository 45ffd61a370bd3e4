"""Which accounts to list, in which order, and where the page before ended."""

from __future__ import annotations

import binascii
import datetime as dt
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from enum import StrEnum
from typing import Annotated

from pydantic import Field

from solaris_hooks.ledger.account_list import NEVER, AccountFilter, AccountSort, Place
from solaris_hooks.quota.balance import State, Status
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import account_id
from solaris_hooks.web.bodies import MAX_PAGE, _Query
from solaris_hooks.web.fields import Instant, Sought

_MOST = 2**63


class AccountOrder(StrEnum):
    """An order of accounts, as it is written: a minus for the other way round."""

    ID = "id"
    ID_DESCENDING = "-id"
    USE_PERCENT = "use_percent"
    USE_PERCENT_DESCENDING = "-use_percent"
    USED = "used"
    USED_DESCENDING = "-used"
    REMAINING = "remaining"
    REMAINING_DESCENDING = "-remaining"
    LAST_USED = "last_used"
    LAST_USED_DESCENDING = "-last_used"
    CREATED = "created"
    CREATED_DESCENDING = "-created"

    @property
    def sort(self) -> AccountSort:
        """What is sorted by."""
        return AccountSort(self.value.removeprefix("-"))

    @property
    def descending(self) -> bool:
        """Whether the other way round."""
        return self.value.startswith("-")


class AccountConditions(_Query):
    """Which accounts."""

    query: Sought = Field("", description="Part of an id, e-mail or name, in any case.")
    status: Status | None = Field(None, description="Only those of this status.")
    plan: Annotated[Sought, Field(max_length=64)] | None = Field(None, description="Only those on this plan.")
    state: State | None = Field(None, description="Only those in this state of use.")
    used_after: Instant | None = Field(None, description="Only those last used then or later.")
    used_before: Instant | None = Field(None, description="Only those last used before, or never.")

    @property
    def wanted(self) -> AccountFilter:
        """The same for the ledger."""
        return AccountFilter(
            query=self.query,
            status=self.status,
            plan_id=self.plan,
            state=self.state,
            used_after=self.used_after,
            used_before=self.used_before,
        )


class AccountsQuery(AccountConditions):
    """Which accounts to list."""

    sort: AccountOrder = Field(AccountOrder.ID, description="Their order; a minus in front turns it round.")
    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Accounts of a page.")
    cursor: Annotated[str, Field(max_length=2000)] | None = Field(
        None, description="`next_cursor` of the page before, in the same order."
    )

    @property
    def after(self) -> Place | None:
        """Where the page before ended.

        Raises:
            InvalidRequestError: it is no cursor of ours, or one of another order.
        """
        if self.cursor is None:
            return None
        try:
            order, value, last = json.loads(urlsafe_b64decode(self.cursor.encode("ascii")))
            if order == self.sort.value and _is_value(self.sort.sort, value):
                return Place(value, account_id(last))
        except (ValueError, TypeError, AttributeError, RecursionError, binascii.Error, InvalidRequestError):
            pass
        raise InvalidRequestError(
            "This cursor is none of ours, or of another order; send the next_cursor of the page before, unchanged.",
            param="cursor",
        )

    def next_cursor(self, place: Place | None) -> str | None:
        """The cursor of the page that begins after a place, or None."""
        if place is None:
            return None
        text = json.dumps([self.sort.value, place.value, place.account_id], ensure_ascii=False)
        return urlsafe_b64encode(text.encode()).decode()


def _is_value(sort: AccountSort, value: str) -> bool:
    """Whether a ledger can have written that of its last account."""
    if sort is AccountSort.ID:
        return value == ""
    if sort in {AccountSort.LAST_USED, AccountSort.CREATED}:
        return value == NEVER or dt.datetime.fromisoformat(value).tzinfo is not None
    return -_MOST <= int(value) < _MOST
