"""What callers send about members of teams."""

from __future__ import annotations

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.ledger.members import LimitChange, MemberPage
from solaris_hooks.quota.errors import InvalidRequestError
from solaris_hooks.quota.ids import AccountId, MemberId, member_id
from solaris_hooks.web.bodies import MAX_PAGE, _Body
from solaris_hooks.web.fields import SomeText, Tokens


class DefaultLimitBody(_Body):
    """What each member of a team may use in a period who has no limit of his own."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit": 200_000, "reason": "Ten of us"}]})
    nullable: ClassVar[frozenset[str]] = frozenset({"limit"})

    limit: Tokens | None = Field(description="Booked tokens; null: no limit.")
    reason: SomeText = Field(description="Why; it stays in the audit trail.")

    def change(self, team: AccountId, actor: str) -> LimitChange:
        """The same for the ledger."""
        return LimitChange(team, actor, limit=self.limit, reason=self.reason)


class MemberLimitBody(_Body):
    """What one member of a team may use in a period."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"limit": 500_000, "reason": "Writes the report"}]})
    nullable: ClassVar[frozenset[str]] = frozenset({"limit"})

    limit: Tokens | Literal["default"] | None = Field(
        description='Booked tokens; null: no limit; "default": the team\'s for members without one of their own.'
    )
    reason: SomeText = Field(description="Why; it stays in the audit trail.")

    def change(self, team: AccountId, member: MemberId, actor: str) -> LimitChange:
        """The same for the ledger."""
        is_own = self.limit != "default"
        limit = self.limit if isinstance(self.limit, int) else None
        return LimitChange(team, actor, member, limit, is_own=is_own, reason=self.reason)


class CallsQuery(BaseModel):
    """Which of one's own calls to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Calls of a page.")
    before: UUID | None = Field(None, description="Only those that began before this one.")


class MembersQuery(BaseModel):
    """Which members to list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    limit: int = Field(50, ge=1, le=MAX_PAGE, description="Members of a page.")
    cursor: Annotated[str, Field(max_length=2000)] | None = Field(None, description="`next_cursor` of the page before.")

    @property
    def after(self) -> MemberId | None:
        """The id that the cursor stands for.

        Raises:
            InvalidRequestError: it is no cursor of ours.
        """
        if self.cursor is None:
            return None
        try:
            return member_id(urlsafe_b64decode(self.cursor.encode("ascii")).decode("utf-8"))
        except (UnicodeError, binascii.Error, InvalidRequestError) as exc:
            raise InvalidRequestError(
                "This cursor is none of ours; send the next_cursor of the page before, unchanged.",
                param="cursor",
            ) from exc


def next_member_cursor(page: MemberPage) -> str | None:
    """The cursor of the page after this one, or None."""
    return None if page.next_after is None else urlsafe_b64encode(page.next_after.encode()).decode()
