"""What the API answers about members of teams, and the CLI with ``--json``."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Self
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from solaris_hooks.ledger.member_calls import MemberCall
from solaris_hooks.ledger.members import Member, MemberPage
from solaris_hooks.quota.balance import Balance, State, Status
from solaris_hooks.quota.share import Share
from solaris_hooks.web.fields import Instant
from solaris_hooks.web.member_bodies import next_member_cursor


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True)


class ShareAnswer(_Answer):
    """What a member has used of what his team has, in its present period. All tokens are booked (weighted) tokens."""

    member_id: str = Field(description="user:<user_id>, or key:<hash> of a key without user.", examples=["user:maria"])
    limit: int | None = Field(description="What he may use in a period; null: all that the team has.")
    used: int
    held: int = Field(description="Held by his requests in flight.")
    remaining: int = Field(description="What he can still use: what his limit leaves, as far as the team has as much.")

    @classmethod
    def of(cls, share: Share, team: Balance) -> Self:
        """A share of what a team has."""
        remaining = max(0, share.spendable(team.spendable_by_all))
        return cls(member_id=share.member_id, limit=share.limit, used=share.used, held=share.held, remaining=remaining)


class MemberAnswer(ShareAnswer):
    """A member of a team, for administrators."""

    limit_is_own: bool = Field(description="Whether he has a limit of his own in place of the team's.")
    email: str | None = Field(description="As LiteLLM had it when he last asked.")

    @classmethod
    def of_member(cls, member: Member, team: Balance) -> Self:
        """A member."""
        share = ShareAnswer.of(member.share, team)
        return cls(**share.model_dump(), limit_is_own=member.limit_is_own, email=member.email)


class MembersAnswer(_Answer):
    """A page of a team's members, in order of id."""

    default_limit: int | None = Field(description="Of members without a limit of their own; null: none.")
    data: list[MemberAnswer]
    next_cursor: str | None = Field(description="Send it as `cursor` for the next page; null on the last one.")

    @classmethod
    def of(cls, page: MemberPage, team: Balance, default_limit: int | None) -> Self:
        """A page."""
        return cls(
            default_limit=default_limit,
            data=[MemberAnswer.of_member(each, team) for each in page.members],
            next_cursor=next_member_cursor(page),
        )


class CallAnswer(_Answer):
    """A call that was booked to a member of a team."""

    id: UUID
    at: Instant = Field(description="When it was booked.")
    model: str
    tokens: int = Field(description="Booked (weighted) tokens.")
    input_tokens: int = Field(description="By the provider's count.")
    cached_input_tokens: int
    output_tokens: int
    estimated: bool = Field(description="Whether no provider reported its use.")

    @classmethod
    def of(cls, call: MemberCall) -> Self:
        """A call."""
        return cls(
            id=call.call_id,
            at=call.at,
            model=call.model,
            tokens=call.tokens,
            input_tokens=call.input_tokens,
            cached_input_tokens=call.cached_input_tokens,
            output_tokens=call.output_tokens,
            estimated=call.estimated,
        )


class CallsAnswer(_Answer):
    """A page of a member's calls, newest first."""

    data: list[CallAnswer]
    next_before: UUID | None = Field(description="Send it as `before` for the next page; null on the last one.")

    @classmethod
    def of(cls, calls: Sequence[MemberCall], limit: int) -> Self:
        """A page, from up to ``limit + 1`` calls."""
        page = calls[:limit]
        return cls(
            data=[CallAnswer.of(each) for each in page],
            next_before=page[-1].call_id if len(calls) > limit else None,
        )


class TeamAnswer(_Answer):
    """What a member may know of what his team has, in booked tokens."""

    id: str = Field(examples=["team:red"])
    name: str | None
    status: Status
    state: State = Field(description="How much is used: warning from 80 %, critical from 95 %, exhausted at 100 %.")
    granted: int = Field(description="Of this period: the allowance, and credits used in it or still there.")
    remaining: int = Field(description="What is left for all, held tokens included.")
    renews_at: Instant

    @classmethod
    def of(cls, team: Balance, name: str | None) -> Self:
        """A team's balance."""
        return cls(
            id=team.account_id,
            name=name,
            status=team.status,
            state=team.state,
            granted=team.limit,
            remaining=max(0, team.spendable_by_all),
            renews_at=team.renews_at,
        )
