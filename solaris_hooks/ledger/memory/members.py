"""Members of teams in the in-memory ledger. Tests and demos only."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from solaris_hooks.ledger.audit_trail import AuditRecord, MemoryAuditTrail
from solaris_hooks.ledger.member_calls import MemberCall
from solaris_hooks.ledger.member_verification import StoredMember
from solaris_hooks.ledger.members import LimitChange, Member, MemberPage
from solaris_hooks.ledger.records import DailyUsage, Hold, Settlement
from solaris_hooks.quota.checks import checked_limit
from solaris_hooks.quota.errors import InvalidRequestError, NotFoundError
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId, is_team
from solaris_hooks.quota.share import Share

TELLS_NOTHING = 100
"""What a settlement says a member was told of where the account has no notices."""


def called(settlement: Settlement, now: dt.datetime) -> MemberCall:
    """A settlement as the member reads it to whom it is booked."""
    usage = settlement.usage
    return MemberCall(
        settlement.hold_id,
        now,
        settlement.model,
        settlement.charge,
        usage.input_tokens,
        usage.cached_input_tokens,
        usage.output_tokens,
        settlement.source.estimated,
    )


@dataclass(slots=True)
class MemoryMember:
    """One who draws from a team's account; his ``share`` has the limit that held when it was last looked at."""

    share: Share
    period_start: dt.datetime
    limit_is_own: bool = False
    own_limit: int | None = None
    email: str | None = None

    @property
    def limit_fact(self) -> int | str | None:
        """His limit as the audit trail has it."""
        return self.own_limit if self.limit_is_own else "default"


@dataclass(slots=True)
class MemoryTeam:
    """What an account has beside its figures if it is a team's.

    Attributes:
        limit: of members without one of their own.
        whose: of holds that have ended: the member whose use they are.
    """

    limit: int | None = None
    members: dict[MemberId, MemoryMember] = field(default_factory=dict)
    daily: dict[MemberId, dict[tuple[dt.date, str], DailyUsage]] = field(default_factory=dict)
    whose: dict[HoldId, MemberId | None] = field(default_factory=dict)
    calls: dict[MemberId, list[MemberCall]] = field(default_factory=dict)

    def member(self, member_id: MemberId, period_start: dt.datetime) -> MemoryMember:
        """A member as of the team's period, made if he is missing."""
        member = self.members.setdefault(member_id, MemoryMember(Share(member_id), period_start))
        if member.period_start != period_start:
            member.period_start = period_start
            member.share = replace(member.share, used=0, told_percent=0)
        member.share = replace(member.share, limit=member.own_limit if member.limit_is_own else self.limit)
        return member

    def move(self, member_id: MemberId | None, period_start: dt.datetime, *, held: int = 0, used: int = 0) -> None:
        """Add to what a member holds and has used; nothing where there is no member."""
        if member_id is not None:
            member = self.member(member_id, period_start)
            share = member.share
            member.share = replace(share, held=share.held + held, used=share.used + used)

    def stored(self, team: AccountId, period_start: dt.datetime, holds: Sequence[Hold]) -> list[StoredMember]:
        """What the books say of each member, in order of id."""
        found = []
        for member_id in sorted(self.members):
            share = self.members[member_id].share
            holds_sum = sum(hold.amount for hold in holds if hold.member_id == member_id)
            used = share.used if self.members[member_id].period_start == period_start else 0
            found.append(StoredMember(team, member_id, used, share.held, holds_sum))
        return found


class TeamAccount(Protocol):
    """What is needed of an account of the in-memory ledger."""

    team: MemoryTeam

    @property
    def period_start(self) -> dt.datetime:
        """When the period began that the account is in."""
        ...


class Accounts(Protocol):
    """What is needed of the in-memory ledger."""

    trail: MemoryAuditTrail

    def now(self) -> dt.datetime:
        """The time."""
        ...

    def known(self) -> Mapping[AccountId, TeamAccount]:
        """All accounts as they were left."""
        ...

    def current(self, account_id: AccountId, now: dt.datetime) -> TeamAccount | None:
        """One account as of now, or None."""
        ...


