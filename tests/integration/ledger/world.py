"""A ledger under test with a clock that only tests move, and short words for what happens to it."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

import psycopg

from solaris_hooks.ledger.port import Ledger
from solaris_hooks.ledger.records import (
    Account,
    CreditOrigin,
    Entry,
    EntryKind,
    ExtendResult,
    Extension,
    Grant,
    HoldRequest,
    HoldResult,
    NewAccount,
    Plan,
    Settlement,
    SettleResult,
)
from solaris_hooks.quota.ids import AccountId, HoldId, MemberId, new_hold_id
from solaris_hooks.quota.usage import Usage, UsageSource

ANA = AccountId("user:ana")
BIA = AccountId("user:bia")
TEAM = AccountId("team:red")
RUI = MemberId("user:rui")
EVA = MemberId("key:eva")
USE = Usage(input_tokens=30, output_tokens=12, cached_input_tokens=10, reasoning_tokens=5)
LEASE_SECONDS = 60


def utc(text: str) -> dt.datetime:
    """A time from ISO 8601 text; UTC where it names no offset."""
    instant = dt.datetime.fromisoformat(text)
    return instant if instant.tzinfo else instant.replace(tzinfo=dt.UTC)


@dataclass
class Clock:
    """A clock that stands still until a test moves it."""

    now: dt.datetime = field(default_factory=lambda: utc("2026-01-15 12:00"))

    def __call__(self) -> dt.datetime:
        """The time."""
        return self.now

    def set(self, text: str) -> None:
        """Move to a time."""
        self.now = utc(text)

    def wait(self, *, seconds: float = 0, days: float = 0) -> None:
        """Move on."""
        self.now += dt.timedelta(seconds=seconds, days=days)


@dataclass
class World:
    """One ledger, its clock, and the accounts of Ana and Bia in it."""

    ledger: Ledger
    clock: Clock
    keys: count[int] = field(default_factory=count)

    async def plan(self, monthly_tokens: int, plan_id: str = "default") -> Plan:
        """Make or change a plan."""
        return await self.ledger.put_plan(Plan(plan_id, monthly_tokens), actor="admin:root")

    async def hold(
        self,
        want: int = 100,
        minimum: int = 1,
        *,
        account_id: AccountId = ANA,
        hold_id: HoldId | None = None,
        prompt: int = 10,
        lease_seconds: int = LEASE_SECONDS,
        email: str | None = None,
        new_account: NewAccount | None = None,
        ample: int | None = None,
        fair: int | None = None,
        step: int | None = None,
        member_id: MemberId | None = None,
    ) -> HoldResult:
        """Ask for tokens."""
        return await self.ledger.hold(
            HoldRequest(
                account_id=account_id,
                hold_id=hold_id or new_hold_id(),
                model="gpt-4o",
                want=want,
                minimum=minimum,
                prompt=prompt,
                lease_seconds=lease_seconds,
                email=email,
                new_account=new_account or NewAccount(),
                ample=ample,
                fair=fair,
                step=step,
                member_id=member_id,
            )
        )

    async def extend(
        self, hold_id: HoldId, amount: int, *, step: int | None = None, account_id: AccountId = ANA
    ) -> ExtendResult:
        """Ask for more tokens while a request runs."""
        step = amount if step is None else step
        return await self.ledger.extend(Extension(account_id, hold_id, amount, step, "gpt-4o", 10, LEASE_SECONDS))

    async def held(self, want: int = 100, *, account_id: AccountId = ANA, prompt: int = 10) -> HoldId:
        """Hold tokens that are there."""
        hold_id = new_hold_id()
        result = await self.hold(want, want, account_id=account_id, hold_id=hold_id, prompt=prompt)
        assert result.amount == want
        return hold_id

    async def settle(
        self,
        hold_id: HoldId,
        charge: int,
        *,
        account_id: AccountId = ANA,
        model: str = "gpt-4o",
        source: UsageSource = UsageSource.PROVIDER,
        usage: Usage = USE,
        details: Mapping[str, object] | None = None,
    ) -> SettleResult:
        """Turn a hold into use."""
        return await self.ledger.settle(
            Settlement(
                account_id=account_id,
                hold_id=hold_id,
                model=model,
                charge=charge,
                usage=usage,
                source=source,
                details=details or {},
            )
        )

    async def use(self, charge: int, *, account_id: AccountId = ANA, model: str = "gpt-4o") -> SettleResult:
        """Use tokens without holding them before."""
        hold_id = new_hold_id()
        await self.hold(0, 0, account_id=account_id, hold_id=hold_id)
        return await self.settle(hold_id, charge, account_id=account_id, model=model)

    async def grant(
        self,
        tokens: int,
        *,
        account_id: AccountId = ANA,
        key: str | None = None,
        origin: CreditOrigin = CreditOrigin.GRANT,
        expires_at: dt.datetime | None = None,
    ) -> Account:
        """Grant credits; no two lots of a test are of the same instant."""
        self.clock.wait(seconds=1)
        result = await self.ledger.grant_credits(
            Grant(
                account_id=account_id,
                tokens=tokens,
                reason="bought",
                actor="admin:root",
                idempotency_key=key or f"key-{next(self.keys)}",
                origin=origin,
                expires_at=expires_at,
            )
        )
        return result.account

    async def account(self, account_id: AccountId = ANA) -> Account:
        """An account that is there, as of now."""
        account = await self.ledger.account(account_id)
        assert account is not None
        return account

    async def entries(self, account_id: AccountId = ANA) -> list[Entry]:
        """All entries, oldest first."""
        return list(reversed(await self.ledger.entries(account_id, limit=10_000)))

    async def story(self, account_id: AccountId = ANA) -> list[tuple[str, int, int, int, int]]:
        """Kind, tokens, and allowance, credits and overage after each entry, oldest first."""
        return [
            (e.kind.value, e.tokens, e.allowance_after, e.credits_after, e.overage_after)
            for e in await self.entries(account_id)
        ]

    async def last(self, kind: EntryKind, account_id: AccountId = ANA) -> Entry:
        """The newest entry of a kind."""
        return next(e for e in reversed(await self.entries(account_id)) if e.kind is kind)


def facts(entry: Entry) -> dict[str, object]:
    """The details of an entry."""
    found = json.loads(entry.details)
    assert isinstance(found, dict)
    return found


@contextmanager
def past_triggers(superuser_url: str) -> Iterator[psycopg.Connection]:
    """A superuser's transaction that the append-only triggers do not see."""
    with psycopg.connect(superuser_url) as connection:
        connection.execute("SET session_replication_role = replica")
        yield connection