class MemoryMembers:
    """Keeps the contract of :class:`~solaris_hooks.ledger.members.MemberBook`."""

    def __init__(self, accounts: Accounts) -> None:
        """Keep the accounts."""
        self._accounts = accounts

    async def page(self, team: AccountId, *, limit: int = 50, after: MemberId | None = None) -> MemberPage:
        """Members of a team in order of id."""
        account = self._accounts.current(team, self._accounts.now())
        ids = sorted(account.team.members) if account else []
        later = [each for each in ids if after is None or each > after]
        page = [self._read(team, account, each) for each in later[:limit]] if account else []
        return MemberPage(page, later[limit - 1] if len(later) > limit else None)

    async def get(self, team: AccountId, member_id: MemberId) -> Member | None:
        """One member, or None."""
        account = self._accounts.current(team, self._accounts.now())
        return self._read(team, account, member_id) if account and member_id in account.team.members else None

    async def put_limit(self, change: LimitChange) -> None:
        """Change what one member or all may use."""
        checked_limit(change.limit)
        if not is_team(change.team):
            raise InvalidRequestError(f'Only teams have members, and "{change.team}" is none.')
        account = self._accounts.current(change.team, self._accounts.now())
        if account is None:
            raise NotFoundError(f'There is no account "{change.team}".', param="account_id")
        before: int | str | None
        after: int | str | None
        if change.member_id is None:
            before, after = account.team.limit, change.limit
            account.team.limit = change.limit
            for member in account.team.members.values():
                if before != after and not member.limit_is_own:
                    member.share = replace(member.share, told_percent=0)
        else:
            member = account.team.member(change.member_id, account.period_start)
            before, limit_before = member.limit_fact, member.share.limit
            member.limit_is_own, member.own_limit = change.is_own, change.limit if change.is_own else None
            after = member.limit_fact
            if account.team.member(change.member_id, account.period_start).share.limit != limit_before:
                member.share = replace(member.share, told_percent=0)
        if before != after:
            self._record(change, before, after)

    async def daily_usage(
        self, team: AccountId, member_id: MemberId, *, since: dt.date, until: dt.date
    ) -> Sequence[DailyUsage]:
        """A member's totals per local day and model."""
        account = self._accounts.known().get(team)
        daily = account.team.daily.get(member_id, {}) if account else {}
        return [total for (day, _), total in sorted(daily.items()) if since <= day <= until]

    async def calls(
        self, team: AccountId, member_id: MemberId, *, limit: int = 50, before: HoldId | None = None
    ) -> Sequence[MemberCall]:
        """Calls that were booked to a member, newest first."""
        account = self._accounts.known().get(team)
        found = account.team.calls.get(member_id, []) if account else []
        newest = sorted(found, key=lambda each: each.call_id, reverse=True)
        return [each for each in newest if before is None or each.call_id < before][:limit]

    async def tell(self, team: AccountId, member_id: MemberId, *, before: int, percent: int) -> bool:
        """Note what a member was told."""
        account = self._accounts.known().get(team)
        member = account.team.members.get(member_id) if account else None
        if member is None or member.share.told_percent != before:
            return False
        member.share = replace(member.share, told_percent=percent)
        return True

    @staticmethod
    def _read(team: AccountId, account: TeamAccount, member_id: MemberId) -> Member:
        member = account.team.member(member_id, account.period_start)
        return Member(team, member.share, member.limit_is_own, member.email)

    def _record(self, change: LimitChange, before: int | str | None, after: int | str | None) -> None:
        self._accounts.trail.write(
            AuditRecord(
                number=0,
                at=self._accounts.now(),
                actor=change.actor,
                action="member.default_limit" if change.member_id is None else "member.limit",
                account_id=change.team,
                subject=change.member_id or change.team,
                before={"limit": before},
                after={"limit": after},
                reason=change.reason,
            )
        )
